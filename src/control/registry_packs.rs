//! In: a cluster whose layers name packs of registries. Out: its sketch, with those packs read; what their files hold.
//! Guarantee: a pack is fetched once a process, however many clusters have it; what their files hold is kept within a bound,
//! and read again from where it was fetched to.
use super::expansion::named_at;
use super::world::Sources;
use crate::decide::document::{Blob, Lock, LockedRegistryPack, Texts};
use crate::decide::fleet::{Fleet, Index, PackFiles, RegistryPacks};
use crate::decide::profile::codes::NOT_LOCKED;
use crate::decide::profile::{Declarations, MissingPack, Remote, Sketch, sketch_with, suspect};
use crate::decide::value::{Diagnostic, Digest, Fault, Origin};
use crate::name::{BlobId, ClusterName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The most packs of which the documents are kept: far more than a fleet has in all its revisions.
const PACKS_MAX: usize = 1000;

/// How many bytes of their files are kept: some dozen packs with charts of a megabyte.
const BYTES_MAX: usize = 64 << 20;

/// Packs of registries that were read.
#[derive(Default)]
pub(super) struct Held(Mutex<Packs>);

#[derive(Default)]
struct Packs {
    known: RegistryPacks,
    /// In which pack a file is.
    places: BTreeMap<BlobId, Remote>,
    /// The locks that were looked at and are right; one that nobody reads any more is forgotten.
    checked: Vec<Weak<Lock>>,
    /// What files hold, by pack, the newest last.
    contents: Vec<(Digest, Arc<Contents>)>,
}

/// What the files of a pack hold.
struct Contents {
    blobs: BTreeMap<BlobId, Arc<Blob>>,
    bytes: usize,
}

impl Contents {
    fn of(files: &PackFiles) -> Self {
        let blob = |(id, bytes): &(BlobId, Arc<[u8]>)| (*id, Arc::new(Blob::new(*id, Ok(bytes.clone()))));
        let bytes = files.values().map(|(_, bytes)| bytes.len()).sum();
        Self { blobs: files.values().map(blob).collect(), bytes }
    }
}

impl Held {
    /// Returns the packs that were read so far.
    pub(super) fn known(&self) -> RegistryPacks {
        self.packs().known.clone()
    }

    fn packs(&self) -> MutexGuard<'_, Packs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a pack in, or why it is none.
    fn take(&self, missing: &MissingPack, fetched: Result<PackFiles, String>) {
        let MissingPack { name, version, remote, .. } = missing;
        let origin = Origin::of_registry(remote.url.clone());
        let read = |files: &PackFiles| Index::of_pack(name, version, files, &origin);
        let index = fetched.as_ref().map_err(Clone::clone).and_then(read);
        let mut packs = self.packs();
        if packs.known.len() >= PACKS_MAX {
            *packs = Packs::default();
        }
        packs.known.insert(remote.digest, index.map(Arc::new).map_err(Into::into));
        if let Ok(files) = fetched {
            packs.places.extend(files.values().map(|(blob, _)| (*blob, remote.clone())));
            packs.keep(remote.digest, Arc::new(Contents::of(&files)));
        }
    }

    /// Returns what the files of a pack hold, if that is still kept.
    fn contents(&self, digest: Digest) -> Option<Arc<Contents>> {
        self.packs().contents.iter().find(|(known, _)| *known == digest).map(|(_, contents)| contents.clone())
    }
}

impl Packs {
    fn keep(&mut self, digest: Digest, contents: Arc<Contents>) {
        self.contents.retain(|(known, _)| *known != digest);
        self.contents.push((digest, contents));
        while self.contents.len() > 1 && self.contents.iter().map(|(_, it)| it.bytes).sum::<usize>() > BYTES_MAX {
            self.contents.remove(0);
        }
    }
}

/// Sketches a cluster, once the packs of registries that it names are read.
pub(super) async fn sketched<W: Sources>(
    world: &W,
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
) -> Result<Sketch, Fault> {
    let locks: Vec<&Arc<Lock>> = fleet.locks().filter(|lock| !lock.registry_packs.is_empty()).collect();
    if locks.is_empty() {
        return Ok(sketch_with(declarations, fleet, cluster, world.seal())?);
    }
    for lock in locks {
        check(world, lock)?;
    }
    let known = world.expansions().with_packs(fleet);
    let said = match sketch_with(declarations, &known, cluster, world.seal()) {
        Ok(sketch) => return Ok(sketch),
        Err(said) => said,
    };
    let missing = suspect(&known, cluster, world.seal()).map(|suspect| suspect.missing_packs().to_vec());
    let missing = missing.unwrap_or_default();
    if missing.is_empty() {
        return Err(said.into());
    }
    for missing in &missing {
        let fetched = world.expansions().fetch_pack(missing.remote.clone()).await;
        let fetched = fetched.map_err(|fault| named_at(&fault, &missing.at))?;
        world.expansions().registry_packs().take(missing, fetched);
    }
    // What could not be read of a declaration before can be now.
    *declarations = Declarations::default();
    Ok(sketch_with(declarations, &world.expansions().with_packs(fleet), cluster, world.seal())?)
}

/// Checks once what a lock has of all its packs, however many clusters read it.
fn check<W: Sources>(world: &W, lock: &Arc<Lock>) -> Result<(), Vec<Diagnostic>> {
    let held = world.expansions().registry_packs();
    if held.packs().checked.iter().any(|known| known.as_ptr() == Arc::as_ptr(lock)) {
        return Ok(());
    }
    for locked in &lock.registry_packs {
        world.expansions().is_of_its_registry(locked).map_err(|why| elsewhere(locked, &why))?;
    }
    let mut packs = held.packs();
    packs.checked.retain(|known| known.strong_count() > 0);
    packs.checked.push(Arc::downgrade(lock));
    Ok(())
}

/// What is said where a lock takes a pack from another place than its registry.
fn elsewhere(locked: &LockedRegistryPack, why: &str) -> Vec<Diagnostic> {
    let message = format!("fleet.lock does not have the pack `{}` of {}: {why}", locked.name, locked.registry);
    let hint = format!("where nobody edited it, the registry moved: run `stratify lock --update {}`", locked.name);
    vec![Diagnostic::error(NOT_LOCKED, message).hint(hint)]
}

/// Reads blobs: those of packs of registries where they are kept, all others where Git has them.
pub(super) async fn texts<W: Sources>(world: &W, blobs: BTreeSet<BlobId>) -> Result<Texts, Fault> {
    let held = world.expansions().registry_packs();
    let mut places: BTreeMap<Digest, (Remote, Vec<BlobId>)> = BTreeMap::new();
    let mut others = BTreeSet::new();
    {
        let packs = held.packs();
        for blob in blobs {
            match packs.places.get(&blob) {
                Some(remote) => places.entry(remote.digest).or_insert((remote.clone(), Vec::new())).1.push(blob),
                None => drop(others.insert(blob)),
            }
        }
    }
    let mut texts = world.texts(others).await?;
    for (digest, (remote, blobs)) in places {
        let contents = if let Some(contents) = held.contents(digest) {
            contents
        } else {
            let fetched = world.expansions().fetch_pack(remote).await?;
            let files = fetched.map_err(|_| Fault::bug("a pack that was read is refused"))?;
            let contents = Arc::new(Contents::of(&files));
            held.packs().keep(digest, contents.clone());
            contents
        };
        blobs.iter().filter_map(|blob| contents.blobs.get(blob)).for_each(|blob| texts.share(blob.clone()));
    }
    Ok(texts)
}
