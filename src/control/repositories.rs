//! In: the mirrors of the settings. Out: the fleet's own repository and all others, each with how the last look ended.
//! Guarantee: one that cannot be opened or fetched holds what reads it, and hurts nothing else.
use super::commits::{Repositories, Repository};
use crate::client::git::{Objects, fault};
use crate::decide::value::{Fault, Owner};
use crate::name::{CommitId, RepoName};
use crate::observe::mirror::{Fetched, Mirror};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

impl Repository for Mirror {
    fn objects(&self) -> &Objects {
        Mirror::objects(self)
    }

    fn tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        Mirror::resolve_tag(self, name)
    }

    fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        Mirror::accepted_tag(self, name)
    }

    fn watched(&self) -> Result<Option<CommitId>, Fault> {
        Mirror::watched(self)
    }
}

/// All mirrors.
pub struct Mirrors {
    own: Arc<Mirror>,
    others: BTreeMap<RepoName, Other>,
}

/// Another repository of the settings.
struct Other {
    mirror: Result<Arc<Mirror>, String>,
    /// How the last look ended; none before the first one.
    last: Mutex<Option<Result<(), String>>>,
}

impl Mirrors {
    /// Takes the fleet's own and all others; in words why one could not be opened.
    pub fn new(own: Arc<Mirror>, others: BTreeMap<RepoName, Result<Arc<Mirror>, String>>) -> Self {
        let other = |mirror| Other { mirror, last: Mutex::default() };
        Self { own, others: others.into_iter().map(|(name, mirror)| (name, other(mirror))).collect() }
    }

    /// Returns the fleet's own.
    pub fn own(&self) -> &Arc<Mirror> {
        &self.own
    }

    /// Returns a mirror; without a name, the fleet's own; nothing where the settings have none of that name.
    pub fn mirror(&self, name: Option<&RepoName>) -> Option<Result<&Arc<Mirror>, &str>> {
        match name {
            None => Some(Ok(&self.own)),
            Some(name) => Some(self.others.get(name)?.mirror.as_ref().map_err(String::as_str)),
        }
    }

    /// Fetches another one, and remembers how that ended.
    pub fn fetch(&self, name: &RepoName) -> Result<Fetched, Fault> {
        let Some(other) = self.others.get(name) else { return Ok(Fetched::Nothing) };
        let fetched = match &other.mirror {
            Ok(mirror) => mirror.fetch(),
            Err(_) => return Ok(Fetched::Nothing),
        };
        let ended = fetched.as_ref().map(|_| ()).map_err(ToString::to_string);
        *other.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        fetched
    }

    /// Accepts the head of a repository, or holds one of its tags at a commit; the repository is fetched before.
    pub fn accept(&self, name: Option<&RepoName>, commit: CommitId, tag: Option<&str>) -> Result<(), Fault> {
        let mirror = match (self.mirror(name), name) {
            (Some(Ok(mirror)), _) => mirror,
            (Some(Err(why)), _) => return Err(refused(why.to_owned())),
            (None, name) => {
                let name = name.map_or(String::new(), ToString::to_string);
                return Err(refused(format!("the settings have no repository {name}")));
            }
        };
        match name {
            Some(name) => self.fetch(name)?,
            None => mirror.fetch()?,
        };
        match tag {
            Some(tag) => mirror.accept_tag(tag, commit),
            None => mirror.accept(commit),
        }
    }

    /// Puts small packs together where there are many; what cannot be done now is done after a later look.
    pub fn tend(&self) {
        let others = self.others.values().filter_map(|other| other.mirror.as_ref().ok());
        for mirror in std::iter::once(&self.own).chain(others) {
            if let Err(fault) = mirror.tend() {
                tracing::warn!(%fault, "a mirror was not tended");
            }
        }
    }

    /// Returns whether another one was ever looked at by this process.
    pub fn was_looked_at(&self, name: &RepoName) -> bool {
        self.others.get(name).is_none_or(|other| other.last().is_some() || other.mirror.is_err())
    }
}

fn refused(why: String) -> Fault {
    fault(Owner::Operator, false, why, "see `repositories` in the operator's settings")
}

impl Other {
    fn last(&self) -> Option<Result<(), String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Repositories for Mirrors {
    fn find(&self, name: Option<&RepoName>) -> Option<&dyn Repository> {
        let mirror: &Mirror = match name {
            None => &self.own,
            Some(name) => self.others.get(name)?.mirror.as_ref().ok()?,
        };
        Some(mirror)
    }

    fn others(&self) -> Vec<RepoName> {
        self.others.keys().cloned().collect()
    }

    fn trouble(&self, name: &RepoName) -> Option<String> {
        let other = self.others.get(name)?;
        match &other.mirror {
            Err(why) => Some(why.clone()),
            Ok(_) => other.last()?.err(),
        }
    }
}
