//! In: the index of the head, and those of the revisions that it names. Out: which documents each environment and entry reads.
//! Guarantee: environments and clusters are read at the head, profiles and packs at the pin; a tag is what the lock says.
use super::codes;
use super::index::Index;
use super::registry_packs::RegistryPacks;
use crate::decide::document::{Cluster, Environment, Overlay, PinReference, Revision, nearest};
use crate::decide::value::{Diagnostic, Span};
use crate::name::{ClusterName, CommitId, EnvironmentName, RepoName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A revision as documents name it: the repository, none for the fleet's own, and a commit id or a tag.
pub type Named = (Option<RepoName>, Arc<str>);

/// All that one moment says: at its head, and at each revision that documents of the head name.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The revision of the head.
    pub head: Revision,
    /// Its documents.
    pub index: Arc<Index>,
    /// The revisions that are read beside it, by repository and commit.
    pub pins: BTreeMap<(Option<RepoName>, CommitId), Pinned>,
    /// What the tags in use are now.
    pub tags: BTreeMap<Named, TagNow>,
    /// The other repositories of the settings, each with why it could not be looked at last.
    pub repositories: BTreeMap<RepoName, Option<String>>,
    /// Whether the head is the one to sync to, or was.
    pub tense: Tense,
    /// The packs of registries that were read so far.
    pub packs: RegistryPacks,
}

/// Whether a head is the one to sync to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// It is: its pins have to be right.
    Present,
    /// It was: its pins were right then, whatever became of their branches and tags.
    Past,
}

/// Why a commit is no pin that its repository's watched branch does not hold.
pub const NOT_THERE: &str = "it is not in the history of the watched branch";

/// A pinned revision.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Its documents; in words why they cannot be read.
    pub index: Result<Arc<Index>, String>,
    /// Whether the watched branch of its repository holds it.
    pub is_on_branch: bool,
}

/// What a tag in use is in its repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagNow {
    /// The commit that it names.
    pub now: Option<CommitId>,
    /// The commit that a person holds to, whatever it names.
    pub accepted: Option<CommitId>,
}

impl Index {
    /// Returns the revisions that its documents name, as they name them.
    pub fn named(&self) -> BTreeSet<Named> {
        let of_environments = self.environments.values().flat_map(|environment| references(environment));
        of_environments.chain(self.references.keys().cloned()).collect()
    }

    /// Returns each place where a revision is named.
    pub fn pin_references(&self) -> impl Iterator<Item = &PinReference> {
        let of_environments = self.environments.values().flat_map(|environment| pin_references(environment));
        let of_clusters = self.references.values().flatten().filter_map(|path| self.clusters.get(path));
        of_environments.chain(of_clusters.flat_map(|cluster| pins_of(&cluster.overlay)))
    }

    /// Returns the commits that are read beside the head, as far as they can be told.
    pub fn pins(&self) -> BTreeSet<(Option<RepoName>, CommitId)> {
        let pin = |(repository, revision): Named| {
            let commit = CommitId::parse(&revision).or_else(|| self.locked(repository.as_ref(), &revision))?;
            Some((repository, commit))
        };
        self.named().into_iter().filter_map(pin).collect()
    }

    /// Returns the tags that are in use.
    pub fn tags(&self) -> BTreeSet<Named> {
        self.named().into_iter().filter(|(_, revision)| CommitId::parse(revision).is_none()).collect()
    }

    /// Returns the clusters with a document, or an environment, that names one of these revisions.
    pub fn readers(&self, named: &BTreeSet<Named>) -> BTreeSet<ClusterName> {
        let names = |environment: &&Arc<Environment>| references(environment).any(|one| named.contains(&one));
        let environments: BTreeSet<&EnvironmentName> =
            self.environments.values().filter(names).map(|environment| &environment.name).collect();
        let by_themselves = named.iter().filter_map(|one| self.references.get(one)).flatten();
        let paths = self.clusters.iter().filter(|(_, cluster)| environments.contains(&cluster.environment));
        let paths = paths.map(|(path, _)| path).chain(by_themselves);
        paths.filter_map(|path| self.clusters.get(path)).map(|cluster| cluster.name.clone()).collect()
    }
}

fn pin_references(environment: &Environment) -> impl Iterator<Item = &PinReference> {
    let overlays = std::iter::once(&environment.overlay).chain(&environment.overlays);
    environment.revision.iter().chain(overlays.flat_map(|overlay| pins_of(overlay)))
}

fn pins_of(overlay: &Overlay) -> impl Iterator<Item = &PinReference> {
    overlay.profiles.iter().filter(|reference| !reference.remove).filter_map(|reference| reference.pin.as_ref())
}

/// Returns the revisions that an environment names.
fn references(environment: &Environment) -> impl Iterator<Item = Named> {
    pin_references(environment).map(named)
}

/// Returns the revisions that a cluster names.
pub(super) fn references_of_cluster(cluster: &Cluster) -> impl Iterator<Item = Named> {
    pins_of(&cluster.overlay).map(named)
}

pub(super) fn named(pin: &PinReference) -> Named {
    (pin.repository.clone(), pin.revision.clone())
}

impl Fleet {
    /// Returns a head that names nothing beside itself, before anything is known of that.
    pub fn new(head: Revision, index: Arc<Index>) -> Self {
        let (pins, tags, repositories) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let packs = RegistryPacks::default();
        Self { head, index, pins, tags, repositories, tense: Tense::Present, packs }
    }

    /// Returns the same as it was when it was synced to.
    #[must_use]
    pub fn past(&self) -> Self {
        Self { tense: Tense::Past, ..self.clone() }
    }

    /// Returns the revisions that cannot be read, or whose tag is not what the lock says.
    pub fn unread(&self) -> BTreeSet<Named> {
        let is_unread = |named: &Named| {
            let is_tag = CommitId::parse(&named.1).is_none();
            match self.readable(named) {
                (Some((true, _)), now) if is_tag => now.now != self.commit(named) && now.accepted != self.commit(named),
                (Some((true, is_on_branch)), _) => !is_on_branch,
                _ => true,
            }
        };
        self.index.named().into_iter().filter(is_unread).collect()
    }

    /// Returns the revisions that are read otherwise than they were, by what became of their repositories.
    pub fn changed_since(&self, before: &Self) -> BTreeSet<Named> {
        self.index.named().into_iter().filter(|named| self.readable(named) != before.readable(named)).collect()
    }

    /// Returns whether a revision can be read and its branch holds it, and what it is as a tag.
    fn readable(&self, named: &Named) -> (Option<(bool, bool)>, TagNow) {
        let pinned = self.commit(named).and_then(|commit| self.pins.get(&(named.0.clone(), commit)));
        let pinned = pinned.map(|pinned| (pinned.index.is_ok(), pinned.is_on_branch));
        (pinned, self.tags.get(named).copied().unwrap_or_default())
    }

    fn commit(&self, (repository, revision): &Named) -> Option<CommitId> {
        CommitId::parse(revision).or_else(|| self.index.locked(repository.as_ref(), revision))
    }

    /// Returns the index that a pin is read from, its commit, and what is to be told of it.
    pub fn at(&self, pin: &PinReference) -> Result<(&Arc<Index>, CommitId, Option<Diagnostic>), Diagnostic> {
        let trouble = self.trouble(pin)?;
        let commit = self.index.commit_of(pin)?;
        let at = || pin.part.span();
        let pinned = self.pins.get(&(pin.repository.clone(), commit));
        if let (Some(why), None | Some(Pinned { index: Err(_), .. })) = (trouble, pinned) {
            return Err(
                unreachable(Diagnostic::error, pin, why).hint("its clusters stay as they are until it can be read")
            );
        }
        if pin.commit().is_none() && self.tense == Tense::Present {
            self.check_tag(pin, commit)?;
        }
        match pinned {
            Some(Pinned { index: Err(why), .. }) => Err(unusable(why, at())),
            Some(Pinned { is_on_branch: false, .. }) if pin.commit().is_some() && self.tense == Tense::Present => {
                let said = unusable(NOT_THERE, at());
                Err(said.hint("where the branch was rewritten on purpose, accept its head by `stratify accept`"))
            }
            Some(Pinned { index: Ok(index), .. }) => {
                Ok((index, commit, trouble.map(|why| unreachable(Diagnostic::warning, pin, why))))
            }
            None => Err(Diagnostic::error(codes::NO_PIN, "the pinned revision was not read").at(at())),
        }
    }

    /// Says of a revision that it cannot be resolved, at the first document that names it.
    pub fn unresolved(&self, named: &Named, why: &str) -> Diagnostic {
        let said = Diagnostic::error(codes::REVISION, why).hint("push the tag, or name another revision");
        match self.index.pin_references().find(|pin| self::named(pin) == *named) {
            Some(pin) => said.at(pin.part.span()),
            None => said,
        }
    }

    /// Returns why a pin's repository could not be looked at, if that is so; one that nobody knows is an error.
    fn trouble(&self, pin: &PinReference) -> Result<Option<&str>, Diagnostic> {
        let Some(name) = &pin.repository else { return Ok(None) };
        if let Some(trouble) = self.repositories.get(name) {
            return Ok(trouble.as_deref());
        }
        let place = pin.repository_part.as_ref().unwrap_or(&pin.part).span();
        let near = nearest(name.as_str(), self.repositories.keys().map(RepoName::as_str));
        Err(Diagnostic::error(codes::NO_REPOSITORY, format!("the settings have no repository `{name}`"))
            .at(place)
            .expected("a name under `repositories` of the operator's settings")
            .nearest(near)
            .hint("give the settings by --settings; the clusters stay as they are until it is there"))
    }
}

fn unusable(why: &str, at: Span) -> Diagnostic {
    Diagnostic::error(codes::NO_PIN, format!("the pinned revision cannot be used: {why}"))
        .at(at)
        .expected("a commit that the watched branch has, or had")
}

fn unreachable(
    severity: fn(crate::decide::value::Code, String) -> Diagnostic,
    pin: &PinReference,
    why: &str,
) -> Diagnostic {
    let name = pin.repository.as_ref().map_or("of the fleet", RepoName::as_str);
    severity(codes::UNREACHABLE, format!("the repository `{name}` cannot be looked at: {why}")).at(pin
        .repository_part
        .as_ref()
        .unwrap_or(&pin.part)
        .span())
}
