//! In: the repository around a folder, and the folders of mirrors. Out: the repositories of the settings, to be looked at.
//! Guarantee: reads only, and never from a remote; a mirror that is not there yet is said so.
use super::commits::{Repositories, Repository};
use crate::client::git::Objects;
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoName};
use crate::observe::mirror::View;
use crate::observe::worktree::Local;
use crate::settings::Settings;
use std::collections::BTreeMap;

impl Repository for View {
    fn objects(&self) -> &Objects {
        View::objects(self)
    }

    fn tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.objects().resolve_tag(name)
    }

    fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        View::accepted_tag(self, name)
    }

    fn watched(&self) -> Result<Option<CommitId>, Fault> {
        View::watched(self)
    }
}

/// The repository around a folder, and its mirror, where what people accepted is.
struct Around {
    local: Local,
    mirror: Option<View>,
}

impl Repository for Around {
    fn objects(&self) -> &Objects {
        self.local.objects()
    }

    fn tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.local.objects().resolve_tag(name)
    }

    fn accepted_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.mirror.as_ref().map_or(Ok(None), |mirror| mirror.accepted_tag(name))
    }

    fn watched(&self) -> Result<Option<CommitId>, Fault> {
        self.local.try_head()
    }
}

/// The repositories of the settings, as far as they are on this machine.
pub(super) struct Views {
    around: Option<Around>,
    /// What a sync saw of the fleet's own repository, where nothing else is looked at.
    mirror: Option<View>,
    others: BTreeMap<RepoName, Result<View, String>>,
}

impl Views {
    /// Opens what is there.
    pub(super) fn open(local: Option<Local>, settings: &Settings) -> Result<Self, Fault> {
        let folder = settings.mirror(None);
        let around = match local {
            Some(local) => {
                let mirror = View::try_open(&folder, settings.branch(), local.path().cloned())?;
                Some(Around { local, mirror })
            }
            None => None,
        };
        Ok(Self { around, mirror: None, others: others(settings) })
    }

    /// Takes what a sync saw of the fleet's own repository.
    pub(super) fn seen(mirror: View, settings: &Settings) -> Self {
        Self { around: None, mirror: Some(mirror), others: others(settings) }
    }

    /// Returns what a sync saw of the fleet's own repository.
    pub(super) fn mirror(&self) -> Option<&View> {
        self.mirror.as_ref()
    }

    /// Returns the repository around, if there is one.
    pub(super) fn local(&self) -> Option<&Local> {
        self.around.as_ref().map(|around| &around.local)
    }
}

fn others(settings: &Settings) -> BTreeMap<RepoName, Result<View, String>> {
    let others = settings.repositories.iter().map(|(name, repository)| {
        let view = View::try_open(&settings.mirror(Some(name)), repository.branch(), repository.path.clone());
        let absent = "its mirror is not there yet; `stratify lock`, `sync` and `serve` fetch it";
        (name.clone(), view.map_err(|fault| fault.to_string()).and_then(|view| view.ok_or_else(|| absent.into())))
    });
    others.collect()
}

impl Repositories for Views {
    fn find(&self, name: Option<&RepoName>) -> Option<&dyn Repository> {
        match name {
            None => match &self.around {
                Some(around) => Some(around),
                None => self.mirror.as_ref().map(|mirror| mirror as &dyn Repository),
            },
            Some(name) => self.others.get(name)?.as_ref().ok().map(|view| view as &dyn Repository),
        }
    }

    fn others(&self) -> Vec<RepoName> {
        self.others.keys().cloned().collect()
    }

    fn trouble(&self, name: &RepoName) -> Option<String> {
        self.others.get(name)?.as_ref().err().cloned()
    }
}
