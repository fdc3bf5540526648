//! In: a repository's mirror. Out: plans of its clusters, by the same functions as in a sync.
//! Guarantee: clusters are streamed: of each, only the digest of its change is kept.
use crate::work::{Work, address};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};
use stratify::decide::document::{Blob, Content, Entry, Revision, Texts, TreeChange};
use stratify::decide::fleet::{self, Fleet, Index, Touched};
use stratify::decide::plan::change;
use stratify::decide::profile::{Declarations, FullProfile, Sketch, sketch_with};
use stratify::decide::render::{self, Layers, Memory, Recalled, remember};
use stratify::decide::value::{Diagnostic, Fault, Seal};
use stratify::name::{BlobId, ChangeId, ClusterName, CommitId, RepoPath};
use stratify::observe::mirror::Mirror;

/// The cores that the budgets speak of.
pub(crate) const THREADS: usize = 2;

/// As the threads of a sync have: deep values and expressions need it.
const STACK_BYTES: usize = 64 << 20;

/// One moment of the fleet, with its mirror.
pub(crate) struct Engine {
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) fleet: Fleet,
    pub(crate) plans: BTreeMap<ClusterName, ChangeId>,
    shared: Texts,
    pub(crate) seal: Seal,
    memory: Mutex<Memory>,
    pub(crate) phases: Phases,
}

/// Where the time of a full plan went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) index: Duration,
    pub(crate) plans: Duration,
}

impl Engine {
    /// Opens the mirror and fetches, without a plan.
    pub(crate) fn open(work: &Work, folder: &Path) -> Self {
        let mirror = Mirror::open(address(work), folder).expect("the mirror can be opened");
        mirror.fetch().expect("the repository is on this machine");
        Self::new(mirror)
    }

    /// Opens a mirror that is on disk already, without looking at the repository.
    pub(crate) fn open_here(work: &Work, folder: &Path) -> Self {
        Self::new(Mirror::open(address(work), folder).expect("the mirror can be opened"))
    }

    fn new(mirror: Mirror) -> Self {
        let head = Revision::Commit(CommitId([0; 20]));
        let fleet = Fleet::new(head, Arc::default());
        Self {
            mirror: Arc::new(mirror),
            fleet,
            plans: BTreeMap::new(),
            shared: Texts::default(),
            seal: Seal::new(b"bench"),
            memory: Mutex::default(),
            phases: Phases::default(),
        }
    }

    /// Plans everything at a commit, from nothing.
    pub(crate) fn plan_all(&mut self, at: CommitId) -> Spent {
        let start = Instant::now();
        self.index(at);
        let index = start.elapsed();
        let names: Vec<ClusterName> = self.fleet.index.cluster_names().cloned().collect();
        self.plans = self.plan(&names).into_iter().collect();
        Spent { index, plans: start.elapsed().saturating_sub(index) }
    }

    /// Reads all documents at a commit.
    pub(crate) fn index(&mut self, at: CommitId) {
        let change = self.mirror.changes(None, at).expect("the commit is here");
        let parts: Vec<&[(RepoPath, Option<Entry>)]> = chunks(&change.entries);
        let mirror = &self.mirror;
        let readings = on_threads(&parts, |part| {
            let part = TreeChange { entries: part.to_vec(), refused: Vec::new() };
            let needs: BTreeMap<BlobId, _> = contents(mirror, &Index::needs(&part));
            let read = |(path, entry): &(RepoPath, Option<Entry>)| {
                let entry = (*entry)?;
                let (reading, said) = fleet::read(path, entry, needs.get(&entry.blob));
                assert!(said.is_empty(), "{path} is read: {}", lines(&said));
                (!matches!(reading, fleet::Reading::Other)).then(|| (path.clone(), reading, said))
            };
            part.entries.iter().filter_map(read).collect::<Vec<_>>()
        });
        let (index, _) = Index::default().advance_with(&change, readings.into_iter().flatten());
        self.fleet.head = Revision::Commit(at);
        self.fleet.index = Arc::new(index);
        self.share(&change);
    }

    /// Goes from one commit to the next; returns the fleet before it, and the clusters that it concerns.
    pub(crate) fn advance(&mut self, from: CommitId, to: CommitId) -> (Fleet, Touched) {
        let change = self.mirror.changes(Some(from), to).expect("both commits are here");
        let (index, touched) = self.fleet.index.advance(&change, &contents(&self.mirror, &Index::needs(&change)));
        let before = self.fleet.clone();
        self.fleet.head = Revision::Commit(to);
        self.fleet.index = Arc::new(index);
        self.share(&change);
        (before, touched)
    }

    /// What is no cluster's own is read once.
    fn share(&mut self, change: &TreeChange) {
        let is_shared = |path: &RepoPath| !path.as_str().starts_with("clusters/");
        let shared = change.entries.iter().filter(|(path, _)| is_shared(path)).filter_map(|(_, entry)| *entry);
        let ids: Vec<BlobId> = shared.map(|entry| entry.blob).collect();
        for (id, content) in self.mirror.read(&ids).expect("they are here") {
            self.shared.insert(id, content);
        }
    }

    /// Plans a commit of which the objects are here: from what was rendered before to what is wanted now.
    pub(crate) fn plan_commit(&mut self, from: CommitId, to: CommitId) -> usize {
        let (before, touched) = self.advance(from, to);
        for name in &touched.clusters {
            let old = self.render(&before, name);
            let new = self.render(&self.fleet, name);
            let change = change(Some(&old), &new);
            assert!(change.layers.iter().any(|layer| !layer.patch.is_empty()), "the commit changes a layer of {name}");
            self.plans.insert(name.clone(), change.id);
        }
        touched.clusters.len()
    }

    /// Plans clusters on all cores.
    pub(crate) fn plan(&self, names: &[ClusterName]) -> Vec<(ClusterName, ChangeId)> {
        let parts = Parts::of(names);
        let work = |(): &()| {
            let (mut plans, reader) = (Vec::new(), self.mirror.objects().reader());
            let mut declarations = Declarations::default();
            for batch in parts.batches() {
                let sketch = |name| self.sketch(&mut declarations, &self.fleet, name);
                let sketches: Vec<Sketch> = batch.iter().map(sketch).collect();
                let texts = self.texts(&sketches, |ids| reader.read(ids));
                for (name, sketch) in batch.iter().zip(sketches) {
                    let (profile, layers) = self.made(&sketch, &texts);
                    self.phases.time(5, || self.learn(&sketch, &profile, &layers));
                    let change = self.phases.time(6, || change(None, &layers));
                    plans.push((name.clone(), change.id));
                    self.phases.time(7, || drop((change, profile, layers, sketch)));
                }
            }
            plans
        };
        on_threads(&[(); THREADS], work).into_iter().flatten().collect()
    }

    /// Renders one cluster.
    pub(crate) fn render(&self, fleet: &Fleet, name: &ClusterName) -> Layers {
        let sketch = self.sketch(&mut Declarations::default(), fleet, name);
        let texts = self.texts(std::slice::from_ref(&sketch), |ids| self.mirror.read(ids));
        self.layers(&sketch, &texts)
    }

    fn sketch(&self, declarations: &mut Declarations, fleet: &Fleet, name: &ClusterName) -> Sketch {
        let sketch = self.phases.time(0, || sketch_with(declarations, fleet, name, &self.seal));
        sketch.unwrap_or_else(|said| panic!("{}", lines(&said)))
    }

    /// Reads what sketches need; what is shared is there already.
    fn texts(&self, sketches: &[Sketch], read: impl FnOnce(&[BlobId]) -> Read) -> Texts {
        self.read(&sketches.iter().flat_map(Sketch::needs).collect(), read)
    }

    /// Reads blobs; what is shared is there already.
    pub(crate) fn read(&self, needs: &BTreeSet<BlobId>, read: impl FnOnce(&[BlobId]) -> Read) -> Texts {
        let (shared, own): (Vec<BlobId>, Vec<BlobId>) = needs.iter().partition(|id| self.shared.contains(**id));
        let mut texts = Texts::default();
        for id in shared {
            texts.share(Arc::clone(self.shared.get(id).expect("it was found just now")));
        }
        let contents = self.phases.time(1, || read(&own)).expect("they are here");
        let blobs: Vec<Blob> = contents.into_iter().map(|(id, content)| Blob::new(id, content)).collect();
        self.phases.time(2, || blobs.iter().map(Blob::value).filter(|value| value.is_null()).count());
        for blob in blobs {
            texts.share(Arc::new(blob));
        }
        texts
    }

    fn layers(&self, sketch: &Sketch, texts: &Texts) -> Layers {
        self.made(sketch, texts).1
    }

    fn made(&self, sketch: &Sketch, texts: &Texts) -> (FullProfile, Layers) {
        let profile = self.phases.time(3, || sketch.resolve(texts, &self.seal));
        let (profile, _) = profile.unwrap_or_else(|said| panic!("{}", lines(&said)));
        let rendered = self.phases.time(4, || render::layers(&profile, texts, &BTreeMap::new(), &self.seal));
        let (layers, _) = rendered.unwrap_or_else(|said| panic!("{}", lines(&said)));
        (profile, layers)
    }

    /// As a sync does, for the next commit.
    fn learn(&self, sketch: &Sketch, profile: &FullProfile, layers: &Layers) {
        let learned = remember(&sketch.keys(), profile, layers, &Recalled::new(), &[]);
        self.memory().learn(&profile.cluster, learned.expect("there is nothing to tell"));
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no work panics")
    }
}

/// What reading blobs gives.
pub(crate) type Read = Result<Vec<(BlobId, Content)>, Fault>;

/// How many clusters' blobs are read at once: opening the object database for each cluster costs a quarter of a plan.
pub(crate) const BATCH: usize = 16;

/// Where the core time of plans goes.
#[derive(Debug, Default)]
pub(crate) struct Phases([AtomicU64; 8]);

impl Phases {
    const NAMES: [&str; 8] = ["sketch", "read", "parse", "resolve", "render", "learn", "change", "free"];

    fn time<T>(&self, phase: usize, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0[phase].fetch_add(nanos, Ordering::Relaxed);
        done
    }

    /// Returns the microseconds of each phase, for one of so many plans.
    pub(crate) fn each(&self, plans: usize) -> String {
        let each = |nanos: &AtomicU64| nanos.load(Ordering::Relaxed) / 1000 / u64::try_from(plans.max(1)).unwrap_or(1);
        let parts = Self::NAMES.iter().zip(&self.0).map(|(name, nanos)| format!("{name} {}", each(nanos)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn contents(mirror: &Mirror, ids: &[BlobId]) -> BTreeMap<BlobId, Content> {
    mirror.read(ids).expect("they are here").into_iter().collect()
}

/// What is left of a row of clusters.
///
/// Neighbours are packed as differences of each other, so a thread takes long parts, and shorter ones toward the end.
pub(crate) struct Parts<'a>(Mutex<&'a [ClusterName]>);

impl<'a> Parts<'a> {
    pub(crate) fn of(names: &'a [ClusterName]) -> Self {
        Self(Mutex::new(names))
    }

    /// Returns batches until nothing is left; other threads have others.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &'a [ClusterName]> {
        std::iter::from_fn(|| self.take()).flat_map(|part| part.chunks(BATCH))
    }

    fn take(&self) -> Option<&'a [ClusterName]> {
        let mut left = self.0.lock().expect("no work panics");
        let count = (left.len() / (2 * THREADS)).max(BATCH).min(left.len());
        let (part, rest) = left.split_at(count);
        *left = rest;
        (!part.is_empty()).then_some(part)
    }
}

fn chunks<T>(items: &[T]) -> Vec<&[T]> {
    items.chunks(items.len().div_ceil(THREADS).max(1)).collect()
}

/// Runs work on as many threads as there are items.
pub(crate) fn on_threads<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let start = |item| {
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || work(item)).expect("it starts")
        };
        let threads: Vec<_> = items.iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no work panics")).collect()
    })
}

pub(crate) fn lines(said: &[Diagnostic]) -> String {
    let line = |said: &Diagnostic| format!("{} {} {:?}", said.code, said.message, said.expected);
    said.iter().map(line).collect::<Vec<_>>().join("\n")
}
