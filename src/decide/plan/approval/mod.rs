//! In: a change, its plan, what judges it. Out: why the plan waits, is never done, or may not touch what it names.
//! Guarantee: nothing relaxes its judge; an approval counts once, by somebody who wrote none of it.
pub(super) mod approvals;
pub(super) mod holds;
pub(super) mod judging_policy;
pub(super) mod budget;
mod protected_kinds;
mod disruption_approval;
pub(super) mod bounds;
pub(super) mod cluster_lifecycle;
