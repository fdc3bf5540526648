//! In: the tags that documents name. Out: the commits that they are, in the repository around and in others.
//! Guarantee: another repository is fetched where nobody has its mirror open, else read as it was seen last, which is told.
use super::super::current_fleet::Here;
use crate::decide::fleet::{Fleet, Named};
use crate::decide::value::{Diagnostic, Fault};
use crate::name::{CommitId, RepoName};
use crate::observe::mirror::{Mirror, View};
use crate::observe::worktree::Local;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The repositories in which tags are looked for.
pub(super) struct Remotes<'a> {
    here: &'a Here,
    local: Local,
    others: BTreeMap<RepoName, Remote>,
}

impl<'a> Remotes<'a> {
    /// Takes the repository around; others are opened once a tag of theirs is looked for.
    pub(super) fn new(here: &'a Here) -> Result<Self, Fault> {
        Ok(Self { here, local: here.local()?, others: BTreeMap::new() })
    }
}

/// Another repository.
enum Remote {
    /// Its mirror, fetched just now.
    Fetched(Arc<Mirror>),
    /// Its mirror, which another process keeps.
    Kept(Box<View>),
}

impl Remotes<'_> {
    /// Returns the commit that a tag is, or what is wrong with who names it.
    pub(super) fn resolve(&mut self, fleet: &Fleet, named: &Named) -> Result<Result<CommitId, Diagnostic>, Fault> {
        let (repository, name) = named;
        let found = match repository {
            None => self.local.objects().resolve_tag(name)?,
            Some(repository) if !fleet.repositories.contains_key(repository) => {
                return Ok(Err(fleet.unresolved(named, "the settings have no repository of that name")));
            }
            Some(repository) => match self.other(repository)? {
                Remote::Fetched(mirror) => mirror.resolve_tag(name)?,
                Remote::Kept(view) => view.objects().resolve_tag(name)?,
            },
        };
        let place = repository.as_ref().map_or_else(String::new, |name| format!(" in the repository `{name}`"));
        Ok(found.ok_or_else(|| fleet.unresolved(named, &format!("there is no tag `{name}`{place}"))))
    }

    fn other(&mut self, name: &RepoName) -> Result<&Remote, Fault> {
        if !self.others.contains_key(name) {
            let remote = self.open(name)?;
            self.others.insert(name.clone(), remote);
        }
        self.others.get(name).ok_or_else(|| Fault::bug("it was just opened"))
    }

    fn open(&self, name: &RepoName) -> Result<Remote, Fault> {
        match self.here.other_mirror(name) {
            Ok(mirror) => {
                mirror.fetch()?;
                Ok(Remote::Fetched(mirror))
            }
            // Another process has it open.
            Err(fault) if fault.spurious => {
                self.here.other_view(name)?.map(|view| Remote::Kept(Box::new(view))).ok_or(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) fn seen_by_others(&self) -> impl Iterator<Item = &RepoName> {
        self.others.iter().filter(|(_, remote)| matches!(remote, Remote::Kept(_))).map(|(name, _)| name)
    }
}
