//! In: a commit that a person accepts as the head, or at which a tag is held. Out: that, kept beside the branch.
//! Guarantee: what clusters have of a history that was given up stays known as abandoned.
use super::Mirror;
use super::head;
use crate::client::git::fault;
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use std::collections::BTreeSet;

impl Mirror {
    /// Accepts a head that does not descend from the last one, so that it is synced.
    pub fn accept(&self, commit: CommitId) -> Result<(), Fault> {
        let state = self.state();
        let seen = self.objects.resolve(&state.address.full_branch())?;
        if seen != Some(commit) {
            let message = format!("{commit} is not the head of branch {}", state.address.branch);
            let hint =
                seen.map_or("the branch is gone: push it again".to_owned(), |seen| format!("its head is {seen}"));
            return Err(fault(Owner::Operator, false, message, &hint));
        }
        let accepted = head::accepted_ref(&state.address.branch);
        // What clusters have may be of another branch, that was watched before.
        let had: BTreeSet<CommitId> = self.objects.commits_below(head::APPLIED)?.into_iter().collect();
        for last in had.into_iter().chain(self.objects.resolve(&accepted)?) {
            if !self.objects.descends(commit, last)? {
                // First: were it lost between the two, clusters that have it could never be told from newer ones.
                self.objects.set_ref(&format!("{}/{last}", head::ABANDONED), last)?;
            }
        }
        self.objects.set_ref(&accepted, commit)
    }

    /// Returns whether a person gave up a commit, by accepting a head that does not come after it.
    pub fn is_abandoned(&self, commit: CommitId) -> Result<bool, Fault> {
        head::is_abandoned(&self.objects, &self.state().address.branch, commit)
    }

    /// Returns the commit at which a person holds a tag, whatever it names.
    pub fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.objects.resolve(&head::accepted_tag_ref(name))
    }

    /// Holds a tag that moved at a commit.
    pub fn accept_tag(&self, name: &str, commit: CommitId) -> Result<(), Fault> {
        if !self.contains(commit)? {
            let message = format!("{commit} is no commit of repository {}", self.state().address.name);
            return Err(fault(Owner::Operator, false, message, "give the commit that fleet.lock has of the tag"));
        }
        self.objects.set_ref(&head::accepted_tag_ref(name), commit)
    }
}
