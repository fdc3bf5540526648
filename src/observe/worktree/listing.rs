//! In: a folder with an uncommitted working tree. Out: its entries, with the ids that Git would give, and their contents.
//! Guarantee: `.git`, `.stratify` and what `.gitignore` leaves out are left out; a link is listed as a link.
use super::ignore::Ignored;
use super::local::Local;
use crate::client::git::{Content, Limits, fault, in_folder, readable, too_many};
use crate::decide::document::{Entry, EntryKind, PathRefusal, RefusedPath, TooLarge, TreeChange};
use crate::decide::value::{Fault, Owner};
use crate::name::{BlobId, RepoPath};
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use rustix::fs::{Mode, OFlags, openat};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A working tree.
pub struct Worktree {
    root: PathBuf,
    /// Where the ignored paths begin: the root of the repository around, else `root`.
    top: PathBuf,
    ignored: Ignored,
    limits: Limits,
    /// Where each blob of the last listing stands.
    places: Mutex<BTreeMap<BlobId, RepoPath>>,
}

impl Worktree {
    /// Opens the working tree at a folder, with or without a Git repository around it.
    pub fn open(root: &Path) -> Result<Self, Fault> {
        let attempt = format!("could not open the working tree at {}", root.display());
        let root = root.canonicalize().map_err(in_folder(&attempt))?;
        let around = Local::try_discover(&root)?;
        let depth = around.as_ref().and_then(Local::path).map_or(0, |path| path.as_str().split('/').count());
        let top = root.ancestors().nth(depth).unwrap_or(&root).to_owned();
        let mut ignored = around.map(|local| Ignored::of_repository(local.git_folder(), &top)).unwrap_or_default();
        let between: Vec<&Path> = root.ancestors().skip(1).take(depth).collect();
        for folder in between.into_iter().rev() {
            ignored.add(&folder.join(".gitignore"), folder, &top);
        }
        Ok(Self { root, top, ignored, limits: Limits::default(), places: Mutex::default() })
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Lists the tree: what differs from nothing.
    pub fn list(&self) -> Result<TreeChange, Fault> {
        let mut listing = Listing { worktree: self, change: TreeChange::default(), places: BTreeMap::new() };
        listing.folder(&self.root, "", 0, self.ignored.clone())?;
        let Listing { mut change, places, .. } = listing;
        change.entries.sort();
        change.refused.sort();
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
        Ok(change)
    }

    /// Returns the contents of blobs of the last listing, in the order of the ids. A file that changed since is a fault.
    pub fn read(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |blob: &BlobId| {
            let Some(path) = places.get(blob) else { return Err(changed(&blob.to_string())) };
            let attempt = format!("could not read {path}");
            let content = self.content(path.as_str()).map_err(in_folder(&attempt))?;
            if let Ok(bytes) = &content
                && id(bytes)? != *blob
            {
                return Err(changed(path.as_str()));
            }
            Ok((*blob, content.map(Into::into)))
        };
        blobs.iter().map(read).collect()
    }

    /// Returns a file's bytes, or a link's target as a text.
    fn content(&self, path: &str) -> io::Result<Result<Vec<u8>, TooLarge>> {
        let absolute = self.root.join(path);
        let metadata = fs::symlink_metadata(&absolute)?;
        if metadata.is_symlink() {
            return Ok(Ok(fs::read_link(&absolute)?.as_os_str().as_bytes().to_vec()));
        }
        let bytes_max = self.limits.blob_bytes_max;
        if metadata.len() > bytes_max {
            return Ok(Err(TooLarge { bytes: metadata.len(), bytes_max }));
        }
        let mut bytes = Vec::new();
        open_beneath(&self.root, path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
        Ok(if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) {
            Ok(bytes)
        } else {
            Err(TooLarge { bytes: bytes_max + 1, bytes_max })
        })
    }
}

/// Opens a file below a folder, part by part: a link put in between while we read is refused, not followed.
fn open_beneath(root: &Path, path: &str) -> io::Result<File> {
    let mut folder = File::open(root)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        folder = File::from(openat(&folder, part, flags | OFlags::DIRECTORY, Mode::empty())?);
    }
    // A pipe put in its place would make us wait.
    Ok(File::from(openat(&folder, name, flags | OFlags::NONBLOCK, Mode::empty())?))
}

fn changed(what: &str) -> Fault {
    fault(Owner::Operator, true, format!("{what} changed while it was read"), "run the command again")
}

/// Returns the id that Git gives to a blob.
fn id(bytes: &[u8]) -> Result<BlobId, Fault> {
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, bytes)
        .map_err(|error| fault(Owner::Bug, false, format!("could not compute an id: {error}"), ""))?;
    Ok(BlobId(crate::client::git::bytes(id)))
}

struct Listing<'a> {
    worktree: &'a Worktree,
    change: TreeChange,
    places: BTreeMap<BlobId, RepoPath>,
}

impl Listing<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize, mut ignored: Ignored) -> Result<(), Fault> {
        let Limits { entries_max, depth_max, .. } = self.worktree.limits;
        if depth > depth_max {
            let message = format!("{} is deeper than {depth_max} folders", folder.display());
            return Err(fault(Owner::Author, false, message, "move it up"));
        }
        ignored.add(&folder.join(".gitignore"), folder, &self.worktree.top);
        let attempt = format!("could not list {}", folder.display());
        let entries: io::Result<Vec<_>> = fs::read_dir(folder).map_err(in_folder(&attempt))?.collect();
        for entry in entries.map_err(in_folder(&attempt))? {
            let name = entry.file_name();
            if name == ".git" || (depth == 0 && name == ".stratify") {
                continue;
            }
            let metadata = fs::symlink_metadata(entry.path()).map_err(in_folder(&attempt))?;
            let path = [prefix.as_bytes(), name.as_bytes()].concat();
            let inside_top = entry.path().strip_prefix(&self.worktree.top).unwrap_or(&entry.path()).to_owned();
            if ignored.is_ignored(&inside_top.to_string_lossy(), metadata.is_dir()) {
                continue;
            }
            self.entry(&entry.path(), &path, &metadata, depth, &ignored)?;
            if u64::try_from(self.change.entries.len()).is_ok_and(|entries| entries > entries_max) {
                return Err(too_many(entries_max));
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        absolute: &Path,
        path: &[u8],
        metadata: &fs::Metadata,
        depth: usize,
        ignored: &Ignored,
    ) -> Result<(), Fault> {
        let Ok(text) = path.to_str() else {
            self.change.refused.push(RefusedPath { path: readable(path.as_bstr()), why: PathRefusal::NotUtf8 });
            return Ok(());
        };
        let Ok(name) = RepoPath::new(text) else {
            self.change.refused.push(RefusedPath { path: readable(path.as_bstr()), why: PathRefusal::NotInside });
            return Ok(());
        };
        if metadata.is_dir() {
            if absolute.join(".git").exists() {
                // Another repository: a submodule to Git, and never opened. Its commit is of no use to us.
                let entry = Entry { kind: EntryKind::Submodule, blob: BlobId([0; 20]) };
                self.change.entries.push((name, Some(entry)));
                return Ok(());
            }
            return self.folder(absolute, &format!("{text}/"), depth + 1, ignored.clone());
        }
        let kind = if metadata.is_symlink() {
            EntryKind::Symlink
        } else if !metadata.is_file() {
            return Ok(()); // A socket or a pipe: Git does not see it either.
        } else if metadata.permissions().mode() & 0o100 != 0 {
            EntryKind::Executable
        } else {
            EntryKind::File
        };
        let attempt = format!("could not read {text}");
        let blob = match self.worktree.content(text).map_err(in_folder(&attempt))? {
            Ok(bytes) => id(&bytes)?,
            Err(_) => large_id(&self.worktree.root, text, metadata.len()).map_err(in_folder(&attempt))?,
        };
        self.places.insert(blob, name.clone());
        self.change.entries.push((name, Some(Entry { kind, blob })));
        Ok(())
    }
}

/// Returns the id of a file that is too large to be kept in memory.
fn large_id(root: &Path, path: &str, len: u64) -> io::Result<BlobId> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&gix::objs::encode::loose_header(Kind::Blob, len));
    let mut file = open_beneath(root, path)?.take(len);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    let id = hasher.try_finalize().map_err(io::Error::other)?;
    Ok(BlobId(crate::client::git::bytes(id)))
}
