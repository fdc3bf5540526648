//! In: the old side of a change. Out: the inventory of a cluster on which that was applied, and nothing else.
//! Guarantee: what is planned by it is planned from Git alone.
use super::sync::Applied;
use crate::decide::plan::{Entry, Inventory, LayerInventory};
use crate::decide::render::{Layer, Object};
use crate::name::PlanId;
use std::collections::BTreeMap;

/// Returns the inventory of a cluster that has exactly these layers.
pub(super) fn as_if_applied(before: &Applied) -> Inventory {
    let Applied::Known(layers) = before else { return Inventory::default() };
    let book = |layer: &Layer| {
        let entry = |object: &Object| {
            let digest = object.manifest.digest();
            (
                (layer.site, object.id.clone()),
                Entry { applied: Some(digest), intended: None, uid: None, kept: object.is_kept() },
            )
        };
        LayerInventory {
            layer: layer.name.clone(),
            plan: PlanId([0; 32]),
            after: layer.after.iter().map(|edge| edge.layer.clone()).collect(),
            entries: layer.objects.iter().map(entry).collect::<BTreeMap<_, _>>(),
        }
    };
    Inventory { layers: layers.layers.iter().map(|layer| (layer.name.clone(), book(layer))).collect() }
}
