//! In: what was accepted, and what the branch names now. Out: what can be synced.
//! Guarantee: a head that does not descend from the last one, or is gone, is never synced by itself.
use crate::name::CommitId;

/// The watched branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// It names this commit, which descends from the last one.
    At(CommitId),
    /// The repository has no commit yet.
    Empty,
    /// There is no such branch. What was synced stays.
    BranchGone {
        /// Where it was last, if it ever was.
        last: Option<CommitId>,
    },
    /// It names a commit that does not descend from the last one. What was synced stays until someone accepts it.
    Rewound {
        /// The last accepted head.
        last: CommitId,
        /// What it names now.
        now: CommitId,
    },
}

/// Where the heads are kept that a person has given up by accepting one that does not descend from them.
pub(crate) const ABANDONED: &str = "refs/stratify/abandoned";

/// Returns the ref that holds the last accepted head of a branch.
pub(crate) fn accepted_ref(branch: &str) -> String {
    format!("refs/stratify/accepted/{branch}")
}

/// Returns the ref that holds the commit at which a person holds a tag that moved.
pub(crate) fn accepted_tag_ref(tag: &str) -> String {
    format!("refs/stratify/accepted-tags/{tag}")
}

/// Returns the ref that keeps a commit that was read as a pin, whatever becomes of branches and tags.
pub(crate) fn pinned_ref(commit: CommitId) -> String {
    format!("refs/stratify/pinned/{commit}")
}
