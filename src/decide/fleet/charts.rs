//! In: all documents of a tree. Out: the charts of repositories over HTTP that they name.
//! Guarantee: what any document may come to use is named, under whichever condition.
use super::index::Index;
use crate::decide::document::{Fragment, Overlay};
use std::sync::Arc;

/// A chart of a repository over HTTP, as a document names it.
#[derive(Clone, Debug)]
pub struct ChartReference {
    /// The repository.
    pub repo: Arc<str>,
    /// The chart.
    pub name: Arc<str>,
    /// The version or range.
    pub wanted: Arc<str>,
    /// Where it is named.
    pub part: Fragment,
}

impl Index {
    /// Returns the charts of other servers that documents name, each wherever it is named.
    pub fn chart_references(&self) -> Vec<ChartReference> {
        let profiles = self.profiles.values().flat_map(|profile| profile.layers.iter().map(|(_, part)| part.clone()));
        let environments = self.environments.values();
        let overlays = environments.flat_map(|it| std::iter::once(&it.overlay).chain(&it.overlays));
        let overlays = overlays.chain(self.clusters.values().map(|cluster| &cluster.overlay));
        let entries = overlays.flat_map(|overlay| layers_of(overlay));
        profiles.chain(entries).filter_map(|layer| reference(&layer)).collect()
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
    let (repo, name, wanted) = (text("repo")?, text("name")?, text("version")?);
    Some(ChartReference { repo, name, wanted, part })
}
