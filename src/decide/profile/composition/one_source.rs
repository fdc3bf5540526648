//! In: all that was written of a layer. Out: the one field that names its source.
//! Guarantee: exactly one of them; the last writer counts, and one writer names one.
use super::super::codes;
use super::shape::{Shaped, Step};
use crate::decide::document::Fragment;
use crate::decide::document::kind::SOURCES;
use crate::decide::value::Diagnostic;

const ONE_OF: &str = "exactly one of: pack, chart, manifests, kustomize, zarf";

impl Shaped {
    /// Returns the last step that names a source, and the source's field.
    pub(in crate::decide::profile) fn source(&self) -> Result<(&Step, &'static str, Fragment), Diagnostic> {
        for step in self.steps.iter().rev() {
            let mut named = SOURCES.iter().filter_map(|key| Some((*key, step.part.get(key)?)));
            match (named.next(), named.next()) {
                (Some((key, part)), None) => return Ok((step, key, part)),
                (Some((_, first)), Some((_, second))) => {
                    return Err(Diagnostic::error(codes::SOURCE, format!("the layer `{}` has two sources", self.name))
                        .at(second.span())
                        .also(first.span(), "the other one")
                        .expected(ONE_OF));
                }
                (None, _) => {}
            }
        }
        Err(Diagnostic::error(codes::SOURCE, format!("the layer `{}` has no source", self.name))
            .at(self.at())
            .expected(ONE_OF))
    }
}
