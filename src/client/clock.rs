//! In: this machine's clock. Out: the time.
//! Guarantee: the one place that asks it; a clock before 1970 is taken for 1970.
use crate::decide::value::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time of this machine.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
