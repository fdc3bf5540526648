//! In: the layers of a change that are paused. Out: which of them differ, and by which sync each was applied last.
//! Guarantee: nothing is written to a paused layer and nothing of it is deleted; what was left is a change once it goes on.
use super::super::model::{Change, ChangeKind, LayerChange, ObjectChange};
use super::settler::Settler;
use crate::decide::profile::{Moment, Record};
use crate::decide::value::Digested;
use crate::name::LayerName;
use std::collections::BTreeMap;

impl Settler<'_> {
    /// Returns the paused layers that would be written to, were they not.
    pub(in crate::decide::plan) fn paused(&self) -> Vec<LayerName> {
        let differs = |layer: &&LayerChange| {
            let is_other = |object: &&ObjectChange| {
                let digest = object.manifest.as_ref().map(Digested::digest);
                digest.is_some()
                    && self.own(layer, object).is_none_or(|entry| entry.applied != digest || entry.intended.is_some())
            };
            let listed = self.inventory.layers.get(&layer.layer).into_iter().flat_map(|book| book.entries.keys());
            let mut unwanted = listed.filter(|(site, object)| !self.wanted.contains_key(&(*site, object)));
            layer.options.paused && (layer.objects.iter().any(|object| is_other(&object)) || unwanted.next().is_some())
        };
        self.change.layers.iter().filter(differs).map(|layer| layer.layer.clone()).collect()
    }
}

/// Returns the layers that a plan leaves as they are, each with the sync that it was applied by last.
pub(in crate::decide::plan) fn last_applied(change: &Change, record: &Record) -> BTreeMap<LayerName, Option<Moment>> {
    let paused = change.layers.iter().filter(|layer| layer.options.paused && layer.kind != ChangeKind::Removed);
    let left = |layer: &LayerChange| {
        let before = layer.renamed_from.as_ref().unwrap_or(&layer.layer);
        let last = || record.applied.clone().filter(|_| layer.kind != ChangeKind::Added);
        (layer.layer.clone(), record.paused.get(before).cloned().unwrap_or_else(last))
    };
    paused.map(left).collect()
}

/// Whether nothing is done to what a layer's inventory lists.
pub(in crate::decide::plan) fn is_paused(change: &Change, name: &LayerName) -> bool {
    let is_its = |layer: &&LayerChange| layer.layer == *name;
    let was_its = |layer: &&LayerChange| layer.renamed_from.as_ref() == Some(name);
    let layer = change.layers.iter().find(is_its).or_else(|| change.layers.iter().find(was_its));
    layer.is_some_and(|layer| layer.options.paused)
}
