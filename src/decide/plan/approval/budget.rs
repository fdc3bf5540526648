//! In: a change, the policies, the inventory. Out: why it needs approval, or is never done.
//! Guarantee: the stricter of the last synced policy, the new one and the operator's floor judges; nothing relaxes its judge.
use super::super::inventory::Inventory;
use super::super::model::Change;
use super::disruption_approval::judge_disruption;
use super::protected_kinds::is_protected;
use crate::decide::profile::Policy;
use crate::decide::value::counted;
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
    let deletions = counted(count, "deletion");
    let owned: usize = inventory.layers.values().map(|layer| layer.entries.len()).sum();
    if count > policy.objects_max as usize {
        needs.approval.push(format!("{deletions}, more than {}", policy.objects_max));
    }
    if owned > 0 && count * 100 > owned * policy.percent_max as usize {
        needs.approval.push(format!("{deletions} of {}, more than {} %", counted(owned, "object"), policy.percent_max));
    }
    if fleet > policy.fleet_max as usize && count > 0 {
        needs.approval.push(format!(
            "{} over all clusters, more than {}",
            counted(fleet, "deletion"),
            policy.fleet_max
        ));
    }
    for object in deleted.iter().filter(|object| is_protected(object, policy)) {
        needs.approval.push(format!("deletion of {} {}", object.kind, object.name));
    }
    judge_disruption(change, policy, &mut needs);
    needs
}
