//! In: what a change does, of one cluster or of an environment. Out: the id by which people approve it.
//! Guarantee: without commits, times, generations and live state; sensitive leaves enter only by their HMAC.
use super::model::{Change, LayerChange, ObjectChange};
use crate::decide::render::Layer;
use crate::decide::value::{Domain, Hasher, Value};
use crate::name::{ChangeId, ChangeSetId};

/// Returns the id of a change.
pub(super) fn change_id(change: &Change, old: &[Layer], new: &[Layer]) -> ChangeId {
    let mut hasher = Hasher::new(Domain("change/1"));
    hasher.bytes(change.cluster.as_str().as_bytes());
    for side in [old, new] {
        hasher.bytes(&(side.len() as u64).to_be_bytes());
        for layer in side {
            hasher.value(&layer.document);
        }
    }
    for LayerChange { layer, kind, disruption, objects, .. } in &change.layers {
        hasher.bytes(layer.as_str().as_bytes()).bytes(format!("{kind:?} {disruption:?}").as_bytes());
        for ObjectChange { site, object, operation, patch, .. } in objects {
            hasher.bytes(format!("{site:?} {object:?} {operation:?}").as_bytes());
            hasher.value(&Value::list(patch.iter().map(super::super::value::PatchOperation::to_value).collect()));
        }
    }
    ChangeId(hasher.finish().0)
}

/// Returns the id of the changes of an environment together.
pub fn change_set_id(changes: &[ChangeId]) -> ChangeSetId {
    let mut sorted = changes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut hasher = Hasher::new(Domain("change-set/1"));
    for id in &sorted {
        hasher.bytes(&id.0);
    }
    ChangeSetId(hasher.finish().0)
}
