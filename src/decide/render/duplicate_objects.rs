//! In: an object that two layers render. Out: what is told of it, at both.
//! Guarantee: no object of a cluster is of two layers.
use super::codes;
use crate::decide::value::{Diagnostic, Span};
use crate::name::{LayerName, ObjectId};

pub(super) fn two_objects(id: &ObjectId, layer: &LayerName, at: &Span, other: &LayerName, first: Span) -> Diagnostic {
    let message = format!("the object {} {} stands twice: in layer `{other}` and in layer `{layer}`", id.kind, id.name);
    Diagnostic::error(codes::TWO_OBJECTS, message)
        .at(at.clone())
        .also(first, "first here")
        .hint("remove or rename one of them")
}
