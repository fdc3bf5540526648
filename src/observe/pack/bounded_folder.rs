//! In: names and bytes. Out: files of a folder of the state, for this process and the next.
//! Guarantee: a file is put in place whole, also where several write it at once; what was used longest ago goes first where
//! there is too much; nothing is written where there is no state folder.
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// How many files are written until it is looked again how much there is.
const WRITES: u64 = 16;

/// A folder with a bound.
#[derive(Debug)]
pub(super) struct BoundedFolder {
    folder: PathBuf,
    bytes_max: u64,
    writes: AtomicU64,
    /// One at a time looks for what may go.
    clearing: Mutex<()>,
}

impl BoundedFolder {
    pub(super) fn new(folder: PathBuf, bytes_max: u64) -> Self {
        Self { folder, bytes_max, writes: AtomicU64::new(0), clearing: Mutex::new(()) }
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns what a file holds, if it can be read.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    /// Takes note that a file was of use: what was used last goes last.
    pub(super) fn used(&self, name: &str) {
        let _ = fs::File::open(self.folder.join(name)).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let state = self.folder.parent().unwrap_or(&self.folder);
        if !state.is_dir() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let count = self.writes.fetch_add(1, Ordering::Relaxed);
        // Each write has a name of its own: another one of the same file may be under way.
        let temporary = self.folder.join(format!("{name}.{}-{count}.new", std::process::id()));
        let _ = fs::remove_file(&temporary);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&temporary, self.folder.join(name))?;
        if count.is_multiple_of(WRITES) {
            self.clear(self.bytes_max);
        }
        Ok(())
    }

    /// Removes what was used longest ago, as far as there is more than so many bytes.
    pub(super) fn clear(&self, bytes_max: u64) {
        let Ok(_alone) = self.clearing.try_lock() else { return };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let facts = entry.metadata().ok()?;
                Some((facts.modified().ok()?, facts.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut left: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, file) in files {
            if left <= bytes_max {
                break;
            }
            left = left.saturating_sub(bytes);
            let _ = fs::remove_file(file);
        }
    }
}
