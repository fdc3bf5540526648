//! In: scalars, lists and maps. Out: one value type, cheap to clone, whose equal parts are shared.
//! Guarantee: a number has one form; a sensitive leaf cannot be printed.
use super::{Map, Sensitive};
use std::sync::Arc;

/// A value of JSON, with a taint: 24 bytes, and a clone costs a count.
///
/// **Invariant:** `Unsigned` holds only what `Integer` cannot, and `Float` is finite; so equal numbers are equal values.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing; in a merge it removes.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above [`i64::MAX`].
    Unsigned(u64),
    /// Any other number.
    Float(f64),
    /// A text.
    String(Arc<str>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map, sorted by key.
    Map(Arc<Map>),
    /// Something that no output shows.
    Sensitive(Sensitive),
}

impl Value {
    /// Returns a text.
    pub fn string(text: &str) -> Self {
        Self::String(text.into())
    }

    /// Returns a list.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::new(items))
    }

    /// Returns a map.
    pub fn map(map: Map) -> Self {
        Self::Map(Arc::new(map))
    }

    /// Returns the smallest form of a whole number.
    pub fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Unsigned(number), Self::Integer)
    }

    /// Returns the number, or nothing where JSON has no form for it.
    pub fn float(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self::Float(number))
    }

    /// Returns the text of a string that is not sensitive.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Returns the whole number.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// Returns the truth.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// Returns the items of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns the map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// Returns the map to write into; another value than a map becomes an empty one first.
    pub fn make_map(&mut self) -> &mut Map {
        if !matches!(self, Self::Map(_)) {
            *self = Self::map(Map::default());
        }
        match self {
            Self::Map(map) => Arc::make_mut(map),
            _ => unreachable!("it was just made a map"),
        }
    }

    /// Returns the value of `key` in a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it, or anything inside it, is sensitive.
    pub fn is_tainted(&self) -> bool {
        match self {
            Self::Sensitive(_) => true,
            Self::List(items) => items.iter().any(Self::is_tainted),
            Self::Map(map) => map.iter().any(|(_, value)| value.is_tainted()),
            _ => false,
        }
    }

    /// Returns the word by which people call its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Unsigned(_) => "an integer",
            Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Sensitive(_) => "a sensitive value",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_24_bytes() {
        assert_eq!(std::mem::size_of::<Value>(), 24, "values are what plans are made of");
    }
}
