//! In: nodes over a text, as the reader has put them. Out: views of maps, lists and scalars, and values.
//! Guarantee: a node of 16 bytes; its place is bytes of the text; a view never leaves its tree.
use super::scalar::{Plain, resolve};
use crate::decide::value::{Map, Text, Value};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// One document: nodes in the order of the text, over the text they came from.
#[derive(Debug)]
pub struct Tree {
    pub(super) text: Text,
    pub(super) nodes: Vec<Raw>,
    /// Scalars that are not simply their bytes of the text: escapes, folded lines, quotes inside quotes.
    pub(super) strings: Vec<Arc<str>>,
    pub(super) duplicates: Vec<(u32, u32)>,
}

/// A node as it is kept: a map's children are keys and values in turn, each with all that is inside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this one and all inside it.
    pub(super) next: u32,
    pub(super) form: Form,
}

/// What a node is, in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Map,
    List,
    /// Without quotes: its bytes say what it is.
    Plain,
    /// Text that is its bytes, without what the quotes need on either side.
    Quoted,
    /// Text that stands apart.
    Stored(Index),
    /// Nothing stands where a value could.
    Empty,
}

/// A place among the strings: 24 bits, so that a form keeps to four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Index([u8; 3]);

impl Index {
    pub(super) fn new(at: usize) -> Option<Self> {
        let [low, middle, high, 0] = u32::try_from(at).ok()?.to_le_bytes() else { return None };
        Some(Self([low, middle, high]))
    }

    fn get(self) -> usize {
        let [low, middle, high] = self.0;
        u32::from_le_bytes([low, middle, high, 0]) as usize
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// Another number.
    Number,
    /// A text.
    String,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Kind {
    /// Returns the word by which people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }
}

impl Tree {
    /// Returns the outermost node.
    pub fn root(&self) -> Node<'_> {
        Node { tree: self, at: 0 }
    }

    /// Returns the node at a place that [`Node::at`] gave.
    pub fn node(&self, at: u32) -> Node<'_> {
        Node { tree: self, at: if (at as usize) < self.nodes.len() { at } else { 0 } }
    }

    /// Returns the text.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Returns keys that stand twice in one map: the first, and the one that counts.
    pub fn duplicates(&self) -> impl Iterator<Item = (Node<'_>, Node<'_>)> {
        self.duplicates.iter().map(|(first, last)| (self.node(*first), self.node(*last)))
    }

    fn raw(&self, at: u32) -> &Raw {
        self.nodes.get(at as usize).expect("a tree has a root, and views stay inside")
    }
}

/// A view of a node.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    tree: &'a Tree,
    at: u32,
}

impl<'a> Node<'a> {
    /// Returns its place in its tree.
    pub fn at(self) -> u32 {
        self.at
    }

    /// Returns its bytes of the text.
    pub fn bytes(self) -> Range<u32> {
        let raw = self.tree.raw(self.at);
        raw.start..raw.end
    }

    /// Returns what it is.
    pub fn kind(self) -> Kind {
        match self.tree.raw(self.at).form {
            Form::Map => Kind::Map,
            Form::List => Kind::List,
            Form::Empty => Kind::Null,
            Form::Quoted | Form::Stored(_) => Kind::String,
            Form::Plain => match resolve(self.slice()) {
                Plain::Null => Kind::Null,
                Plain::Bool(_) => Kind::Bool,
                Plain::Integer(_) | Plain::Unsigned(_) => Kind::Integer,
                Plain::Float(_) | Plain::NotFinite => Kind::Number,
                Plain::String => Kind::String,
            },
        }
    }

    /// Returns its text as it is written, whatever kind of scalar it is; empty for maps and lists.
    pub fn text(self) -> &'a str {
        match self.tree.raw(self.at).form {
            Form::Map | Form::List | Form::Empty => "",
            Form::Plain | Form::Quoted => self.slice(),
            Form::Stored(index) => self.tree.strings.get(index.get()).map_or("", |text| text),
        }
    }

    /// Returns its text if it is a string.
    pub fn as_str(self) -> Option<&'a str> {
        (self.kind() == Kind::String).then(|| self.text())
    }

    /// Whether it is written without quotes in a way that people do not read as kubectl does: `on`, `yes`, `0777`.
    pub fn is_surprising(self) -> bool {
        if self.tree.raw(self.at).form != Form::Plain {
            return false;
        }
        let text = self.slice();
        match resolve(text) {
            Plain::Bool(_) => !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false"),
            Plain::Integer(_) | Plain::Unsigned(_) => {
                text.contains('_') || (text.len() > 1 && text.trim_start_matches(['-', '+']).starts_with('0'))
            }
            _ => false,
        }
    }

    /// Whether it is a number that JSON has no form for.
    pub fn is_not_finite(self) -> bool {
        self.tree.raw(self.at).form == Form::Plain && resolve(self.slice()) == Plain::NotFinite
    }

    /// Returns the keys and values of a map; nothing of what is none. Of a key that stands twice, the last.
    pub fn entries(self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        let mut keys = self.children(Form::Map);
        std::iter::from_fn(move || Some((keys.next()?, keys.next()?)))
            .filter(move |(key, _)| !self.tree.duplicates.iter().any(|(first, _)| *first == key.at))
    }

    /// Returns the items of a list; nothing of what is none.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        self.children(Form::List)
    }

    /// Returns the value of a key of a map.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.entries().find(|(name, _)| name.text() == key).map(|(_, value)| value)
    }

    /// Returns it as a value; of numbers without a form in JSON null, which the reader has refused before.
    pub fn value(self) -> Value {
        self.value_like(None)
    }

    /// Returns the same, with the keys of the map beside it where they are its own: rows of maps have the same keys.
    fn value_like(self, beside: Option<&Map>) -> Value {
        match self.tree.raw(self.at).form {
            Form::Map => {
                let mut entries: Vec<(Arc<str>, Value)> = Vec::with_capacity(self.entries().count());
                for (at, (key, value)) in self.entries().enumerate() {
                    let known = beside.and_then(|map| map.key_at(at)).filter(|known| ***known == *key.key_text());
                    let key = known.cloned().unwrap_or_else(|| key.key());
                    let value = value.value_like(entries.last().and_then(|(_, before)| before.as_map()));
                    entries.push((key, value));
                }
                Value::map(entries.into_iter().collect::<Map>())
            }
            Form::List => {
                let mut items: Vec<Value> = Vec::with_capacity(self.items().count());
                for item in self.items() {
                    let value = item.value_like(items.last().and_then(Value::as_map));
                    items.push(value);
                }
                Value::list(items)
            }
            Form::Empty => Value::Null,
            Form::Quoted => Value::string(self.slice()),
            Form::Stored(index) => {
                self.tree.strings.get(index.get()).map_or(Value::Null, |text| Value::String(text.clone()))
            }
            Form::Plain => match resolve(self.slice()) {
                Plain::Bool(truth) => Value::Bool(truth),
                Plain::Integer(number) => Value::Integer(number),
                Plain::Unsigned(number) => Value::unsigned(number),
                Plain::Float(number) => Value::float(number).unwrap_or_default(),
                Plain::Null | Plain::NotFinite => Value::Null,
                Plain::String => Value::string(self.slice()),
            },
        }
    }

    /// Adds all that stands in it, whatever its places; equal bytes are equal values.
    pub fn content_into(self, bytes: &mut Vec<u8>) {
        let first = self.tree.raw(self.at);
        for at in self.at..first.next.max(self.at + 1) {
            let node = Node { tree: self.tree, at };
            let raw = self.tree.raw(at);
            let (kind, length) = match raw.form {
                // Of what holds others, how many nodes are inside.
                Form::Map => (b'm', raw.next - at),
                Form::List => (b'l', raw.next - at),
                Form::Empty => (b'e', 0),
                Form::Plain => (b'p', narrow(node.text().len())),
                Form::Quoted | Form::Stored(_) => (b'q', narrow(node.text().len())),
            };
            bytes.push(kind);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(node.text().as_bytes());
        }
    }

    /// Returns the text that it is as a key: kubectl makes `true` of `on`, and `511` of `0777`.
    pub fn key(self) -> Arc<str> {
        match self.tree.raw(self.at).form {
            Form::Stored(index) => self.tree.strings.get(index.get()).cloned().unwrap_or_default(),
            _ => self.key_text().into(),
        }
    }

    /// Returns the same, borrowed where it stands so in the text.
    pub(super) fn key_text(self) -> Cow<'a, str> {
        if self.tree.raw(self.at).form != Form::Plain {
            return self.text().into();
        }
        match resolve(self.slice()) {
            Plain::Null => "null".into(),
            Plain::Bool(truth) => truth.to_string().into(),
            Plain::Integer(number) => number.to_string().into(),
            Plain::Unsigned(number) => number.to_string().into(),
            Plain::Float(number) => number.to_string().into(),
            Plain::NotFinite | Plain::String => self.slice().into(),
        }
    }

    /// Returns the node that a pointer's tokens lead to.
    pub fn find(self, tokens: &[Arc<str>]) -> Option<Node<'a>> {
        tokens.iter().try_fold(self, |node, token| match node.kind() {
            Kind::Map => node.get(token),
            Kind::List => node.items().nth(token.parse().ok()?),
            _ => None,
        })
    }

    fn slice(self) -> &'a str {
        let Raw { start, end, .. } = *self.tree.raw(self.at);
        self.tree.text.0.get(start as usize..end as usize).unwrap_or_default()
    }

    fn children(self, form: Form) -> impl Iterator<Item = Node<'a>> {
        let raw = self.tree.raw(self.at);
        let (mut at, end) = if raw.form == form { (self.at + 1, raw.next) } else { (0, 0) };
        std::iter::from_fn(move || {
            let child = (at < end).then_some(Node { tree: self.tree, at })?;
            at = self.tree.raw(at).next.max(at + 1);
            Some(child)
        })
    }
}

/// Texts are bounded far below 4 GiB, so that four bytes hold each length.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_16_bytes() {
        assert_eq!(std::mem::size_of::<Raw>(), 16, "100,000 files are kept as nodes");
    }
}
