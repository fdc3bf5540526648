//! In: a folder of the local machine, and paths inside it. Out: bytes read, and files replaced or removed as a whole.
//! Guarantee: no link is followed below the root; a reader sees a file's old bytes or its new ones, also after a crash.
mod error;
mod write;

pub use error::{DirectoryError, Reason};

use crate::client::kill::{Of, point};
use rustix::fs::{Dir, FileType, FlockOperation, Mode, OFlags, fstat, mkdirat, open, openat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The most entries of one folder: beyond it a listing costs more memory than a cluster's share.
const ENTRIES_MAX: usize = 200_000;

/// A folder that is kept open, so that whatever takes its place later is not it.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
    writes: std::sync::atomic::AtomicU64,
}

/// The lock of a file, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock ends with the file")] OwnedFd);

/// How each folder is opened: a link in its place is refused.
fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl Directory {
    /// Opens the folder, if it is there; its parents may be links, it may not.
    pub fn open(path: &Path) -> Result<Option<Self>, DirectoryError> {
        match open(path, folder_flags(), Mode::empty()) {
            Ok(root) => Ok(Some(Self { root, writes: 0.into() })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(DirectoryError::new("open", ".", errno)),
        }
    }

    /// Opens the folder, and makes it where it is absent.
    pub fn make(path: &Path) -> Result<Self, DirectoryError> {
        if let Err(error) = std::fs::create_dir_all(path) {
            // What is there is looked at below.
            if error.kind() != std::io::ErrorKind::AlreadyExists {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                return Err(DirectoryError::new("make", ".", errno));
            }
        }
        Self::open(path)?.ok_or_else(|| DirectoryError::new("open", ".", Errno::NOENT))
    }

    /// Returns the bytes of a plain file, or nothing where there is none; more than `max` are an error.
    pub fn read(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>, DirectoryError> {
        let fail = |errno| DirectoryError::new("read", path, errno);
        let (folders, name) = split(path);
        let Some(folder) = self.folder(folders, false).map_err(fail)? else { return Ok(None) };
        // Without `NONBLOCK` a pipe in the file's place would hold us for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        if FileType::from_raw_mode(fstat(&file).map_err(fail)?.st_mode) != FileType::RegularFile {
            return Err(DirectoryError { reason: Reason::NotPlain, ..fail(Errno::ISDIR) });
        }
        let mut bytes = Vec::new();
        let read = File::from(file).take(max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| fail(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        if bytes.len() > max {
            return Err(DirectoryError { reason: Reason::TooLarge(max), ..fail(Errno::FBIG) });
        }
        Ok(Some(bytes))
    }

    /// Returns the names in a folder, sorted; none where it is absent. Names that are no UTF-8 are nobody's of ours.
    pub fn list(&self, path: &str) -> Result<Vec<String>, DirectoryError> {
        let fail = |errno| DirectoryError::new("list", path, errno);
        let parts = if path == "." { "" } else { path };
        let Some(folder) = self.folder(parts, false).map_err(fail)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
            if names.len() > ENTRIES_MAX {
                return Err(DirectoryError { reason: Reason::TooLarge(ENTRIES_MAX), ..fail(Errno::FBIG) });
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Waits for the lock of a file, which is made where it is absent; writers hold it for one write only.
    pub fn lock(&self, path: &str) -> Result<Lock, DirectoryError> {
        let fail = |errno| DirectoryError::new("lock", path, errno);
        let (folders, name) = split(path);
        let folder = self.folder(folders, true).map_err(fail)?.ok_or_else(|| fail(Errno::NOENT))?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&folder, name, flags, Mode::from_raw_mode(0o644)).map_err(fail)?;
        rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive)).map_err(fail)?;
        Ok(Lock(file))
    }

    /// Opens a folder, part by part; where `make` says so, the absent ones are made.
    fn folder(&self, path: &str, make: bool) -> Result<Option<OwnedFd>, Errno> {
        let mut folder = self.root.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            // Paths come from the layout, which escapes; this holds should it ever not.
            if matches!(part, "." | "..") {
                return Err(Errno::INVAL);
            }
            folder = match openat(&folder, part, folder_flags(), Mode::empty()) {
                Err(Errno::NOENT) if make => {
                    point(Of::Write);
                    match mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) => rustix::fs::fsync(&folder)?, // else a crash could lose the folder with its synced file
                        Err(Errno::EXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                    openat(&folder, part, folder_flags(), Mode::empty())?
                }
                Err(Errno::NOENT) => return Ok(None),
                opened => opened?,
            };
        }
        Ok(Some(folder))
    }
}

/// Splits a path into its folders, which may be none, and the name of the file.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
