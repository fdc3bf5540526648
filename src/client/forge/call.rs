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
    /// What has to be in the answer.
    pub expects: Expects,
}

/// What has to be in the answer to a request: some servers say that a request failed, and call it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// Whoever reads it sees for themselves.
    Anything,
    /// A list: one that is not there is no empty one.
    List,
    /// What a query of GraphQL asked for, and no error.
    Data,
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
        let (method, expects) = (Method::Get, Expects::Anything);
        Self { attempt: attempt.to_owned(), method, path, body: None, done: &[200], is_comment: false, expects }
    }

    /// Returns a request that reads a list.
    pub fn list(attempt: &str, path: String) -> Self {
        Self { expects: Expects::List, ..Self::get(attempt, path) }
    }

    /// Returns a query of GraphQL.
    pub fn query(attempt: &str, path: String, body: Json) -> Self {
        Self { expects: Expects::Data, ..Self::write(attempt, Method::Post, path, body, &[200]) }
    }

    /// Returns the same with another query in its path.
    #[must_use]
    pub fn with_query(&self, query: &str) -> Self {
        let path = self.path.split('?').next().unwrap_or_default();
        Self { path: format!("{path}?{query}"), ..self.clone() }
    }

    /// Returns what of an answer is not there that has to be.
    pub(super) fn lacks(&self, body: &Json) -> Option<&'static str> {
        let has_errors = body.get("errors").is_some_and(|errors| !errors.is_null());
        match self.expects {
            Expects::List if listed(body).is_none() => Some("a list was expected"),
            Expects::Data if has_errors || !body["data"].is_object() => Some("data was expected"),
            _ => None,
        }
    }

    /// Returns the same, as one that makes a comment.
    #[must_use]
    pub fn as_comment(self) -> Self {
        Self { is_comment: true, ..self }
    }

    /// Returns a request that writes.
    pub fn write(attempt: &str, method: Method, path: String, body: Json, done: &'static [u16]) -> Self {
        let expects = Expects::Anything;
        Self { attempt: attempt.to_owned(), method, path, body: Some(body), done, is_comment: false, expects }
    }
}

/// Returns what an answer lists; some forges put it into an object.
pub(super) fn listed(body: &Json) -> Option<&[Json]> {
    ["", "/values", "/value"].iter().find_map(|at| body.pointer(at)?.as_array()).map(Vec::as_slice)
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
    use serde_json::json;

    #[test]
    fn what_comes_from_outside_stays_one_part_of_the_path() {
        assert_eq!(part("../a b?c#d/e"), "..%2Fa%20b%3Fc%23d%2Fe", "nothing leads elsewhere");
        assert_eq!(parts("acme/my fleet"), "acme/my%20fleet", "the parts of a name stay apart");
    }

    #[test]
    fn an_error_that_calls_itself_done_is_no_empty_list() {
        let list = Call::list("list", "/x".to_owned());
        for body in [json!({ "message": "try again later" }), json!(null), json!("ok"), json!({ "values": "none" })] {
            assert_eq!(list.lacks(&body), Some("a list was expected"), "{body}");
        }
        for body in [json!([]), json!({ "values": [] }), json!({ "value": [], "count": 0 })] {
            assert_eq!(list.lacks(&body), None, "{body}");
        }
        let query = Call::query("ask", "/x".to_owned(), json!({}));
        assert_eq!(query.lacks(&json!({ "data": null, "errors": [{ "message": "no" }] })), Some("data was expected"));
        assert_eq!(query.lacks(&json!({ "data": {} })), None);
        assert_eq!(list.with_query("ctx=2").path, "/x?ctx=2");
    }
}
