//! In: a full profile, a world. Out: what had to be rendered outside, rendered.
//! Guarantee: a distinct request is rendered once, however many clusters ask for it and whenever; who asks meanwhile waits;
//! what is kept in memory is bounded.
use super::chart_texts::Charts;
use super::registry_packs::{self, Held};
use super::sealed;
use super::world::Sources;
use crate::decide::document::{LockedRegistryPack, Texts, Unpacked};
use crate::decide::fleet::{Fleet, Found, PackFiles};
use crate::decide::profile::{Content, FullProfile, Packaged, Remote, What};
use crate::decide::render::{self, Expanded, ExpandedPacks, Recalled, Request};
use crate::decide::value::{Digest, Fault, Seal, Source, Span};
use crate::name::BlobId;
use crate::observe::pack::{Packs, Unpackings};
use crate::settings::{AgeKeys, Settings};
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::{OnceCell, Semaphore};

/// How many bytes of objects are kept: the charts of a large fleet in all their forms; the disk has the others.
const BYTES_MAX: usize = 48 << 20;

/// What requests came to, and who renders them.
pub struct Expansions {
    packs: Arc<Packs>,
    secrets: Vec<AgeKeys>,
    unpackings: Unpackings,
    registry_packs: Held,
    charts: Charts,
    kept: Mutex<Kept>,
    /// A render takes a core.
    turns: Semaphore,
    renders: AtomicU64,
}

/// What one request came to, once somebody has rendered it.
type Cell = Arc<OnceCell<Arc<Expanded>>>;

#[derive(Default)]
struct Kept {
    /// With how many bytes each has, and when it was asked for last.
    cells: BTreeMap<Digest, (Cell, usize, u64)>,
    bytes: usize,
    asked: u64,
}

impl Expansions {
    /// Takes what the settings say of programs and of where things are kept.
    pub fn new(settings: &Settings) -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            packs: Arc::new(Packs::new(settings)),
            secrets: settings.secrets.clone(),
            unpackings: Unpackings::new(settings.package_keys.clone()),
            registry_packs: Held::default(),
            charts: Charts::default(),
            kept: Mutex::default(),
            turns: Semaphore::new(cores),
            renders: AtomicU64::new(0),
        }
    }

    /// Returns the same for what a stranger wrote: nothing sealed is opened for it, and nothing is fetched.
    pub fn of_strangers(settings: &Settings) -> Self {
        Self::new(&Settings { secrets: Vec::new(), sources: Vec::new(), ..settings.clone() })
    }

    /// Returns how many requests were rendered, and not remembered, since it was made.
    pub fn renders(&self) -> u64 {
        self.renders.load(Ordering::Relaxed)
    }

    /// Opens sealed files among those that were read.
    pub(super) fn open(&self, files: &[Found], texts: &mut Texts, seal: &Seal) -> Result<(), Fault> {
        sealed::open(files, texts, &self.secrets, seal)
    }

    /// Unpacks packages among what was read; those of registries are fetched.
    pub(super) async fn unpack(&self, packages: Vec<Packaged>, texts: &mut Texts) -> Result<(), Fault> {
        for Packaged { path, blob, remote, at } in packages {
            let bytes = texts.get(blob).and_then(|blob| blob.bytes().cloned());
            let unpacked = match (remote, bytes) {
                (Some(remote), _) => self.fetch(blob, remote).await.map_err(|fault| named_at(&fault, &at))?,
                (None, Some(bytes)) => self.unpackings.get(blob, &path, &bytes),
                (None, None) => Arc::new(Err("it is too large to be read from the repository".into())),
            };
            texts.unpack(blob, unpacked);
        }
        Ok(())
    }

    async fn fetch(&self, id: BlobId, remote: Remote) -> Result<Arc<Unpacked>, Fault> {
        if let Some(known) = self.unpackings.known(id) {
            return Ok(known);
        }
        let packs = self.packs.clone();
        let unpacked = blocking(move || packs.package(&remote)).await?;
        Ok(self.unpackings.keep(id, unpacked))
    }

    /// Returns the packs of registries that were read so far.
    pub(super) fn registry_packs(&self) -> &Held {
        &self.registry_packs
    }

    /// Returns what was read of charts in archives.
    pub(super) fn charts(&self) -> &Charts {
        &self.charts
    }

    /// Returns files of a chart's archive by their names.
    pub(super) async fn files_of_chart(
        &self,
        what: What,
        texts: Texts,
        names: &'static [&'static str],
    ) -> Result<Vec<Option<Arc<[u8]>>>, Fault> {
        let packs = self.packs.clone();
        blocking(move || packs.files_of_chart(&what, &texts, names)).await
    }

    /// Returns a fleet with the packs of registries that were read so far.
    pub(super) fn with_packs(&self, fleet: &Fleet) -> Fleet {
        fleet.with_packs(self.registry_packs.known())
    }

    /// Checks that what the lock has of a pack lies where its registry is; in words why it does not.
    pub(super) fn is_of_its_registry(&self, locked: &LockedRegistryPack) -> Result<(), String> {
        self.packs.is_of_its_registry(locked)
    }

    /// Fetches a pack of a registry; in words why it is refused.
    pub(super) async fn fetch_pack(&self, remote: Remote) -> Result<Result<PackFiles, String>, Fault> {
        let packs = self.packs.clone();
        blocking(move || packs.registry_pack(&remote)).await
    }

    async fn expand<W: Sources>(&self, world: &W, request: Request) -> Result<Arc<Expanded>, Fault> {
        let digest = request.digest;
        let cell = self.cell(digest);
        let expanded = cell.get_or_try_init(|| self.make(world, request)).await?.clone();
        self.count(digest, &expanded);
        Ok(expanded)
    }

    async fn make<W: Sources>(&self, world: &W, request: Request) -> Result<Arc<Expanded>, Fault> {
        let _turn = self.turns.acquire().await.map_err(Fault::bug)?;
        let request = Arc::new(request);
        let (packs, asked) = (self.packs.clone(), request.clone());
        if let Some(known) = blocking(move || packs.recall(&asked)).await? {
            return Ok(Arc::new(known));
        }
        let texts = registry_packs::texts(world, request.what.blobs()).await?;
        let packs = self.packs.clone();
        self.renders.fetch_add(1, Ordering::Relaxed);
        blocking(move || packs.render(&request, &texts)).await.map(Arc::new)
    }

    fn cell(&self, digest: Digest) -> Cell {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.asked += 1;
        let asked = kept.asked;
        let (cell, _, last) = kept.cells.entry(digest).or_default();
        *last = asked;
        cell.clone()
    }

    /// Counts what a request came to, and forgets what was asked for longest ago, as far as there is too much.
    fn count(&self, digest: Digest, expanded: &Expanded) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, bytes, _)) = kept.cells.get_mut(&digest).filter(|(_, bytes, _)| *bytes == 0) else { return };
        *bytes = expanded.size();
        kept.bytes += expanded.size();
        while kept.bytes > BYTES_MAX {
            let others = kept.cells.iter().filter(|(other, (_, bytes, _))| **other != digest && *bytes > 0);
            let Some(oldest) = others.min_by_key(|(_, (.., last))| *last).map(|(oldest, _)| *oldest) else { return };
            if let Some((_, bytes, _)) = kept.cells.remove(&oldest) {
                kept.bytes -= bytes;
            }
        }
    }
}

/// Renders outside all that a profile needs, asked until nothing is left: charts see the kinds of the layers before them.
pub(super) async fn expanded<W: Sources>(
    world: &W,
    profile: &FullProfile,
    recalled: &Recalled,
    texts: &Texts,
) -> Result<ExpandedPacks, Fault> {
    let mut packs = ExpandedPacks::new();
    loop {
        let missing = render::expansion(profile, recalled, texts, &packs, world.seal());
        if missing.is_empty() {
            return Ok(packs);
        }
        let asked = missing.into_iter().map(|request| async {
            let (digest, at) = (request.digest, place_of(profile, &request));
            let expanded = world.expansions().expand(world, request).await;
            expanded.map(|expanded| (digest, expanded)).map_err(|fault| match at {
                Some(at) => named_at(&fault, &at),
                None => fault,
            })
        });
        packs.extend(try_join_all(asked).await?);
    }
}

/// Returns where a chart of another server is named that a request is for.
fn place_of(profile: &FullProfile, request: &Request) -> Option<Span> {
    let What::Chart(Content::Remote(_)) = &request.what else { return None };
    let mut parts = profile.layers.iter().flat_map(|layer| layer.parts.iter());
    parts.find(|part| part.what == request.what).map(|part| part.at.clone())
}

/// Says of a fault of another server where is named what was asked of it.
pub(super) fn named_at(fault: &Fault, at: &Span) -> Fault {
    if matches!(fault.source, Source::Documents(_)) {
        return fault.repeated();
    }
    Fault { source: Source::Error(format!("{at}: {fault}").into()), ..fault.repeated() }
}

/// Does what waits for a child on a thread of its own, so that plans of other clusters go on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::bug("a render did not come to its end"))?
}
