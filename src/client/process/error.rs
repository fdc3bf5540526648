//! In: why a program gave no answer. Out: the fault, with who has to act.
//! Guarantee: names the program, never what it was given or printed.
use super::Limits;
use crate::decide::value::{Fault, Owner, Source};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a program gave no answer.
#[derive(Debug)]
pub struct ProcessError {
    /// The program.
    pub program: PathBuf,
    /// Why.
    pub trouble: Trouble,
}

/// What befell a run.
#[derive(Debug)]
pub enum Trouble {
    /// The program is not there, or is none.
    Absent,
    /// It could not be started.
    NotStarted(io::Error),
    /// The kernel cannot confine it.
    Unconfined(String),
    /// Its folder could not be made, or its pipes not read.
    Folder(io::Error),
    /// It did not end in time.
    Time(Duration),
    /// It printed more than this.
    Output(usize),
}

impl ProcessError {
    pub(super) fn new(program: &Path, trouble: Trouble) -> Self {
        Self { program: program.into(), trouble }
    }
}

impl Trouble {
    /// Says why a child was not started; its confinement has a number of its own among the errors.
    pub(super) fn of_start(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Absent,
            _ if error.raw_os_error() == Some(super::confine::NOT_CONFINED) => {
                Self::Unconfined("Landlock or seccomp refused it".into())
            }
            _ => Self::NotStarted(io::Error::from(error.kind())),
        }
    }
}

impl super::pipes::Cut {
    pub(super) fn trouble(self, limits: Limits) -> Trouble {
        match self {
            Self::Time => Trouble::Time(limits.time),
            Self::Output => Trouble::Output(limits.output_bytes),
            Self::Failed(error) => Trouble::Folder(error),
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.program.file_name().unwrap_or(self.program.as_os_str()).display();
        match &self.trouble {
            Trouble::Absent => write!(f, "could not run {program}: there is no program at {}", self.program.display()),
            Trouble::NotStarted(error) => write!(f, "could not start {program}: {error}"),
            Trouble::Unconfined(why) => write!(f, "could not confine {program}: {why}"),
            Trouble::Folder(error) => write!(f, "could not give {program} its files: {error}"),
            Trouble::Time(limit) => {
                write!(f, "{program} was ended after {} s: expected it to be done", limit.as_secs())
            }
            Trouble::Output(limit) => {
                write!(f, "{program} was ended: expected it to print at most {limit} bytes, found more")
            }
        }
    }
}

impl Error for ProcessError {}

impl From<ProcessError> for Fault {
    fn from(error: ProcessError) -> Self {
        let (owner, spurious, hint) = match &error.trouble {
            Trouble::Absent => {
                (Owner::Operator, false, Some("install the program, or name it under `programs` of the settings"))
            }
            Trouble::NotStarted(_) | Trouble::Folder(_) => {
                (Owner::Operator, true, Some("look at the space and the rights of the state folder"))
            }
            Trouble::Unconfined(_) => (
                Owner::Operator,
                false,
                Some(
                    "run on Linux 5.13 or later with Landlock, or say `programs: { unconfined: accepted }` in the settings",
                ),
            ),
            Trouble::Time(_) | Trouble::Output(_) => {
                (Owner::Author, false, Some("look for a template that loops, or render less at once"))
            }
        };
        Self { owner, spurious, hint: hint.map(Into::into), source: Source::Error(Box::new(error)) }
    }
}
