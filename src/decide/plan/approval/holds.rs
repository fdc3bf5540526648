//! In: a plan, what judges it: policy, lifecycle, commits. Out: why it is not executed yet, if it is not.
//! Guarantee: what is not compared with what was applied needs approval; `lifecycle: delete` needs it, `lifecycle: paused`
//! holds all of it; an approval that is used is named.
use super::super::model::{Group, Hold, Old, Plan};
use super::super::settling::draft::{Ruling, deletions};
use super::super::settling::kubernetes_minors::Footing;
use super::super::state::ClusterState;
use super::approvals::weigh;
use super::budget::{Needs, judge};
use super::cluster_lifecycle;
use crate::decide::value::counted;

/// Decides whether the plan is held, and takes note of the approval that it uses up.
pub(in crate::decide::plan) fn hold(plan: &mut Plan, facts: &ClusterState, ruling: &Ruling, footing: Footing) {
    let deleted = deletions(&plan.layers);
    let fleet = deleted.len() + ruling.other_deletions;
    let mut needs: Needs = judge(&plan.change, &deleted, fleet, &facts.inventory, &ruling.policy);
    needs.approval.extend(unknown(plan, facts));
    if !is_done(plan, facts) {
        needs.approval.extend(plan.change.relaxed.iter().map(|what| format!("a relaxed policy: {what}")));
    }
    if let Some(stair) = &plan.change.stair {
        let of_layer = |why: String| format!("layer {}: {why}", stair.layer);
        needs.forbidden.extend(footing.forbidden.map(of_layer));
        needs.approval.extend(footing.approval.map(of_layer));
    }
    cluster_lifecycle::needs(ruling.lifecycle, plan, &mut needs);
    let mut holds: Vec<Hold> = needs.forbidden.into_iter().map(|why| Hold::Forbidden { why }).collect();
    if !needs.approval.is_empty() {
        let ids: Vec<String> =
            std::iter::once(plan.change.id.to_string()).chain(ruling.change_set.map(|id| id.to_string())).collect();
        let approval = weigh(&ruling.commits, &ids, &facts.record.consumed);
        if approval.granted.is_none() {
            holds.extend(needs.approval.into_iter().map(|why| Hold::Approval { why }));
        }
        plan.approval = Some(approval);
    }
    holds.extend(cluster_lifecycle::hold(ruling.lifecycle, plan));
    plan.holds = holds;
}

/// Returns why a plan waits that is not compared with what was applied: where that cannot even be read, how much it
/// disturbs, whether Kubernetes goes down and which hooks run is not known, so somebody has to look at it.
fn unknown(plan: &Plan, facts: &ClusterState) -> Option<String> {
    let Old::Unknown(why) = &plan.change.old else { return None };
    let deleted = deletions(&plan.layers).len();
    if why.is_read {
        return (deleted > 0)
            .then(|| format!("{} while the old state is unknown: {why}", counted(deleted, "deletion")));
    }
    let writes = plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(Group::writes).count();
    let is_there = facts.inventory.layers.values().any(|book| !book.entries.is_empty());
    let count = if writes == 1 { "1 write".to_owned() } else { format!("{writes} writes") };
    (writes > 0 && is_there).then(|| format!("{count} while the old state is unknown: {why}"))
}

/// Whether a plan writes nothing and changes nothing that is recorded.
pub(in crate::decide::plan) fn is_done(plan: &Plan, facts: &ClusterState) -> bool {
    let is_recorded = plan.base.applied == Some(plan.change.digest)
        && facts.record.applying.is_none()
        && facts.record.released.is_none()
        && plan.base.renamed_from.is_none();
    plan.is_empty() && is_recorded && !plan.layers.iter().any(|layer| layer.settled.is_some())
}
