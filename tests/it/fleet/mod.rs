//! In: files in memory or a folder of this package. Out: the index, full profiles and layers that they give.
//! Guarantee: the same functions as in a sync; ids of blobs are digests of contents.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use stratify::decide::document::{Blob, Content, Entry, EntryKind, Revision, Texts, TreeChange};
use stratify::decide::fleet::{Fleet, Index, Pinned, Touched};
use stratify::decide::plan::{Between, Rung};
use stratify::decide::profile::{FullProfile, Sketch, sketch, suspect};
use stratify::decide::render::{self, Layers};
use stratify::decide::value::{Checked, Diagnostic, Domain, Origin, Seal, Value, digest_of};
use stratify::name::{BlobId, ClusterName, CommitId, RepoName, RepoPath};

/// A fleet of files.
#[derive(Clone)]
pub(crate) struct Files {
    entries: BTreeMap<RepoPath, (Entry, Content)>,
    pub(crate) fleet: Fleet,
    pub(crate) texts: Texts,
    pub(crate) seal: Seal,
}

impl Files {
    /// Indexes files.
    pub(crate) fn new<P: AsRef<str>, T: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let entries = files.into_iter().map(|(path, bytes)| {
            let path = RepoPath::new(path.as_ref()).expect("the path is inside");
            let bytes: Arc<[u8]> = bytes.as_ref().into();
            let entry = Entry { kind: EntryKind::File, blob: blob_id(&bytes) };
            (path, (entry, Ok(bytes)))
        });
        Self::of(entries.collect())
    }

    /// Indexes a folder of this package.
    pub(crate) fn folder(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let mut files = Vec::new();
        read_folder(&root, "", &mut files);
        Self::new(files)
    }

    fn of(entries: BTreeMap<RepoPath, (Entry, Content)>) -> Self {
        let change = TreeChange {
            entries: entries.iter().map(|(path, (entry, _))| (path.clone(), Some(*entry))).collect(),
            refused: Vec::new(),
        };
        let contents = entries.values().map(|(entry, content)| (entry.blob, content.clone())).collect();
        let (index, _) = Index::default().advance(&change, &contents);
        let mut texts = Texts::default();
        for (blob, content) in contents {
            texts.insert(blob, content);
        }
        let head = Revision::Commit(CommitId([1; 20]));
        let fleet = Fleet::new(head, Arc::new(index));
        Self { entries, fleet, texts, seal: Seal::new(b"test") }
    }

    /// Returns the same with a file written over, or removed.
    pub(crate) fn with(&self, path: &str, text: Option<&str>) -> Self {
        if let Some(text) = text {
            return self.with_entry(path, EntryKind::File, Ok(text.as_bytes().into()));
        }
        let mut entries = self.entries.clone();
        entries.remove(&RepoPath::new(path).expect("the path is inside"));
        Self::of(entries)
    }

    /// Returns the same beside files of another revision, of a repository of the settings or of the fleet's own.
    pub(crate) fn beside(&self, repository: Option<&RepoName>, commit: CommitId, other: &Self) -> Self {
        let index = other.fleet.index.pinned(&Origin::new(repository.cloned(), commit));
        let mut files = self.clone();
        let pinned = Pinned { index: Ok(Arc::new(index)), is_on_branch: true };
        files.fleet.pins.insert((repository.cloned(), commit), pinned);
        files.fleet.repositories.extend(repository.map(|name| (name.clone(), None)));
        other.blobs().for_each(|blob| files.texts.share(blob.clone()));
        files
    }

    /// Returns the blobs.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Arc<Blob>> {
        self.entries.values().filter_map(|(entry, _)| self.texts.get(entry.blob))
    }

    /// Returns the same with an entry of any kind; of content that is too large only the size is known.
    pub(crate) fn with_entry(&self, path: &str, kind: EntryKind, content: Content) -> Self {
        let mut entries = self.entries.clone();
        let blob = content.as_ref().map_or_else(|size| blob_id(size.bytes.to_string().as_bytes()), |it| blob_id(it));
        entries.insert(RepoPath::new(path).expect("the path is inside"), (Entry { kind, blob }, content));
        Self::of(entries)
    }

    /// Returns the text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let (_, content) = self.entries.get(&RepoPath::new(path).ok()?)?;
        content.as_ref().ok().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Takes the step from these files to others: the index after it, and what it touches.
    pub(crate) fn step(&self, after: &Self) -> (Index, Touched) {
        let gone =
            self.entries.keys().filter(|path| !after.entries.contains_key(*path)).map(|path| (path.clone(), None));
        let differs = |path: &RepoPath, entry: &Entry| self.entries.get(path).is_none_or(|(before, _)| before != entry);
        let there = after.entries.iter().filter(|(path, (entry, _))| differs(path, entry));
        let mut entries: Vec<_> = gone.chain(there.map(|(path, (entry, _))| (path.clone(), Some(*entry)))).collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let contents = after.entries.values().map(|(entry, content)| (entry.blob, content.clone())).collect();
        self.fleet.index.advance(&TreeChange { entries, refused: Vec::new() }, &contents)
    }

    /// Returns the same, taken in one file at a time in the order that `rank` gives.
    pub(crate) fn in_order(&self, rank: impl Fn(usize) -> u64) -> Self {
        let mut ranked: Vec<_> = self.entries.iter().enumerate().map(|(at, entry)| (rank(at), entry)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut index = Index::default();
        for (_, (path, (entry, content))) in ranked {
            let change = TreeChange { entries: vec![(path.clone(), Some(*entry))], refused: Vec::new() };
            index = index.advance(&change, &BTreeMap::from([(entry.blob, content.clone())])).0;
        }
        self.at(index)
    }

    /// Returns the same files with another index.
    pub(crate) fn at(&self, index: Index) -> Self {
        let fleet = Fleet { index: Arc::new(index), ..self.fleet.clone() };
        Self { fleet, ..self.clone() }
    }

    /// Returns the clusters' names.
    pub(crate) fn clusters(&self) -> Vec<ClusterName> {
        self.fleet.index.cluster_names().cloned().collect()
    }

    /// Sketches a cluster.
    pub(crate) fn sketch(&self, cluster: &ClusterName) -> Result<Sketch, Vec<Diagnostic>> {
        sketch(&self.fleet, cluster, &self.seal)
    }

    /// Resolves a cluster.
    pub(crate) fn resolve(&self, cluster: &ClusterName) -> Checked<FullProfile> {
        self.sketch(cluster)?.resolve(&self.texts, &self.seal)
    }

    /// Renders a cluster, or tells all that is wrong with it.
    pub(crate) fn render(&self, cluster: &ClusterName) -> Checked<Layers> {
        self.render_sound(cluster).map_err(|said| match suspect(&self.fleet, cluster, &self.seal) {
            Ok(suspect) => render::mistakes(said, &suspect, &self.texts, &self.seal),
            Err(_) => said,
        })
    }

    /// Renders a cluster at each version over which Kubernetes goes up from what was applied.
    pub(crate) fn between(&self, cluster: &ClusterName, applied: &Layers) -> Result<Between, Vec<Diagnostic>> {
        let Some(from) = Rung::of(applied) else { return Ok(Between::default()) };
        let sketch = self.sketch(cluster)?;
        let climb = sketch.climb(&from.version.to_string());
        let mut layers = Vec::new();
        for version in climb.over.iter().filter(|_| climb.missing.is_empty()) {
            let (profile, _) = sketch.with_kubernetes(version)?.resolve(&self.texts, &self.seal)?;
            layers.push(render::layers(&profile, &self.texts, &BTreeMap::new(), &self.seal)?.0);
        }
        Ok(Between { layers, missing: climb.missing })
    }

    fn render_sound(&self, cluster: &ClusterName) -> Checked<Layers> {
        let (profile, mut warnings) = self.resolve(cluster)?;
        let (layers, more) = render::layers(&profile, &self.texts, &BTreeMap::new(), &self.seal)?;
        warnings.extend(more);
        Ok((layers, warnings))
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is readable")).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, fs::read(entry.path()).expect("it is readable")));
        }
    }
}

fn blob_id(bytes: &[u8]) -> BlobId {
    let text = String::from_utf8_lossy(bytes);
    let digest = digest_of(Domain("blob/1"), &Value::string(&text));
    let mut id = [0; 20];
    id.copy_from_slice(&digest.0[..20]);
    BlobId(id)
}

/// Prints a diagnostic on one line.
pub(crate) fn line(said: &Diagnostic) -> String {
    let at = said.at.as_ref().map_or_else(String::new, |at| format!("{at}: "));
    let expected = said.expected.as_ref().map_or_else(String::new, |expected| format!(" (expected {expected})"));
    let nearest = said.nearest.as_ref().map_or_else(String::new, |nearest| format!(" (did you mean `{nearest}`?)"));
    format!("{at}{} {}{expected}{nearest}", said.code, said.message)
}
