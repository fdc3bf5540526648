//! In: a part of a profile that the other side does not know. Out: what is told of it.
//! Guarantee: at its line, and as a warning: what is not kept is no mistake.
use crate::decide::document::Fragment;
use crate::decide::document::codes;
use crate::decide::value::Diagnostic;

/// Says that something is not kept.
pub(super) fn not_kept(what: &str, part: &Fragment) -> Diagnostic {
    Diagnostic::warning(codes::NOT_SUPPORTED, format!("{what} is not kept: the other side does not know it"))
        .at(part.span())
}
