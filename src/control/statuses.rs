//! In: statuses that the outbox says. Out: notes, in the repository around or in the mirror and the remote.
//! Guarantee: a status of a remote repository counts as posted once the remote has it.
use crate::act::forge::notes;
use crate::client::git::Objects;
use crate::decide::report::Status;
use crate::decide::value::Fault;
use crate::name::CommitId;
use crate::observe::mirror::Mirror;
use crate::observe::worktree::Local;
use std::sync::Arc;

/// Where the statuses are.
#[derive(Clone)]
pub enum Statuses {
    /// In the repository of this machine, where people read them.
    Local(Arc<Local>),
    /// In the mirror of a remote one.
    Mirror(Arc<Mirror>),
}

impl Statuses {
    /// Returns the objects in which the notes are.
    pub fn objects(&self) -> &Objects {
        match self {
            Self::Local(local) => local.objects(),
            Self::Mirror(mirror) => mirror.objects(),
        }
    }

    /// Takes away the lock that a process left which was killed while it posted.
    pub(super) fn unlock(&self) -> Result<(), Fault> {
        notes::unlock(self.objects())
    }

    /// Posts statuses; where they are pushed, all with one push.
    pub(super) fn post(&self, statuses: &[Status]) -> Result<(), Fault> {
        match self {
            Self::Local(local) => notes::post_all(local.objects(), statuses),
            Self::Mirror(mirror) => notes::post_remote(mirror.objects(), &mirror.address(), statuses),
        }
    }

    /// Returns the commit that a revision names.
    pub(super) fn resolve(&self, revision: &str) -> Result<CommitId, Fault> {
        self.objects().find_commit(revision)
    }
}
