//! In: a rollout at any time. Out: how far it is, and which layers wait, for what and why.
//! Guarantee: says only what was seen.
use super::machine::{LayerState, Rollout};
use crate::decide::value::Timestamp;
use crate::name::{LayerName, ObjectId};

/// A layer that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The layer.
    pub layer: LayerName,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Since when, where that was seen.
    pub since: Option<Timestamp>,
    /// Why, in words.
    pub why: String,
}

/// What a layer waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Another layer, that must come to a good end first.
    Layer(LayerName),
    /// An object of its own.
    Object(ObjectId),
}

impl Rollout {
    /// Returns the layers that wait, in the order of the plan.
    pub fn why_blocked(&self) -> Vec<Blocked> {
        let blocked = |(at, layer): (usize, &crate::decide::plan::LayerPlan)| {
            let name = layer.layer.clone();
            match self.layers.get(at)? {
                LayerState::Begun => {
                    let (object, since, why) = self.waiting()?;
                    Some(Blocked { layer: name, waits_for: WaitsFor::Object(object), since: Some(since), why })
                }
                LayerState::Skipped(other) => self.behind(name, *other, "it came to no good end"),
                LayerState::Waiting => {
                    let is_open = |other: &&usize| self.layers.get(**other) != Some(&LayerState::Done);
                    // A layer that stands at several places waits for itself, too; its first place says for what.
                    let is_other =
                        |other: &&usize| self.plan.layers.get(**other).is_some_and(|other| other.layer != layer.layer);
                    let other = layer.needs.iter().filter(is_other).find(is_open)?;
                    self.behind(name, *other, "it is not at its end yet")
                }
                LayerState::Done | LayerState::Failed => None,
            }
        };
        self.plan.layers.iter().enumerate().filter_map(blocked).collect()
    }

    /// Returns how many places of the plan came to a good end, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.layers.iter().filter(|state| **state == LayerState::Done).count(), self.layers.len())
    }

    fn behind(&self, layer: LayerName, other: usize, why: &str) -> Option<Blocked> {
        let other = self.plan.layers.get(other)?.layer.clone();
        Some(Blocked { layer, waits_for: WaitsFor::Layer(other), since: None, why: why.into() })
    }
}
