//! In: a document and the shape of its kind. Out: everything that is wrong with it, at once.
//! Guarantee: what passes has only fields of the shape, each of the right type; an unsupported field never passes.
use super::codes;
use super::duplicate_keys::duplicate_errors;
use super::field_types::{Field, Presence, Shape};
use super::file::File;
use super::nearest::nearest;
use super::not_supported::not_supported;
use super::wrong_type::expected;
use super::yaml::{Kind, Node};
use crate::decide::value::{Code, Diagnostic};
use std::collections::BTreeMap;

/// Checks a document from its root; keys that stand twice are errors in our own kinds.
pub fn check(file: &File, fields: &'static [Field], found: &mut Vec<Diagnostic>) {
    duplicate_errors(file, found);
    Checker { file, found }.object(file.root(), fields);
}

pub(super) struct Checker<'a> {
    pub(super) file: &'a File,
    pub(super) found: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn value(&mut self, node: Node<'_>, shape: &'static Shape) {
        match (shape, node.kind()) {
            (Shape::Any, _) | (Shape::AnyMap, Kind::Map) | (Shape::Bool, Kind::Bool) | (Shape::Text, Kind::String) => {
                self.surprising(node);
            }
            (Shape::TextOr(text, _), Kind::String) => self.value(node, text),
            (Shape::Scalar, Kind::String | Kind::Bool | Kind::Integer | Kind::Number) => self.surprising(node),
            (Shape::Checked(is_good, expected), Kind::String) => {
                if !is_good(node.text()) {
                    self.say(codes::INVALID_VALUE, node, "this value is not allowed", expected);
                }
            }
            (Shape::Word(words), Kind::String) if words.contains(&node.text()) => {}
            (Shape::Word(words), Kind::String) => {
                let near = nearest(node.text(), words.iter().copied());
                let said = Diagnostic::error(codes::INVALID_VALUE, "this word is not known here")
                    .at(self.file.span(node))
                    .expected(format!("one of: {}", words.join(", ")))
                    .nearest(near);
                self.found.push(said);
            }
            (Shape::Integer(min, max), Kind::Integer) => {
                self.surprising(node);
                let number = node.value().as_i64();
                if number.is_none_or(|number| number < *min || number > *max) {
                    self.say(
                        codes::INVALID_VALUE,
                        node,
                        "this number is out of its bounds",
                        &format!("from {min} to {max}"),
                    );
                }
            }
            (Shape::List(item), Kind::List) => node.items().for_each(|node| self.value(node, item)),
            (Shape::Named(key, item), Kind::List) => self.named(node, key, item),
            (Shape::Entries(shape), Kind::Map) => node.entries().for_each(|(_, node)| self.value(node, shape)),
            (Shape::Object(fields) | Shape::TextOr(_, fields), Kind::Map) => self.object(node, fields),
            (shape, kind) => self.wrong_type(node, kind, shape),
        }
    }

    fn object(&mut self, node: Node<'_>, fields: &'static [Field]) {
        if node.kind() != Kind::Map {
            return self.say(codes::WRONG_TYPE, node, &format!("this is {}", node.kind().name()), "a map");
        }
        for (key, value) in node.entries() {
            match fields.iter().find(|field| field.name == key.text()) {
                Some(Field { presence: Presence::Later, about, .. }) => {
                    self.found.push(not_supported(self.file, key, about));
                }
                Some(field) if value.kind() == Kind::Null && !matches!(field.shape, Shape::Any) => self.found.push(
                    Diagnostic::error(codes::WRONG_TYPE, format!("`{}` has no value", field.name))
                        .at(self.file.span(key))
                        .expected(expected(&field.shape)),
                ),
                Some(field) => self.value(value, &field.shape),
                None => self.unknown(key, fields),
            }
        }
        for field in fields.iter().filter(|field| field.presence == Presence::Required) {
            if node.get(field.name).is_none() {
                let said = Diagnostic::error(codes::MISSING_FIELD, format!("the field `{}` is missing", field.name))
                    .at(self.file.span(node))
                    .expected(expected(&field.shape))
                    .hint(field.about);
                self.found.push(said);
            }
        }
    }

    fn unknown(&mut self, key: Node<'_>, fields: &'static [Field]) {
        let names = || fields.iter().filter(|field| field.presence != Presence::Later).map(|field| field.name);
        let near = nearest(key.text(), names());
        self.found.push(
            Diagnostic::error(codes::UNKNOWN_FIELD, format!("unknown field `{}`", key.text()))
                .at(self.file.span(key))
                .expected(format!("one of: {}", names().collect::<Vec<_>>().join(", ")))
                .nearest(near),
        );
    }

    fn named(&mut self, node: Node<'_>, key: &str, item: &'static Shape) {
        let mut seen: BTreeMap<&str, Node<'_>> = BTreeMap::new();
        for node in node.items() {
            self.value(node, item);
            let Some(name) = node.get(key) else { continue };
            if let Some(first) = seen.insert(name.text(), name) {
                self.found.push(
                    Diagnostic::error(
                        codes::DUPLICATE_NAME,
                        format!("the {key} `{}` stands twice in this list", name.text()),
                    )
                    .at(self.file.span(name))
                    .also(self.file.span(first), "first here")
                    .hint("give it another name, or join the two"),
                );
            }
        }
    }

    fn say(&mut self, code: Code, node: Node<'_>, message: &str, expected: &str) {
        self.found.push(Diagnostic::error(code, message).at(self.file.span(node)).expected(expected));
    }
}
