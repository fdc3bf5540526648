//! In: a commit and lines about it. Out: its note at `refs/notes/stratify`, as `git log --notes=stratify` shows it.
//! Guarantee: another process's note is never lost: the ref moves only from the value that was read, else all is read again.
use super::error::{fault, in_local};
use super::objects::{Objects, object, open_writable};
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use gix::bstr::ByteSlice;
use std::thread;
use std::time::Duration;

/// The ref of the statuses.
pub const STATUSES: &str = "refs/notes/stratify";

/// How often a note is written again after somebody else's: each time somebody has got through.
const TRIES_MAX: u32 = 50;

/// The wait after a collision, growing with each: a note takes another process a few milliseconds.
const WAIT: Duration = Duration::from_millis(2);

impl Objects {
    /// Returns the note of a commit, if there is one.
    pub fn note(&self, reference: &str, commit: CommitId) -> Result<Option<String>, Fault> {
        read(&self.repository(), reference, commit)
    }

    /// Replaces the note of a commit by what `change` makes of it; `None` from it leaves the note as it is.
    /// `change` is called again whenever another writer was faster.
    pub fn change_note(
        &self,
        reference: &str,
        commit: CommitId,
        mut change: impl FnMut(Option<&str>) -> Option<String>,
    ) -> Result<(), Fault> {
        let attempt = format!("could not write the note of {commit} at {reference}");
        let mut failed = None;
        for try_no in 0..TRIES_MAX {
            // Opened anew, so that what another process wrote is seen.
            let repository = open_writable(self.repository().path())?;
            let old = read(&repository, reference, commit)?;
            let Some(new) = change(old.as_deref()) else { return Ok(()) };
            let notes = repository.notes().map_err(in_local(&attempt))?;
            let written = notes.with_commit_message("stratify").replace(reference, object(commit), new);
            match written {
                Ok(_) => return Ok(()),
                Err(error) => failed = Some(error),
            }
            thread::sleep(WAIT * (try_no + 1));
        }
        let why = failed.map_or_else(String::new, |error| super::error::chain(&error));
        Err(fault(
            Owner::Operator,
            true,
            format!("{attempt}: {why}"),
            "see who writes to this ref all the time, or a stale lock",
        ))
    }

    /// Adds a line to the note of a commit, unless it stands there.
    pub fn append_note(&self, reference: &str, commit: CommitId, line: &str) -> Result<(), Fault> {
        self.change_note(reference, commit, |old| {
            let old = old.unwrap_or_default();
            let is_there = old.lines().any(|known| known == line);
            (!is_there)
                .then(|| format!("{old}{}{line}\n", if old.is_empty() || old.ends_with('\n') { "" } else { "\n" }))
        })
    }
}

fn read(repository: &gix::Repository, reference: &str, commit: CommitId) -> Result<Option<String>, Fault> {
    let attempt = format!("could not read the note of {commit} at {reference}");
    let mut notes = repository.notes().and_then(|notes| notes.with_refs([reference])).map_err(in_local(&attempt))?;
    let found = notes.get(object(commit)).map_err(in_local(&attempt))?;
    Ok(found.first().map(|note| note.blob.data.to_str_lossy().into_owned()))
}
