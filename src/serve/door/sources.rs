//! In: addresses from which requests come, and which were refused. Out: whether another request may come from there.
//! Guarantee: what is signed is never counted, so that a forge is not shut out by its own deliveries; the table is bounded.
use crate::decide::schedule::Budget;
use crate::decide::value::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::time::Instant;

/// How many refusals a minute one source may cause, after the first thirty: each costs a body and its HMAC.
const REFUSALS_A_MINUTE: u32 = 60;

/// How many sources are known at once, in some 100 KB; who fills the table only makes all of them unknown again.
const SOURCES_MAX: usize = 1_024;

/// The budgets of all sources.
pub(super) struct Sources {
    begun: Instant,
    budgets: Mutex<BTreeMap<IpAddr, Budget>>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { begun: Instant::now(), budgets: Mutex::default() }
    }
}

impl Sources {
    /// Returns whether a request is answered, or how long the source has to wait.
    pub(super) fn may(&self, source: IpAddr) -> Result<(), Duration> {
        let now = self.now();
        let opens = self.budgets().get_mut(&network(source)).map(|budget| budget.opens(now));
        match opens {
            Some(opens) if opens > now => Err(Duration::from_millis(opens.0 - now.0)),
            _ => Ok(()),
        }
    }

    /// Takes note that a request was refused.
    pub(super) fn refused(&self, source: IpAddr) {
        let now = self.now();
        let mut budgets = self.budgets();
        if budgets.len() >= SOURCES_MAX && !budgets.contains_key(&network(source)) {
            budgets.clear();
        }
        let budget = budgets.entry(network(source)).or_insert_with(|| Budget::new(REFUSALS_A_MINUTE, now));
        // Those that came at the same moment are refused, too, and count no further.
        let _ = budget.take(now);
    }

    /// Returns the time since the start, which no change of the clock moves.
    fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn budgets(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Budget>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of IPv6 one customer has at least a network of 64 bits, and with it any address in it.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(bits.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
