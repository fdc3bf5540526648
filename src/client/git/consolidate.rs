//! In: a repository's Git folder. Out: one pack, elsewhere, with every object of it.
//! Guarantee: a pack is handed out only after each of its objects was unpacked, hashed, and found to be one that was asked for.
use super::address::Limits;
use super::error::{fault, in_folder, in_local, local};
use super::objects::open;
use crate::decide::value::{Fault, Owner};
use gix::ObjectId;
use gix::parallel::InOrderIter;
use gix::progress::Discard;
use gix_pack::data::Version;
use gix_pack::data::output::bytes::FromEntriesIter;
use gix_pack::data::output::count::PackLocation;
use gix_pack::data::output::entry::iter_from_counts;
use gix_pack::data::output::{Count, Entry};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A pack that is on disk, with its index.
pub(crate) struct Packed {
    /// The pack.
    pub(crate) pack: PathBuf,
    /// Its index.
    pub(crate) index: PathBuf,
    /// What is in it, in order.
    pub(crate) ids: Vec<ObjectId>,
}

/// How many objects are copied at once: with small ones, some hundred kilobytes.
const OBJECTS_AT_ONCE: usize = 100;

/// Writes a pack with all objects of a repository into an empty folder, as they are packed already where they are.
pub(crate) fn consolidate(git_folder: &Path, limits: &Limits, into: &Path) -> Result<Packed, Fault> {
    let attempt = format!("could not consolidate the packs of {}", git_folder.display());
    // Opened anew, so that no pack that came since is left out.
    let repository = open(git_folder, limits)?.to_thread_local();
    let ids = all_ids(&repository, &attempt)?;
    let written = into.join("written");
    copy(&repository, &ids, &written, &attempt)?;
    drop(repository);
    let packed = index(&written, limits, into, &attempt)?;
    let packed = Packed { ids, ..packed };
    verify(&packed, &attempt)?;
    for file in [&packed.pack, &packed.index] {
        File::open(file).and_then(|file| file.sync_all()).map_err(in_folder(&attempt))?;
    }
    Ok(packed)
}

/// Returns the id of each object, in order, once.
fn all_ids(repository: &gix::Repository, attempt: &str) -> Result<Vec<ObjectId>, Fault> {
    let all = repository.objects.iter().map_err(in_local(attempt))?;
    let mut ids = all.collect::<Result<Vec<_>, _>>().map_err(|error| local(attempt, &error))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Writes a pack without index.
fn copy(repository: &gix::Repository, ids: &[ObjectId], to: &Path, attempt: &str) -> Result<(), Fault> {
    let mut objects = repository.objects.store().to_cache_arc();
    // A pack is known by its place among those that are open, so none of them may be closed in between.
    objects.prevent_pack_unload();
    let counts = ids.iter().map(|id| Count { id: *id, entry_pack_location: PackLocation::NotLookedUp }).collect();
    let options = iter_from_counts::Options {
        thread_limit: Some(1), // it writes to one disk, beside syncs
        chunk_size: OBJECTS_AT_ONCE,
        ..iter_from_counts::Options::default()
    };
    let entries = gix_pack::data::output::entry::iter_from_counts(counts, objects, Box::new(Discard), options);
    let entries = InOrderIter::from(entries.map_err(in_local(attempt))?);
    let file = File::create(to).map_err(in_folder(attempt))?;
    write_entries(entries, ids.len(), BufWriter::new(file), attempt)
}

/// Writes entries as a pack.
pub(crate) fn write_entries(
    entries: impl Iterator<Item = gix::Result<Vec<Entry>>>,
    count: usize,
    to: impl Write,
    attempt: &str,
) -> Result<(), Fault> {
    let count = u32::try_from(count).map_err(|_| {
        let message = format!("{attempt}: a pack has at most {} objects, found {count}", u32::MAX);
        fault(Owner::Operator, false, message, "delete the mirror's folder; it is cloned again")
    })?;
    let pack = FromEntriesIter::new(entries, to, count, Version::V2, gix::hash::Kind::Sha1);
    for written in pack {
        written.map_err(in_local(attempt))?;
    }
    Ok(())
}

/// Unpacks all that was written, and gives it an index.
fn index(written: &Path, limits: &Limits, into: &Path, attempt: &str) -> Result<Packed, Fault> {
    let file = File::open(written).map_err(in_folder(attempt))?;
    let options = gix_pack::bundle::write::Options {
        thread_limit: Some(1),
        alloc_limit_bytes: usize::try_from(limits.object_bytes_max).ok(),
        ..gix_pack::bundle::write::Options::default()
    };
    let done = gix_pack::Bundle::write_to_directory(
        &mut BufReader::new(file),
        Some(into),
        &mut Discard,
        &AtomicBool::new(false),
        None::<gix::odb::Handle>,
        gix::hash::Kind::Sha1,
        options,
    );
    let done = done.map_err(in_local(attempt))?;
    let (Some(pack), Some(index)) = (done.data_path, done.index_path) else {
        return Err(Fault::bug("a pack that is written into a folder has a path"));
    };
    Ok(Packed { pack, index, ids: Vec::new() })
}

/// Compares what the index found with what was asked for.
fn verify(packed: &Packed, attempt: &str) -> Result<(), Fault> {
    let index = gix_pack::index::File::at(&packed.index, gix::hash::Kind::Sha1).map_err(in_local(attempt))?;
    if index.iter().map(|entry| entry.oid).eq(packed.ids.iter().copied()) {
        return Ok(());
    }
    let message = format!("{attempt}: objects were damaged on this machine");
    Err(fault(Owner::Operator, false, message, "delete the mirror's folder; it is cloned again"))
}
