//! In: the part of the operator's file that describes the floor. Out: what no repository may relax.
//! Guarantee: what is not said restricts nothing.
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional};
use crate::decide::profile::Policy;
use std::sync::Arc;

pub(super) const FIELDS: &[Field] = &[
    optional("maxObjects", Shape::Integer(0, 1_000_000), "Deletions of one cluster beyond this need approval."),
    optional("maxPercent", Shape::Integer(0, 100), "Deletions beyond this part of a cluster need approval."),
    optional("fleet", Shape::Integer(0, 100_000_000), "Deletions of one head beyond this need approval."),
    optional("protectedKinds", Shape::List(&Shape::Text), "Kinds whose deletion always needs approval."),
    optional("approvalFor", Shape::List(&Shape::Text), "Classes of disruption that need approval."),
];

/// The default policy is what documents get that say nothing; a floor of its own would tighten what they say.
pub(super) fn none() -> Policy {
    Policy {
        objects_max: u32::MAX,
        percent_max: 100,
        fleet_max: u32::MAX,
        protected_kinds: Vec::new(),
        approval_for: Vec::new(),
        ..Policy::default()
    }
}

/// Reads a checked part.
pub(super) fn read(part: &Fragment) -> Policy {
    let floor = none();
    let number = |key: &str, otherwise: u32| {
        part.get(key)
            .and_then(|part| part.value().as_i64())
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(otherwise)
    };
    let texts = |key: &str| {
        part.get(key).map(|part| part.items().map(|item| Arc::from(item.text())).collect()).unwrap_or_default()
    };
    Policy {
        objects_max: number("maxObjects", floor.objects_max),
        percent_max: number("maxPercent", floor.percent_max),
        fleet_max: number("fleet", floor.fleet_max),
        protected_kinds: texts("protectedKinds"),
        approval_for: texts("approvalFor"),
        ..floor
    }
}
