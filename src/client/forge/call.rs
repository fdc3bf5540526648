//! In: what is asked of a forge. Out: a request, without its server and its token.
//! Guarantee: what comes from outside enters a path only encoded, so that it stays one part of it.
use serde_json::Value as Json;
use std::fmt::Write as _;

/// A request, as far as it does not depend on where the server is and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is attempted, in words.
    pub attempt: String,
    /// The verb.
    pub method: Method,
    /// The path below the base of the API, with its query.
    pub path: String,
    /// What is sent.
    pub body: Option<Json>,
    /// Which codes mean that it was done.
    pub done: &'static [u16],
    /// Whether it makes something that people are told of, which forges bound apart.
    pub is_comment: bool,
}

/// A verb of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes.
    Post,
    /// Changes a part.
    Patch,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// Whether it changes something.
    pub fn is_write(self) -> bool {
        self != Self::Get
    }
}

impl Call {
    /// Returns a request that reads.
    pub fn get(attempt: &str, path: String) -> Self {
        Self { attempt: attempt.to_owned(), method: Method::Get, path, body: None, done: &[200], is_comment: false }
    }

    /// Returns the same, as one that makes a comment.
    #[must_use]
    pub fn as_comment(self) -> Self {
        Self { is_comment: true, ..self }
    }

    /// Returns a request that writes.
    pub fn write(attempt: &str, method: Method, path: String, body: Json, done: &'static [u16]) -> Self {
        Self { attempt: attempt.to_owned(), method, path, body: Some(body), done, is_comment: false }
    }
}

/// Encodes one part of a path.
pub(super) fn part(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// Encodes the parts of a name, with the slashes between them.
pub(super) fn parts(name: &str) -> String {
    name.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_one_part_of_the_path() {
        assert_eq!(part("../a b?c#d/e"), "..%2Fa%20b%3Fc%23d%2Fe", "nothing leads elsewhere");
        assert_eq!(parts("acme/my fleet"), "acme/my%20fleet", "the parts of a name stay apart");
    }
}
