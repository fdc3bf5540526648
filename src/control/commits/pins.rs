//! In: the index of a head, the repositories that its documents name. Out: the head with all that is read beside it.
//! Guarantee: a repository that is not at hand is said so, and never read as one that is empty.
use super::{Moments, Repositories, Repository};
use crate::decide::document::Revision;
use crate::decide::fleet::{Fleet, Index, NOT_THERE, Pinned, TagNow};
use crate::decide::value::{Fault, Origin};
use crate::name::{CommitId, RepoName};
use std::sync::Arc;

/// How many pinned indexes are kept: those of all environments and of some dozen profiles with a revision of their own.
const PINNED_MAX: usize = 64;

/// How many facts about histories are kept; they hold for ever, and are found again where they were dropped.
const DESCENTS_MAX: usize = 4096;

/// From where a pin of the fleet's own repository has to be reached.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// From this commit.
    From(CommitId),
    /// From anywhere: nothing is committed yet.
    Anywhere,
}

impl Moments {
    /// Returns a head with its pins.
    pub(super) fn with_pins(
        &self,
        repositories: &dyn Repositories,
        head: Revision,
        reach: Reach,
        index: Arc<Index>,
    ) -> Result<Arc<Fleet>, Fault> {
        let mut fleet = Fleet::new(head, index);
        fleet.repositories =
            repositories.others().into_iter().map(|name| (name.clone(), repositories.trouble(&name))).collect();
        for (name, commit) in fleet.index.pins() {
            let Some(repository) = repositories.find(name.as_ref()) else { continue };
            let pinned = self.pinned(repository, name.as_ref(), commit, reach)?;
            fleet.pins.insert((name, commit), pinned);
        }
        for (name, tag) in fleet.index.tags() {
            let Some(repository) = repositories.find(name.as_ref()) else { continue };
            let now = TagNow { now: repository.tag(&tag)?, accepted: repository.accepted_tag(&tag)? };
            fleet.tags.insert((name, tag), now);
        }
        Ok(Arc::new(fleet))
    }

    fn pinned(
        &self,
        repository: &dyn Repository,
        name: Option<&RepoName>,
        commit: CommitId,
        reach: Reach,
    ) -> Result<Pinned, Fault> {
        if !repository.contains(commit)? {
            // A mirror has what its branch and tags hold; an absent commit may well be of another branch.
            let index = Err(NOT_THERE.to_owned());
            return Ok(Pinned { index, is_on_branch: false });
        }
        let head = match (name, reach) {
            (None, Reach::Anywhere) => Some(commit),
            (None, Reach::From(head)) => Some(head),
            (Some(_), _) => repository.watched()?,
        };
        let is_on_branch = match head {
            Some(head) => self.descends(repository, head, commit)?,
            None => false,
        };
        let index = self.pinned_index(repository, name, commit).map_err(|fault| fault.to_string());
        Ok(Pinned { index, is_on_branch })
    }

    /// Returns the index of a commit whose places say that they are of it.
    fn pinned_index(
        &self,
        repository: &dyn Repository,
        name: Option<&RepoName>,
        commit: CommitId,
    ) -> Result<Arc<Index>, Fault> {
        let origin = Origin::new(name.cloned(), commit);
        let found = self.kept().pinned.iter().find(|(known, _)| *known == origin).map(|(_, index)| index.clone());
        if let Some(index) = found {
            return Ok(index);
        }
        let index = Arc::new(self.index(repository, name, commit)?.pinned(&origin));
        let mut kept = self.kept();
        kept.pinned.push((origin, index.clone()));
        if kept.pinned.len() > PINNED_MAX {
            kept.pinned.remove(0);
        }
        Ok(index)
    }

    /// Returns whether a commit comes after another one; that it does is a fact for ever.
    fn descends(&self, repository: &dyn Repository, commit: CommitId, ancestor: CommitId) -> Result<bool, Fault> {
        if self.kept().descents.contains(&(commit, ancestor)) {
            return Ok(true);
        }
        let descends = repository.descends(commit, ancestor)?;
        if descends {
            let mut kept = self.kept();
            if kept.descents.len() >= DESCENTS_MAX {
                kept.descents.clear();
            }
            kept.descents.insert((commit, ancestor));
        }
        Ok(descends)
    }
}
