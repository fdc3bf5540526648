//! In: the folder of a mirror that another process may have open. Out: what it saw and what was accepted.
//! Guarantee: reads only, and takes no lock.
use super::head::{self, Head};
use crate::client::git::{Limits, Objects};
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoPath};
use std::path::Path;

/// A mirror that is only looked at.
pub struct Peek {
    objects: Objects,
    branch: String,
}

impl Peek {
    /// Opens the mirror in a folder, if there is one.
    pub fn try_open(folder: &Path, branch: &str, path: Option<RepoPath>) -> Result<Option<Self>, Fault> {
        let repository = folder.join("mirror.git");
        if !repository.join("HEAD").is_file() {
            return Ok(None);
        }
        let objects = Objects::open(&repository, path, Limits::default())?;
        Ok(Some(Self { objects, branch: branch.to_owned() }))
    }

    /// Returns where the watched branch is, as it was seen last.
    pub fn branch(&self) -> Result<Option<CommitId>, Fault> {
        self.objects.resolve(&format!("refs/heads/{}", self.branch))
    }

    /// Returns what the watched branch means for those who sync, were it at `seen`.
    pub fn head(&self, seen: Option<CommitId>) -> Result<Head, Fault> {
        head::of(&self.objects, &self.branch, seen)
    }

    /// Returns whether a person gave up a commit, by accepting a head that does not come after it.
    pub fn is_abandoned(&self, commit: CommitId) -> Result<bool, Fault> {
        head::is_abandoned(&self.objects, &self.branch, commit)
    }

    /// Returns the repository beneath.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }
}
