//! In: nothing. Out: how long a gate waits: for what looks failed, for what must stay well, between two looks.
//! Guarantee: each has its reason beside it; a layer's time-out stands in its `health.timeout`.
use std::time::Duration;

/// How long an object may look failed before it counts as failed: a process that starts before what it needs restarts
/// a few times within it. What has come to an end is not waited for.
pub(super) const FAILED_AFTER: Duration = Duration::from_secs(30);

/// How long objects with a status of a controller must stay well: controllers need some seconds to see what is new, and
/// until then tell of what was before.
pub(super) const STABILITY: Duration = Duration::from_secs(5);

/// When a closed gate is looked at again: soon at first, since most objects are well at once.
pub(super) const LOOK_FIRST: Duration = Duration::from_secs(1);

/// Then later and later, up to this, so that a slow gate does not load the target.
pub(super) const LOOK_LAST: Duration = Duration::from_secs(15);
