//! In: a change, the state of the cluster. Out: the writes and deletions that are left to do, in their order.
//! Guarantee: what was done is not done again; what is ours and wanted by nobody goes, in its place.
pub(super) mod draft;
pub(super) mod settler;
mod layer_needs;
mod endings;
pub(super) mod paused;
pub(super) mod swap;
pub(super) mod definitions_kept;
pub(super) mod kubernetes_minors;
pub(super) mod object_order;
