//! In: what is known of a target, its files, what is wanted. Out: the same, without what is not as it was written, and what that is.
//! Guarantee: what cannot be read now is taken as it was; what is only observed keeps its place in the books.
use super::look::look;
use crate::decide::document::Site;
use crate::decide::drift::{Fate, Found, What, judge};
use crate::decide::plan::ClusterState;
use crate::decide::render::Layers;
use crate::name::{LayerName, ObjectId};
use std::path::Path;

/// Looks at all that is ours, lets what is not as it was written be written again unless it is only observed, and returns
/// what that is.
pub fn mark_drift(folder: &Path, wanted: &Layers, observes: bool, facts: &mut ClusterState) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, layer) in &mut facts.inventory.layers {
        let objects: Vec<(LayerName, Site, ObjectId)> =
            layer.entries.keys().map(|(site, object)| (name.clone(), *site, object.clone())).collect();
        let wanted = wanted.layers.iter().find(|wanted| wanted.name == *name);
        for (key, live) in look(folder, &objects) {
            let Some(entry) = layer.entries.get_mut(&key) else { continue };
            let mut judged = entry.clone();
            judge(&mut judged, &live);
            if judged == *entry {
                continue;
            }
            // What a commit changes or omits is written or deleted, whatever becomes of drift.
            let wants = wanted.and_then(|layer| layer.objects.iter().find(|object| object.id == key.1));
            if wants.is_some_and(|wants| wants.hook.is_some()) {
                continue; // it has run
            }
            let is_drift = wants.is_some_and(|wants| entry.applied == Some(wants.manifest.digest()));
            let fate = if observes && is_drift { Fate::Observed } else { Fate::Corrected };
            if is_drift {
                let what = if judged.applied.is_none() { What::Gone } else { What::Changed(Vec::new()) };
                found.push(Found { layer: name.clone(), object: key.1, what, fate: fate.clone() });
            }
            if fate == Fate::Corrected {
                *entry = judged;
            }
        }
    }
    found
}
