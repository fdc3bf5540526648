//! In: the index of the head, and those of the revisions that it names. Out: which documents each environment reads.
//! Guarantee: environments and clusters are read at the head, profiles and packs at the pin; a tag is what the lock says.
use super::codes;
use super::index::Index;
use crate::decide::document::{Environment, Fragment, Revision};
use crate::decide::value::Diagnostic;
use crate::name::CommitId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that one moment says: at its head, and at each revision that documents of the head name.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The revision of the head.
    pub head: Revision,
    /// Its documents.
    pub index: Arc<Index>,
    /// Those of the pinned revisions; a fault in words where one could not be read.
    pub pins: BTreeMap<CommitId, Result<Arc<Index>, String>>,
    /// What the tags of the lock are in the repository now.
    pub tags: BTreeMap<Arc<str>, Option<CommitId>>,
}

impl Index {
    /// Returns the commits that its environments are pinned to, as far as they can be told.
    pub fn pins(&self) -> BTreeSet<CommitId> {
        self.environments.values().filter_map(|environment| self.pin(environment).ok().flatten()).collect()
    }

    /// Returns the names of the tags that are in use.
    pub fn tags(&self) -> BTreeSet<Arc<str>> {
        let used = |environment: &Arc<Environment>| {
            let text = environment.revision.as_ref()?.text();
            CommitId::parse(text).is_none().then(|| Arc::from(tag_name(text)))
        };
        self.environments.values().filter_map(used).collect()
    }

    /// Returns the commit at which an environment reads profiles and packs; none for the head.
    pub fn pin(&self, environment: &Environment) -> Result<Option<CommitId>, Diagnostic> {
        let Some(revision) = &environment.revision else { return Ok(None) };
        if let Some(commit) = CommitId::parse(revision.text()) {
            return Ok(Some(commit));
        }
        let name = tag_name(revision.text());
        let locked =
            self.lock.iter().flat_map(|lock| &lock.tags).find(|tag| tag.repository.is_none() && &*tag.name == name);
        match locked {
            Some(tag) => Ok(Some(tag.commit)),
            None => Err(Diagnostic::error(
                codes::REVISION,
                "the revision is neither a full commit id nor a tag of fleet.lock",
            )
            .at(revision.span())
            .expected("40 hexadecimal digits, or a tag")
            .hint("for a tag, run `stratify lock` and commit fleet.lock")),
        }
    }
}

/// Returns a tag's name without `refs/tags/`.
fn tag_name(text: &str) -> &str {
    text.strip_prefix("refs/tags/").unwrap_or(text)
}

impl Fleet {
    /// Returns the index that an environment reads profiles and packs from.
    pub fn shared(&self, environment: &Environment) -> Result<&Arc<Index>, Diagnostic> {
        let Some(commit) = self.index.pin(environment)? else { return Ok(&self.index) };
        let at = || environment.revision.as_ref().map(Fragment::span);
        let placed = |said: Diagnostic| match at() {
            Some(at) => said.at(at),
            None => said,
        };
        if let Some(revision) =
            environment.revision.as_ref().filter(|revision| CommitId::parse(revision.text()).is_none())
        {
            let now = self.tags.get(tag_name(revision.text())).copied().flatten();
            if now != Some(commit) {
                let message = match now {
                    Some(now) => format!("the tag moved from {commit} to {now}"),
                    None => format!("the tag is gone; it was {commit}"),
                };
                return Err(placed(
                    Diagnostic::error(codes::TAG_MOVED, message)
                        .hint("move it back, or run `stratify lock` and commit fleet.lock"),
                ));
            }
        }
        match self.pins.get(&commit) {
            Some(Ok(index)) => Ok(index),
            Some(Err(why)) => Err(placed(
                Diagnostic::error(codes::NO_PIN, format!("the pinned revision cannot be used: {why}"))
                    .expected("a commit that the watched branch has, or had"),
            )),
            None => Err(placed(Diagnostic::error(codes::NO_PIN, "the pinned revision was not read"))),
        }
    }
}
