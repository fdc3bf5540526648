//! In: refusals of one request, the retries that its server has left. Out: how long to wait before the next try, or none.
//! Guarantee: tries are bounded for each request and for each server; those that failed together come back apart.
use crate::decide::value::{Digest, Domain, Hasher};
use std::time::Duration;

/// How often one request is sent at most: five waits of up to 8 s bridge the restart of an API server.
const TRIES_MAX: u32 = 6;

/// The first wait; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest wait that is not asked for.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// The longest wait that a server may ask for within a request; a longer one is for the next sync.
const ASKED_MAX: Duration = Duration::from_secs(30);

/// How many retries a server has left at most, in tenths: a short outage of all requests that run at once.
const TENTHS_MAX: u32 = 500;

/// The retries that all requests to one server share.
///
/// Each success earns a tenth of one, so that a server in trouble gets at most a tenth more than it would anyway.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    tenths: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: TENTHS_MAX }
    }
}

impl RetryBudget {
    /// Takes note of a request that was answered.
    pub fn earned(&mut self) {
        self.tenths = (self.tenths + 1).min(TENTHS_MAX);
    }

    fn spend(&mut self) -> bool {
        let left = self.tenths.checked_sub(10);
        self.tenths = left.unwrap_or(self.tenths);
        left.is_some()
    }
}

/// The tries of one request.
#[derive(Clone, Debug)]
pub struct Attempts {
    name: String,
    tries: u32,
}

impl Attempts {
    /// Begins a request; its name sets it apart from others that fail at the same time.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), tries: 1 }
    }

    /// Returns how long to wait before it is sent again, or nothing where it has to be given up; `asked` is what the
    /// server asked for.
    pub fn again(&mut self, asked: Option<Duration>, budget: &mut RetryBudget) -> Option<Duration> {
        if self.tries >= TRIES_MAX || asked.is_some_and(|asked| asked > ASKED_MAX) || !budget.spend() {
            return None;
        }
        let doubled = PAUSE.saturating_mul(2_u32.saturating_pow(self.tries - 1)).min(PAUSE_MAX);
        let mut hasher = Hasher::new(Domain("request-retry/1"));
        hasher.bytes(self.name.as_bytes()).bytes(&self.tries.to_be_bytes());
        let Digest(digest) = hasher.finish();
        let part = digest.first().copied().unwrap_or_default();
        self.tries += 1;
        // Never sooner than was asked for, and up to half as much again.
        let base = asked.map_or(doubled, |asked| asked.max(doubled));
        Some(base + base * u32::from(part) / (2 * u32::from(u8::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_bounded_and_later_and_later() {
        let (mut attempts, mut budget) = (Attempts::new("get a"), RetryBudget::default());
        let waits: Vec<Duration> = std::iter::from_fn(|| attempts.again(None, &mut budget)).collect();
        assert_eq!(waits.len(), 5, "then it is given up");
        assert!(waits.first() < waits.last() && waits.iter().all(|wait| *wait <= PAUSE_MAX * 3 / 2), "{waits:?}");
    }

    #[test]
    fn a_server_is_not_asked_sooner_than_it_says() {
        let (mut attempts, mut budget) = (Attempts::new("get a"), RetryBudget::default());
        let asked = Duration::from_secs(3);
        assert!(attempts.again(Some(asked), &mut budget).is_some_and(|wait| wait >= asked), "as it asked");
        assert_eq!(attempts.again(Some(Duration::from_mins(9)), &mut budget), None, "that is for the next sync");
    }

    #[test]
    fn a_server_in_trouble_gets_no_storm() {
        let mut budget = RetryBudget::default();
        let retries = (0..1000).filter(|at| Attempts::new(&at.to_string()).again(None, &mut budget).is_some()).count();
        assert_eq!(retries, 50, "all requests share them");
        (0..10).for_each(|_| budget.earned());
        assert!(Attempts::new("x").again(None, &mut budget).is_some(), "ten answers earn one");
    }
}
