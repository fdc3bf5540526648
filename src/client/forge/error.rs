//! In: what a forge answered, or that it did not. Out: an error that tells the cases apart on which callers branch.
//! Guarantee: no token is in it, also where a server sends it back; the server's message is cut and in one line.
use crate::decide::value::{Fault, Owner, Source};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a request was not done, or is not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeError {
    /// What was attempted.
    pub attempt: String,
    /// What came of it.
    pub trouble: Trouble,
    /// What that means for whoever asked.
    pub meaning: Meaning,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no token, or no way to make a connection; nothing was sent.
    Unready(String),
    /// There is no connection; nothing was sent.
    Unreachable(String),
    /// It was sent, and no whole answer came: nobody knows whether it was done.
    Unanswered(String),
    /// The budget of the token is spent; nothing was sent.
    Spent,
    /// The answer leads to another server, which gets no token.
    Elsewhere(String),
    /// The forge answered with a code that says no, and why.
    Refused {
        /// The code of HTTP.
        code: u16,
        /// What it said, cut.
        message: String,
    },
    /// It answered with something else than was asked for.
    Malformed(String),
}

/// What a refusal means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is as it was to be already.
    Done,
    /// It will never be taken.
    Never,
    /// Too much was asked; not before this has passed.
    Limited(Duration),
    /// It may be taken later.
    Later,
    /// It is taken once the operator has changed something: the token, its rights, the settings.
    Operator,
}

impl ForgeError {
    /// Returns the code of HTTP, where there is one.
    pub fn code(&self) -> Option<u16> {
        if let Trouble::Refused { code, .. } = &self.trouble { Some(*code) } else { None }
    }

    /// Takes a secret out of what is told, should a server have sent it back.
    #[must_use]
    pub fn without(self, secret: &SecretString) -> Self {
        Self { trouble: self.trouble.without(secret), ..self }
    }

    fn hint(&self) -> &'static str {
        match (&self.trouble, self.code(), self.meaning) {
            (Trouble::Unready(_), ..) => "see `forge` of the repository in the settings",
            (Trouble::Elsewhere(_), ..) => "give the address that the forge has now as `url` of the forge",
            (_, Some(401), _) => "the token is wrong or has expired: put a new one where the settings say it is",
            (_, Some(403), Meaning::Operator) => "let the token write statuses of commits of this repository",
            (_, Some(404), Meaning::Operator) => "see `repository` of the forge, and whether the token may see it",
            (_, _, Meaning::Limited(_)) => "it goes on by itself; see `stratify outbox` for what waits",
            _ => "it is tried again; see `stratify outbox` for what waits",
        }
    }
}

impl Trouble {
    /// Takes a secret out of what is told, should a server have sent it back.
    pub(super) fn without(self, secret: &SecretString) -> Self {
        let clean = |text: String| text.replace(secret.expose_secret(), "<redacted>");
        match self {
            Self::Refused { code, message } => Self::Refused { code, message: clean(message) },
            Self::Malformed(why) => Self::Malformed(clean(why)),
            Self::Unanswered(why) => Self::Unanswered(clean(why)),
            other => other,
        }
    }
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: ", self.attempt)?;
        match &self.trouble {
            Trouble::Unready(why) | Trouble::Unreachable(why) | Trouble::Unanswered(why) => f.write_str(why),
            Trouble::Spent => f.write_str("the budget of the token is spent"),
            Trouble::Elsewhere(to) => write!(f, "the forge sends us to {to}, which gets no token"),
            Trouble::Refused { code, message } if message.is_empty() => write!(f, "the forge answered {code}"),
            Trouble::Refused { code, message } => write!(f, "the forge answered {code}: {message}"),
            Trouble::Malformed(why) => write!(f, "the answer is not what was asked for: {why}"),
        }
    }
}

impl Error for ForgeError {}

impl From<ForgeError> for Fault {
    fn from(error: ForgeError) -> Self {
        let (owner, spurious) = match error.meaning {
            Meaning::Operator => (Owner::Operator, false),
            Meaning::Never => (Owner::Bug, false),
            Meaning::Done | Meaning::Limited(_) | Meaning::Later => (Owner::Outside, true),
        };
        Self { owner, spurious, hint: Some(error.hint().to_owned()), source: Source::Error(Box::new(error)) }
    }
}
