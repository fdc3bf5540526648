//! In: what the lock says of an archive on another server. Out: the archive.
//! Guarantee: only the digest of the lock is taken, whatever a server sends; what was taken once is not fetched again.
use crate::client::http::download;
use crate::decide::profile::Remote;
use crate::decide::value::{Digest, Fault, Owner, Source};
use crate::settings::{AllowedSource, Settings};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The largest archive of a chart: Helm's own limit of what it unpacks to.
pub(super) const ARCHIVE_BYTES_MAX: u64 = 100 << 20;

/// How many bytes of archives are kept where there is no state folder.
const BYTES_MAX: usize = 64 << 20;

/// The archives of other servers.
#[derive(Debug)]
pub(super) struct Remotes {
    allowed: Vec<AllowedSource>,
    folder: PathBuf,
    /// What was taken last, where it cannot be kept on the disk.
    taken: Mutex<Vec<(Digest, Arc<[u8]>)>>,
}

impl Remotes {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { allowed: settings.sources.clone(), folder: settings.state.join("charts"), taken: Mutex::default() }
    }

    /// Returns an archive.
    pub(super) fn archive(&self, remote: &Remote) -> Result<Arc<[u8]>, Fault> {
        let digest = remote.digest;
        let file = self.folder.join(format!("{digest}.tgz"));
        if let Some(known) = fs::read(&file).ok().filter(|bytes| digest_of(bytes) == digest) {
            return Ok(known.into());
        }
        let taken = || self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = taken().iter().find(|(known, _)| *known == digest) {
            return Ok(bytes.clone());
        }
        let bytes: Arc<[u8]> = download(&remote.url, &self.allowed, ARCHIVE_BYTES_MAX)?.into();
        let found = digest_of(&bytes);
        if found != digest {
            return Err(Fault {
                owner: Owner::Outside,
                spurious: false,
                hint: Some("look at who changed it; `stratify lock --update NAME` takes what is there now".into()),
                source: Source::Error(
                    format!("{} has the digest sha256:{found}, expected sha256:{digest} of fleet.lock", remote.url)
                        .into(),
                ),
            });
        }
        if self.keep(&file, &bytes).is_err() {
            let mut taken = taken();
            taken.push((digest, bytes.clone()));
            while taken.len() > 1 && taken.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > BYTES_MAX {
                taken.remove(0);
            }
        }
        Ok(bytes)
    }

    fn keep(&self, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let state = self.folder.parent().unwrap_or(&self.folder);
        if !state.is_dir() {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let temporary = file.with_extension(format!("{}.new", std::process::id()));
        let _ = fs::remove_file(&temporary);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&temporary, file)
    }
}

/// Returns the SHA-256 of an archive.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
