//! In: a value, the shape that its field has. Out: what is wrong with its type, and what was expected.
//! Guarantee: a text that looks like a number or a boolean is told to be put in quotes; a duration, to have its unit.
use super::codes;
use super::field_types::Shape;
use super::strict_fields::Checker;
use super::yaml::{Kind, Node};
use crate::decide::value::Diagnostic;

impl Checker<'_> {
    pub(super) fn wrong_type(&mut self, node: Node<'_>, kind: Kind, shape: &'static Shape) {
        let mut said = Diagnostic::error(codes::WRONG_TYPE, format!("this is {}", kind.name()))
            .at(self.file.span(node))
            .expected(expected(shape));
        let wants_text = matches!(shape, Shape::Text | Shape::Checked(..) | Shape::Word(_) | Shape::TextOr(..));
        let wants_unit = matches!(shape, Shape::Checked(_, expected) if expected.starts_with("a duration"));
        if wants_unit && kind == Kind::Integer {
            let number = node.text();
            said = said.hint(format!("write its unit: `{number}s` or `{number}m`"));
        } else if wants_text && matches!(kind, Kind::Bool | Kind::Integer | Kind::Number) {
            said = said.hint("put it in quotes to make it a text");
        }
        self.found.push(said);
    }
}

/// Returns what a shape is, in words.
pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a string".into(),
        Shape::Checked(_, expected) => (*expected).into(),
        Shape::Word(words) => format!("one of: {}", words.join(", ")),
        Shape::Integer(min, max) => format!("an integer from {min} to {max}"),
        Shape::Bool => "true or false".into(),
        Shape::Any => "a value".into(),
        Shape::AnyMap | Shape::Entries(_) | Shape::Object(_) => "a map".into(),
        Shape::List(item) => format!("a list, each item {}", expected(item)),
        Shape::Named(..) => "a list of maps".into(),
        Shape::TextOr(text, _) => format!("{}, or a map", expected(text)),
        Shape::Scalar => "a string, a number or a boolean".into(),
    }
}
