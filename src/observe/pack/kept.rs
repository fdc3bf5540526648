//! In: a digest, how to fetch what has it. Out: what has it.
//! Guarantee: what is kept is used only where it has its digest; a file is put in place whole; however many ask at once in
//! one process, one of them fetches; the folder's size is bounded.
use super::remote::digest_of;
use crate::decide::value::{Digest, Fault};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The most bytes on the disk: the charts and packages of a large fleet, of which images are never fetched.
const DISK_BYTES_MAX: u64 = 2 << 30;

/// How many bytes are kept in memory where there is no state folder.
const BYTES_MAX: usize = 64 << 20;

/// How many files are written until it is looked again how much there is.
const WRITES: u64 = 16;

/// How many digests are fetched at once at most: those that begin alike wait for each other.
const TURNS: usize = 16;

/// What was fetched.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    writes: AtomicU64,
    turns: [Mutex<()>; TURNS],
    /// What was taken last, where it cannot be kept on the disk.
    taken: Mutex<Vec<(Digest, Arc<[u8]>)>>,
}

impl Kept {
    pub(super) fn new(state: &Path) -> Self {
        Self {
            folder: state.join("fetched"),
            writes: AtomicU64::new(0),
            turns: Default::default(),
            taken: Mutex::default(),
        }
    }

    /// Returns what has a digest; `fetch` has to return exactly that, and must not ask for more here.
    pub(super) fn get(
        &self,
        digest: Digest,
        fetch: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<Arc<[u8]>, Fault> {
        if let Some(known) = self.known(digest) {
            return Ok(known);
        }
        let turn = self.turns.get(usize::from(digest.0[0]) % TURNS);
        let _alone = turn.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(known) = self.known(digest) {
            return Ok(known);
        }
        let bytes: Arc<[u8]> = fetch()?.into();
        if digest_of(&bytes) != digest {
            return Err(Fault::bug("what was fetched was not verified"));
        }
        if self.put(digest, &bytes).is_err() {
            let mut taken = self.taken();
            taken.push((digest, bytes.clone()));
            while taken.len() > 1 && taken.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > BYTES_MAX {
                taken.remove(0);
            }
        } else if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(WRITES) {
            self.clear(DISK_BYTES_MAX);
        }
        Ok(bytes)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Vec<(Digest, Arc<[u8]>)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, digest: Digest) -> Option<Arc<[u8]>> {
        let file = self.folder.join(digest.to_string());
        if let Some(known) = fs::read(&file).ok().filter(|bytes| digest_of(bytes) == digest) {
            // What was used last goes last.
            let _ = fs::File::open(&file).and_then(|file| file.set_modified(SystemTime::now()));
            return Some(known.into());
        }
        self.taken().iter().find(|(known, _)| *known == digest).map(|(_, bytes)| bytes.clone())
    }

    /// Returns a note that was kept.
    pub(super) fn note(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    /// Keeps a note, which nobody needs to have; who reads it has to verify it.
    pub(super) fn put_note(&self, name: &str, bytes: &[u8]) {
        if let Err(error) = self.write(name, bytes) {
            tracing::debug!(name, %error, "a note could not be kept");
        }
    }

    fn put(&self, digest: Digest, bytes: &[u8]) -> std::io::Result<()> {
        self.write(&digest.to_string(), bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let state = self.folder.parent().unwrap_or(&self.folder);
        if !state.is_dir() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let file = self.folder.join(name);
        // Another process may fetch the same: whichever is put in place last is the same bytes.
        let temporary = self.folder.join(format!("{name}.{}.new", std::process::id()));
        let _ = fs::remove_file(&temporary);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&temporary, file)
    }

    /// Removes what was used longest ago, as far as there is more than so many bytes.
    fn clear(&self, bytes_max: u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_once_is_kept_and_what_was_changed_is_fetched_again() {
        let state = tempfile::tempdir().expect("there is a temporary folder");
        let kept = Kept::new(state.path());
        let digest = digest_of(b"chart");
        let got = |kept: &Kept| kept.get(digest, || Ok(b"chart".to_vec())).expect("it is right");
        assert_eq!(&*got(&kept), b"chart");
        let again = Kept::new(state.path());
        let known = again.get(digest, || panic!("it is kept")).expect("it is kept");
        assert_eq!(&*known, b"chart", "another process finds it");
        let file = state.path().join("fetched").join(digest.to_string());
        fs::write(&file, "chort").expect("it is ours");
        assert_eq!(&*got(&again), b"chart", "other bytes are not used");
        assert_eq!(fs::read(&file).expect("it is there"), b"chart");
        assert!(again.get(digest_of(b"x"), || Ok(b"y".to_vec())).is_err(), "what is not verified is not kept");
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let state = tempfile::tempdir().expect("there is a temporary folder");
        let kept = Kept::new(state.path());
        for (age, text) in [(2, "older"), (3, "oldest"), (1, "newer")] {
            kept.get(digest_of(text.as_bytes()), || Ok(text.into())).expect("it is right");
            let file = fs::File::open(state.path().join("fetched").join(digest_of(text.as_bytes()).to_string()));
            let time = SystemTime::now() - std::time::Duration::from_hours(age);
            file.and_then(|file| file.set_modified(time)).expect("it is ours");
        }
        kept.clear(10);
        let is_there = |text: &str| kept.known(digest_of(text.as_bytes())).is_some();
        assert_eq!([is_there("oldest"), is_there("older"), is_there("newer")], [false, true, true]);
    }

    #[test]
    fn many_who_ask_at_once_are_served_by_one_fetch() {
        let state = tempfile::tempdir().expect("there is a temporary folder");
        let (kept, fetches) = (Kept::new(state.path()), AtomicU64::new(0));
        let digest = digest_of(b"chart");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let fetch = || {
                        fetches.fetch_add(1, Ordering::Relaxed);
                        Ok(b"chart".to_vec())
                    };
                    kept.get(digest, fetch).expect("it is right");
                });
            }
        });
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
    }
}
