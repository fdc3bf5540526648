//! In: statuses, a repository on this machine, and the remote that it mirrors. Out: each status in the note of its commit.
//! Guarantee: what others wrote into the notes stays, also where they write at the same time, here or at the remote.
use crate::client::git::{Address, Objects, STATUSES};
use crate::decide::report::{Status, union, upsert};
use crate::decide::value::Fault;
use crate::name::CommitId;
use std::collections::BTreeMap;

/// Takes away the lock that a process left which was killed while it posted; only for who knows that one was.
pub fn unlock(objects: &Objects) -> Result<(), Fault> {
    objects.unlock(STATUSES)
}

/// Puts the status into its commit's note, in the place of the one it follows.
pub fn post(objects: &Objects, status: &Status) -> Result<(), Fault> {
    post_all(objects, std::slice::from_ref(status))
}

/// Puts each status into its commit's note, in the place of the one it follows; of one context the last one stays.
pub fn post_all(objects: &Objects, statuses: &[Status]) -> Result<(), Fault> {
    let mut of_commits: BTreeMap<CommitId, Vec<&Status>> = BTreeMap::new();
    for status in statuses {
        of_commits.entry(status.commit).or_default().push(status);
    }
    for (commit, statuses) in of_commits {
        objects.change_note(STATUSES, commit, |note| {
            let note = note.unwrap_or_default();
            let new = statuses.iter().fold(note.to_owned(), |note, status| upsert(&note, status));
            // A commit of the notes' ref is made only where something differs.
            (new != note).then_some(new)
        })?;
    }
    Ok(())
}

/// Puts each status into its commit's note, then makes the remote's notes the same, with one push for all of them.
/// A fault is spurious where the remote could not be reached or others wrote at the same time: what is here already is
/// pushed with the next call.
pub fn post_remote(objects: &Objects, address: &Address, statuses: &[Status]) -> Result<(), Fault> {
    post_all(objects, statuses)?;
    objects.push_notes(address, STATUSES, union)
}
