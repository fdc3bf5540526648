//! In: the `lifecycle` of a cluster, its plan. Out: what it asks for.
//! Guarantee: `delete` renders no layer, so that all of them go, with approval; `paused` holds whatever is to be written.
use super::super::model::{Hold, Plan};
use super::budget::Needs;
use crate::decide::profile::Lifecycle;

/// Deletion of a cluster's layers always needs approval.
pub(in crate::decide::plan) fn needs(lifecycle: Lifecycle, plan: &Plan, needs: &mut Needs) {
    if lifecycle == Lifecycle::Delete && !plan.is_empty() {
        needs.approval.push("deletion of all layers of the cluster".into());
    }
}

/// Nothing is done to a paused cluster.
pub(in crate::decide::plan) fn hold(lifecycle: Lifecycle, plan: &Plan) -> Option<Hold> {
    (lifecycle == Lifecycle::Paused && !plan.is_empty()).then_some(Hold::Paused)
}
