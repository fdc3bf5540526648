//! In: nothing. Out: what can befall a request, and the texts of the refusals.
//! Guarantee: each says whether the server has carried the request out.
use serde_json::{Value, json};
use std::time::Duration;

/// What befalls a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The connection ends; the server has heard nothing.
    CutBefore,
    /// The connection ends; the server has carried it out, and the client does not know.
    CutAfter,
    /// The connection ends after so many bytes of the answer's body; the server has carried it out.
    CutWithin(usize),
    /// The server hears of it later.
    DelayBefore(Duration),
    /// The server has carried it out; the client hears of it later.
    DelayAfter(Duration),
    /// The server carries it out twice, and the client gets the second answer: a retry below the client.
    Duplicate,
    /// The client is refused; the server has heard nothing.
    Refuse(Refusal),
    /// The client is refused all the same; the server has carried it out.
    RefuseAfter(Refusal),
    /// The answer's body comes a byte at a time.
    Trickle(Duration),
    /// The answer begins, and nothing of its body comes, ever; the connection stays.
    Mute,
    /// A watch begins and says at once that its version is too old; the server has heard nothing.
    ExpireWatch,
}

/// How the client is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// 409, as for a version that is no longer the newest.
    Conflict,
    /// 410, as for a version of a list that the server has forgotten.
    Expired,
    /// 429, with the seconds after which to come again.
    TooMany(u32),
    /// 500.
    Internal,
    /// 503.
    Unavailable,
}

impl Refusal {
    /// Returns the status.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Conflict => 409,
            Self::Expired => 410,
            Self::TooMany(_) => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Returns the seconds after which to come again.
    pub(super) fn retry_after(self) -> Option<u32> {
        if let Self::TooMany(seconds) = self { Some(seconds) } else { None }
    }

    /// Returns the `Status` that an API server sends along.
    pub(super) fn status(self) -> Value {
        let (reason, message) = match self {
            Self::Conflict => {
                ("Conflict", "the object has been modified; please apply your changes to the latest version")
            }
            Self::Expired => ("Expired", "the provided continue parameter or resource version is too old"),
            Self::TooMany(_) => ("TooManyRequests", "the server has received too many requests"),
            Self::Internal => ("InternalError", "an error on the server has prevented the request from succeeding"),
            Self::Unavailable => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        };
        let details = self.retry_after().map_or(json!({}), |seconds| json!({ "retryAfterSeconds": seconds }));
        json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "code": self.code(), "reason": reason, "message": message, "details": details,
        })
    }
}
