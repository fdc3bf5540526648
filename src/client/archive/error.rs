//! In: what is wrong with an archive. Out: the error, at the file where it was met.
//! Guarantee: a name is shown so that it cannot act on a terminal; content is not shown.
use crate::decide::value::{Fault, Owner, Source};
use std::error::Error;
use std::fmt;
use std::io;

/// Why an archive is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveError {
    /// At which of its files.
    pub at: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It ends before its end.
    Truncated,
    /// It is no archive of its format.
    Malformed(String),
    /// A link.
    Link,
    /// A device, a pipe or something else that is no file.
    NoFile,
    /// A name that leads out, or that no file has.
    Name,
    /// A name that stands twice.
    Twice,
    /// A name that differs from another by its case alone.
    Case(String),
    /// Too many entries.
    TooMany(usize),
    /// Too deep.
    TooDeep(usize),
    /// A file that is too large.
    TooLarge(u64),
    /// Too much as a whole.
    TooMuch(u64),
    /// It unpacks to far more than it is.
    Bomb(u64),
    /// Something stands behind its end.
    Behind,
    /// It could not be read from where it is.
    Unread(String),
}

impl Reason {
    /// Says what an error of reading means.
    pub(super) fn of(error: &io::Error) -> Self {
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ArchiveError>()) {
            return inner.reason.clone();
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        // The words of the readers beneath; they have no content of files.
        let mut texts: Vec<String> = vec![error.to_string()];
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            texts.push(inner.to_string());
            cause = inner.source();
        }
        let text = texts.join(": ");
        let is_cut = ["unexpected EOF", "failed to fill whole buffer", "numeric field was not a number: when"];
        if is_cut.iter().any(|cut| text.contains(cut)) { Self::Truncated } else { Self::Malformed(text) }
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the archive is refused")?;
        if let Some(at) = &self.at {
            write!(f, " at `{at}`")?;
        }
        match &self.reason {
            Reason::Truncated => f.write_str(": it ends before its end"),
            Reason::Malformed(why) => write!(f, ": it is damaged, or no archive of its kind: {why}"),
            Reason::Link => f.write_str(": a link stands there, which is never followed"),
            Reason::NoFile => f.write_str(": expected a file or a folder, found a device or another kind"),
            Reason::Name => f.write_str(": expected a relative path without `..`, `\\` and control characters"),
            Reason::Twice => f.write_str(": it stands twice"),
            Reason::Case(other) => write!(f, ": it differs from `{other}` by its case alone"),
            Reason::TooMany(most) => write!(f, ": expected at most {most} files and folders"),
            Reason::TooDeep(most) => write!(f, ": expected at most {most} folders around a file"),
            Reason::TooLarge(most) => write!(f, ": expected a file of at most {most} bytes"),
            Reason::TooMuch(most) => write!(f, ": it unpacks to more than {most} bytes"),
            Reason::Bomb(ratio) => write!(f, ": it unpacks to more than {ratio} times its size"),
            Reason::Behind => f.write_str(": something stands behind its end"),
            Reason::Unread(why) => write!(f, ": it could not be read: {why}"),
        }
    }
}

impl Error for ArchiveError {}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::other(error)
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        let is_outside = matches!(error.reason, Reason::Unread(_));
        let owner = if is_outside { Owner::Outside } else { Owner::Author };
        let hint = (!is_outside).then(|| "pack it anew from its folder, or get it from its publisher again".into());
        Self { owner, spurious: is_outside, hint, source: Source::Error(Box::new(error)) }
    }
}
