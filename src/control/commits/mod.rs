//! In: commits of mirrors, or a working tree. Out: their documents with pins, and blobs, each read once.
//! Guarantee: a commit costs what it changes against one that is known; what is kept is bounded.
mod repository;
mod pins;

pub use repository::{Repositories, Repository};

use crate::decide::document::{Blob, Content, Entry, Revision, Texts, TreeChange};
use crate::decide::fleet::{Fleet, Index, Touched, read};
use crate::decide::value::{Fault, Origin};
use crate::name::{BlobId, CommitId, RepoName};
use pins::Reach;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

/// How many indexes of one repository are kept: the head, its pins, and what clusters have that are behind; they share what is equal.
const INDEXES_MAX: usize = 32;

/// How many bytes of shared blobs are kept: all packs and profiles of a large fleet.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// How often a blob is asked for until it is kept. A plan asks for a cluster's own files at most so often, and they are
/// far too many to be kept; what clusters share is asked for by each of them.
const ASKED_MIN: u8 = 6;

/// Of how many blobs it is known how often they were asked for: more than those of one head's clusters in work.
const ASKED_MAX: usize = 20_000;

/// The indexes and blobs that were read.
#[derive(Default)]
pub struct Moments {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By repository and commit, the newest last.
    indexes: Vec<(Option<RepoName>, CommitId, Arc<Index>)>,
    /// Those whose places say which revision they are of, the newest last.
    pinned: Vec<(Origin, Arc<Index>)>,
    /// Commits, each with one that it comes after.
    descents: BTreeSet<(CommitId, CommitId)>,
    texts: Texts,
    text_bytes: usize,
    /// Blobs that are not kept: how often each was asked for, and where it is while somebody has it.
    asked: BTreeMap<BlobId, (u8, Weak<Blob>)>,
}

impl Kept {
    /// Returns a blob that is kept, or that somebody has.
    fn find(&self, blob: BlobId) -> Option<Arc<Blob>> {
        self.texts.get(blob).cloned().or_else(|| self.asked.get(&blob)?.1.upgrade())
    }

    /// Takes note that a blob is asked for; keeps it where that is so often.
    fn count(&mut self, blob: &Arc<Blob>) {
        if self.texts.contains(blob.id()) {
            return;
        }
        if self.asked.len() >= ASKED_MAX {
            self.asked.clear();
        }
        let (times, place) = self.asked.entry(blob.id()).or_default();
        *times += 1;
        *place = Arc::downgrade(blob);
        if *times < ASKED_MIN {
            return;
        }
        self.asked.remove(&blob.id());
        let bytes = blob.bytes().map_or(0, |bytes| bytes.len());
        if self.text_bytes + bytes > TEXT_BYTES_MAX {
            self.texts = Texts::default();
            self.text_bytes = 0;
        }
        self.text_bytes += bytes;
        self.texts.share(blob.clone());
    }
}

impl Moments {
    /// Returns the documents of a commit with its pins.
    pub fn fleet(&self, repositories: &dyn Repositories, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        let index = self.index(own(repositories)?, None, commit)?;
        self.with_pins(repositories, Revision::Commit(commit), Reach::From(commit), index)
    }

    /// Returns the clusters that differ between two commits.
    pub fn touched(
        &self,
        repositories: &dyn Repositories,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Touched, Fault> {
        let repository = own(repositories)?;
        let Some(from) = from else {
            let index = self.index(repository, None, to)?;
            let clusters = index.cluster_names().cloned().collect();
            return Ok(Touched { clusters, released: BTreeSet::new() });
        };
        let old = self.index(repository, None, from)?;
        let change = repository.changes(Some(from), to)?;
        let (new, touched) = advance(&old, &change, repository)?;
        self.keep(None, to, Arc::new(new));
        Ok(touched)
    }

    /// Returns the documents of a merge, and the clusters that differ from its base. `merges` holds the merge; pins are read
    /// from the repositories, so that a pull request's objects never become one. Nothing of it is kept.
    pub fn merged(
        &self,
        repositories: &dyn Repositories,
        merges: &dyn Repository,
        base: &Fleet,
        revision: Revision,
        merge: CommitId,
    ) -> Result<(Arc<Fleet>, Touched), Fault> {
        let (Revision::Merge { base: from, .. } | Revision::Commit(from)) = revision;
        let change = merges.changes(Some(from), merge)?;
        let (index, mut touched) = advance(&base.index, &change, merges)?;
        let fleet = self.with_pins(repositories, revision, Reach::From(from), Arc::new(index))?;
        // A merge may name what the base does not: another tag, another pin.
        touched.clusters.extend(fleet.index.readers(&fleet.changed_since(base)));
        Ok((fleet, touched))
    }

    /// Returns the documents of a working tree, whose blobs `read` gives; pins are read from the repositories.
    pub fn worktree(
        &self,
        repositories: &dyn Repositories,
        head: Option<CommitId>,
        change: &TreeChange,
        read: impl Fn(&[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault>,
    ) -> Result<Arc<Fleet>, Fault> {
        let contents: BTreeMap<BlobId, Content> = read(&Index::needs(change))?.into_iter().collect();
        let (index, _) = Index::default().advance(change, &contents);
        // What is not committed is planned and never applied, as a merge is.
        let reach = head.map_or(Reach::Anywhere, Reach::From);
        let head = head.unwrap_or(CommitId([0; 20]));
        let revision = Revision::Merge { base: head, head };
        self.with_pins(repositories, revision, reach, Arc::new(index))
    }

    /// Returns blobs, those that were read before from memory.
    pub fn texts(&self, repositories: &dyn Repositories, blobs: &BTreeSet<BlobId>) -> Result<Texts, Fault> {
        let mut texts = Texts::default();
        let mut missing = Vec::new();
        {
            let mut kept = self.kept();
            for blob in blobs {
                match kept.find(*blob) {
                    Some(known) => {
                        kept.count(&known);
                        texts.share(known);
                    }
                    None => missing.push(*blob),
                }
            }
        }
        if missing.is_empty() {
            return Ok(texts);
        }
        let read = read_from_any(repositories, missing)?;
        let mut kept = self.kept();
        for (blob, content) in read {
            texts.insert(blob, content);
            if let Some(blob) = texts.get(blob) {
                kept.count(blob);
            }
        }
        Ok(texts)
    }

    /// Returns the index of a commit, read as the difference from the newest of its repository that is kept.
    fn index(
        &self,
        repository: &dyn Repository,
        name: Option<&RepoName>,
        commit: CommitId,
    ) -> Result<Arc<Index>, Fault> {
        let (found, newest) = {
            let kept = self.kept();
            let mut of_it = kept.indexes.iter().filter(|(of, ..)| of.as_ref() == name);
            let found = of_it.clone().find(|(_, known, _)| *known == commit).map(|(.., index)| index.clone());
            (found, of_it.next_back().map(|(_, known, index)| (*known, index.clone())))
        };
        if let Some(index) = found {
            return Ok(index);
        }
        let (from, old) = match newest {
            Some((from, index)) if repository.contains(from)? => (Some(from), index),
            _ => (None, Arc::default()),
        };
        let change = repository.changes(from, commit)?;
        let (index, _) = advance(&old, &change, repository)?;
        let index = Arc::new(index);
        self.keep(name, commit, index.clone());
        Ok(index)
    }

    fn keep(&self, name: Option<&RepoName>, commit: CommitId, index: Arc<Index>) {
        let mut kept = self.kept();
        let is_of_it = |of: &Option<RepoName>| of.as_ref() == name;
        kept.indexes.retain(|(of, known, _)| !(is_of_it(of) && *known == commit));
        kept.indexes.push((name.cloned(), commit, index));
        if kept.indexes.iter().filter(|(of, ..)| is_of_it(of)).count() > INDEXES_MAX
            && let Some(oldest) = kept.indexes.iter().position(|(of, ..)| is_of_it(of))
        {
            kept.indexes.remove(oldest);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn own(repositories: &dyn Repositories) -> Result<&dyn Repository, Fault> {
    repositories.find(None).ok_or_else(|| Fault::bug("there is no repository"))
}

/// Reads blobs, each where it is: its id is that of its content, so any repository gives the same.
fn read_from_any(repositories: &dyn Repositories, mut blobs: Vec<BlobId>) -> Result<Vec<(BlobId, Content)>, Fault> {
    let others = repositories.others();
    let all: Vec<&dyn Repository> =
        std::iter::once(None).chain(others.iter().map(Some)).filter_map(|name| repositories.find(name)).collect();
    let Some((first, more)) = all.split_first() else { return Err(Fault::bug("there is no repository")) };
    if more.is_empty() {
        return first.read(&blobs);
    }
    let mut read = Vec::new();
    for repository in &all {
        let mut here = Vec::new();
        for blob in std::mem::take(&mut blobs) {
            if repository.holds(blob)? { &mut here } else { &mut blobs }.push(blob);
        }
        read.extend(repository.read(&here)?);
    }
    // What nobody has is missed by the first.
    read.extend(first.read(&blobs)?);
    Ok(read)
}

/// How many documents are read at once: enough to be worth a thread, few enough that their texts are soon dropped.
const CHUNK: usize = 512;

/// Takes a change in; many documents are read on all cores, a chunk at a time.
fn advance(old: &Index, change: &TreeChange, repository: &dyn Repository) -> Result<(Index, Touched), Fault> {
    let needed: BTreeSet<BlobId> = Index::needs(change).into_iter().collect();
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let present: Vec<(&crate::name::RepoPath, Entry)> =
        change.entries.iter().filter_map(|(path, entry)| Some((path, (*entry)?))).collect();
    let part = present.len().div_ceil(threads).max(CHUNK);
    let read_part = |part: &[(&crate::name::RepoPath, Entry)]| -> Result<Vec<_>, Fault> {
        let mut readings = Vec::new();
        for chunk in part.chunks(CHUNK) {
            let blobs: Vec<BlobId> =
                chunk.iter().map(|(_, entry)| entry.blob).filter(|blob| needed.contains(blob)).collect();
            let contents: BTreeMap<BlobId, Content> = repository.read(&blobs)?.into_iter().collect();
            for (path, entry) in chunk {
                let (reading, said) = read(path, *entry, contents.get(&entry.blob));
                readings.push(((*path).clone(), reading, said));
            }
        }
        Ok(readings)
    };
    let readings = thread::scope(|scope| {
        let running: Vec<_> = present.chunks(part).map(|part| scope.spawn(move || read_part(part))).collect();
        let joined = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Fault::bug("a document was not read to its end"))));
        joined.collect::<Result<Vec<_>, Fault>>()
    })?;
    Ok(old.advance_with(change, readings.into_iter().flatten()))
}
