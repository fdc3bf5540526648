//! In: two indexes and the change between them. Out: the clusters whose full profile may differ.
//! Guarantee: a cluster that is not named here has the same full profile after the change as before it.
use super::below::Below;
use super::index::Index;
use crate::decide::document::{Cluster, Fragment, Overlay, Place, Profile, TreeChange, place};
use crate::name::{ClusterName, EnvironmentName, ProfileName, RepoPath};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The clusters that a change may affect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Those to be resolved again, broken ones too.
    pub clusters: BTreeSet<ClusterName>,
    /// Those that no document describes any longer: released, nothing of them is deleted.
    pub released: BTreeSet<ClusterName>,
}

/// What a change's paths belong to.
#[derive(Default)]
struct Parts {
    all: bool,
    clusters: BTreeSet<ClusterName>,
    environments: BTreeSet<EnvironmentName>,
    profiles: BTreeSet<ProfileName>,
    packs: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Files below a chart or a kustomization, which any document may name.
    below: Below,
}

impl Touched {
    pub(super) fn between(old: &Index, new: &Index, change: &TreeChange) -> Self {
        let mut parts = Parts::default();
        change.entries.iter().for_each(|(path, _)| parts.add(path));
        parts.below = Below::of(old, new, change);
        parts.share_targets(old, new);
        let mut touched = Self::default();
        for name in &parts.clusters {
            if new.names.contains_key(name) {
                touched.clusters.insert(name.clone());
            } else if old.names.contains_key(name) {
                touched.released.insert(name.clone());
            }
        }
        if parts.all {
            touched.clusters.extend(new.names.keys().cloned());
        } else if !(parts.environments.is_empty()
            && parts.profiles.is_empty()
            && parts.packs.is_empty()
            && parts.below.is_empty())
        {
            parts.spread(new, &mut touched);
        }
        touched
    }

    /// Returns the clusters that read what changed between two revisions of the pinned documents of `environment`.
    pub fn by_pin(head: &Index, environment: &EnvironmentName) -> BTreeSet<ClusterName> {
        let of = |name: &&ClusterName| head.environment_of(name).as_ref() == Some(environment);
        head.names.keys().filter(of).cloned().collect()
    }
}

impl Parts {
    fn add(&mut self, path: &RepoPath) {
        match place(path) {
            Place::Fleet | Place::Lock => self.all = true,
            Place::Cluster(_, name) => self.clusters.extend([name]),
            _ => {
                let mut parts = path.as_str().split('/');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some("clusters"), Some(_), Some(name)) => self.clusters.extend(ClusterName::new(name)),
                    (Some("environments"), Some(name), _) => self.environments.extend(EnvironmentName::new(name)),
                    (Some("profiles"), Some(name), _) => self.profiles.extend(ProfileName::new(name)),
                    (Some("packs"), Some(name), Some(version)) => self.packs.extend([(name.into(), version.into())]),
                    _ => {}
                }
            }
        }
    }

    /// A target that two clusters had, or have now, concerns both.
    fn share_targets(&mut self, old: &Index, new: &Index) {
        let mut more = BTreeSet::new();
        for index in [old, new] {
            for path in self.clusters.iter().filter_map(|name| index.names.get(name)).flatten() {
                let target = index.clusters.get(path).map(|cluster| &cluster.target);
                more.extend(target.and_then(|target| index.targets.get(target)).into_iter().flatten().cloned());
            }
        }
        self.clusters.extend(more);
    }

    fn spread(&self, index: &Index, touched: &mut Touched) {
        let profiles: BTreeSet<&ProfileName> = index
            .profiles
            .values()
            .filter(|profile| self.profiles.contains(&profile.name) || self.names_any_of(profile))
            .map(|profile| &profile.name)
            .chain(&self.profiles)
            .collect();
        let environments: BTreeSet<&EnvironmentName> = index
            .environments
            .values()
            .filter(|environment| {
                let overlays = || std::iter::once(&environment.overlay).chain(&environment.overlays);
                overlays().any(|overlay| self.concerns(overlay, &profiles))
            })
            .map(|environment| &environment.name)
            .chain(&self.environments)
            .collect();
        for (name, paths) in &index.names {
            let documents = || paths.iter().filter_map(|path| index.clusters.get(path));
            let by_itself = |cluster: &Arc<Cluster>| {
                environments.contains(&cluster.environment) || self.concerns(&cluster.overlay, &profiles)
            };
            if documents().any(by_itself) {
                touched.clusters.insert(name.clone());
            }
        }
    }

    fn concerns(&self, overlay: &Overlay, profiles: &BTreeSet<&ProfileName>) -> bool {
        overlay.profiles.iter().any(|reference| profiles.contains(&reference.name))
            || overlay.layers.iter().any(|layer| {
                self.names_any(&layer.part) || layer.part.get("replaceWith").is_some_and(|with| self.names_any(&with))
            })
    }

    fn names_any_of(&self, profile: &Profile) -> bool {
        profile.layers.iter().any(|(_, part)| self.names_any(part))
    }

    fn names_any(&self, layer: &Fragment) -> bool {
        let names_pack = || !self.packs.is_empty() && pack_of(layer).is_some_and(|pack| self.packs.contains(&pack));
        names_pack() || self.below.concerns(layer)
    }
}

/// Returns name and version of the pack that a layer names.
pub fn pack_of(layer: &Fragment) -> Option<(Arc<str>, Arc<str>)> {
    let pack = layer.get("pack")?;
    match pack.as_str() {
        Some(text) => text.split_once('@').map(|(name, version)| (name.into(), version.into())),
        None => Some((pack.get("name")?.text().into(), pack.get("version")?.text().into())),
    }
}
