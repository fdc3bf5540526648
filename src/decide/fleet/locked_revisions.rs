//! In: a revision as a document names it, the lock beside that document. Out: the commit that it is.
//! Guarantee: a sync resolves nothing: what is neither a commit id nor in the lock is an error at its line.
use super::codes;
use super::index::Index;
use crate::decide::document::PinReference;
use crate::decide::value::Diagnostic;
use crate::name::{CommitId, RepoName};

impl Index {
    /// Returns the commit that a revision is: by itself, or by the lock.
    pub fn commit_of(&self, pin: &PinReference) -> Result<CommitId, Diagnostic> {
        let commit = pin.commit().or_else(|| self.locked(pin.repository.as_ref(), &pin.revision));
        commit.ok_or_else(|| {
            let said =
                Diagnostic::error(codes::REVISION, "the revision is neither a full commit id nor a tag of fleet.lock")
                    .at(pin.part.span())
                    .expected("40 hexadecimal digits, or a tag")
                    .hint("for a tag, run `stratify lock` and commit fleet.lock");
            // Of a lock that cannot be read, the first thing that is wrong is the reason; `lint` has all.
            self.not_locked(said.clone()).into_iter().next().unwrap_or(said)
        })
    }

    /// Returns the commit that the lock has of a tag.
    pub fn locked(&self, repository: Option<&RepoName>, name: &str) -> Option<CommitId> {
        let mut tags = self.lock.iter().flat_map(|lock| &lock.tags);
        tags.find(|tag| tag.repository.as_ref() == repository && &*tag.name == name).map(|tag| tag.commit)
    }
}
