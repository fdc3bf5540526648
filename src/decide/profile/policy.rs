//! In: the policies of the Fleet and of an Environment. Out: the policy that holds for its clusters.
//! Guarantee: an environment only tightens; of two policies the stricter one holds in each of its parts.
use super::full::{DriftPolicy, Policy};
use crate::decide::document::{Fragment, PolicyPart};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Default for Policy {
    /// Small enough to stop a mistake, large enough for a day's work.
    fn default() -> Self {
        let texts = |words: &[&str]| words.iter().map(|word| Arc::from(*word)).collect();
        Self {
            objects_max: 50,
            percent_max: 30,
            fleet_max: 500,
            protected_kinds: texts(&[
                "Namespace",
                "CustomResourceDefinition",
                "PersistentVolume",
                "PersistentVolumeClaim",
                "StatefulSet",
                "Cluster.cluster.x-k8s.io",
                "Machine.cluster.x-k8s.io",
            ]),
            approval_for: texts(&["reboot", "replace-network", "replace-storage", "control-plane-repave", "repave"]),
            drift: DriftPolicy::Correct,
        }
    }
}

impl Policy {
    /// Returns the stricter of two policies, part by part.
    #[must_use]
    pub fn stricter(&self, other: &Self) -> Self {
        let union = |left: &[Arc<str>], right: &[Arc<str>]| {
            let all: BTreeSet<Arc<str>> = left.iter().chain(right).cloned().collect();
            all.into_iter().collect()
        };
        let observes = self.drift == DriftPolicy::Observe || other.drift == DriftPolicy::Observe;
        Self {
            objects_max: self.objects_max.min(other.objects_max),
            percent_max: self.percent_max.min(other.percent_max),
            fleet_max: self.fleet_max.min(other.fleet_max),
            protected_kinds: union(&self.protected_kinds, &other.protected_kinds),
            approval_for: union(&self.approval_for, &other.approval_for),
            drift: if observes { DriftPolicy::Observe } else { DriftPolicy::Correct },
        }
    }
}

impl Policy {
    /// Returns what judges less strictly than another policy does, in words.
    pub fn relaxes(&self, before: &Self) -> Vec<String> {
        let mut relaxed = Vec::new();
        for (name, new, old) in [
            ("deletion.maxObjects", self.objects_max, before.objects_max),
            ("deletion.maxPercent", self.percent_max, before.percent_max),
            ("deletion.fleet", self.fleet_max, before.fleet_max),
        ] {
            if new > old {
                relaxed.push(format!("{name} goes from {old} to {new}"));
            }
        }
        for (name, new, old) in [
            ("deletion.protectedKinds", &self.protected_kinds, &before.protected_kinds),
            ("disruption.approvalFor", &self.approval_for, &before.approval_for),
        ] {
            let missing = old.iter().filter(|word| !new.contains(word));
            relaxed.extend(missing.map(|word| format!("{name} has {word} no longer")));
        }
        relaxed
    }
}

/// Returns the policy of an environment's clusters.
pub(super) fn policy(fleet: Option<&PolicyPart>, environment: Option<&PolicyPart>) -> Policy {
    let default = Policy::default();
    let fleet = fleet.map_or_else(|| default.clone(), |part| written(part, &default));
    match environment {
        Some(part) => fleet.stricter(&written(part, &fleet)),
        None => fleet,
    }
}

/// Returns what a part says, and `otherwise` where it says nothing.
fn written(part: &Fragment, otherwise: &Policy) -> Policy {
    let get = |outer: &str, inner: &str| part.get(outer).and_then(|outer| outer.get(inner));
    let number = |key: &str, otherwise: u32| {
        let number = get("deletion", key).and_then(|part| part.value().as_i64());
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(otherwise)
    };
    let texts = |part: Option<Fragment>, otherwise: &[Arc<str>]| match part {
        Some(part) => part.items().map(|item| item.text().into()).collect(),
        None => otherwise.to_vec(),
    };
    Policy {
        objects_max: number("maxObjects", otherwise.objects_max),
        percent_max: number("maxPercent", otherwise.percent_max),
        fleet_max: number("fleet", otherwise.fleet_max),
        protected_kinds: texts(get("deletion", "protectedKinds"), &otherwise.protected_kinds),
        approval_for: texts(get("disruption", "approvalFor"), &otherwise.approval_for),
        drift: match part.get("drift").as_ref().map(Fragment::text) {
            Some("observe") => DriftPolicy::Observe,
            Some(_) => DriftPolicy::Correct,
            None => otherwise.drift,
        },
    }
}
