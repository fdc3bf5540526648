//! In: a field whose behaviour is not built. Out: the error at its line.
//! Guarantee: nothing that such a field governs is synced: one that is read and does nothing is worse than none.
use super::codes;
use super::file::File;
use super::yaml::Node;
use crate::decide::value::Diagnostic;

pub(super) fn not_supported(file: &File, key: Node<'_>, about: &str) -> Diagnostic {
    Diagnostic::error(codes::NOT_SUPPORTED, format!("`{}` is not supported yet", key.text()))
        .at(file.span(key))
        .hint(format!("remove it; it would mean: {about}"))
}
