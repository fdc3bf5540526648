//! In: a change with the class of each layer, the policy's `disruption.approvalFor`. Out: what needs approval, or is never
//! done.
//! Guarantee: what is forbidden cannot be approved; a layer that goes before its replacement is there always needs approval.
use super::super::difference::disruption::name;
use super::super::model::{Change, Disruption};
use super::super::settling::swap::removes_first;
use super::budget::Needs;
use crate::decide::profile::Policy;

/// Judges the disruption of each layer.
pub(super) fn judge_disruption(change: &Change, policy: &Policy, needs: &mut Needs) {
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
}
