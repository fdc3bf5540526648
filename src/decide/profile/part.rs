//! In: what layers name that programs outside render. Out: their parts, as data.
//! Guarantee: equal content has an equal digest, whoever's layer it is of and at whichever commit it is read.
use super::zarf::Finish;
use crate::decide::value::{Digest, Domain, Hasher, Origin, Pointer, Span, Value};
use crate::name::{BlobId, RepoPath};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Something of a layer that is rendered outside; a layer has any number of them, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What is rendered.
    pub what: What,
    /// The release's name; none for the layer's own.
    pub release: Option<Arc<str>>,
    /// The namespace; none for the layer's own.
    pub namespace: Option<Arc<str>>,
    /// Which part of the layer's values it is given; none for all of them.
    pub values: Option<Pointer>,
    /// Values in the place of the layer's, where its source says them.
    pub given: Option<Value>,
    /// The version of the program that the lock names; none for any.
    pub renderer: Option<Arc<str>>,
    /// What is done to all that it renders to; none: nothing.
    pub finish: Option<Arc<Finish>>,
    /// Where it is named: all that it renders to stands there.
    pub at: Span,
}

/// What is rendered outside.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A Helm chart.
    Chart(Content),
    /// A kustomization, with all that it reads.
    Kustomization(Tree),
    /// A manifest of a pack of Palette, which is a template over its values as those of a chart are.
    Manifest {
        /// The pack.
        pack: Arc<str>,
        /// The manifest.
        file: Archive,
        /// Its text, where macros were filled in it.
        filled: Option<Arc<str>>,
    },
}

/// Where the files of a chart are.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// In a folder of the repository.
    Tree(Tree),
    /// In an archive of the repository.
    Archive(Archive),
    /// In an archive of another server.
    Remote(Remote),
    /// In an archive that a package holds.
    Packed(Packed),
}

/// An archive, or another file, of one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Where it is.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
    /// The revision that it is read at; none for the head.
    pub origin: Option<Origin>,
    /// Whether its name is to be that of the chart in it; packs name theirs as they like.
    pub is_named: bool,
}

/// An archive that a package holds.
#[derive(Clone, PartialEq)]
pub struct Packed {
    /// Its name and its version.
    pub name: Arc<str>,
    /// What it holds.
    pub bytes: Arc<[u8]>,
    /// Its digest.
    pub digest: Digest,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({}, {})", self.name, self.digest)
    }
}

/// An archive of another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// Its name and its version.
    pub name: Arc<str>,
    /// The name by which the lock's entry is updated.
    pub entry: Arc<str>,
    /// Where it is fetched; of a registry, with the digest of its manifest.
    pub url: Arc<str>,
    /// The SHA-256 of the archive, of a package that of its manifest: another one is refused.
    pub digest: Digest,
}

/// A package that has to be unpacked before a cluster is resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Packaged {
    /// Where it is, or how it is called.
    pub path: RepoPath,
    /// Its content; of a package of a registry, the id that stands for it.
    pub blob: BlobId,
    /// Where it is fetched, unless it is of the repository.
    pub remote: Option<Remote>,
    /// Where it is named.
    pub at: Span,
}

impl Packaged {
    /// Returns the id that stands for what has a digest: as many bytes of it as an id has.
    pub(super) fn id(digest: Digest) -> BlobId {
        let mut id = [0; 20];
        id.iter_mut().zip(digest.0).for_each(|(into, from)| *into = from);
        BlobId(id)
    }
}

/// Files of one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The folder that is rendered.
    pub root: RepoPath,
    /// The files, sorted by path; of a kustomization also those outside its folder.
    pub files: Arc<[TreeFile]>,
    /// The revision that they are read at; none for the head.
    pub origin: Option<Origin>,
    /// The digest of their names and contents.
    pub digest: Digest,
}

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeFile {
    /// Where it is.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
}

impl Tree {
    /// Takes files; the root is no part of the digest where all files are below it, so that a moved chart is the same.
    pub fn new(root: RepoPath, mut files: Vec<TreeFile>, origin: Option<Origin>) -> Self {
        files.sort();
        files.dedup();
        let mut hasher = Hasher::new(Domain("tree/1"));
        let prefix = format!("{root}/");
        let is_below = files.iter().all(|file| file.path.as_str().starts_with(&prefix));
        if !is_below {
            hasher.bytes(root.as_str().as_bytes());
        }
        for TreeFile { path, blob } in &files {
            let path = if is_below { path.as_str().get(prefix.len()..).unwrap_or_default() } else { path.as_str() };
            hasher.bytes(path.as_bytes()).bytes(&blob.0);
        }
        Self { root, files: files.into(), origin, digest: hasher.finish() }
    }
}

impl What {
    /// Returns the digest of all that it is made from.
    pub fn digest(&self) -> Digest {
        let (word, digest): (_, &[u8]) = match self {
            Self::Chart(Content::Tree(tree)) => ("chart", &tree.digest.0),
            Self::Chart(Content::Archive(archive)) => ("archive", &archive.blob.0),
            Self::Chart(Content::Remote(remote)) => ("remote", &remote.digest.0),
            Self::Chart(Content::Packed(packed)) => ("packed", &packed.digest.0),
            Self::Kustomization(tree) => ("kustomization", &tree.digest.0),
            Self::Manifest { file, .. } => ("manifest", &file.blob.0),
        };
        let mut hasher = Hasher::new(Domain("what/1"));
        hasher.bytes(word.as_bytes()).bytes(digest);
        if let Self::Manifest { pack, filled, .. } = self {
            hasher.bytes(pack.as_bytes()).bytes(filled.as_deref().unwrap_or_default().as_bytes());
        }
        hasher.finish()
    }

    /// Returns the blobs that rendering it reads.
    pub fn blobs(&self) -> BTreeSet<BlobId> {
        match self {
            Self::Chart(Content::Tree(tree)) | Self::Kustomization(tree) => {
                tree.files.iter().map(|file| file.blob).collect()
            }
            Self::Chart(Content::Archive(archive)) => [archive.blob].into(),
            Self::Chart(Content::Remote(_) | Content::Packed(_)) => BTreeSet::new(),
            Self::Manifest { file, .. } => [file.blob].into(),
        }
    }

    /// Whether it asks for values, a release, and what the API server has.
    pub fn is_chart(&self) -> bool {
        matches!(self, Self::Chart(_) | Self::Manifest { .. })
    }
}
