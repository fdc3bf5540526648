//! In: commits of a mirror, or a working tree. Out: their documents with pins, and blobs, each read once.
//! Guarantee: a commit costs what it changes against one that is known; what is kept is bounded.
use crate::decide::document::{Content, Entry, Revision, Texts, TreeChange};
use crate::decide::fleet::{Fleet, Index, Touched, read};
use crate::decide::value::Fault;
use crate::name::{BlobId, CommitId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many indexes are kept: the head, its pins, and what clusters have that are behind; they share what is equal.
const INDEXES_MAX: usize = 32;

/// How many bytes of shared blobs are kept: all packs and profiles of a large fleet.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// What a repository lets us read.
pub trait Repository: Send + Sync {
    /// Returns what differs between two commits; from nothing: every entry.
    fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<TreeChange, Fault>;

    /// Returns the contents of blobs.
    fn read(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault>;

    /// Returns whether `commit` is `ancestor`, or comes after it.
    fn descends(&self, commit: CommitId, ancestor: CommitId) -> Result<bool, Fault>;

    /// Returns whether a commit is there.
    fn contains(&self, commit: CommitId) -> Result<bool, Fault>;

    /// Returns the commit that a tag names.
    fn tag(&self, name: &str) -> Result<Option<CommitId>, Fault>;
}

/// The indexes and blobs that were read.
#[derive(Default)]
pub struct Moments {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The newest last.
    indexes: Vec<(CommitId, Arc<Index>)>,
    texts: Texts,
    text_bytes: usize,
}

impl Moments {
    /// Returns the documents of a commit with its pins, and what differs from the index before it in `known`.
    pub fn fleet(&self, repository: &dyn Repository, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        let (index, _) = self.index(repository, commit)?;
        self.with_pins(repository, Revision::Commit(commit), Some(commit), index)
    }

    /// Returns the clusters that differ between two commits.
    pub fn touched(&self, repository: &dyn Repository, from: Option<CommitId>, to: CommitId) -> Result<Touched, Fault> {
        let Some(from) = from else {
            let (index, _) = self.index(repository, to)?;
            let clusters = index.cluster_names().cloned().collect();
            return Ok(Touched { clusters, released: BTreeSet::new() });
        };
        let (old, _) = self.index(repository, from)?;
        let change = repository.changes(Some(from), to)?;
        let (new, touched) = advance(&old, &change, repository)?;
        self.keep(to, Arc::new(new));
        Ok(touched)
    }

    /// Returns the documents of a working tree, whose blobs `read` gives; pins are read from the repository around.
    pub fn worktree(
        &self,
        repository: Option<&dyn Repository>,
        head: Option<CommitId>,
        change: &TreeChange,
        read: impl Fn(&[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault>,
    ) -> Result<Arc<Fleet>, Fault> {
        let contents: BTreeMap<BlobId, Content> = read(&Index::needs(change))?.into_iter().collect();
        let (index, _) = Index::default().advance(change, &contents);
        // What is not committed is planned and never applied, as a merge is.
        let head = head.unwrap_or(CommitId([0; 20]));
        let revision = Revision::Merge { base: head, head };
        let fleet =
            Fleet { head: revision.clone(), index: Arc::new(index), pins: BTreeMap::new(), tags: BTreeMap::new() };
        match repository {
            Some(repository) => self.with_pins(repository, revision, None, fleet.index),
            None => Ok(Arc::new(fleet)),
        }
    }

    /// Returns blobs, those that were read before from memory.
    pub fn texts(&self, repository: &dyn Repository, blobs: &BTreeSet<BlobId>) -> Result<Texts, Fault> {
        let mut texts = Texts::default();
        let mut missing = Vec::new();
        {
            let kept = self.kept();
            for blob in blobs {
                match kept.texts.get(*blob) {
                    Some(known) => texts.share(known.clone()),
                    None => missing.push(*blob),
                }
            }
        }
        if missing.is_empty() {
            return Ok(texts);
        }
        let read = repository.read(&missing)?;
        let mut kept = self.kept();
        for (blob, content) in read {
            let bytes = content.as_ref().map_or(0, |bytes| bytes.len());
            texts.insert(blob, content);
            if kept.text_bytes + bytes > TEXT_BYTES_MAX {
                kept.texts = Texts::default();
                kept.text_bytes = 0;
            }
            if let Some(blob) = texts.get(blob) {
                kept.text_bytes += bytes;
                kept.texts.share(blob.clone());
            }
        }
        Ok(texts)
    }

    fn with_pins(
        &self,
        repository: &dyn Repository,
        head: Revision,
        reachable_from: Option<CommitId>,
        index: Arc<Index>,
    ) -> Result<Arc<Fleet>, Fault> {
        let mut pins = BTreeMap::new();
        for commit in index.pins() {
            let is_there = repository.contains(commit)?;
            let is_reachable = match reachable_from {
                Some(head) if is_there => repository.descends(head, commit)?,
                _ => is_there,
            };
            let pinned = if is_reachable {
                self.index(repository, commit).map(|(index, _)| index).map_err(|fault| fault.to_string())
            } else if is_there {
                Err("the watched branch does not hold it".to_owned())
            } else {
                Err("the repository does not have it".to_owned())
            };
            pins.insert(commit, pinned);
        }
        let mut tags = BTreeMap::new();
        for tag in index.tags() {
            let commit = repository.tag(&tag)?;
            tags.insert(tag, commit);
        }
        Ok(Arc::new(Fleet { head, index, pins, tags }))
    }

    /// Returns the index of a commit, read as the difference from the newest that is kept.
    fn index(&self, repository: &dyn Repository, commit: CommitId) -> Result<(Arc<Index>, Option<CommitId>), Fault> {
        let (found, newest) = {
            let kept = self.kept();
            let found = kept.indexes.iter().find(|(known, _)| *known == commit).map(|(_, index)| index.clone());
            (found, kept.indexes.last().cloned())
        };
        if let Some(index) = found {
            return Ok((index, None));
        }
        let (from, old) = match newest {
            Some((from, index)) if repository.contains(from)? => (Some(from), index),
            _ => (None, Arc::default()),
        };
        let change = repository.changes(from, commit)?;
        let (index, _) = advance(&old, &change, repository)?;
        let index = Arc::new(index);
        self.keep(commit, index.clone());
        Ok((index, from))
    }

    fn keep(&self, commit: CommitId, index: Arc<Index>) {
        let mut kept = self.kept();
        kept.indexes.retain(|(known, _)| *known != commit);
        kept.indexes.push((commit, index));
        if kept.indexes.len() > INDEXES_MAX {
            kept.indexes.remove(0);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
