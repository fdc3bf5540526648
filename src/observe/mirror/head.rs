//! In: what was accepted, and what the branch names now. Out: what can be synced.
//! Guarantee: a head that does not descend from the last one, or is gone, is never synced by itself.
use crate::client::git::Objects;
use crate::decide::value::Fault;
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

impl Head {
    /// Returns why it is not synced, if it is not.
    pub fn why_held(&self) -> Option<String> {
        match self {
            Self::At(_) => None,
            Self::Empty => Some("the repository has no commit yet".into()),
            Self::BranchGone { last: None } => {
                Some("the repository has no such branch as is watched; nothing is changed until it has, or the settings name another one".into())
            }
            Self::BranchGone { last: Some(_) } => Some("the watched branch is gone; nothing is changed until it is back".into()),
            Self::Rewound { last, now } => Some(format!(
                "the branch was rewritten: {now} does not come after {last}; accept it by `stratify accept {now}`"
            )),
        }
    }
}

/// Where the heads are kept that a person has given up by accepting one that does not descend from them.
pub(crate) const ABANDONED: &str = "refs/stratify/abandoned";

/// Where the heads are kept that clusters have.
pub(crate) const APPLIED: &str = "refs/stratify/applied";

/// Returns what the watched branch, which names `seen`, means for those who sync.
pub(super) fn of(objects: &Objects, branch: &str, seen: Option<CommitId>) -> Result<Head, Fault> {
    Ok(match (objects.resolve(&accepted_ref(branch))?, seen) {
        (None, None) => Head::Empty,
        (Some(last), None) => Head::BranchGone { last: Some(last) },
        (None, Some(now)) => Head::At(now),
        (Some(last), Some(now)) if objects.descends(now, last)? => Head::At(now),
        (Some(last), Some(now)) => Head::Rewound { last, now },
    })
}

/// Returns whether a commit belongs to a head that was given up, and not to the one that was accepted.
pub(super) fn is_abandoned(objects: &Objects, branch: &str, commit: CommitId) -> Result<bool, Fault> {
    if let Some(accepted) = objects.resolve(&accepted_ref(branch))?
        && objects.descends(accepted, commit)?
    {
        return Ok(false);
    }
    for head in objects.commits_below(ABANDONED)? {
        if objects.descends(head, commit)? {
            return Ok(true);
        }
    }
    Ok(false)
}

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
