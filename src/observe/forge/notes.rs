//! In: a commit of a repository on this machine, and the remote that it mirrors. Out: the statuses in its note.
//! Guarantee: only what was said of this very commit; what others wrote into the note is skipped.
use crate::client::git::{Address, Objects, STATUSES};
use crate::decide::report::{Status, parse, union};
use crate::decide::value::Fault;
use crate::name::CommitId;

/// Returns the statuses of a commit, by context.
pub fn read(objects: &Objects, commit: CommitId) -> Result<Vec<Status>, Fault> {
    let note = objects.note(STATUSES, commit)?.unwrap_or_default();
    // Git can carry a note over to a rewritten commit, of which it says nothing.
    Ok(parse(&note).into_iter().filter(|status| status.commit == commit).collect())
}

/// Brings the notes that others wrote at the remote into the repository on this machine. Ours stay.
pub fn fetch(objects: &Objects, address: &Address) -> Result<(), Fault> {
    objects.bring_notes(address, STATUSES, union)
}
