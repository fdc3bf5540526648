//! In: the archive of a Zarf package. Out: its files, those of its components unpacked.
//! Guarantee: what Zarf itself checks is checked: the list of checksums is the one that `zarf.yaml` names, each file is as
//! the list says, and no other one is there. Images are read past, and never kept.
mod registry;
mod signature;

pub(super) use registry::{again, fetch, locked};

use crate::client::archive::{Format, Limits, each, read};
use crate::decide::document::yaml::Node;
use crate::decide::document::{File, Unpacked};
use crate::name::{BlobId, RepoPath};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files that the list of checksums does not name: it cannot name itself, nor what is signed with it.
const UNLISTED: [&str; 5] = ["zarf.yaml", "checksums.txt", "zarf.yaml.sig", "zarf.bundle.sig", "zarf.provenance.json"];

/// The largest component and the largest text that are kept: charts and manifests, which shrink well.
const KEPT_BYTES_MAX: u64 = 64 << 20;

/// What a component holds beside images: as a chart, and more of it.
const COMPONENT: Limits = Limits { entries: 20_000, file_bytes: 32 << 20, bytes: 256 << 20, ratio: 250, depth: 32 };

/// Unpacks the archive of a package; in words why it is refused.
fn unpack(bytes: &[u8], path: &RepoPath, keys: &[PathBuf]) -> Unpacked {
    let format = Format::of(path.as_str()).ok_or("it is no archive")?;
    let (mut sums, mut kept) = (BTreeMap::new(), BTreeMap::new());
    each(bytes, format, Limits::PACKAGE, &mut |path, content| {
        let is_kept = is_kept(path.as_str());
        let (sum, content) = hashed(content, is_kept)?;
        sums.insert(path.clone(), sum);
        if is_kept {
            kept.insert(path.clone(), content);
        }
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    opened(&sums, kept, keys)
}

/// Verifies the files of a package, and unpacks its components; in words why it is refused.
fn opened(sums: &BTreeMap<RepoPath, String>, kept: BTreeMap<RepoPath, Vec<u8>>, keys: &[PathBuf]) -> Unpacked {
    let find = |name: &str| RepoPath::new(name).ok().and_then(|path| kept.get(&path));
    signature::verify(keys, find)?;
    verify(sums, &kept)?;
    let mut files = BTreeMap::new();
    for (path, content) in kept {
        if !path.as_str().starts_with("components/") {
            files.insert(path, content.into());
            continue;
        }
        let entries = read(content.as_slice(), Format::Tar, COMPONENT).map_err(|error| format!("`{path}`: {error}"))?;
        for entry in entries {
            let inside = RepoPath::new(&format!("components/{}", entry.path)).map_err(|error| error.to_string())?;
            files.insert(inside, entry.bytes);
        }
    }
    Ok(files)
}

fn is_kept(path: &str) -> bool {
    matches!(path, "zarf.yaml" | "zarf.yaml.sig" | "zarf.bundle.sig" | "checksums.txt" | "values.yaml")
        || path
            .strip_prefix("components/")
            .is_some_and(|rest| Format::of(rest) == Some(Format::Tar) && !rest.contains('/'))
}

/// Returns the checksum of a file, and what it holds where that is kept.
fn hashed(content: &mut dyn Read, is_kept: bool) -> io::Result<(String, Vec<u8>)> {
    let (mut hasher, mut all, mut chunk) = (Sha256::new(), Vec::new(), vec![0; 64 * 1024]);
    loop {
        let count = content.read(&mut chunk)?;
        let read = chunk.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Ok((hex(hasher.finalize().into()), all));
        }
        hasher.update(read);
        if is_kept {
            all.extend_from_slice(read);
        }
        if all.len() as u64 > KEPT_BYTES_MAX {
            return Err(io::Error::other(format!("expected at most {KEPT_BYTES_MAX} bytes")));
        }
    }
}

fn hex(digest: [u8; 32]) -> String {
    crate::decide::value::Digest(digest).to_string()
}

/// Compares all checksums.
fn verify(sums: &BTreeMap<RepoPath, String>, kept: &BTreeMap<RepoPath, Vec<u8>>) -> Result<(), String> {
    let find = |name: &str| RepoPath::new(name).ok().and_then(|path| kept.get(&path));
    let about = find("zarf.yaml").ok_or("it has no zarf.yaml")?;
    let list = find("checksums.txt").ok_or("it has no checksums.txt")?;
    let place = RepoPath::new("zarf.yaml").map_err(|error| error.to_string())?;
    let documents = File::read_all(&place, BlobId([0; 20]), about).map_err(|_| "its zarf.yaml is no YAML")?;
    let first = documents.first().ok_or("its zarf.yaml is empty")?;
    let stated = first.root().get("metadata").and_then(|part| part.get("aggregateChecksum")).map(Node::text);
    let stated = stated.filter(|stated| !stated.is_empty()).ok_or("its zarf.yaml has no aggregateChecksum")?;
    if hex(Sha256::digest(list).into()) != stated.to_ascii_lowercase() {
        return Err("its list of checksums is not the one that zarf.yaml names".into());
    }
    let list = std::str::from_utf8(list).map_err(|_| "its list of checksums is not UTF-8")?;
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        let (sum, path) = line.split_once(' ').ok_or("its list of checksums cannot be read")?;
        listed.insert(path.trim(), sum);
    }
    for (path, sum) in &listed {
        let found = RepoPath::new(path).ok().and_then(|path| sums.get(&path));
        match found {
            None => return Err(format!("`{path}` is in the list of checksums, and not there")),
            Some(found) if found != sum => return Err(format!("the checksum of `{path}` is wrong")),
            Some(_) => {}
        }
    }
    let extra = sums.keys().find(|path| !listed.contains_key(path.as_str()) && !UNLISTED.contains(&path.as_str()));
    match extra {
        Some(path) => Err(format!("`{path}` is there, and not in the list of checksums")),
        None => Ok(()),
    }
}

/// What is kept of archives that were unpacked: those of one sync, mostly of many clusters.
#[derive(Debug, Default)]
pub struct Unpackings {
    /// The keys of which one has to have signed a package; none: it need not be signed.
    keys: Vec<PathBuf>,
    kept: Mutex<BTreeMap<BlobId, Arc<Unpacked>>>,
}

/// The most archives that are kept unpacked: a fleet has a handful.
const KEPT_MAX: usize = 8;

impl Unpackings {
    /// Takes the keys of which one has to have signed each package.
    pub fn new(keys: Vec<PathBuf>) -> Self {
        Self { keys, kept: Mutex::default() }
    }

    /// Unpacks an archive, or returns what it was unpacked to before.
    pub fn get(&self, blob: BlobId, path: &RepoPath, bytes: &[u8]) -> Arc<Unpacked> {
        self.known(blob).unwrap_or_else(|| self.keep(blob, unpack(bytes, path, &self.keys)))
    }

    /// Returns what a package was unpacked to before.
    pub fn known(&self, blob: BlobId) -> Option<Arc<Unpacked>> {
        self.kept().get(&blob).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<BlobId, Arc<Unpacked>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a package was unpacked to.
    pub fn keep(&self, blob: BlobId, unpacked: Unpacked) -> Arc<Unpacked> {
        let unpacked = Arc::new(unpacked);
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(blob, unpacked.clone());
        unpacked
    }
}

#[cfg(test)]
mod tests;
