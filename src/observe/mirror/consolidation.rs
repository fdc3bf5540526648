//! In: a mirror with many packs. Out: the same objects in one.
//! Guarantee: killed at any point, every object is still found: what is old goes after what is new is on disk.
use super::folder::{Folder, list};
use crate::client::git::{self, Limits, in_folder};
use crate::decide::value::Fault;
use gix::ObjectId;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The most packs that stand: each look-up asks all of them, and Git itself consolidates at 50.
pub(crate) const PACKS_MAX: usize = 32;

/// From here on a consolidation that fails is a fault: a store opens 1024 packs at most, and nothing would be found.
pub(crate) const PACKS_TOO_MANY: usize = 512;

/// Returns how many packs stand in the mirror.
pub(crate) fn packs(folder: &Folder) -> Result<usize, Fault> {
    let files = list(&folder.packs()).map_err(in_folder("could not list the mirror's packs"))?;
    Ok(files.iter().filter(|file| has_extension(file, "pack")).count())
}

/// Replaces all packs and loose objects of the mirror by one pack.
pub(crate) fn consolidate(folder: &Folder, limits: &Limits) -> Result<(), Fault> {
    let attempt = format!("could not consolidate the mirror at {}", folder.mirror().display());
    let (packs, scratch) = (folder.packs(), folder.consolidated());
    let prepare = || -> io::Result<Vec<PathBuf>> {
        folder.clear_consolidated()?;
        fs::create_dir(&scratch)?;
        list(&packs)
    };
    // Listed first: what comes from now on is not in the new pack for sure.
    let old = prepare().map_err(in_folder(&attempt))?;
    let packed = git::consolidate(&folder.mirror(), limits, &scratch)?;
    let replace = || -> io::Result<()> {
        let new = [&packed.pack, &packed.index].map(|file| packs.join(file.file_name().unwrap_or_default()));
        for (from, to) in [&packed.pack, &packed.index].into_iter().zip(&new) {
            fs::rename(from, to)?;
        }
        File::open(&packs)?.sync_all()?;
        // An index goes before its pack, so that nobody is led to a pack that is not there.
        let of = |extension: &'static str| old.iter().filter(move |file| has_extension(file, extension));
        for file in of("idx").chain(of("pack")).filter(|file| !new.contains(file)) {
            fs::remove_file(file)?;
        }
        remove_loose(&folder.mirror().join("objects"), &packed.ids)?;
        folder.clear_consolidated()
    };
    replace().map_err(in_folder(&attempt))
}

/// Removes loose objects that are among `ids`, in order. What is written meanwhile is not, and stays.
fn remove_loose(objects: &Path, ids: &[ObjectId]) -> io::Result<()> {
    for entry in fs::read_dir(objects)? {
        let entry = entry?;
        let first = entry.file_name().to_string_lossy().into_owned();
        if first.len() != 2 || !entry.file_type()?.is_dir() {
            continue;
        }
        for file in list(&entry.path())? {
            let rest = file.file_name().unwrap_or_default().to_string_lossy();
            let id = ObjectId::from_hex(format!("{first}{rest}").as_bytes());
            if id.is_ok_and(|id| ids.binary_search(&id).is_ok()) {
                fs::remove_file(&file)?;
            }
        }
    }
    Ok(())
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension() == Some(OsStr::new(extension))
}
