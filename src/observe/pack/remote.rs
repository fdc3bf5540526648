//! In: what the lock says of an archive on another server. Out: the archive.
//! Guarantee: only the digest of the lock is taken, whatever a server sends; what was taken once is not fetched again.
use super::kept::Kept;
use super::registry;
use crate::client::http::download;
use crate::decide::profile::Remote;
use crate::decide::render::Refusal;
use crate::decide::value::{Digest, Fault, Owner, Source};
use crate::settings::{AllowedSource, Settings};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The largest archive of a chart: Helm's own limit of what it unpacks to.
pub(super) const ARCHIVE_BYTES_MAX: u64 = 100 << 20;

/// What other servers have.
#[derive(Debug)]
pub(super) struct Remotes {
    allowed: Vec<AllowedSource>,
    kept: Kept,
}

impl Remotes {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { allowed: settings.sources.clone(), kept: Kept::new(&settings.state) }
    }

    /// Returns from where something may be fetched.
    pub(super) fn allowed(&self) -> &[AllowedSource] {
        &self.allowed
    }

    /// Returns what was fetched before.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Returns an archive, or why the lock cannot be right.
    pub(super) fn archive(&self, remote: &Remote) -> Result<Result<Arc<[u8]>, Refusal>, Fault> {
        if remote.url.starts_with("oci://") {
            return registry::archive(self, remote);
        }
        let fetch = || {
            let bytes = download(&remote.url, &self.allowed, ARCHIVE_BYTES_MAX)?;
            let found = digest_of(&bytes);
            if found == remote.digest { Ok(bytes) } else { Err(other(remote, found)) }
        };
        self.kept.get(remote.digest, fetch).map(Ok)
    }
}

fn other(remote: &Remote, found: Digest) -> Fault {
    let Remote { url, digest, entry, .. } = remote;
    let message = format!("{url} has the digest sha256:{found}, expected sha256:{digest} of fleet.lock");
    Fault {
        owner: Owner::Caller,
        spurious: false,
        hint: Some(format!(
            "it was changed there, or fleet.lock was edited by hand: `stratify lock --update {entry}` takes what is there now"
        )),
        source: Source::Error(message.into()),
    }
}

/// Returns the SHA-256 of an archive.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
