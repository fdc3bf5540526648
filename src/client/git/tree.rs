//! In: two trees. Out: what differs between them, by path.
//! Guarantee: a tree that did not change is not opened; a tree beyond the limits is refused before it is kept.
use super::address::Limits;
use super::error::{fault, in_local};
use super::objects::{bytes, object};
use crate::decide::document::{Entry, EntryKind, PathRefusal, RefusedPath, TreeChange};
use crate::decide::value::{Fault, Owner};
use crate::name::{BlobId, CommitId, RepoPath};
use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice, ByteVec};
use gix::diff::tree::visit::{Action, Change};
use gix::objs::tree::{EntryKind as Mode, EntryMode};
use gix::objs::{FindExt, TreeRefIter};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Returns the tree of a commit, or of the folder in it that holds the fleet, if there is one.
pub(crate) fn root(
    repository: &gix::Repository,
    commit: CommitId,
    path: Option<&RepoPath>,
) -> Result<Option<ObjectId>, Fault> {
    let attempt = format!("could not read commit {commit}");
    let found = repository.find_commit(object(commit)).map_err(in_local(&attempt))?;
    let mut tree = found.tree_id().map_err(in_local(&attempt))?.detach();
    let Some(path) = path else { return Ok(Some(tree)) };
    let mut buffer = Vec::new();
    for part in path.as_str().split('/') {
        let entries = repository.objects.find_tree(&tree, &mut buffer).map_err(in_local(&attempt))?;
        let Some(entry) = entries.entries.iter().find(|entry| entry.filename == part) else { return Ok(None) };
        if !entry.mode.is_tree() {
            let message =
                format!("the path {path} of the settings leads through {part}, which is no folder at {commit}");
            return Err(fault(Owner::Author, false, message, "make it a folder; symbolic links are never followed"));
        }
        tree = entry.oid.to_owned();
    }
    Ok(Some(tree))
}

/// Returns what differs between two trees.
pub(crate) fn changes(
    repository: &gix::Repository,
    from: Option<ObjectId>,
    to: Option<ObjectId>,
    limits: &Limits,
) -> Result<TreeChange, Fault> {
    let mut collect = Collect { change: TreeChange::default(), unnamed: 0 };
    walk(repository, from, to, limits, |path, step| collect.step(path, &step))?;
    let mut change = collect.change;
    change.entries.sort_by(|(one, one_entry), (other, other_entry)| {
        // Where a file became a folder or back, what is gone stands first.
        one.cmp(other).then(one_entry.is_some().cmp(&other_entry.is_some()))
    });
    change.entries.dedup_by(|(next, entry), (path, gone)| {
        // A kind that changes is told as gone and come: what came is the truth.
        let is_same = next == path && gone.is_none();
        if is_same {
            *gone = *entry;
        }
        is_same
    });
    change.refused.sort();
    Ok(change)
}

/// A difference at a path that is no folder.
pub(crate) struct Step {
    /// What stood there.
    pub(crate) old: Option<(EntryMode, ObjectId)>,
    /// What stands there.
    pub(crate) new: Option<(EntryMode, ObjectId)>,
}

/// Calls `see` with each difference; `Break` ends the walk.
pub(crate) fn walk(
    repository: &gix::Repository,
    from: Option<ObjectId>,
    to: Option<ObjectId>,
    limits: &Limits,
    see: impl FnMut(&BStr, Step),
) -> Result<(), Fault> {
    if from == to {
        return Ok(());
    }
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let attempt = "could not read a tree";
    let load = |id: Option<ObjectId>, buffer: &mut Vec<u8>| -> Result<(), Fault> {
        if let Some(id) = id {
            repository.objects.find_tree_iter(&id, buffer).map_err(in_local(attempt))?;
        }
        Ok(())
    };
    load(from, &mut old)?;
    load(to, &mut new)?;
    let mut visit = Visit { see, path: BString::default(), queue: VecDeque::new(), seen: 0, stopped: None, limits };
    let (old, new) =
        (TreeRefIter::from_bytes(&old, gix::hash::Kind::Sha1), TreeRefIter::from_bytes(&new, gix::hash::Kind::Sha1));
    let state = gix::diff::tree::State::default();
    let walked = gix::diff::tree(old, new, state, &repository.objects, &mut visit);
    match (visit.stopped, walked) {
        (Some(stopped), _) => Err(stopped),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(super::error::local(attempt, &error)),
    }
}

struct Visit<'a, F> {
    see: F,
    path: BString,
    queue: VecDeque<BString>,
    seen: u64,
    stopped: Option<Fault>,
    limits: &'a Limits,
}

impl<F> Visit<'_, F> {
    fn push(&mut self, part: &BStr) {
        if !part.is_empty() {
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.push_str(part);
        }
    }

    /// Returns the fault of a tree that goes beyond the limits.
    fn beyond(&self) -> Option<Fault> {
        let Limits { entries_max, depth_max, .. } = *self.limits;
        // Each side of the difference may have as many entries as a tree, and as many folders again.
        if self.seen > entries_max.saturating_mul(4) {
            return Some(too_many(entries_max));
        }
        (self.path.find_iter("/").count() > depth_max).then(|| too_deep(self.path.as_ref(), depth_max))
    }
}

/// Returns the fault of a tree with too many files.
pub(crate) fn too_many(entries_max: u64) -> Fault {
    let message = format!("the tree has more than {entries_max} files");
    fault(Owner::Author, false, message, "split the repository, or name the fleet's folder in the settings")
}

fn too_deep(path: &BStr, depth_max: usize) -> Fault {
    let message = format!("{} is deeper than {depth_max} folders", readable(path));
    fault(Owner::Author, false, message, "move it up, or name the fleet's folder in the settings")
}

impl<F: FnMut(&BStr, Step)> gix::diff::tree::Visit for Visit<'_, F> {
    fn pop_front_tracked_path_and_set_current(&mut self) {
        self.path = self.queue.pop_front().unwrap_or_default();
    }

    fn push_back_tracked_path_component(&mut self, component: &BStr) {
        self.push(component);
        self.queue.push_back(self.path.clone());
    }

    fn push_path_component(&mut self, component: &BStr) {
        self.push(component);
    }

    fn pop_path_component(&mut self) {
        let parent = self.path.rfind_byte(b'/').unwrap_or_default();
        self.path.truncate(parent);
    }

    fn visit(&mut self, change: Change) -> Action {
        self.seen += 1;
        self.stopped = self.beyond();
        if self.stopped.is_some() {
            return ControlFlow::Break(());
        }
        let is_file = |(mode, _): &(EntryMode, ObjectId)| !mode.is_tree();
        let (old, new) = match change {
            Change::Addition { entry_mode, oid, .. } => (None, Some((entry_mode, oid))),
            Change::Deletion { entry_mode, oid, .. } => (Some((entry_mode, oid)), None),
            Change::Modification { previous_entry_mode, previous_oid, entry_mode, oid } => {
                (Some((previous_entry_mode, previous_oid)), Some((entry_mode, oid)))
            }
        };
        let (old, new) = (old.filter(is_file), new.filter(is_file));
        if old.is_some() || new.is_some() {
            (self.see)(self.path.as_ref(), Step { old, new });
        }
        ControlFlow::Continue(())
    }
}

struct Collect {
    change: TreeChange,
    unnamed: usize,
}

impl Collect {
    fn step(&mut self, path: &BStr, step: &Step) {
        let entry = step.new.map(|(mode, id)| Entry { kind: kind(mode), blob: BlobId(bytes(id)) });
        let why = match path.to_str() {
            Ok(text) => match RepoPath::new(text) {
                Ok(path) => return self.change.entries.push((path, entry)),
                Err(_) => PathRefusal::NotInside,
            },
            Err(_) => PathRefusal::NotUtf8,
        };
        // What is gone and was never read needs no word.
        if entry.is_some() && self.unnamed < REFUSED_MAX {
            self.unnamed += 1;
            self.change.refused.push(RefusedPath { path: readable(path), why });
        }
    }
}

/// The most refused paths that are told: one is enough to hold, and nobody reads a thousand.
const REFUSED_MAX: usize = 1000;

/// The longest part of a refused path that is told.
const READABLE_CHARS_MAX: usize = 200;

/// Returns a path as text that harms no terminal.
pub(crate) fn readable(path: &BStr) -> String {
    let text = path.to_str_lossy();
    text.chars().take(READABLE_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn kind(mode: EntryMode) -> EntryKind {
    match mode.kind() {
        Mode::Blob | Mode::Tree => EntryKind::File,
        Mode::BlobExecutable => EntryKind::Executable,
        Mode::Link => EntryKind::Symlink,
        Mode::Commit => EntryKind::Submodule,
    }
}
