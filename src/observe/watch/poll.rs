//! In: repositories, each with its interval. Out: a wake for each at its interval.
//! Guarantee: repositories of the same interval drift apart, and a wait that was slept through is made up by one wake.
use super::queue::{Queue, Wake, Why};
use crate::name::RepoName;
use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The shortest interval that is kept: zero would keep a core busy.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// The part of the interval, in percent, by which a wake comes earlier or later, so that servers are not met by all
/// at once.
const JITTER_PERCENT: u64 = 20;

/// Pushes a wake for each repository at once, and then at its interval. Never returns; dropping it ends it.
pub async fn poll(queue: &Queue, repositories: Vec<(RepoName, Duration)>) {
    let start = Instant::now();
    // The place stands beside the time, so that two of one moment are two.
    let mut due: BTreeSet<(Instant, usize)> = (0..repositories.len()).map(|place| (start, place)).collect();
    while let Some((at, place)) = due.pop_first() {
        sleep_until(at).await;
        let Some((repository, interval)) = repositories.get(place) else { continue };
        queue.push(Wake { repository: repository.clone(), why: Why::Poll });
        // Counted from now: what a sleeping machine missed is not made up for one by one.
        due.insert((Instant::now() + jittered(*interval, chance()), place));
    }
    pending::<()>().await;
}

/// Returns the interval, longer or shorter by chance.
fn jittered(interval: Duration, chance: u64) -> Duration {
    let per_mille = 1000 - 10 * JITTER_PERCENT + chance % (20 * JITTER_PERCENT + 1);
    let part = u32::try_from(per_mille).unwrap_or(1000);
    interval.max(INTERVAL_MIN).checked_mul(part).map_or(interval, |product| product / 1000)
}

/// Returns a number by chance; always the same where the system has none to give, since jitter is no promise.
fn chance() -> u64 {
    getrandom::u64().unwrap_or(10 * JITTER_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tokio::time::timeout;

    #[test]
    fn an_interval_varies_by_a_fifth_and_no_more() {
        let minute = Duration::from_mins(1);
        let all: Vec<Duration> = (0..1000).map(|chance| jittered(minute, chance)).collect();
        assert_eq!(all.iter().min(), Some(&Duration::from_secs(48)), "a fifth earlier at most");
        assert_eq!(all.iter().max(), Some(&Duration::from_secs(72)), "a fifth later at most");
        assert!(jittered(Duration::ZERO, 0) > Duration::ZERO, "no interval keeps a core busy");
        assert_eq!(jittered(Duration::MAX, 0), Duration::MAX, "an interval that never ends is no panic");
    }

    #[tokio::test]
    async fn each_repository_is_woken_again_and_again() {
        let names = ["fleet", "apps"].map(|name| RepoName::new(name).expect("it is a label"));
        let queue = Queue::default();
        let repositories = names.iter().map(|name| (name.clone(), Duration::from_millis(10))).collect();
        let mut counts: BTreeMap<RepoName, u32> = BTreeMap::new();
        let count = async {
            while counts.len() < 2 || counts.values().any(|count| *count < 3) {
                for wake in queue.next().await {
                    assert_eq!(wake.why, Why::Poll, "the interval gave the reason");
                    *counts.entry(wake.repository).or_default() += 1;
                }
            }
        };
        let raced = async {
            tokio::select! {
                () = poll(&queue, repositories) => false,
                () = count => true,
            }
        };
        let counted = timeout(Duration::from_secs(10), raced).await;
        assert_eq!(counted, Ok(true), "both were woken three times while the poll ran on");
    }
}
