//! In: a layer, the places that are planned so far. Out: those that have to come to their end before it.
//! Guarantee: layers with no path of edges between them do not wait for each other; what is deferred holds up only who comes
//! after both layers.
use super::super::model::{LayerChange, LayerPlan};
use super::settler::Settler;
use crate::name::LayerName;
use std::collections::BTreeSet;

impl Settler<'_> {
    /// Returns the places of what has to be done before a layer, or before what of it waits for `until`.
    pub(super) fn needs(&self, layer: &LayerChange, until: Option<&LayerName>) -> Vec<usize> {
        let is_before = |plan: &LayerPlan| {
            plan.layer == layer.layer
                || layer.renamed_from.as_ref() == Some(&plan.layer)
                || (plan.deferred.is_none() && until == Some(&plan.layer))
                || (layer.after.iter().any(|edge| edge.layer == plan.layer)
                    && plan.deferred.as_ref().is_none_or(|definer| self.comes_after(&layer.layer, definer)))
        };
        self.plans.iter().enumerate().filter(|(_, plan)| is_before(plan)).map(|(at, _)| at).collect()
    }

    /// Whether edges lead from a layer back to another one.
    fn comes_after(&self, layer: &LayerName, other: &LayerName) -> bool {
        let (mut open, mut met) = (vec![layer], BTreeSet::new());
        while let Some(name) = open.pop() {
            let Some(change) = self.change.layers.iter().find(|change| change.layer == *name) else { continue };
            if !met.insert(name) {
                continue;
            }
            if change.after.iter().any(|edge| edge.layer == *other) {
                return true;
            }
            open.extend(change.after.iter().map(|edge| &edge.layer));
        }
        false
    }
}
