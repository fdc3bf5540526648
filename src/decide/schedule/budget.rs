//! In: how many requests a minute a server takes of one account, its refusals, `now`. Out: whether one may be sent now.
//! Guarantee: never more in a row than the burst, never more in a minute than the rate; a server that said until when it
//! takes none is not asked before.
use crate::decide::value::Timestamp;
use std::time::Duration;

/// One minute, in which rates are given.
const MINUTE_MS: u64 = 60_000;

/// How many may be sent in a row: statuses of one commit are told together, and a burst of more is what servers call abuse.
const BURST: u32 = 30;

/// What one account may ask of one server.
#[derive(Clone, Debug)]
pub struct Budget {
    a_minute: u32,
    /// How many may be sent in a row.
    burst: u32,
    /// What may be sent now, in parts of which a minute gives 60,000 for each request of the rate.
    parts: u64,
    counted: Timestamp,
    closed_until: Timestamp,
}

impl Budget {
    /// Returns a full one.
    pub fn new(a_minute: u32, now: Timestamp) -> Self {
        Self::with_burst(a_minute, BURST.min(a_minute), now)
    }

    /// Returns a full one of which so many may be sent in a row: of an hour's limit, more than a minute gives.
    pub fn with_burst(a_minute: u32, burst: u32, now: Timestamp) -> Self {
        let (a_minute, burst) = (a_minute.max(1), burst.max(1));
        Self { a_minute, burst, parts: u64::from(burst) * MINUTE_MS, counted: now, closed_until: Timestamp(0) }
    }

    /// Takes one request, or returns when one may be sent.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let opens = self.opens(now);
        if opens > now {
            return Err(opens);
        }
        self.parts -= MINUTE_MS;
        Ok(())
    }

    /// Returns when the next request may be sent: now, or later.
    pub fn opens(&mut self, now: Timestamp) -> Timestamp {
        let passed = now.0.saturating_sub(self.counted.0);
        let most = u64::from(self.burst) * MINUTE_MS;
        self.parts = self.parts.saturating_add(passed.saturating_mul(u64::from(self.a_minute))).min(most);
        self.counted = self.counted.max(now);
        let missing = MINUTE_MS.saturating_sub(self.parts).div_ceil(u64::from(self.a_minute));
        self.closed_until.max(now.after(Duration::from_millis(missing)))
    }

    /// Takes note that the server takes none before so much time has passed.
    pub fn close(&mut self, wait: Duration, now: Timestamp) {
        self.closed_until = self.closed_until.max(now.after(wait));
    }

    /// Returns how many may be sent in a row at this moment.
    pub fn left(&mut self, now: Timestamp) -> u64 {
        if self.opens(now) > now { 0 } else { self.parts / MINUTE_MS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000;

    /// Sends as often as is allowed from `from` for so long, in steps of a tenth of a second.
    fn sent(budget: &mut Budget, from: u64, ms: u64) -> u32 {
        let mut sent = 0;
        for at in (from..from + ms).step_by(100) {
            while budget.take(Timestamp(at)).is_ok() {
                sent += 1;
            }
        }
        sent
    }

    #[test]
    fn a_burst_is_bounded_and_a_minute_has_its_rate() {
        let mut budget = Budget::new(150, Timestamp(0));
        assert_eq!(budget.left(Timestamp(0)), u64::from(BURST), "a full one");
        assert_eq!(sent(&mut budget, 0, 100), BURST, "no more in a row");
        let minute = sent(&mut budget, 100, 60 * SECOND);
        assert!((149..=150).contains(&minute), "then by the rate: {minute}");
        let slow = sent(&mut Budget::new(2, Timestamp(0)), 0, 60 * SECOND);
        assert!(slow <= 4, "a rate below the burst bounds that, too: {slow}");
    }

    #[test]
    fn an_hour_has_its_rate_and_what_was_saved_up() {
        let mut budget = Budget::with_burst(4, 200, Timestamp(0));
        assert_eq!(budget.left(Timestamp(0)), 200, "what an hour gives may be sent in a row");
        let hour = sent(&mut budget, 0, 3_600 * SECOND);
        assert!((439..=440).contains(&hour), "and then the rate: {hour}");
    }

    #[test]
    fn what_the_server_asks_for_is_kept() {
        let mut budget = Budget::new(150, Timestamp(0));
        budget.close(Duration::from_mins(1), Timestamp(5 * SECOND));
        budget.close(Duration::from_secs(1), Timestamp(5 * SECOND));
        assert_eq!(budget.take(Timestamp(6 * SECOND)), Err(Timestamp(65 * SECOND)), "the longest one counts");
        assert_eq!(budget.take(Timestamp(65 * SECOND)), Ok(()), "and not longer");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut budget = Budget::new(60, Timestamp(1_000 * SECOND));
        sent(&mut budget, 1_000 * SECOND, 100);
        assert!(budget.take(Timestamp(0)).is_err(), "no time has passed");
    }
}
