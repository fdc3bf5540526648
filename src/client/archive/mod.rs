//! In: an archive, as a stream. Out: its files, one after the other.
//! Guarantee: one reader: what is verified is what is parsed. Links, devices, names that lead out or that two file systems
//! take for one, bombs, and whatever stands behind the end are refused, whoever may come to read the archive next.
mod error;
mod long_name;
mod names;
mod unpacked;

pub use error::{ArchiveError, Reason};

use crate::name::RepoPath;
use long_name::LongName;
use names::Names;
use std::io::{self, Read};
use std::sync::Arc;
use tar::EntryType;
use unpacked::Unpacked;

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.tar`
    Tar,
    /// `.tgz`, `.tar.gz`
    Gzip,
    /// `.tar.zst`
    Zstandard,
}

impl Format {
    /// Returns the format that a file's name tells.
    pub fn of(name: &str) -> Option<Self> {
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        match name {
            _ if ends(&[".tgz", ".tar.gz"]) => Some(Self::Gzip),
            _ if ends(&[".tar.zst", ".tzst"]) => Some(Self::Zstandard),
            _ if ends(&[".tar"]) => Some(Self::Tar),
            _ => None,
        }
    }
}

/// How much an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most files and folders.
    pub entries: usize,
    /// The largest file.
    pub file_bytes: u64,
    /// The most bytes unpacked, headers included.
    pub bytes: u64,
    /// How many bytes one packed byte may become, beyond the first mebibyte.
    pub ratio: u64,
    /// The most folders around a file.
    pub depth: usize,
}

impl Limits {
    /// A Helm chart: 100 MiB and 5 MiB a file are Helm's own limits; text shrinks to a tenth, seldom to a hundredth.
    pub const CHART: Self = Self { entries: 20_000, file_bytes: 5 << 20, bytes: 100 << 20, ratio: 250, depth: 32 };

    /// A Zarf package: its images are streamed past, so only time bounds it; images hardly shrink.
    pub const PACKAGE: Self = Self { entries: 100_000, file_bytes: 16 << 30, bytes: 64 << 30, ratio: 250, depth: 32 };
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub path: RepoPath,
    /// What it holds.
    pub bytes: Arc<[u8]>,
}

/// Returns the files of an archive, in its order.
pub fn read(source: impl Read, format: Format, limits: Limits) -> Result<Vec<Entry>, ArchiveError> {
    let mut files = Vec::new();
    each(source, format, limits, &mut |path, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        files.push(Entry { path: path.clone(), bytes: bytes.into() });
        Ok(())
    })?;
    Ok(files)
}

/// What is done with each file of an archive; what it leaves unread is read past.
pub type Visit<'a> = dyn FnMut(&RepoPath, &mut dyn Read) -> io::Result<()> + 'a;

/// Shows each file of an archive, in its order, while it is read; all is well with it only when this has returned.
pub fn each(source: impl Read, format: Format, limits: Limits, visit: &mut Visit<'_>) -> Result<(), ArchiveError> {
    let mut unpacked = Unpacked::new(source, format, limits);
    let mut names = Names::default();
    let walked = walk(&mut unpacked, limits, &mut names, visit);
    // A limit shows as an error of reading, wherever it was met.
    if let Some(reason) = unpacked.reason() {
        return Err(ArchiveError { at: names.last(), reason });
    }
    walked?;
    unpacked.rest().map_err(|reason| ArchiveError { at: None, reason })
}

fn walk(
    unpacked: &mut Unpacked<'_>,
    limits: Limits,
    names: &mut Names,
    visit: &mut Visit<'_>,
) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(unpacked);
    let mut long = LongName::default();
    // Raw: long names are read here, with a bound, and nothing else of an extension counts.
    for entry in archive.entries().map_err(|error| unread(None, &error))?.raw(true) {
        let mut entry = entry.map_err(|error| unread(names.last(), &error))?;
        let kind = entry.header().entry_type();
        if long.take(kind, &mut entry).map_err(|reason| ArchiveError { at: names.last(), reason })? {
            continue;
        }
        let name = long.name().unwrap_or_else(|| entry.path_bytes().into_owned());
        let fail = |reason| ArchiveError { at: Some(names::shown(&name)), reason };
        let is_folder = match kind {
            EntryType::Directory => true,
            EntryType::Regular | EntryType::Continuous => false,
            EntryType::Link | EntryType::Symlink => return Err(fail(Reason::Link)),
            _ => return Err(fail(Reason::NoFile)),
        };
        let path = names.take(&name, is_folder, limits).map_err(fail)?;
        let Some(path) = path.filter(|_| !is_folder) else { continue };
        if entry.size() > limits.file_bytes {
            return Err(fail(Reason::TooLarge(limits.file_bytes)));
        }
        visit(&path, &mut entry).map_err(|error| unread(Some(names::shown(&name)), &error))?;
    }
    Ok(())
}

fn unread(at: Option<String>, error: &io::Error) -> ArchiveError {
    ArchiveError { at, reason: Reason::of(error) }
}

#[cfg(test)]
mod tests;
