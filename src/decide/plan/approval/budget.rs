//! In: a change, the policies, the inventory. Out: why it needs approval, or is never done.
//! Guarantee: the stricter of the last synced policy, the new one and the operator's floor judges; nothing relaxes its judge.
use super::super::difference::disruption::name;
use super::super::inventory::Inventory;
use super::super::model::{Change, Disruption, Old};
use super::super::settling::swap::removes_first;
use crate::decide::profile::Policy;
use crate::name::ObjectId;

/// Why a change cannot simply be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What needs approval, in words.
    pub approval: Vec<String>,
    /// What is never done, in words.
    pub forbidden: Vec<String>,
}

/// Judges a change. `deleted` are the objects that end, as the plan will delete them; `fleet` those of one head over all
/// clusters, this one's included.
pub fn judge(change: &Change, deleted: &[&ObjectId], fleet: usize, inventory: &Inventory, policy: &Policy) -> Needs {
    let mut needs = Needs::default();
    let count = deleted.len();
    let owned: usize = inventory.layers.values().map(|layer| layer.entries.len()).sum();
    if count > policy.objects_max as usize {
        needs.approval.push(format!("{count} deletions, more than {}", policy.objects_max));
    }
    if owned > 0 && count * 100 > owned * policy.percent_max as usize {
        needs.approval.push(format!("{count} deletions of {owned} objects, more than {} %", policy.percent_max));
    }
    if fleet > policy.fleet_max as usize && count > 0 {
        needs.approval.push(format!("{fleet} deletions over all clusters, more than {}", policy.fleet_max));
    }
    for object in deleted.iter().filter(|object| is_protected(object, policy)) {
        needs.approval.push(format!("deletion of {} {}", object.kind, object.name));
    }
    if count > 0
        && let Old::Unknown(why) = &change.old
    {
        needs.approval.push(format!("{count} deletions while the old state is unknown: {why}"));
    }
    for layer in &change.layers {
        let class = layer.disruption;
        if class == Disruption::Forbidden {
            let why = layer.disruption_reason.as_ref().map_or("it is forbidden", |(_, why)| why);
            needs.forbidden.push(format!("layer {}: {why}", layer.layer));
        } else if policy.approval_for.iter().any(|word| **word == *name(class)) {
            needs.approval.push(format!("{} of layer {}", name(class), layer.layer));
        }
        if removes_first(layer) {
            needs.approval.push(format!("layer {} is removed before its replacement is there", layer.layer));
        }
    }
    needs
}

fn is_protected(object: &ObjectId, policy: &Policy) -> bool {
    policy.protected_kinds.iter().any(|protected| match protected.split_once('.') {
        Some((kind, group)) => *kind == *object.kind && *group == *object.group,
        None => **protected == *object.kind,
    })
}
