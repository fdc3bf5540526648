//! In: what is known of a target, and its files. Out: the same, without what is not as it was written.
//! Guarantee: what cannot be read now is taken as it was.
use super::look::look;
use crate::decide::document::Site;
use crate::decide::plan::{ClusterState, Entry};
use crate::decide::value::{Absence, Digest, Live, Value};
use crate::name::{LayerName, ObjectId};
use std::path::Path;

/// What is ours and not as it was written is listed as intended and not applied, so that the plan writes it again.
pub fn mark_drift(folder: &Path, facts: &mut ClusterState) {
    for (name, layer) in &mut facts.inventory.layers {
        let objects: Vec<(LayerName, Site, ObjectId)> =
            layer.entries.keys().map(|(site, object)| (name.clone(), *site, object.clone())).collect();
        for (key, live) in look(folder, &objects) {
            let Some(entry) = layer.entries.get_mut(&key) else { continue };
            match &live {
                Live::Present { object, .. } if is_as_written(object, entry.applied) => {}
                Live::Absent(Absence::NotRead(_)) => {}
                _ => forget(entry),
            }
        }
    }
}

fn forget(entry: &mut Entry) {
    entry.intended = entry.intended.or(entry.applied);
    entry.applied = None;
}

fn is_as_written(object: &Value, applied: Option<Digest>) -> bool {
    let digest = object.get("digest").and_then(Value::as_str).and_then(Digest::parse);
    object.get("intact").and_then(Value::as_bool) == Some(true) && digest.is_some() && digest == applied
}
