//! In: what a server answered, or that it did not. Out: an error that tells the cases apart on which callers branch.
//! Guarantee: no header, token or body of a request is in it; the server's message is cut.
use crate::decide::value::{Fault, Owner, Source, Value};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The longest part of a server's message that is handed on: webhooks send whole pages.
const CHARS_MAX: usize = 600;

/// Why a request was not done, or is not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What was attempted: the verb and the path.
    pub attempt: String,
    /// What came of it.
    pub trouble: Trouble,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no connection, or no way to make one; nothing was sent.
    Unreachable(String),
    /// It was sent, and no whole answer came: nobody knows whether it was done.
    Unanswered(String),
    /// The server answered with a status.
    Refused {
        /// The code of HTTP.
        code: u16,
        /// The reason of Kubernetes, such as `AlreadyExists`; empty where there is none.
        reason: String,
        /// Its message, cut.
        message: String,
        /// The causes that it lists.
        causes: Vec<Cause>,
        /// The name that it says it is about; empty where it names none.
        name: String,
        /// How long to wait before the next try.
        retry_after: Option<Duration>,
    },
    /// It answered with something else than was asked for.
    Malformed(String),
}

/// One cause of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its reason, such as `FieldManagerConflict`.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// The field, as the server writes it.
    pub field: String,
}

impl ApiError {
    /// Returns the code of HTTP, where there is one.
    pub fn code(&self) -> Option<u16> {
        if let Trouble::Refused { code, .. } = &self.trouble { Some(*code) } else { None }
    }

    /// Returns the reason of Kubernetes; empty where there is none.
    pub fn reason(&self) -> &str {
        if let Trouble::Refused { reason, .. } = &self.trouble { reason } else { "" }
    }

    /// Returns the causes of the refusal.
    pub fn causes(&self) -> &[Cause] {
        if let Trouble::Refused { causes, .. } = &self.trouble { causes } else { &[] }
    }

    /// Whether the server says that the very object `name` is not there; that its kind is not served is no such answer.
    pub fn is_absent(&self, name: &str) -> bool {
        matches!(&self.trouble, Trouble::Refused { code: 404, reason, name: about, .. }
            if reason == "NotFound" && about == name)
    }

    /// Whether nobody knows if the request was done.
    pub fn is_unknown(&self) -> bool {
        match &self.trouble {
            Trouble::Unanswered(_) | Trouble::Malformed(_) => true,
            Trouble::Refused { code, .. } => *code == 504,
            Trouble::Unreachable(_) => false,
        }
    }

    /// Whether trying again can help.
    pub fn is_spurious(&self) -> bool {
        match &self.trouble {
            Trouble::Unreachable(_) | Trouble::Unanswered(_) | Trouble::Malformed(_) => true,
            // The message of a body that server-side apply cannot take in: it is the author's, whatever the code says.
            Trouble::Refused { code: 500, message, .. } => !message.contains("failed to create typed patch object"),
            Trouble::Refused { code, .. } => matches!(code, 408 | 409 | 429 | 500..),
        }
    }

    /// Reads a status that is no success.
    pub(super) fn refused(attempt: String, code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let status = Value::from_json(body).unwrap_or_default();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = status.get("details").cloned().unwrap_or_default();
        let causes = details.get("causes").and_then(Value::as_list).unwrap_or_default();
        let causes = causes.iter().map(|cause| Cause {
            reason: text(cause, "reason"),
            message: cut(&text(cause, "message")),
            field: text(cause, "field"),
        });
        let message = match text(&status, "message") {
            empty if empty.is_empty() => cut(&String::from_utf8_lossy(body)),
            message => cut(&message),
        };
        let seconds = details.get("retryAfterSeconds").and_then(Value::as_i64).and_then(|it| u64::try_from(it).ok());
        let trouble = Trouble::Refused {
            code,
            reason: text(&status, "reason"),
            message,
            causes: causes.collect(),
            name: text(&details, "name"),
            retry_after: retry_after.or_else(|| seconds.map(Duration::from_secs)),
        };
        Self { attempt, trouble }
    }
}

/// Returns a text on one line, not longer than messages may be.
pub(super) fn cut(text: &str) -> String {
    let line = text.replace(|c: char| c.is_control(), " ");
    let mut cut: String = line.trim().chars().take(CHARS_MAX).collect();
    if cut.len() < line.trim().len() {
        cut.push('…');
    }
    cut
}

/// Returns the texts of an error and its sources, the same text once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| (**error).source()) {
        let text = error.to_string();
        if !text.is_empty() && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    cut(&texts.join(": "))
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: ", self.attempt)?;
        match &self.trouble {
            Trouble::Unreachable(why) => write!(f, "the server cannot be reached: {why}"),
            Trouble::Unanswered(why) => write!(f, "no answer came: {why}"),
            Trouble::Refused { code, message, .. } => write!(f, "the server answered {code}: {message}"),
            Trouble::Malformed(why) => write!(f, "the server's answer is not what was asked for: {why}"),
        }
    }
}

impl Error for ApiError {}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        let (owner, hint) = match error.code() {
            Some(401) => (Owner::Operator, "the credentials of the target in the settings are not taken; renew them"),
            Some(403) => {
                (Owner::Operator, "give the identity of the target this right; deploy/base/target-rbac.yaml shows how")
            }
            Some(404 | 400 | 405 | 409 | 422) => {
                (Owner::Author, "look at the object, and at what the server says of it")
            }
            _ => (Owner::Outside, "it is tried again by itself; look at the API server if it stays so"),
        };
        let spurious = error.is_spurious();
        Self { owner, spurious, hint: Some(hint.into()), source: Source::Error(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_object_is_absent() {
        let read = |body: &str| ApiError::refused("get".into(), 404, body.as_bytes(), None);
        let object = r#"{"reason":"NotFound","message":"configmaps \"a\" not found","details":{"name":"a","kind":"configmaps"}}"#;
        assert!(read(object).is_absent("a") && !read(object).is_absent("b"), "the server names it");
        assert!(!read("404 page not found").is_absent("a"), "its kind is not served; nothing is known of the object");
        let of_kind =
            r#"{"reason":"NotFound","message":"the server could not find the requested resource","details":{}}"#;
        assert!(!read(of_kind).is_absent("a"), "its kind is not served");
    }

    #[test]
    fn a_body_that_cannot_be_merged_is_the_authors() {
        let body = r#"{"reason":"InternalError","message":"failed to create typed patch object (ns/a; v1, Kind=Pod): duplicate entries"}"#;
        assert!(!ApiError::refused("apply".into(), 500, body.as_bytes(), None).is_spurious(), "it will not pass");
        let webhook = r#"{"reason":"InternalError","message":"failed calling webhook"}"#;
        assert!(ApiError::refused("apply".into(), 500, webhook.as_bytes(), None).is_spurious(), "it can pass");
    }
}
