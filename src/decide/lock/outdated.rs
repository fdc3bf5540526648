//! In: all documents of a revision. Out: the packs that layers name, and which are not the newest, or not to be used for long.
//! Guarantee: each version once, with every place that names it; only what may be used is newer: no pre-release, nothing that
//! is deprecated or has ended.
use crate::decide::document::{Environment, Fragment, Overlay, PackLifecycle};
use crate::decide::fleet::Index;
use semver::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A version of a pack that layers name, outdated or not.
#[derive(Clone, Debug)]
pub struct Outdated {
    /// The pack.
    pub name: Arc<str>,
    /// The version.
    pub version: Arc<str>,
    /// The newest version that may be used, where there is a newer one.
    pub newest: Option<Arc<str>>,
    /// What it is, where it is not active: `deprecated`, `disabled` or `deleted`.
    pub state: Option<Arc<str>>,
    /// What the pack says of that.
    pub message: Option<Arc<str>>,
    /// The texts that hold the version: `name@version`, or the version alone.
    pub places: Vec<Fragment>,
}

impl Outdated {
    /// Whether it is the newest one, and may be used for long.
    pub fn is_newest(&self) -> bool {
        self.newest.is_none() && self.state.is_none()
    }
}

/// Returns each version that layers name, outdated or not, sorted by name and version.
pub fn outdated(index: &Index) -> Vec<Outdated> {
    let newest = newest(index);
    let mut named: BTreeMap<(Arc<str>, Arc<str>), Vec<Fragment>> = BTreeMap::new();
    for (name, version, place) in places(index) {
        named.entry((name, version)).or_default().push(place);
    }
    let judged = |((name, version), places): ((Arc<str>, Arc<str>), Vec<Fragment>)| {
        let pack = index.pack(&name, &version).ok().flatten()?;
        let own = Version::parse(&version).ok();
        let newest = newest.get(&name).filter(|(newest, _)| own.is_none_or(|own| *newest > own));
        let newest = newest.map(|(_, version)| version.clone());
        let (state, message) = state_of(&pack.lifecycle);
        Some(Outdated { name, version, newest, state, message, places })
    };
    named.into_iter().filter_map(judged).collect()
}

/// Returns what a pack is where it is not active, and what it says of that.
pub fn state_of(lifecycle: &PackLifecycle) -> (Option<Arc<str>>, Option<Arc<str>>) {
    match lifecycle {
        PackLifecycle::Active => (None, None),
        PackLifecycle::Deprecated(message) => (Some("deprecated".into()), message.clone()),
        PackLifecycle::Ended(state, message) => (Some(state.clone()), message.clone()),
    }
}

/// Returns the newest version of each pack that may be used.
fn newest(index: &Index) -> BTreeMap<Arc<str>, (Version, Arc<str>)> {
    let mut newest: BTreeMap<Arc<str>, (Version, Arc<str>)> = BTreeMap::new();
    for (name, version) in index.pack_names() {
        let is_active = index
            .pack(name, version)
            .is_ok_and(|pack| pack.is_some_and(|pack| matches!(pack.lifecycle, PackLifecycle::Active)));
        let Some(parsed) = Version::parse(version).ok().filter(|parsed| is_active && parsed.pre.is_empty()) else {
            continue;
        };
        if newest.get(name).is_none_or(|(known, _)| *known < parsed) {
            newest.insert(name.clone(), (parsed, version.clone()));
        }
    }
    newest
}

/// Returns each name and version that a layer names, with the text that holds the version.
fn places(index: &Index) -> Vec<(Arc<str>, Arc<str>, Fragment)> {
    let profiles = index.profile_names().filter_map(|name| index.profile(name).ok().flatten());
    let of_profiles = profiles.flat_map(|profile| profile.layers.iter().map(|(_, part)| part.clone()));
    let clusters = index.cluster_names().filter_map(|name| index.cluster(name).ok());
    let of_clusters = clusters.flat_map(|cluster| parts(&cluster.overlay));
    let of_environments = index.environments().flat_map(|environment| of_environment(environment));
    let all = of_profiles.chain(of_environments).chain(of_clusters);
    all.flat_map(|part| [part.get("pack"), part.get("replaceWith").and_then(|with| with.get("pack"))])
        .flatten()
        // What registries have is asked of them.
        .filter(|pack| pack.get("registry").is_none())
        .filter_map(|pack| read(&pack))
        .collect()
}

fn of_environment(environment: &Environment) -> impl Iterator<Item = Fragment> {
    environment.overlays.iter().chain([&environment.overlay]).flat_map(|overlay| parts(overlay))
}

fn parts(overlay: &Overlay) -> impl Iterator<Item = Fragment> {
    overlay.layers.iter().map(|layer| layer.part.clone())
}

fn read(pack: &Fragment) -> Option<(Arc<str>, Arc<str>, Fragment)> {
    if let Some(text) = pack.as_str() {
        return text.split_once('@').map(|(name, version)| (name.into(), version.into(), pack.clone()));
    }
    let (name, version) = (pack.get("name")?, pack.get("version")?);
    Some((name.text().into(), version.text().into(), version))
}
