//! In: the folder of a mirror that another process may have open. Out: what is in it.
//! Guarantee: reads only, and takes no lock; what the other process lets in is seen at the next look.
use super::folder::Folder;
use super::head::{self, Head};
use crate::client::git::{Limits, Objects};
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoPath};
use std::path::Path;

/// A mirror, to be looked at.
pub struct View {
    objects: Objects,
    branch: String,
}

impl View {
    /// Opens the mirror in a folder, if one is there; `branch` is watched, and the fleet is in `path`.
    pub fn try_open(folder: &Path, branch: &str, path: Option<RepoPath>) -> Result<Option<Self>, Fault> {
        let mirror = Folder::mirror_in(folder);
        if !mirror.join("HEAD").is_file() {
            return Ok(None);
        }
        let objects = Objects::open(&mirror, path, Limits::default())?;
        Ok(Some(Self { objects, branch: branch.to_owned() }))
    }

    /// Returns its objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
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

    /// Returns the head of the branch, as far as it was accepted.
    pub fn watched(&self) -> Result<Option<CommitId>, Fault> {
        self.objects.resolve(&head::accepted_ref(&self.branch))
    }

    /// Returns the commit at which a person holds a tag, whatever it names.
    pub fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.objects.resolve(&head::accepted_tag_ref(name))
    }

    /// Returns the commit that is kept under a name.
    pub fn kept(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.objects.resolve(&format!("{}/{name}", head::APPLIED))
    }
}
