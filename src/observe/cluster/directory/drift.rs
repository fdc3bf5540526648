//! In: what is known of a target, and its files. Out: the same, without what is not as it was written.
//! Guarantee: what cannot be read now is taken as it was.
use super::look::look;
use crate::decide::document::Site;
use crate::decide::drift::judge;
use crate::decide::plan::ClusterState;
use crate::name::{LayerName, ObjectId};
use std::path::Path;

/// Looks at all that is ours, and lets what is not as it was written be written again.
pub fn mark_drift(folder: &Path, facts: &mut ClusterState) {
    for (name, layer) in &mut facts.inventory.layers {
        let objects: Vec<(LayerName, Site, ObjectId)> =
            layer.entries.keys().map(|(site, object)| (name.clone(), *site, object.clone())).collect();
        for (key, live) in look(folder, &objects) {
            if let Some(entry) = layer.entries.get_mut(&key) {
                judge(entry, &live);
            }
        }
    }
}
