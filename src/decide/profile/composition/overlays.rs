//! In: the fleet and a cluster. Out: the overlays that count for it, the profiles that it has, and what `when` may ask.
//! Guarantee: overlays stand in their order: environment, its conditional ones, cluster; a condition never guesses.
use super::super::codes;
use super::super::full::Pin;
use super::super::placeholder::scope::{Roots, cluster_value};
use super::super::placeholder::template::named;
use super::profile_entries::find_profiles;
use super::rules::check_types;
use crate::decide::document::{Cluster, Environment, Overlay, PinReference, Profile, ProfileReference};
use crate::decide::fleet::{Fleet, Index, RegistryPacks};
use crate::decide::value::{Diagnostic, Seal};
use crate::name::{ClusterName, ProfileName, RepoName};
use std::sync::Arc;

/// What counts for one cluster.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Selection {
    pub(in crate::decide::profile) fleet_name: Arc<str>,
    pub(in crate::decide::profile) cluster: Arc<Cluster>,
    pub(in crate::decide::profile) environment: Arc<Environment>,
    /// Where profiles and packs are read that have no revision of their own.
    pub(in crate::decide::profile) shared: Arc<Index>,
    /// Where environments and clusters are read.
    pub(in crate::decide::profile) head: Arc<Index>,
    pub(in crate::decide::profile) overlays: Vec<Arc<Overlay>>,
    /// Infrastructure first, then in the order in which they were named.
    pub(in crate::decide::profile) profiles: Vec<Arc<Profile>>,
    /// Where each of them is read, with its packs.
    pub(in crate::decide::profile) homes: Vec<Home>,
    /// The revisions that are read beside the head.
    pub(in crate::decide::profile) pins: Vec<Pin>,
    /// What overlays name and this cluster does not have; none where that cannot be read.
    pub(in crate::decide::profile) beside: Vec<Option<Arc<Index>>>,
    /// The packs of registries that were read so far.
    pub(in crate::decide::profile) packs: RegistryPacks,
    pub(in crate::decide::profile) warnings: Vec<Diagnostic>,
}

/// Where a profile is read.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Home {
    pub(in crate::decide::profile) index: Arc<Index>,
    /// The repository of the settings; none for the fleet's own.
    pub(in crate::decide::profile) repository: Option<RepoName>,
}

impl Selection {
    /// Returns the profiles of the fleet's own repository that are read at another revision than the head.
    pub(in crate::decide::profile) fn pinned(&self) -> impl Iterator<Item = &Arc<Profile>> {
        let is_pinned = |home: &Home| home.repository.is_none() && !Arc::ptr_eq(&home.index, &self.head);
        self.profiles.iter().zip(&self.homes).filter(move |(_, home)| is_pinned(home)).map(|(profile, _)| profile)
    }
}

/// What counts for a cluster as far as it can be told, with all that is wrong.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Selected {
    pub(in crate::decide::profile) selection: Selection,
    pub(in crate::decide::profile) errors: Vec<Diagnostic>,
    /// Whether no overlay and no profile is missing for what is wrong.
    pub(in crate::decide::profile) is_whole: bool,
}

/// Selects what counts for a cluster; an error where nothing at all can be told.
pub(in crate::decide::profile) fn select(
    fleet: &Fleet,
    name: &ClusterName,
    seal: &Seal,
) -> Result<Selected, Vec<Diagnostic>> {
    let document = fleet.index.fleet()?;
    let cluster = fleet.index.cluster(name)?.clone();
    let environment = fleet.index.environment(&cluster.environment);
    let environment = environment.map_err(|said| placed(said, &cluster))?.clone();
    let (mut pins, mut warnings) = (Vec::new(), Vec::new());
    let shared = match &environment.revision {
        Some(pin) => read(fleet, pin, None, &mut pins, &mut warnings).map_err(|said| vec![said])?,
        None => fleet.index.clone(),
    };
    let roots = roots(&document.name, &environment, &cluster);
    let asked = Asked { roots, seal };
    let mut errors = Vec::new();
    let overlays = asked.overlays(&environment, &cluster, &mut errors);
    let references = asked.references(&overlays, &mut errors);
    let (found, missing) = find_profiles(fleet, &shared, &references, &mut pins, &mut warnings);
    errors.extend(missing);
    let is_whole = errors.is_empty();
    let (profiles, homes): (Vec<Arc<Profile>>, Vec<Home>) = found.into_iter().unzip();
    let mistyped = check_types(&profiles, &references, &cluster);
    // A profile that is missing may be the one that is missed.
    errors.extend(mistyped.into_iter().filter(|said| is_whole || said.code != codes::INFRASTRUCTURE));
    let selection = Selection {
        fleet_name: document.name.clone(),
        head: fleet.index.clone(),
        beside: beside(fleet, &overlays, &references),
        packs: fleet.packs.clone(),
        cluster,
        environment,
        shared,
        overlays,
        profiles,
        homes,
        pins,
        warnings,
    };
    Ok(Selected { selection, errors, is_whole })
}

/// Reads a pin, and takes note of it.
pub(in crate::decide::profile) fn read(
    fleet: &Fleet,
    pin: &PinReference,
    profile: Option<&ProfileName>,
    pins: &mut Vec<Pin>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Arc<Index>, Diagnostic> {
    let (index, commit, warning) = fleet.at(pin)?;
    let (profile, repository, revision) = (profile.cloned(), pin.repository.clone(), pin.part.text().into());
    pins.push(Pin { profile, repository, revision, commit });
    warnings.extend(warning);
    Ok(index.clone())
}

/// Returns the indexes of entries that do not count here; their profiles declare variables all the same.
fn beside(fleet: &Fleet, overlays: &[Arc<Overlay>], references: &[ProfileReference]) -> Vec<Option<Arc<Index>>> {
    let is_here = |pin: &PinReference| {
        references.iter().filter_map(|reference| reference.pin.as_ref()).any(|here| here.part.span() == pin.part.span())
    };
    let named = overlays.iter().flat_map(|overlay| &overlay.profiles).filter_map(|reference| reference.pin.as_ref());
    named.filter(|pin| !is_here(pin)).map(|pin| fleet.at(pin).ok().map(|(index, ..)| index.clone())).collect()
}

/// An environment that is not there has no place of its own: the cluster asks for it.
fn placed(said: Vec<Diagnostic>, cluster: &Cluster) -> Vec<Diagnostic> {
    let place = |said: Diagnostic| if said.at.is_none() { said.at(cluster.name_span()) } else { said };
    said.into_iter().map(place).collect()
}

/// What conditions may ask: no version yet, since they decide which layers there are.
fn roots(fleet: &str, environment: &Environment, cluster: &Cluster) -> Roots {
    let mut roots = Roots::default();
    roots.set("cluster", cluster_value(cluster, None));
    roots.set("environment", named(environment.name.as_str()));
    roots.set("fleet", named(fleet));
    roots
}

pub(in crate::decide::profile) struct Asked<'a> {
    pub(in crate::decide::profile) roots: Roots,
    pub(in crate::decide::profile) seal: &'a Seal,
}

impl Asked<'_> {
    fn overlays(
        &self,
        environment: &Environment,
        cluster: &Cluster,
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<Arc<Overlay>> {
        let mut overlays = vec![environment.overlay.clone()];
        for overlay in &environment.overlays {
            match self.holds(overlay.when.as_ref()) {
                Ok(true) => overlays.push(overlay.clone()),
                Ok(false) => {}
                Err(error) => errors.push(error),
            }
        }
        overlays.push(cluster.overlay.clone());
        overlays
    }
}
