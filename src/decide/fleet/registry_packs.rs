//! In: the files of packs that registries have. Out: the index of each, in which its documents stand as in a repository.
//! Guarantee: a pack is read as one of the repository is, and its places say where it is; of one digest there is one pack.
use super::index::Index;
use super::pins::Fleet;
use crate::decide::document::{Content, Entry, EntryKind, Lock, TreeChange};
use crate::decide::value::{Digest, Origin};
use crate::name::{BlobId, RepoPath};
use imbl::OrdMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of a pack, by their paths in its folder, each with the id that Git would give it.
pub type PackFiles = BTreeMap<RepoPath, (BlobId, Arc<[u8]>)>;

/// The packs of registries that were read, by the digest of their manifest; of what is none, why.
#[derive(Clone, Debug, Default)]
pub struct RegistryPacks(OrdMap<Digest, Result<Arc<Index>, Arc<str>>>);

impl RegistryPacks {
    /// Returns a pack that was read.
    pub fn get(&self, digest: Digest) -> Option<Result<&Arc<Index>, &Arc<str>>> {
        self.0.get(&digest).map(Result::as_ref)
    }

    /// Takes a pack in.
    pub fn insert(&mut self, digest: Digest, pack: Result<Arc<Index>, Arc<str>>) {
        self.0.insert(digest, pack);
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Index {
    /// Reads a pack that stands alone, as it would stand in a repository; in words why it is none.
    pub fn of_pack(name: &str, version: &str, files: &PackFiles, origin: &Origin) -> Result<Self, String> {
        let is_there = |file: &str| RepoPath::new(file).is_ok_and(|file| files.contains_key(&file));
        if !is_there("pack.yaml") && !is_there("pack.json") {
            return Err("it holds neither `pack.yaml` nor Palette's `pack.json`".into());
        }
        let mut contents: BTreeMap<BlobId, Content> = BTreeMap::new();
        let mut entries = Vec::new();
        for (path, (blob, bytes)) in files {
            let path = RepoPath::new(&format!("packs/{name}/{version}/{path}")).map_err(|error| error.to_string())?;
            entries.push((path, Some(Entry { kind: EntryKind::File, blob: *blob })));
            contents.insert(*blob, Ok(bytes.clone()));
        }
        let (index, _) = Self::default().advance(&TreeChange { entries, refused: Vec::new() }, &contents);
        Ok(index.pinned(origin))
    }
}

impl Fleet {
    /// Returns its locks, of the head and of all pins.
    pub fn locks(&self) -> impl Iterator<Item = &Arc<Lock>> {
        let pinned = self.pins.values().filter_map(|pinned| pinned.index.as_ref().ok());
        std::iter::once(&self.index).chain(pinned).filter_map(|index| index.lock())
    }

    /// Returns the same with packs of registries that were read.
    #[must_use]
    pub fn with_packs(&self, packs: RegistryPacks) -> Self {
        Self { packs, ..self.clone() }
    }
}
