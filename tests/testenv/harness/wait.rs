//! In: a question about another process. Out: its answer, once there is one.
//! Guarantee: bounded, and as soon as the answer is there but for a few milliseconds.
//!
//! Why: what another process has reached is told by no event that all of them have, so it is asked for again and again.
//! Only the harness waits so; a test waits for what it is told.
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// Short beside what is waited for (a server takes seconds to start), long beside a question (some 100 µs).
const BETWEEN: Duration = Duration::from_millis(10);

/// How long something is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// Returns a patience of some seconds.
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs())
    }
}

/// Asks until there is an answer; none comes when the patience is at its end.
pub(crate) fn until<T>(patience: Patience, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if begin.elapsed() > patience.0 {
            return None;
        }
        thread::sleep(BETWEEN);
    }
}
