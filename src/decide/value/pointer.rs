//! In: texts of RFC 6901. Out: pointers into values.
//! Guarantee: printing a pointer and reading it again gives the pointer.
use super::Value;
use std::fmt;
use std::sync::Arc;

/// A pointer of RFC 6901; the empty one is the whole value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<Arc<str>>);

impl Pointer {
    /// Reads `/a/b~1c`; nothing where the text does not begin with `/` or has a stray `~`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        text.strip_prefix('/')?.split('/').map(unescape).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Returns the pointer to `token` inside what this one points to.
    #[must_use]
    pub fn join(&self, token: &str) -> Self {
        let mut tokens = self.0.clone();
        tokens.push(token.into());
        Self(tokens)
    }

    /// Goes to `token` inside.
    pub fn push(&mut self, token: Arc<str>) {
        self.0.push(token);
    }

    /// Goes back out by one.
    pub fn pop(&mut self) -> Option<Arc<str>> {
        self.0.pop()
    }

    /// Returns its tokens, outermost first.
    pub fn tokens(&self) -> &[Arc<str>] {
        &self.0
    }

    /// Whether it points to `other` or to something inside it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Returns what it points to in `value`.
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, token| match value {
            Value::Map(map) => map.get(token),
            Value::List(items) => items.get(index(token)?),
            _ => None,
        })
    }
}

/// Returns the index that a token names in a list: digits without a leading zero.
pub(super) fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with(['0', '+']);
    if plain { token.parse().ok() } else { None }
}

fn unescape(token: &str) -> Option<Arc<str>> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let mut plain = String::new();
    let mut chars = token.chars();
    while let Some(char) = chars.next() {
        plain.push(match (char, char == '~') {
            (_, true) => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            (char, false) => char,
        });
    }
    Some(plain.into())
}

impl FromIterator<Arc<str>> for Pointer {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_printed_as_it_is_read() {
        for text in ["", "/", "/a/b", "/a~1b/~0", "/a//b"] {
            assert_eq!(Pointer::parse(text).map(|pointer| pointer.to_string()).as_deref(), Some(text), "RFC 6901");
        }
        for wrong in ["a", "/~2", "/~"] {
            assert_eq!(Pointer::parse(wrong), None, "{wrong} is no pointer");
        }
    }
}
