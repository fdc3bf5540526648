//! In: nothing. Out: what a repository lets us read, and which repositories there are.
//! Guarantee: mirrors, the repository around and those of tests are read alike.
use crate::client::git::Objects;
use crate::decide::document::{Content, TreeChange};
use crate::decide::value::Fault;
use crate::name::{BlobId, CommitId, RepoName};

/// What a repository lets us read.
pub trait Repository: Send + Sync {
    /// Returns where its objects are.
    fn objects(&self) -> &Objects;

    /// Returns what differs between two commits; from nothing: every entry.
    fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<TreeChange, Fault> {
        self.objects().changes(from, to)
    }

    /// Returns the contents of blobs.
    fn read(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault> {
        self.objects().read(blobs)
    }

    /// Returns whether a blob is there.
    fn holds(&self, blob: BlobId) -> Result<bool, Fault> {
        self.objects().holds(blob)
    }

    /// Returns whether `commit` is `ancestor`, or comes after it.
    fn descends(&self, commit: CommitId, ancestor: CommitId) -> Result<bool, Fault> {
        self.objects().descends(commit, ancestor)
    }

    /// Returns whether a commit is there.
    fn contains(&self, commit: CommitId) -> Result<bool, Fault> {
        self.objects().contains(commit)
    }

    /// Returns the commit that a tag names.
    fn tag(&self, name: &str) -> Result<Option<CommitId>, Fault>;

    /// Returns the commit that a person holds to, whatever the tag names.
    fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault>;

    /// Returns the head of the watched branch, as far as it was accepted.
    fn watched(&self) -> Result<Option<CommitId>, Fault>;
}

/// The repositories of the settings, as far as they are at hand.
pub trait Repositories: Send + Sync {
    /// Returns a repository; without a name, the fleet's own.
    fn find(&self, name: Option<&RepoName>) -> Option<&dyn Repository>;

    /// Returns the names of all others.
    fn others(&self) -> Vec<RepoName>;

    /// Returns why another one could not be looked at last, if that is so.
    fn trouble(&self, name: &RepoName) -> Option<String>;
}
