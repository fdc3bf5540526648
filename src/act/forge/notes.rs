//! In: a status, and a repository on this machine. Out: the status in the note of its commit.
//! Guarantee: what others wrote into the note stays, also where they write at the same time.
use crate::client::git::{Objects, STATUSES};
use crate::decide::report::{Status, upsert};
use crate::decide::value::Fault;

/// Takes away the lock that a process left which was killed while it posted; only for who knows that one was.
pub fn unlock(objects: &Objects) -> Result<(), Fault> {
    objects.unlock(STATUSES)
}

/// Puts the status into its commit's note, in the place of the one it follows.
pub fn post(objects: &Objects, status: &Status) -> Result<(), Fault> {
    objects.change_note(STATUSES, status.commit, |note| {
        let note = note.unwrap_or_default();
        let new = upsert(note, status);
        // A commit of the notes' ref is made only where something differs.
        (new != note).then_some(new)
    })
}
