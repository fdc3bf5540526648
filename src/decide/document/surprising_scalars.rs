//! In: a scalar without quotes in a document of ours, such as `on`, `yes` or `0777`. Out: a warning that says how it is read.
//! Guarantee: it is read as kubectl reads it; the warning says what to write.
use super::codes;
use super::strict_fields::Checker;
use super::yaml::{Kind, Node};
use crate::decide::value::Diagnostic;

impl Checker<'_> {
    pub(super) fn surprising(&mut self, node: Node<'_>) {
        match node.kind() {
            Kind::Map => node.entries().for_each(|(_, value)| self.surprising(value)),
            Kind::List => node.items().for_each(|item| self.surprising(item)),
            _ if node.is_surprising() => {
                let value = crate::decide::value::canonical(&node.value());
                self.found.push(
                    Diagnostic::warning(codes::SURPRISING, format!("without quotes this is read as {value}"))
                        .at(self.file.span(node))
                        .hint(format!("write {value}, or put it in quotes if a text is meant")),
                );
            }
            _ => {}
        }
    }
}
