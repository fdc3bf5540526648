//! In: all documents of a tree. Out: the charts, the packages and the packs of other servers that they name.
//! Guarantee: what any document may come to use is named, under whichever condition.
use super::index::Index;
use crate::decide::document::{Fragment, Overlay};
use std::sync::Arc;

/// A chart of a repository over HTTP or of a registry, as a document names it.
#[derive(Clone, Debug)]
pub struct ChartReference {
    /// The repository; of a registry, the chart's own.
    pub repo: Arc<str>,
    /// The chart.
    pub name: Arc<str>,
    /// The version or range.
    pub wanted: Arc<str>,
    /// Where it is named.
    pub part: Fragment,
}

/// A Zarf package of a registry, as a document names it.
#[derive(Clone, Debug)]
pub struct PackageReference {
    /// The repository.
    pub oci: Arc<str>,
    /// The architecture of the nodes.
    pub architecture: Arc<str>,
    /// The version or range.
    pub wanted: Arc<str>,
    /// Where it is named.
    pub part: Fragment,
}

/// A pack of a registry, as a document names it.
#[derive(Clone, Debug)]
pub struct PackReference {
    /// The registry: `oci://HOST/PATH` below which packs are, or a name of the operator's settings.
    pub registry: Arc<str>,
    /// The pack.
    pub name: Arc<str>,
    /// The version or range.
    pub wanted: Arc<str>,
    /// Where it is named.
    pub part: Fragment,
}

/// The architecture of nodes where a layer does not say.
pub const ARCHITECTURE: &str = "amd64";

impl Index {
    /// Returns the charts of other servers that documents name, each wherever it is named.
    pub fn chart_references(&self) -> Vec<ChartReference> {
        self.named_layers().filter_map(|layer| reference(&layer)).collect()
    }

    /// Returns the packages of registries that documents name, each wherever it is named.
    pub fn package_references(&self) -> Vec<PackageReference> {
        self.named_layers().filter_map(|layer| package(&layer)).collect()
    }

    /// Returns the packs of registries that documents name, each wherever it is named.
    pub fn pack_references(&self) -> Vec<PackReference> {
        self.named_layers().filter_map(|layer| layer.get("pack").and_then(PackReference::read)).collect()
    }

    fn named_layers(&self) -> impl Iterator<Item = Fragment> {
        let profiles = self.profiles.values().flat_map(|profile| profile.layers.iter().map(|(_, part)| part.clone()));
        let environments = self.environments.values();
        let overlays = environments.flat_map(|it| std::iter::once(&it.overlay).chain(&it.overlays));
        let overlays = overlays.chain(self.clusters.values().map(|cluster| &cluster.overlay));
        let entries = overlays.flat_map(|overlay| layers_of(overlay));
        profiles.chain(entries)
    }
}

impl PackReference {
    /// Reads the `pack` of a layer; nothing where it is one of the repository.
    pub fn read(part: Fragment) -> Option<Self> {
        let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
        Some(Self { registry: text("registry")?, name: text("name")?, wanted: text("version")?, part })
    }
}

fn layers_of(overlay: &Overlay) -> Vec<Fragment> {
    let own = overlay.layers.iter().map(|layer| layer.part.clone());
    let others = overlay.layers.iter().filter_map(|layer| layer.part.get("replaceWith"));
    own.chain(others).collect()
}

fn reference(layer: &Fragment) -> Option<ChartReference> {
    let part = layer.get("chart")?;
    let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
    if let Some(oci) = text("oci") {
        return Some(ChartReference { name: name_in(&oci).into(), repo: oci, wanted: text("version")?, part });
    }
    let (repo, name, wanted) = (text("repo")?, text("name")?, text("version")?);
    Some(ChartReference { repo, name, wanted, part })
}

fn package(layer: &Fragment) -> Option<PackageReference> {
    let part = layer.get("zarf")?;
    let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
    let architecture = text("architecture").unwrap_or_else(|| ARCHITECTURE.into());
    Some(PackageReference { oci: text("oci")?, architecture, wanted: text("version")?, part })
}

/// Returns the name of what is in a repository of a registry: the last part of its path.
pub fn name_in(oci: &str) -> &str {
    oci.rsplit('/').next().unwrap_or(oci)
}
