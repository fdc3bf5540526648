//! In: a commit of a repository on this machine. Out: the statuses in its note.
//! Guarantee: only what was said of this very commit; what others wrote into the note is skipped.
use crate::client::git::{Objects, STATUSES};
use crate::decide::report::{Status, parse};
use crate::decide::value::Fault;
use crate::name::CommitId;

/// Returns the statuses of a commit, by context.
pub fn read(objects: &Objects, commit: CommitId) -> Result<Vec<Status>, Fault> {
    let note = objects.note(STATUSES, commit)?.unwrap_or_default();
    // Git can carry a note over to a rewritten commit, of which it says nothing.
    Ok(parse(&note).into_iter().filter(|status| status.commit == commit).collect())
}
