//! In: notes of this machine, and a remote where others write notes too. Out: the same notes at both.
//! Guarantee: nobody's line is lost: ours are put onto what the remote has, and the remote moves only from there.
use super::address::Address;
use super::bring::bring;
use super::error::{fault, in_local, local};
use super::notes::{Notes, TRIES_MAX, WAIT};
use super::objects::{Objects, bytes, edit_refs, open_writable};
use super::push::{Pushed, push, target};
use crate::decide::value::{Fault, Owner};
use gix::ObjectId;
use gix::refs::Target;
use gix::refs::transaction::{PreviousValue, RefEdit};
use std::collections::BTreeMap;
use std::thread;

/// How often it is pushed again after somebody else's push. Each is a conversation, and the outbox comes again.
const PUSHES_MAX: u32 = 5;

/// Makes a note out of the remote's and ours.
pub(crate) type Union = fn(&str, &str) -> String;

impl Objects {
    /// Brings the notes of the remote into ours.
    pub(crate) fn bring_notes(&self, address: &Address, reference: &str, union: Union) -> Result<(), Fault> {
        let theirs = bring(address, self, reference, &seen(reference))?;
        self.take_notes(reference, theirs.map(|id| ObjectId::from_bytes_or_panic(&id)), union)?;
        Ok(())
    }

    /// Makes the notes of the remote what ours are; what others wrote there comes into ours.
    pub(crate) fn push_notes(&self, address: &Address, reference: &str, union: Union) -> Result<(), Fault> {
        let attempt = format!("could not push {reference} to repository {}", address.name);
        let seen = seen(reference);
        // What it was after the last push: mostly nobody else writes, and it is asked only once.
        let mut theirs = target(&open_writable(self.repository().path())?, &seen, &attempt)?;
        for _ in 0..PUSHES_MAX {
            let ours = self.take_notes(reference, theirs, union)?;
            let Some(ours) = ours.filter(|_| ours != theirs) else { return Ok(()) };
            match push(&address.for_push(), self, reference, theirs.map(bytes))? {
                Pushed::Done => {
                    // What was certainly pushed; where a later one was, it is found out at the next push.
                    return set(&open_writable(self.repository().path())?, &seen, ours, PreviousValue::Any);
                }
                Pushed::LeaseBroken { .. } => {
                    let found = bring(address, self, reference, &seen)?;
                    theirs = found.map(|id| ObjectId::from_bytes_or_panic(&id));
                }
            }
        }
        let message = format!("{attempt}: others were faster {PUSHES_MAX} times");
        Err(fault(Owner::Outside, true, message, "it is tried again; see who writes to this ref all the time"))
    }

    /// Makes our notes descend from the remote's, and returns what they are then.
    fn take_notes(&self, reference: &str, theirs: Option<ObjectId>, union: Union) -> Result<Option<ObjectId>, Fault> {
        let attempt = format!("could not merge the notes at {reference}");
        let mut failed = None;
        for try_no in 0..TRIES_MAX {
            // Opened anew, so that what another process wrote is seen.
            let repository = open_writable(self.repository().path())?;
            let ours = target(&repository, reference, &attempt)?;
            let Some(theirs) = theirs else { return Ok(ours) };
            let merged = match ours {
                None => theirs,
                Some(ours) => merged(&repository, ours, theirs, union, &attempt)?,
            };
            if Some(merged) == ours {
                return Ok(ours);
            }
            let previous =
                ours.map_or(PreviousValue::MustNotExist, |ours| PreviousValue::MustExistAndMatch(Target::Object(ours)));
            match set(&repository, reference, merged, previous) {
                Ok(()) => return Ok(Some(merged)),
                Err(error) => failed = Some(error),
            }
            thread::sleep(WAIT * (try_no + 1));
        }
        Err(failed.map_or_else(|| Fault::bug("it is tried once at least"), |fault| Fault { spurious: true, ..fault }))
    }
}

/// Returns the name under which the remote's notes stand here: not among notes, where Git would show them once more.
fn seen(reference: &str) -> String {
    format!("refs/stratify/remote/{}", reference.trim_start_matches("refs/"))
}

fn set(repository: &gix::Repository, reference: &str, to: ObjectId, previous: PreviousValue) -> Result<(), Fault> {
    let name = gix::refs::FullName::try_from(reference).map_err(|error| local("could not name a ref", &error))?;
    edit_refs(repository, vec![RefEdit::update(name, to, previous, "notes")])
}

/// Returns notes that descend from theirs and have ours too: where none has changes, the other one.
fn merged(
    repository: &gix::Repository,
    ours: ObjectId,
    theirs: ObjectId,
    union: Union,
    attempt: &str,
) -> Result<ObjectId, Fault> {
    let base = repository.merge_base(ours, theirs).map_err(in_local(attempt))?.map(gix::Id::detach);
    if base == Some(theirs) || base == Some(ours) {
        return Ok(if base == Some(theirs) { ours } else { theirs });
    }
    let before = base.map_or(Ok(BTreeMap::new()), |base| noted(repository, base, attempt))?;
    let mut notes = Notes::of(repository, Some(theirs), attempt)?;
    for (commit, blob) in noted(repository, ours, attempt)? {
        // What we did not write since may have been taken away by others.
        if before.get(&commit) == Some(&blob) {
            continue;
        }
        let merged = match notes.blob(commit, attempt)? {
            None => blob,
            Some(known) if known == blob => continue,
            Some(known) => {
                let union = union(&notes.read(known, attempt)?, &notes.read(blob, attempt)?);
                repository.write_blob(union).map_err(in_local(attempt))?.detach()
            }
        };
        notes.put(commit, merged, attempt)?;
    }
    notes.commit(attempt)
}

/// Returns the blob of each object that has a note.
fn noted(repository: &gix::Repository, tip: ObjectId, attempt: &str) -> Result<BTreeMap<ObjectId, ObjectId>, Fault> {
    let commit = repository.find_commit(tip).map_err(in_local(attempt))?;
    let files = commit.tree().and_then(|tree| tree.traverse().breadthfirst.files()).map_err(in_local(attempt))?;
    let digits = |path: &[u8]| -> Vec<u8> { path.iter().copied().filter(|byte| *byte != b'/').collect() };
    let note = |file: gix::traverse::tree::recorder::Entry| {
        Some((ObjectId::from_hex(&digits(&file.filepath)).ok()?, file.oid)).filter(|_| file.mode.is_blob())
    };
    Ok(files.into_iter().filter_map(note).collect())
}
