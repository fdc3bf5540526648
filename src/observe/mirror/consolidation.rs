//! In: a mirror with many packs. Out: the same objects in few.
//! Guarantee: killed at any point, every object is still found: what is old goes after what is new is on disk.
//!
//! Why: to write all of a large repository anew takes a second and more, so that only packs of about one size are put
//! together: a small pack is written anew some times, and a large one hardly ever.
use super::folder::{Folder, list};
use crate::client::git::{self, Limits, Packed, in_folder};
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

/// The most packs that are left as they are.
const PACKS_KEPT: usize = 8;

/// A pack joins smaller ones that have at least this part of its bytes together.
const PART: u64 = 2;

/// A pack that can stand in the place of others.
pub(crate) struct Ready {
    packed: Packed,
    old: Vec<PathBuf>,
}

/// Returns how many packs stand in the mirror.
pub(crate) fn packs(folder: &Folder) -> Result<usize, Fault> {
    let files = list(&folder.packs()).map_err(in_folder("could not list the mirror's packs"))?;
    Ok(files.iter().filter(|file| has_extension(file, "pack")).count())
}

/// Writes one pack of many small ones and all loose objects, beside them.
pub(crate) fn prepare(folder: &Folder, limits: &Limits) -> Result<Ready, Fault> {
    let attempt = attempt(folder);
    let scratch = folder.consolidated();
    let prepare = || -> io::Result<(Vec<PathBuf>, Vec<ObjectId>)> {
        folder.clear_consolidated()?;
        fs::create_dir(&scratch)?;
        let mut packs = Vec::new();
        for file in list(&folder.packs())?.into_iter().filter(|file| has_extension(file, "pack")) {
            packs.push((fs::metadata(&file)?.len(), file));
        }
        let loose = loose(&folder.mirror().join("objects"))?;
        Ok((small(packs), loose.into_iter().map(|(id, _)| id).collect()))
    };
    // Listed first: what comes from now on is not in the new pack.
    let (old, loose) = prepare().map_err(in_folder(&attempt))?;
    let packed = git::consolidate(&folder.mirror(), &old, &loose, limits, &scratch)?;
    Ok(Ready { packed, old })
}

/// Puts what was prepared in the place of what it holds.
pub(crate) fn replace(folder: &Folder, ready: &Ready) -> Result<(), Fault> {
    let (packs, Ready { packed, old }) = (folder.packs(), ready);
    let replace = || -> io::Result<()> {
        let new = [&packed.pack, &packed.index].map(|file| packs.join(file.file_name().unwrap_or_default()));
        for (from, to) in [&packed.pack, &packed.index].into_iter().zip(&new) {
            fs::rename(from, to)?;
        }
        File::open(&packs)?.sync_all()?;
        // An index goes before its pack, so that nobody is led to a pack that is not there.
        let indexes = old.iter().map(|pack| pack.with_extension("idx"));
        for file in indexes.chain(old.iter().cloned()).filter(|file| !new.contains(file)) {
            fs::remove_file(file)?;
        }
        remove_loose(&folder.mirror().join("objects"), &packed.ids)?;
        folder.clear_consolidated()
    };
    replace().map_err(in_folder(&attempt(folder)))
}

fn attempt(folder: &Folder) -> String {
    format!("could not consolidate the mirror at {}", folder.mirror().display())
}

/// Returns the packs to put together: the smallest, up to the first that is far larger than all before it.
fn small(mut packs: Vec<(u64, PathBuf)>) -> Vec<PathBuf> {
    packs.sort_unstable();
    let least = packs.len().saturating_sub(PACKS_KEPT);
    let (mut bytes, mut small) = (0_u64, Vec::new());
    for (size, pack) in packs {
        if small.len() >= least && size > bytes.saturating_mul(PART) {
            break;
        }
        bytes += size;
        small.push(pack);
    }
    small
}

/// Returns the loose objects, each with its file.
fn loose(objects: &Path) -> io::Result<Vec<(ObjectId, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(objects)? {
        let entry = entry?;
        let first = entry.file_name().to_string_lossy().into_owned();
        if first.len() != 2 || !entry.file_type()?.is_dir() {
            continue;
        }
        for file in list(&entry.path())? {
            let rest = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Ok(id) = ObjectId::from_hex(format!("{first}{rest}").as_bytes()) {
                found.push((id, file));
            }
        }
    }
    Ok(found)
}

/// Removes loose objects that are among `ids`, in order. What is written meanwhile is not, and stays.
fn remove_loose(objects: &Path, ids: &[ObjectId]) -> io::Result<()> {
    let packed = loose(objects)?.into_iter().filter(|(id, _)| ids.binary_search(id).is_ok());
    packed.into_iter().try_for_each(|(_, file)| fs::remove_file(file))
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension() == Some(OsStr::new(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_pack_is_left_alone_until_the_small_ones_come_near() {
        let packs = |sizes: &[u64]| sizes.iter().map(|size| (*size, PathBuf::from(size.to_string()))).collect();
        let chosen = |sizes: &[u64]| small(packs(sizes)).len();
        assert_eq!(chosen(&[1; 33]), 33, "packs of one size");
        assert_eq!(chosen(&[vec![1; 32], vec![1000]].concat()), 32, "the clone stays");
        assert_eq!(chosen(&[vec![1; 32], vec![60, 1000]].concat()), 33, "what was put together joins");
        assert_eq!(chosen(&[vec![20; 32], vec![1000]].concat()), 33, "half of it has come");
        let tripled: Vec<u64> = (0..33).map(|power| 3_u64.pow(power)).collect();
        assert_eq!(chosen(&tripled), 25, "there are never many");
    }
}
