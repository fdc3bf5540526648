//! In: a plan, a layer of it. Out: whether the nodes that it makes can be ready before a later layer is there.
//! Guarantee: only where the network comes anew; a network that changes holds nothing up that had one.
//!
//! Why: machines of a new cluster come up without a network, and stay unready until it is there. Were the layers that
//! make them waited for as a whole, the network would wait for them and they for the network.
use crate::decide::document::{LayerRole, Site};
use crate::decide::plan::{LayerPlan, Operation, Plan, Role};

/// What is asked of the nodes that machines become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nodes {
    /// They are ready.
    Ready,
    /// Their machines are made.
    Made,
}

/// Whether a layer makes machines for a network that the plan makes later.
pub(super) fn comes_later(plan: &Plan, at: usize) -> bool {
    let is_network = |layer: &LayerPlan| {
        plan.change.layers.iter().any(|change| change.layer == layer.layer && change.role == LayerRole::Network)
    };
    let is_new = |layer: &LayerPlan| {
        let mut changes = layer.groups.iter().flat_map(|group| &group.objects);
        // What of a network was deferred is no network.
        layer.writes()
            && layer.deferred.is_none()
            && changes.all(|change| matches!(change.operation, Operation::Create | Operation::Run))
    };
    // Where Kubernetes goes up over several versions, nodes are there, and each is waited for.
    let is_managed = plan.layers.get(at).is_some_and(|layer| layer.site == Site::Management && layer.version.is_none());
    let mut later = plan.layers.iter().skip(at + 1).filter(|layer| layer.site == Site::Workload);
    is_managed && later.any(|layer| is_network(layer) && is_new(layer))
}

/// Whether a layer only ends objects.
pub(super) fn ends(layer: &LayerPlan) -> bool {
    layer.groups.iter().all(|group| group.role == Role::Prune)
}
