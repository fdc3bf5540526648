//! In: wakes from anywhere. Out: all that are pending, one for each repository.
//! Guarantee: a wake is pending until it is taken; it holds no more entries than there are repositories.
use crate::name::RepoName;
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A request to look at a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// The repository.
    pub repository: RepoName,
    /// What gave the reason to look.
    pub why: Why,
}

/// Why a repository is looked at; of several reasons the last in this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Its interval has passed.
    Poll,
    /// A file changed on this machine.
    Changed,
    /// Its forge or a signal of the system told us to.
    Signal,
    /// A person asked for it.
    Asked,
}

/// The wakes that nobody has taken yet.
///
/// It says that something is pending, not how often: who takes a wake looks at all that is there then, so a wake
/// pushed while its repository is looked at stands for the next look.
#[derive(Debug, Default)]
pub struct Queue {
    pending: Mutex<BTreeMap<RepoName, Why>>,
    pushed: Notify,
}

impl Queue {
    /// Adds a wake, or makes it one with that of the same repository.
    pub fn push(&self, wake: Wake) {
        let mut pending = self.pending();
        let why = pending.entry(wake.repository).or_insert(wake.why);
        *why = wake.why.max(*why);
        drop(pending);
        self.pushed.notify_one();
    }

    /// Takes all wakes, by repository in order; waits until there is one. To drop the future loses none.
    pub async fn next(&self) -> Vec<Wake> {
        loop {
            // A push between the look and the wait leaves a permit, by which the wait ends at once.
            let taken = mem::take(&mut *self.pending());
            if !taken.is_empty() {
                return taken.into_iter().map(|(repository, why)| Wake { repository, why }).collect();
            }
            self.pushed.notified().await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<RepoName, Why>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::timeout;

    fn wake(name: &str, why: Why) -> Wake {
        Wake { repository: RepoName::new(name).expect("it is a label"), why }
    }

    async fn next(queue: &Queue) -> Vec<Wake> {
        timeout(Duration::from_secs(5), queue.next()).await.expect("a wake is pending")
    }

    #[tokio::test]
    async fn a_burst_is_one_wake_with_its_strongest_reason() {
        let queue = Queue::default();
        for why in [Why::Poll, Why::Asked, Why::Changed] {
            queue.push(wake("fleet", why));
        }
        queue.push(wake("apps", Why::Poll));
        let all = next(&queue).await;
        assert_eq!(all, [wake("apps", Why::Poll), wake("fleet", Why::Asked)], "one for each repository, in order");
        assert!(timeout(Duration::from_millis(1), queue.next()).await.is_err(), "what was taken is not told again");
    }

    #[tokio::test]
    async fn a_taker_that_gives_up_loses_no_wake() {
        let queue = Queue::default();
        assert!(timeout(Duration::from_millis(1), queue.next()).await.is_err(), "nothing is pending");
        queue.push(wake("fleet", Why::Signal));
        assert_eq!(next(&queue).await, [wake("fleet", Why::Signal)], "it stayed pending");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_last_push_is_always_followed_by_a_look() {
        const PUSHES: usize = 5000;
        let (queue, seen) = (Arc::new(Queue::default()), Arc::new(Mutex::new(0)));
        let pushing = tokio::spawn({
            let (queue, seen) = (Arc::clone(&queue), Arc::clone(&seen));
            async move {
                for number in 1..=PUSHES {
                    *seen.lock().expect("no test panics with it") = number;
                    queue.push(wake("fleet", Why::Poll));
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut last = 0;
        while last < PUSHES {
            next(&queue).await;
            last = *seen.lock().expect("no test panics with it");
        }
        pushing.await.expect("it does not panic");
        assert_eq!(last, PUSHES, "the state of the last push was looked at");
    }
}
