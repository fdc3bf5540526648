//! In: packs of a repository, and its loose objects. Out: one pack, elsewhere, with each of these objects.
//! Guarantee: a pack is handed out only after each of its objects was unpacked, hashed, and found to be one that was asked for.
mod choose;

use super::address::Limits;
use super::error::{fault, in_folder, in_local};
use super::objects::open;
use crate::decide::value::{Fault, Owner};
use choose::{Chosen, Form, Place, Source, choose};
use gix::ObjectId;
use gix::objs::FindExt;
use gix::progress::Discard;
use gix_pack::data::Version;
use gix_pack::data::output::bytes::FromEntriesIter;
use gix_pack::data::output::count::PackLocation;
use gix_pack::data::output::{Count, Entry, entry::Kind};
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

/// Writes a pack with all objects of some packs of a repository, and some loose ones, into an empty folder.
pub(crate) fn consolidate(
    git_folder: &Path,
    packs: &[PathBuf],
    loose: &[ObjectId],
    limits: &Limits,
    into: &Path,
) -> Result<Packed, Fault> {
    let attempt = format!("could not consolidate the packs of {}", git_folder.display());
    let repository = open(git_folder, limits)?.to_thread_local();
    let sources = choose::open(packs, &attempt)?;
    let chosen = choose(&sources, loose, &attempt)?;
    let written = into.join("written");
    copy(&repository, &sources, &chosen, &written, &attempt)?;
    let mut ids: Vec<ObjectId> = chosen.iter().map(|chosen| chosen.id).collect();
    ids.sort_unstable();
    drop((repository, sources, chosen));
    let packed = index(&written, limits, into, &attempt)?;
    let packed = Packed { ids, ..packed };
    verify(&packed, &attempt)?;
    for file in [&packed.pack, &packed.index] {
        File::open(file).and_then(|file| file.sync_all()).map_err(in_folder(&attempt))?;
    }
    Ok(packed)
}

/// Writes a pack without index.
fn copy(
    repository: &gix::Repository,
    sources: &[Source],
    chosen: &[Chosen],
    to: &Path,
    attempt: &str,
) -> Result<(), Fault> {
    let file = File::create(to).map_err(in_folder(attempt))?;
    let mut failed = None;
    // A fault ends the pack too early, which the writer finds by the number of objects.
    let entries = chosen.iter().map_while(|chosen| match entry(repository, sources, chosen, attempt) {
        Ok(entry) => Some(Ok(vec![entry])),
        Err(fault) => {
            failed = Some(fault);
            None
        }
    });
    let written = write_entries(entries, chosen.len(), BufWriter::new(file), attempt);
    match failed {
        Some(fault) => Err(fault),
        None => written,
    }
}

/// Returns what is written of an object.
fn entry(repository: &gix::Repository, sources: &[Source], chosen: &Chosen, attempt: &str) -> Result<Entry, Fault> {
    let (place, base) = match chosen.form {
        Form::Whole(place) => (place, None),
        Form::Delta(place, base) => (place, Some(base)),
        Form::Anew => {
            let mut buffer = Vec::new();
            let object = repository.objects.find(&chosen.id, &mut buffer).map_err(in_local(attempt))?;
            let count = Count { id: chosen.id, entry_pack_location: PackLocation::NotLookedUp };
            return Entry::from_data(&count, &object, gix::zlib::Compression::DEFAULT).map_err(in_local(attempt));
        }
    };
    let Place { source, start, end } = place;
    let damaged = || Fault::bug(format!("{attempt}: an entry was found and is not there"));
    let data = &sources.get(source).ok_or_else(damaged)?.data;
    let header = data.entry(start).map_err(in_local(attempt))?;
    let kind = match base {
        Some(object_index) => Kind::DeltaRef { object_index },
        None => Kind::Base(header.header.as_kind().ok_or_else(damaged)?),
    };
    Ok(Entry {
        id: chosen.id,
        kind,
        decompressed_size: usize::try_from(header.decompressed_size).map_err(|_| damaged())?,
        compressed_data: data.entry_slice(header.data_offset..end).ok_or_else(damaged)?.to_vec(),
    })
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
