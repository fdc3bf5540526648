//! In: layers as applied and as wanted. Out: what differs, how much that disturbs, and the id by which people approve it.
//! Guarantee: from Git alone, so that a pull request and its merge give the same change.
pub(super) mod change;
pub(super) mod renamed_layers;
pub(super) mod removal;
pub(super) mod disruption;
pub(super) mod immutable;
pub(super) mod pack_upgrades;
pub(super) mod ids;
