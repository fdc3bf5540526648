//! In: nothing. Out: the words in which a kind's fields are described, once for reading, schema and reference.
//! Guarantee: what the tables do not name is an unknown field.

/// What a value has to be.
#[derive(Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that keeps a rule; the words say what is expected.
    Checked(fn(&str) -> bool, &'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within bounds, both included.
    Integer(i64, i64),
    /// True or false.
    Bool,
    /// Anything.
    Any,
    /// A map with any keys and values.
    AnyMap,
    /// A list.
    List(&'static Shape),
    /// A list whose items are told apart by this key.
    Named(&'static str, &'static Shape),
    /// A map from any key.
    Entries(&'static Shape),
    /// A map with these fields.
    Object(&'static [Field]),
    /// A text, or a map with fields.
    TextOr(&'static Shape, &'static [Field]),
    /// A text or a number or a truth.
    Scalar,
}

/// A field of a map.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value has to be.
    pub shape: Shape,
    /// Whether it has to stand.
    pub presence: Presence,
    /// What it means, as a sentence.
    pub about: &'static str,
}

/// Whether a field has to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to.
    Required,
    /// It may.
    Optional,
    /// It must not yet: its behaviour is not built.
    Later,
}

/// Returns a field that has to stand.
pub const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Presence::Required, about }
}

/// Returns a field that may stand.
pub const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Presence::Optional, about }
}

/// Returns a field whose behaviour is not built yet.
pub const fn later(name: &'static str, about: &'static str) -> Field {
    Field { name, shape: Shape::Any, presence: Presence::Later, about }
}
