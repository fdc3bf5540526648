//! In: a layer whose source is replaced. Out: whether the old one goes first.
//! Guarantee: new before old, unless the layer says `swap: remove-first`, which needs approval.
use super::super::model::{ChangeKind, LayerChange};
use crate::decide::profile::Swap;

/// Whether what is there is removed before its replacement comes.
pub(in crate::decide::plan) fn removes_first(layer: &LayerChange) -> bool {
    layer.kind == ChangeKind::Replaced && layer.options.swap == Swap::RemoveFirst
}
