//! In: error numbers. Out: what was attempted, on what, and why it failed, in the few kinds that callers tell apart.
//! Guarantee: names the path inside the directory, never a file's content.
use rustix::io::Errno;
use std::error::Error;
use std::fmt;

/// Why something in a directory could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    /// What was attempted, as a verb.
    pub attempt: &'static str,
    /// On which path inside the directory.
    pub path: String,
    /// Why it failed.
    pub reason: Reason,
}

/// Why something in a directory failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A link, a folder or something else stands where a plain file or a folder was expected.
    NotPlain,
    /// There is more than this limit allows.
    TooLarge(usize),
    /// We may not.
    Denied,
    /// The disk, the quota or the process's limit has no room.
    Full,
    /// It was done, and may yet be lost in a crash.
    NotDurable,
    /// Anything else, by its number.
    Other(i32),
}

impl DirectoryError {
    pub(super) fn new(attempt: &'static str, path: &str, errno: Errno) -> Self {
        let reason = match errno {
            // `NOFOLLOW` gives `LOOP` for a link to a file, and `NOTDIR` for one in the place of a folder.
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => Reason::NotPlain,
            Errno::ACCESS | Errno::PERM => Reason::Denied,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Reason::Full,
            other => Reason::Other(other.raw_os_error()),
        };
        Self { attempt, path: path.into(), reason }
    }

    /// Whether trying again can help without anybody's doing.
    pub fn is_spurious(&self) -> bool {
        !matches!(self.reason, Reason::NotPlain | Reason::TooLarge(_) | Reason::Denied)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} `{}` of the directory: ", self.attempt, self.path)?;
        match self.reason {
            Reason::NotPlain => f.write_str("expected a plain file in plain folders, found a link or another kind"),
            Reason::TooLarge(max) => write!(f, "expected at most {max}, found more"),
            Reason::Denied => f.write_str("the file system does not permit it"),
            Reason::Full => {
                f.write_str("no room is left on the disk, in the quota or in the process's file size limit")
            }
            Reason::NotDurable => f.write_str("it was done, and the disk did not confirm that it will last"),
            Reason::Other(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Error for DirectoryError {}
