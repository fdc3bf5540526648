//! In: a document. Out: what is told of its keys that stand twice.
//! Guarantee: an error in our own kinds; a warning in values, packs and manifests, where the last one counts.
use super::codes;
use super::file::File;
use super::yaml::Node;
use crate::decide::value::Diagnostic;

/// Takes note of an error for each key that stands twice in a document of ours.
pub(super) fn duplicate_errors(file: &File, found: &mut Vec<Diagnostic>) {
    for (first, last) in file.tree.duplicates() {
        found.push(
            Diagnostic::error(codes::DUPLICATE_KEY, format!("the key `{}` stands twice", last.text()))
                .at(file.span(last))
                .also(file.span(first), "first here")
                .hint("remove one of them"),
        );
    }
}

impl File {
    /// Returns a warning for each key that stands twice: in values of others the last one counts.
    pub fn duplicate_warnings(&self) -> Vec<Diagnostic> {
        let warn = |(first, last): (Node<'_>, Node<'_>)| {
            Diagnostic::warning(
                codes::DUPLICATE_KEY,
                format!("the key `{}` stands twice; the last one counts", last.text()),
            )
            .at(self.span(last))
            .also(self.span(first), "first here")
        };
        self.tree.duplicates().map(warn).collect()
    }
}
