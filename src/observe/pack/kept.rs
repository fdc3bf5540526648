//! In: a digest, how to fetch what has it. Out: what has it.
//! Guarantee: what is kept is used only where it has its digest; a file is put in place whole; however many ask at once in
//! one process, one of them fetches; the folder's size is bounded.
use super::bounded_folder::BoundedFolder;
use super::remote::digest_of;
use crate::decide::value::{Digest, Fault};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes on the disk: the charts and packages of a large fleet, of which images are never fetched.
const DISK_BYTES_MAX: u64 = 2 << 30;

/// How many bytes are kept in memory where there is no state folder.
const BYTES_MAX: usize = 64 << 20;

/// How many digests are fetched at once at most: those that begin alike wait for each other.
const TURNS: usize = 16;

/// What was fetched.
#[derive(Debug)]
pub(super) struct Kept {
    folder: BoundedFolder,
    turns: [Mutex<()>; TURNS],
    /// What was taken last, where it cannot be kept on the disk.
    taken: Mutex<Vec<(Digest, Arc<[u8]>)>>,
}

impl Kept {
    pub(super) fn new(state: &Path) -> Self {
        Self {
            folder: BoundedFolder::new(state.join("fetched"), DISK_BYTES_MAX),
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
        if self.folder.write(&digest.to_string(), &bytes).is_err() {
            let mut taken = self.taken();
            taken.push((digest, bytes.clone()));
            while taken.len() > 1 && taken.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > BYTES_MAX {
                taken.remove(0);
            }
        }
        Ok(bytes)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Vec<(Digest, Arc<[u8]>)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, digest: Digest) -> Option<Arc<[u8]>> {
        let name = digest.to_string();
        if let Some(known) = self.folder.read(&name).filter(|bytes| digest_of(bytes) == digest) {
            self.folder.used(&name);
            return Some(known.into());
        }
        self.taken().iter().find(|(known, _)| *known == digest).map(|(_, bytes)| bytes.clone())
    }

    /// Returns a note that was kept.
    pub(super) fn note(&self, name: &str) -> Option<Vec<u8>> {
        self.folder.read(name)
    }

    /// Keeps a note, which nobody needs to have; who reads it has to verify it.
    pub(super) fn put_note(&self, name: &str, bytes: &[u8]) {
        if let Err(error) = self.folder.write(name, bytes) {
            tracing::debug!(name, %error, "a note could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

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
        kept.folder.clear(10);
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
