//! In: a cluster's policy, the operator's floor. Out: whether its drift is only told, or corrected.
//! Guarantee: the stricter of the two holds: what either only observes is not corrected.
use crate::decide::profile::{DriftPolicy, FullProfile};
use crate::settings::Settings;

/// Whether drift of a cluster is only told.
pub(super) fn observes(settings: &Settings, profile: &FullProfile) -> bool {
    profile.policy.stricter(&settings.floor).drift == DriftPolicy::Observe
}
