//! In: what a change does, of one cluster or of an environment. Out: the id by which people approve it.
//! Guarantee: without commits, times, generations and live state; sensitive leaves enter only by their HMAC.
use super::super::model::{Change, ChangeKind, LayerChange, ObjectChange, Operation};
use crate::decide::document::Site;
use crate::decide::profile::LayerOptions;
use crate::decide::render::Layer;
use crate::decide::value::{Domain, Hasher, PatchOperation, Value};
use crate::name::{ChangeId, ChangeSetId, ObjectId};

/// Returns the id of a change.
pub(in crate::decide::plan) fn change_id(change: &Change, old: &[Layer], new: &[Layer]) -> ChangeId {
    let mut hasher = Hasher::new(Domain("change/3"));
    hasher.bytes(change.cluster.as_str().as_bytes());
    for side in [old, new] {
        hasher.bytes(&(side.len() as u64).to_be_bytes());
        for layer in side {
            hasher.bytes(&layer.document.digest().0);
        }
    }
    for what in &change.relaxed {
        hasher.bytes(what.as_bytes());
    }
    for LayerChange { layer, kind, disruption, objects, options, is_resumed, .. } in &change.layers {
        hasher.bytes(layer.as_str().as_bytes()).bytes(format!("{kind:?} {disruption:?} {is_resumed}").as_bytes());
        if *kind != ChangeKind::Unchanged {
            // How it is done is part of what is done.
            let LayerOptions { paused, swap, on_remove, propagation, .. } = options;
            hasher.bytes(format!("{paused} {swap:?} {on_remove:?} {propagation:?}").as_bytes());
        }
        for object in objects {
            object_into(object, &mut hasher);
        }
    }
    for step in change.stair.iter().flat_map(|stair| &stair.steps) {
        hasher.bytes(format!("over {}", step.rung.version).as_bytes());
        step.objects.iter().for_each(|object| object_into(object, &mut hasher));
    }
    ChangeId(hasher.finish().0)
}

/// What an object shall be decides its patch together with what it was, which a new one was not.
fn object_into(change: &ObjectChange, hasher: &mut Hasher) {
    let ObjectChange { site, object, operation, patch, manifest, .. } = change;
    let ObjectId { group, kind, namespace, name } = object;
    let namespace = namespace.as_ref().map_or(&b"\0"[..], |namespace| namespace.as_bytes());
    hasher.bytes(&[u8::from(*site == Site::Management)]).bytes(group.as_bytes()).bytes(kind.as_bytes());
    hasher.bytes(namespace).bytes(name.as_bytes());
    let (word, from) = match operation {
        Operation::Create => ("create", None),
        Operation::Patch => ("patch", None),
        Operation::Recreate => ("recreate", None),
        Operation::Run => ("run", None),
        Operation::Unchanged => ("unchanged", None),
        Operation::Prune => ("prune", None),
        Operation::Move { from } => ("move", Some(from)),
        Operation::Keep => ("keep", None),
    };
    hasher.bytes(word.as_bytes()).bytes(from.map_or("", |from| from.as_str()).as_bytes());
    if let Some(manifest) = manifest {
        hasher.bytes(&manifest.digest().0);
    }
    if *operation != Operation::Create && !patch.is_empty() {
        hasher.value(&Value::list(patch.iter().map(PatchOperation::to_value).collect()));
    }
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
