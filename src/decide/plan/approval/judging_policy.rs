//! In: the operator's floor, the policy that comes with a change, the one that was synced last. Out: the policy that judges.
//! Guarantee: the strictest of them in each of its parts, so that no commit relaxes its own judge.
use crate::decide::profile::Policy;

/// Returns the policy that judges a change.
#[must_use]
pub fn judging_policy(floor: &Policy, wanted: &Policy, synced: Option<&Policy>) -> Policy {
    let both = floor.stricter(wanted);
    synced.map_or_else(|| both.clone(), |synced| both.stricter(synced))
}
