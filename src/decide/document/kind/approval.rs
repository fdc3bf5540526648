//! In: nothing. Out: the fields of an Approval.
//! Guarantee: one table for reading, schema and messages.
use super::API_VERSION_FIELD;
use crate::decide::document::field_types::{Field, Shape, required};

pub(super) const APPROVAL: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Approval"]), "The kind."),
    required("spec", Shape::Object(&[required("reason", Shape::Text, "Why it is right.")]), "The approval."),
];
