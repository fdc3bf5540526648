//! In: what a repository's reader saw. Out: the entries of a tree, what differs between two, and facts about commits.
//! Guarantee: every path of a tree is either an entry or refused with its reason; none is dropped silently.
use crate::name::{BlobId, CommitId, RepoPath};

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be executed; to us a file.
    Executable,
    /// A symbolic link, which is never followed; the blob is its target's text.
    Symlink,
    /// A commit of another repository, which is never opened; the id is that commit's.
    Submodule,
}

/// What stands at a path, and its content's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its content.
    pub blob: BlobId,
}

/// What differs between two trees. From nothing: every entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeChange {
    /// By path, in order; `None` where it is gone.
    pub entries: Vec<(RepoPath, Option<Entry>)>,
    /// Changed paths of the new tree that no document may have, in order.
    pub refused: Vec<RefusedPath>,
}

impl TreeChange {
    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.refused.is_empty()
    }
}

/// A path that is no [`RepoPath`], and so is never read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedPath {
    /// The path as text: what is not UTF-8 or a control character is replaced, what is too long is cut.
    pub path: String,
    /// Why.
    pub why: PathRefusal,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathRefusal {
    /// It is not UTF-8.
    NotUtf8,
    /// It has an empty, `.`, `..` or `.git` part (in any form that a file system takes for it), or is too long.
    NotInside,
}

/// Who made a commit, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What the engine wants to know about one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    /// The commit.
    pub commit: CommitId,
    /// Who wrote it.
    pub author: Person,
    /// The addresses of those that its trailers name as authors beside: forges name so whom a squashed commit is of.
    pub co_authors: Vec<String>,
    /// Who committed it.
    pub committer: Person,
    /// The values of its `Stratify-Approve` trailers.
    pub approves: Vec<String>,
    /// The files `approvals/*.yaml` that it adds or changes: who changes one approves, too; of a merge, those that are as
    /// no parent has them.
    pub added_approvals: Vec<RepoPath>,
    /// Whether it changes nothing outside `approvals/`; of a merge, nothing that differs from all parents.
    pub only_approves: bool,
    /// Whether it changes profiles or packs, which are what a pin reads; of a merge, what differs from all parents.
    pub writes_profiles: bool,
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// The first line of its message.
    pub summary: String,
    /// The number of the merge request that its message tells readers to see, as GitLab words it.
    pub request: Option<u64>,
}

impl CommitFacts {
    /// Returns those of a commit that does nothing but approve.
    pub fn approving(commit: CommitId, by: Person, approves: Vec<String>) -> Self {
        Self {
            commit,
            author: by.clone(),
            co_authors: Vec::new(),
            committer: by,
            approves,
            added_approvals: Vec::new(),
            only_approves: true,
            writes_profiles: false,
            parents: Vec::new(),
            summary: String::new(),
            request: None,
        }
    }
}

/// The commits of a range, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Those that were read.
    pub commits: Vec<CommitFacts>,
    /// Whether there are more than were read: who counts on all of them must not go on.
    pub cut_off: bool,
}

/// Why a blob was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TooLarge {
    /// Its size.
    pub bytes: u64,
    /// The largest size that is read.
    pub bytes_max: u64,
}
