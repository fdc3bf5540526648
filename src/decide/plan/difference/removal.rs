//! In: a layer or an object that goes. Out: what is done about it: pruned, or kept where `onRemove: keep` says so.
//! Guarantee: what another layer has now is moved there; a kept object loses our marks and nothing else.
use super::super::model::{Admission, ChangeKind, Expected, LayerChange, ObjectChange, Operation};
use super::super::settling::object_order;
use super::change::{Places, both_ways};
use super::disruption::removal;
use crate::decide::profile::OnRemove;
use crate::decide::render::{Layer, Object, is_of_removal};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::decide::plan) fn gone_object(layer: &Layer, object: &Object) -> ObjectChange {
    let (patch, inverse) = both_ways(Some(&object.manifest), None);
    let keeps = object.is_kept() || layer.options.on_remove == OnRemove::Keep;
    ObjectChange {
        site: layer.site,
        object: object.id.clone(),
        operation: if keeps { Operation::Keep } else { Operation::Prune },
        patch,
        inverse,
        manifest: None,
        expected: Expected::Any,
        admission: Admission::default(),
        at: None,
    }
}

/// A layer that goes; what another layer has now is moved there, not deleted. What its charts would run then is noted.
pub(in crate::decide::plan) fn removed(layer: &Layer, new: &Places<'_>) -> LayerChange {
    let stays = |object: &&Object| new.find(layer.site, &object.id).is_some();
    // A hook that goes once all is well is gone already.
    let ran = |object: &&Object| object.hook.as_ref().is_some_and(|hook| hook.goes);
    let ending = layer.objects.iter().filter(|object| !stays(object) && !ran(object));
    let mut objects: Vec<ObjectChange> = ending.map(|object| gone_object(layer, object)).collect();
    objects.sort_by(|left, right| object_order::by_end(&left.object, &right.object));
    let (disruption, reason) = removal(layer, &objects);
    let (patch, inverse) = both_ways(Some(&layer.document), None);
    LayerChange {
        layer: layer.name.clone(),
        renamed_from: None,
        role: layer.role,
        site: layer.site,
        kind: ChangeKind::Removed,
        wave: layer.wave,
        after: layer.after.clone(),
        disruption,
        disruption_reason: reason,
        patch,
        inverse,
        objects,
        deferred: BTreeMap::new(),
        outliving: outliving(layer),
        defines: Vec::new(),
        hooks: BTreeMap::new(),
        notes: layer.notes.iter().filter(|note| is_of_removal(note)).cloned().collect(),
        options: layer.options.clone(),
        is_resumed: false,
        timeout: layer.timeout,
    }
}

/// Returns the objects that outlive a layer: the namespaces that it brings along, and what its charts ask for.
pub(in crate::decide::plan) fn outliving(layer: &Layer) -> BTreeSet<ObjectId> {
    layer.objects.iter().filter(|object| object.is_kept()).map(|object| object.id.clone()).collect()
}

/// Whether an object of a layer is let go of, and not deleted, once nobody wants it; its inventory remembers that, for
/// when no document says so any longer.
pub(in crate::decide::plan) fn is_kept(layer: &LayerChange, object: &ObjectId) -> bool {
    layer.options.on_remove == OnRemove::Keep || layer.outliving.contains(object)
}
