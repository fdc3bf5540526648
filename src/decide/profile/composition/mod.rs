//! In: the fleet and a cluster. Out: the layers that the cluster has, each with all that was written of it (the first pass).
//! Guarantee: which profiles and layers there are is settled before any value is.
pub(super) mod rules;
pub(super) mod overlays;
pub(super) mod when;
pub(super) mod absent_labels;
pub(super) mod profile_entries;
pub(super) mod shape;
pub(super) mod layer_entries;
pub(super) mod inactive_entries;
pub(super) mod one_source;
pub(super) mod deliver_to;
pub(super) mod field_rules;
