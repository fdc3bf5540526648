//! In: the fleet and a cluster. Out: the overlays that count for it, the profiles that it has, and what `when` may ask.
//! Guarantee: overlays stand in their order: environment, its conditional ones, cluster; a condition never guesses.
use super::codes;
use super::composition::check_types;
use super::full::Pin;
use super::scope::{Roots, cluster_value};
use super::template::{advised, named};
use crate::decide::document::{
    Cluster, Environment, Fragment, Overlay, PinReference, Profile, ProfileReference, ProfileType, nearest,
};
use crate::decide::expression::Expression;
use crate::decide::fleet::{Fleet, Index};
use crate::decide::value::{Diagnostic, Seal};
use crate::name::{ClusterName, ProfileName, RepoName};
use std::sync::Arc;

/// What counts for one cluster.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) fleet_name: Arc<str>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) environment: Arc<Environment>,
    /// Where profiles and packs are read that have no revision of their own.
    pub(super) shared: Arc<Index>,
    /// Where environments and clusters are read.
    pub(super) head: Arc<Index>,
    pub(super) overlays: Vec<Arc<Overlay>>,
    /// Infrastructure first, then in the order in which they were named.
    pub(super) profiles: Vec<Arc<Profile>>,
    /// Where each of them is read, with its packs.
    pub(super) homes: Vec<Home>,
    /// The revisions that are read beside the head.
    pub(super) pins: Vec<Pin>,
    /// What overlays name and this cluster does not have; none where that cannot be read.
    pub(super) beside: Vec<Option<Arc<Index>>>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Where a profile is read.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) index: Arc<Index>,
    /// The repository of the settings; none for the fleet's own.
    pub(super) repository: Option<RepoName>,
}

impl Selection {
    /// Returns the profiles of the fleet's own repository that are read at another revision than the head.
    pub(super) fn pinned(&self) -> impl Iterator<Item = &Arc<Profile>> {
        let is_pinned = |home: &Home| home.repository.is_none() && !Arc::ptr_eq(&home.index, &self.head);
        self.profiles.iter().zip(&self.homes).filter(move |(_, home)| is_pinned(home)).map(|(profile, _)| profile)
    }
}

/// What counts for a cluster as far as it can be told, with all that is wrong.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) selection: Selection,
    pub(super) errors: Vec<Diagnostic>,
    /// Whether no overlay and no profile is missing for what is wrong.
    pub(super) is_whole: bool,
}

/// Selects what counts for a cluster; an error where nothing at all can be told.
pub(super) fn select(fleet: &Fleet, name: &ClusterName, seal: &Seal) -> Result<Selected, Vec<Diagnostic>> {
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
fn read(
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

struct Asked<'a> {
    roots: Roots,
    seal: &'a Seal,
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

    /// Merges the profiles of all overlays by name; the last one that names a profile says what becomes of it.
    fn references(&self, overlays: &[Arc<Overlay>], errors: &mut Vec<Diagnostic>) -> Vec<ProfileReference> {
        let mut merged: Vec<ProfileReference> = Vec::new();
        for reference in overlays.iter().flat_map(|overlay| &overlay.profiles) {
            match merged.iter_mut().find(|known| known.name == reference.name) {
                Some(known) => {
                    let when = reference.when.clone().or_else(|| known.when.clone());
                    let pin = reference.pin.clone().or_else(|| known.pin.clone());
                    *known = ProfileReference { when, pin, ..reference.clone() };
                }
                None if reference.remove => errors.push(nothing_to_remove(reference, &merged)),
                None => merged.push(reference.clone()),
            }
        }
        merged.retain(|reference| {
            !reference.remove
                && self.holds(reference.when.as_ref()).unwrap_or_else(|error| {
                    errors.push(error);
                    false
                })
        });
        merged
    }

    fn holds(&self, when: Option<&Fragment>) -> Result<bool, Diagnostic> {
        let Some(part) = when else { return Ok(true) };
        let scope = self.roots.scope(self.seal);
        let evaluated = Expression::compile(part.text()).and_then(|expression| expression.evaluate_bool(&scope));
        evaluated.map_err(|error| {
            let said = Diagnostic::error(codes::EXPRESSION, format!("the condition cannot be evaluated: {error}"))
                .at(part.span());
            advised(said, &error).expected("a CEL expression over cluster, environment and fleet that is true or false")
        })
    }
}

/// A misspelt removal would leave the profile where it is, so it is no less wrong than a misspelt addition.
fn nothing_to_remove(reference: &ProfileReference, known: &[ProfileReference]) -> Diagnostic {
    let near = nearest(reference.name.as_str(), known.iter().map(|known| known.name.as_str()));
    let message = format!("there is no profile `{}` to remove", reference.name);
    Diagnostic::error(codes::NO_PROFILE, message)
        .at(reference.part.get("name").unwrap_or_else(|| reference.part.clone()).span())
        .expected("a profile that an overlay before this one names")
        .nearest(near)
}

fn find_profiles(
    fleet: &Fleet,
    shared: &Arc<Index>,
    references: &[ProfileReference],
    pins: &mut Vec<Pin>,
    warnings: &mut Vec<Diagnostic>,
) -> (Vec<(Arc<Profile>, Home)>, Vec<Diagnostic>) {
    let (mut profiles, mut errors) = (Vec::new(), Vec::new());
    for reference in references {
        let index = match &reference.pin {
            Some(pin) => read(fleet, pin, Some(&reference.name), pins, warnings),
            None => Ok(shared.clone()),
        };
        let found = index.map_err(|said| vec![said]).and_then(|index| {
            let repository = reference.pin.as_ref().and_then(|pin| pin.repository.clone());
            let found = index.profile(&reference.name)?.cloned();
            let profile = found.ok_or_else(|| vec![no_profile(reference, &index)])?;
            Ok((profile, Home { index, repository }))
        });
        match found {
            Ok(found) => profiles.push(found),
            Err(said) => errors.extend(said),
        }
    }
    profiles.sort_by_key(|(profile, _)| profile.kind == ProfileType::AddOn);
    (profiles, errors)
}

fn no_profile(reference: &ProfileReference, index: &Index) -> Diagnostic {
    let near = nearest(reference.name.as_str(), index.profile_names().map(ProfileName::as_str));
    let place = match &reference.pin {
        Some(PinReference { repository: Some(repository), .. }) => {
            format!("of the repository `{repository}` at that revision")
        }
        Some(_) => "at that revision".to_owned(),
        None => "at the revision of the environment".to_owned(),
    };
    Diagnostic::error(codes::NO_PROFILE, format!("there is no profile `{}`", reference.name))
        .at(reference.part.get("name").unwrap_or_else(|| reference.part.clone()).span())
        .expected(format!("`profiles/{}/profile.yaml` {place}", reference.name))
        .nearest(near)
}
