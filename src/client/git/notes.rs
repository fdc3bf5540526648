//! In: a commit and lines about it. Out: its note at `refs/notes/stratify`, as `git log --notes=stratify` shows it.
//! Guarantee: another process's note is never lost: the ref moves only from the value that was read, else all is read again.
use super::error::{fault, in_local};
use super::objects::{Objects, object, open_writable};
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::note::plumbing::State;
use gix::refs::transaction::PreviousValue;
use std::thread;
use std::time::Duration;

/// The ref of the statuses.
pub const STATUSES: &str = "refs/notes/stratify";

/// How often a note is written again after somebody else's: each time somebody has got through.
pub(crate) const TRIES_MAX: u32 = 50;

/// The wait after a collision, growing with each: a note takes another process a few milliseconds.
pub(crate) const WAIT: Duration = Duration::from_millis(2);

impl Objects {
    /// Returns the note of a commit, if there is one.
    pub fn note(&self, reference: &str, commit: CommitId) -> Result<Option<String>, Fault> {
        let attempt = format!("could not read the note of {commit} at {reference}");
        Notes::at(&self.repository(), reference, &attempt)?.text(commit, &attempt)
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
            let mut notes = Notes::at(&repository, reference, &attempt)?;
            let old = notes.text(commit, &attempt)?;
            let Some(new) = change(old.as_deref()) else { return Ok(()) };
            let written = notes.with(commit, &new, &attempt)?;
            // Only from the value that `old` was read from: gix's own `replace` would look again by itself.
            let expected = notes.tip.map_or(PreviousValue::MustNotExist, |tip| {
                PreviousValue::MustExistAndMatch(gix::refs::Target::Object(tip))
            });
            match repository.reference(reference, written, expected, "notes") {
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

/// The notes of one moment.
pub(crate) struct Notes<'a> {
    repository: &'a gix::Repository,
    /// The commit that the ref names, if there is one.
    tip: Option<ObjectId>,
    state: State,
}

impl<'a> Notes<'a> {
    fn at(repository: &'a gix::Repository, reference: &str, attempt: &str) -> Result<Self, Fault> {
        let found = repository.try_find_reference(reference).map_err(in_local(attempt))?;
        let tip = found.map(|mut found| found.peel_to_id().map(gix::Id::detach)).transpose();
        Self::of(repository, tip.map_err(in_local(attempt))?, attempt)
    }

    /// Returns the notes that a commit has.
    pub(crate) fn of(repository: &'a gix::Repository, tip: Option<ObjectId>, attempt: &str) -> Result<Self, Fault> {
        let tree = match tip {
            Some(tip) => {
                let commit = repository.find_commit(tip).map_err(in_local(attempt))?;
                commit.tree_id().map_err(in_local(attempt))?.detach()
            }
            None => ObjectId::empty_tree(repository.object_hash()),
        };
        let state = State::new(tree, repository).map_err(in_local(attempt))?;
        Ok(Self { repository, tip, state })
    }

    /// Returns the blob that is the note of an object.
    pub(crate) fn blob(&mut self, of: ObjectId, attempt: &str) -> Result<Option<ObjectId>, Fault> {
        self.state.get(&of, self.repository).map_err(in_local(attempt))
    }

    /// Returns the text of a note.
    pub(crate) fn read(&self, blob: ObjectId, attempt: &str) -> Result<String, Fault> {
        let blob = self.repository.find_blob(blob).map_err(in_local(attempt))?;
        Ok(blob.data.to_str_lossy().into_owned())
    }

    /// Makes a blob the note of an object.
    pub(crate) fn put(&mut self, of: ObjectId, blob: ObjectId, attempt: &str) -> Result<(), Fault> {
        self.state.edit(of, Some(blob), self.repository).map_err(in_local(attempt))?;
        Ok(())
    }

    /// Writes the notes, and returns what the ref should name.
    pub(crate) fn commit(&mut self, attempt: &str) -> Result<ObjectId, Fault> {
        let tree = self.state.write(self.repository).map_err(in_local(attempt))?;
        let written = self.repository.new_commit("stratify", tree, self.tip).map_err(in_local(attempt))?;
        Ok(written.id)
    }

    fn text(&mut self, commit: CommitId, attempt: &str) -> Result<Option<String>, Fault> {
        self.blob(object(commit), attempt)?.map(|blob| self.read(blob, attempt)).transpose()
    }

    /// Writes the notes with another note of a commit, and returns what the ref should name.
    fn with(&mut self, commit: CommitId, note: &str, attempt: &str) -> Result<ObjectId, Fault> {
        let blob = self.repository.write_blob(note).map_err(in_local(attempt))?.detach();
        self.put(object(commit), blob, attempt)?;
        self.commit(attempt)
    }
}
