//! In: clusters with something to do, how their syncs ended, the time. Out: which cluster is next, or when to ask again.
//! Guarantee: one sync a cluster; no request is lost: one that comes while its cluster runs is run afterwards.
//!
//! Why two lanes: a sync that waits, for a server that does not answer or for objects that do not get well, needs memory
//! and nothing else; were it counted, a few dead clusters would hold all others. So one that takes long leaves its place to
//! the next, and a cluster whose last sync came to no good end never takes such a place.
use crate::decide::value::{Digest, Domain, Hasher, Timestamp};
use crate::name::ClusterName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The first wait after an end that trying again can help; each further one is twice as long.
const BACK_OFF: Duration = Duration::from_secs(5);

/// The longest wait: a target that is back is synced within five minutes, and is not asked often while it is gone.
const BACK_OFF_MAX: Duration = Duration::from_mins(5);

/// After so long a sync has asked all that a healthy server answers at once, and waits.
const LONG: Duration = Duration::from_secs(1);

/// How many syncs that wait there may be for each one that is busy: each keeps its plan in memory, mostly below 1 MB.
const LONG_TIMES: usize = 8;

/// Why a cluster is to be synced; the first ones of two count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A person asked.
    Asked,
    /// A commit affects it.
    Commit,
    /// Something in the cluster changed.
    Drift,
    /// Its last sync came to no good end, and trying again can help.
    Retry,
    /// It is looked at from time to time.
    Interval,
}

/// How a sync ended, as far as the order of syncs needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is settled until somebody asks again.
    Settled,
    /// Trying again can help.
    Spurious,
    /// It was given up for what is newer, and runs again at once.
    Again,
}

/// Which clusters are to be synced, which are being, and in which order.
#[derive(Clone, Debug)]
pub struct Schedule {
    running_max: usize,
    places: BTreeMap<ClusterName, Place>,
    /// Those that may run, the first first.
    queue: BTreeSet<(Wake, u64, ClusterName)>,
    /// The same of those whose last sync came to no good end.
    doubtful: BTreeSet<(Wake, u64, ClusterName)>,
    /// Those that wait for their time.
    later: BTreeSet<(Timestamp, ClusterName)>,
    /// Those that run, by when they began.
    busy: BTreeSet<(Timestamp, ClusterName)>,
    /// Those that run and wait.
    long: BTreeSet<ClusterName>,
    arrivals: u64,
}

/// What is known of one cluster.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The gravest reason that no sync was begun for yet, and when the first of them came.
    wanted: Option<(Wake, u64)>,
    /// When the sync began that is running, if one is.
    began: Option<Timestamp>,
    /// How many syncs in a row ended so that trying again can help.
    tries: u32,
    /// When it runs by itself.
    retry_at: Option<Timestamp>,
}

impl Schedule {
    /// Returns a schedule that has at most so many syncs at a time that do not wait, and at least one.
    pub fn new(running_max: usize) -> Self {
        Self {
            running_max: running_max.max(1),
            places: BTreeMap::new(),
            queue: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            later: BTreeSet::new(),
            busy: BTreeSet::new(),
            long: BTreeSet::new(),
            arrivals: 0,
        }
    }

    /// Asks for a sync that begins after now; several asks become one.
    pub fn request(&mut self, cluster: &ClusterName, why: Wake) {
        let arrival = self.arrivals;
        self.arrivals = self.arrivals.saturating_add(1);
        self.change(cluster, |place| {
            // It keeps its turn, so that a cluster that is asked for all the time is not late for ever.
            place.wanted = Some(place.wanted.map_or((why, arrival), |(was, since)| (was.min(why), since)));
        });
    }

    /// Returns the cluster whose sync is to begin now, if one may; it runs until it has [`Self::ended`].
    pub fn next(&mut self, now: Timestamp) -> Option<ClusterName> {
        while let Some((_, cluster)) = self.later.first().filter(|(at, _)| *at <= now).cloned() {
            self.change(&cluster, |place| place.retry_at = None);
            self.request(&cluster, Wake::Retry);
        }
        while let Some((_, cluster)) = self.busy.first().filter(|(began, _)| began.after(LONG) <= now).cloned() {
            if self.long.len() >= self.long_max() {
                break;
            }
            self.busy.pop_first();
            self.long.insert(cluster);
        }
        if self.busy.len() < self.running_max
            && let Some((_, _, cluster)) = self.queue.first().cloned()
        {
            self.begin(&cluster, now);
            self.busy.insert((now, cluster.clone()));
            return Some(cluster);
        }
        // One half is left to those that get there by waiting.
        if self.long.len() < self.long_max().div_ceil(2)
            && let Some((_, _, cluster)) = self.doubtful.first().cloned()
        {
            self.begin(&cluster, now);
            self.long.insert(cluster.clone());
            return Some(cluster);
        }
        None
    }

    fn begin(&mut self, cluster: &ClusterName, now: Timestamp) {
        self.change(cluster, |place| {
            place.wanted = None;
            place.retry_at = None;
            place.began = Some(now);
        });
    }

    fn long_max(&self) -> usize {
        self.running_max.saturating_mul(LONG_TIMES)
    }

    /// Takes how a sync ended that [`Self::next`] began.
    pub fn ended(&mut self, cluster: &ClusterName, how: Ending, now: Timestamp) {
        let Some(began) = self.places.get(cluster).and_then(|place| place.began) else { return };
        self.busy.remove(&(began, cluster.clone()));
        self.long.remove(cluster);
        self.change(cluster, |place| {
            place.began = None;
            place.tries = if how == Ending::Spurious { place.tries.saturating_add(1) } else { 0 };
            place.retry_at = (how == Ending::Spurious).then(|| now.after(back_off(cluster, place.tries)));
        });
        if how == Ending::Again {
            self.request(cluster, Wake::Retry);
        }
    }

    /// Takes that a cluster could not even be looked at, and that trying again can help.
    pub fn doubt(&mut self, cluster: &ClusterName, now: Timestamp) {
        self.change(cluster, |place| {
            place.tries = place.tries.saturating_add(1);
            if place.began.is_none() && place.wanted.is_none() {
                place.retry_at = Some(now.after(back_off(cluster, place.tries)));
            }
        });
    }

    /// Whether the last sync of a cluster, or the last look at it, came to no good end, and trying again can help.
    pub fn is_doubtful(&self, cluster: &ClusterName) -> bool {
        self.places.get(cluster).is_some_and(|place| place.tries > 0)
    }

    /// Whether a cluster's sync is running and waits.
    pub fn is_long(&self, cluster: &ClusterName) -> bool {
        self.long.contains(cluster)
    }

    /// Forgets a cluster that is ours no longer; a sync that is running goes on to its end.
    pub fn forget(&mut self, cluster: &ClusterName) {
        self.change(cluster, |place| {
            place.wanted = None;
            place.retry_at = None;
            place.tries = 0;
        });
    }

    /// Returns when a cluster's time comes, if nothing else happens.
    pub fn wakes(&self) -> Option<Timestamp> {
        let later = self.later.first().map(|(at, _)| *at);
        // Once the first of those that are busy waits, the next one takes its place.
        let is_full = self.busy.len() >= self.running_max && self.long.len() < self.long_max();
        let room = self.busy.first().filter(|_| is_full && !self.queue.is_empty()).map(|(began, _)| began.after(LONG));
        later.into_iter().chain(room).min()
    }

    /// Returns how many syncs are running.
    pub fn running(&self) -> usize {
        self.busy.len() + self.long.len()
    }

    /// Returns how many clusters could run, were there room.
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.doubtful.len()
    }

    /// Whether a cluster's sync is running, or could: what only waits for its time to be tried again is neither.
    pub fn is_open(&self, cluster: &ClusterName) -> bool {
        self.places.get(cluster).is_some_and(|place| place.began.is_some() || place.wanted.is_some())
    }

    /// Changes what is known of a cluster, and puts it where it belongs.
    fn change(&mut self, cluster: &ClusterName, change: impl FnOnce(&mut Place)) {
        let mut place = self.places.remove(cluster).unwrap_or_default();
        if let Some((why, since)) = place.wanted {
            self.queue.remove(&(why, since, cluster.clone()));
            self.doubtful.remove(&(why, since, cluster.clone()));
        }
        if let Some(at) = place.retry_at {
            self.later.remove(&(at, cluster.clone()));
        }
        change(&mut place);
        if let Some((why, since)) = place.wanted.filter(|_| place.began.is_none()) {
            let queue = if place.tries > 0 { &mut self.doubtful } else { &mut self.queue };
            queue.insert((why, since, cluster.clone()));
        }
        if let Some(at) = place.retry_at {
            self.later.insert((at, cluster.clone()));
        }
        let is_idle = place.wanted.is_none() && place.began.is_none() && place.retry_at.is_none() && place.tries == 0;
        if !is_idle {
            self.places.insert(cluster.clone(), place);
        }
    }
}

/// Returns the wait after so many tries: doubled, and up to half as much again, so that clusters that failed together
/// come back apart; the same each time, as nothing here is chance.
fn back_off(cluster: &ClusterName, tries: u32) -> Duration {
    let doubled = BACK_OFF.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(BACK_OFF_MAX);
    let mut hasher = Hasher::new(Domain("schedule-retry/1"));
    hasher.bytes(cluster.as_str().as_bytes()).bytes(&tries.to_be_bytes());
    let Digest(digest) = hasher.finish();
    let part = digest.first().copied().unwrap_or_default();
    doubled + doubled * u32::from(part) / (2 * u32::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cluster(at: u8) -> ClusterName {
        ClusterName::new(&format!("eu-{at}")).expect("it is a label")
    }

    const NOW: Timestamp = Timestamp(0);

    #[test]
    fn a_cluster_is_open_until_its_sync_ended_and_not_while_it_only_waits_for_its_time() {
        let mut schedule = Schedule::new(4);
        assert!(!schedule.is_open(&cluster(1)), "nobody asked");
        schedule.request(&cluster(1), Wake::Asked);
        assert!(schedule.is_open(&cluster(1)), "its turn comes");
        assert_eq!(schedule.next(NOW), Some(cluster(1)), "it runs");
        assert!(schedule.is_open(&cluster(1)), "it runs");
        schedule.ended(&cluster(1), Ending::Spurious, NOW);
        assert!(!schedule.is_open(&cluster(1)), "who waits for it is told how it ended");
    }

    #[test]
    fn several_requests_become_one() {
        let mut schedule = Schedule::new(4);
        schedule.request(&cluster(1), Wake::Interval);
        schedule.request(&cluster(1), Wake::Commit);
        assert_eq!(schedule.next(NOW), Some(cluster(1)), "it runs");
        schedule.ended(&cluster(1), Ending::Settled, NOW);
        assert_eq!((schedule.next(NOW), schedule.places.len()), (None, 0), "once, and nothing of it is left");
    }

    #[test]
    fn the_gravest_reason_goes_first_and_then_the_oldest() {
        let mut schedule = Schedule::new(9);
        schedule.request(&cluster(1), Wake::Interval);
        schedule.request(&cluster(2), Wake::Commit);
        schedule.request(&cluster(3), Wake::Drift);
        schedule.request(&cluster(4), Wake::Interval);
        schedule.request(&cluster(1), Wake::Commit);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(NOW)).collect();
        assert_eq!(order, [1, 2, 3, 4].map(cluster), "the first has waited longest for all that it is asked");
    }

    #[test]
    fn no_more_run_than_may() {
        let mut schedule = Schedule::new(2);
        (1..=3).for_each(|at| schedule.request(&cluster(at), Wake::Commit));
        assert!(schedule.next(NOW).is_some() && schedule.next(NOW).is_some(), "two may");
        assert_eq!((schedule.next(NOW), schedule.running(), schedule.waiting()), (None, 2, 1), "the third waits");
        schedule.ended(&cluster(1), Ending::Settled, NOW);
        assert_eq!(schedule.next(NOW), Some(cluster(3)), "its turn has come");
    }

    #[test]
    fn one_that_waits_leaves_its_place_to_the_next() {
        let mut schedule = Schedule::new(1);
        (1..=2).for_each(|at| schedule.request(&cluster(at), Wake::Commit));
        assert_eq!((schedule.next(NOW), schedule.next(NOW)), (Some(cluster(1)), None), "one may");
        let later = schedule.wakes().expect("its place gets free");
        assert_eq!(later, NOW.after(LONG), "though nothing else happens");
        assert_eq!(schedule.next(later), Some(cluster(2)), "the first one waits");
        assert_eq!((schedule.running(), schedule.wakes()), (2, None), "both run, and nobody waits for a place");
    }

    #[test]
    fn clusters_that_do_not_answer_take_no_place_of_others() {
        let mut schedule = Schedule::new(1);
        for at in 1..=9 {
            schedule.request(&cluster(at), Wake::Commit);
            assert_eq!(schedule.next(NOW), Some(cluster(at)), "it is the only one");
            schedule.ended(&cluster(at), Ending::Spurious, NOW);
            assert!(schedule.is_doubtful(&cluster(at)), "it came to no good end");
            schedule.request(&cluster(at), Wake::Commit);
        }
        schedule.request(&cluster(10), Wake::Interval);
        assert_eq!(schedule.next(NOW), Some(cluster(10)), "it is not behind them");
        let others: Vec<_> = std::iter::from_fn(|| schedule.next(NOW)).collect();
        assert_eq!(others.len(), LONG_TIMES / 2, "some of them are tried beside it: {others:?}");
        schedule.ended(&others[0], Ending::Settled, NOW);
        assert!(!schedule.is_doubtful(&others[0]), "it answers again");
    }

    #[test]
    fn a_cluster_that_cannot_be_looked_at_is_tried_again() {
        let mut schedule = Schedule::new(1);
        schedule.doubt(&cluster(1), NOW);
        assert_eq!(schedule.next(NOW), None, "not at once");
        let at = schedule.wakes().expect("but later");
        assert_eq!(schedule.next(at), Some(cluster(1)), "its time has come");
    }

    #[test]
    fn what_is_asked_while_it_runs_is_run_afterwards() {
        let mut schedule = Schedule::new(2);
        schedule.request(&cluster(1), Wake::Commit);
        assert_eq!(schedule.next(NOW), Some(cluster(1)), "it runs");
        schedule.request(&cluster(1), Wake::Commit);
        assert_eq!(schedule.next(NOW), None, "a cluster has one writer");
        schedule.ended(&cluster(1), Ending::Settled, NOW);
        assert_eq!(schedule.next(NOW), Some(cluster(1)), "the newer commit was not in it");
    }

    #[test]
    fn what_may_pass_is_tried_again_later_and_later() {
        let mut schedule = Schedule::new(1);
        schedule.request(&cluster(1), Wake::Commit);
        let (mut now, mut waits) = (NOW, Vec::new());
        for _ in 0..12 {
            assert_eq!(schedule.next(now), Some(cluster(1)), "its time has come");
            schedule.ended(&cluster(1), Ending::Spurious, now);
            assert_eq!(schedule.next(now), None, "not at once");
            let at = schedule.wakes().expect("it is tried again");
            waits.push(at.0 - now.0);
            now = at;
        }
        assert!(waits.iter().all(|wait| (5_000..=450_000).contains(wait)), "five minutes and a half of it: {waits:?}");
        assert!(waits.first() < waits.last(), "they grow: {waits:?}");
        assert_ne!(back_off(&cluster(1), 3), back_off(&cluster(2), 3), "those that failed together come back apart");
    }

    #[test]
    fn a_newer_request_does_not_wait_for_the_retry() {
        let mut schedule = Schedule::new(1);
        schedule.request(&cluster(1), Wake::Commit);
        schedule.next(NOW);
        schedule.ended(&cluster(1), Ending::Spurious, NOW);
        schedule.request(&cluster(1), Wake::Commit);
        assert_eq!(schedule.next(NOW), Some(cluster(1)), "the newer commit may be the cure");
        schedule.ended(&cluster(1), Ending::Settled, NOW);
        assert_eq!((schedule.wakes(), schedule.next(Timestamp(u64::MAX))), (None, None), "the retry is part of it");
    }

    #[test]
    fn a_forgotten_cluster_runs_no_more() {
        let mut schedule = Schedule::new(1);
        schedule.request(&cluster(1), Wake::Commit);
        schedule.forget(&cluster(1));
        assert_eq!((schedule.next(NOW), schedule.waiting()), (None, 0), "it is ours no longer");
        schedule.ended(&cluster(2), Ending::Settled, NOW);
        assert_eq!(schedule.running(), 0, "an end without a beginning counts for nothing");
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Request(u8, Wake),
        Next,
        Ended(u8, Ending),
        Pass(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        let why = prop_oneof![Just(Wake::Asked), Just(Wake::Commit), Just(Wake::Drift), Just(Wake::Interval)];
        let how = prop_oneof![Just(Ending::Settled), Just(Ending::Spurious), Just(Ending::Again)];
        prop_oneof![
            3 => (0..4_u8, why).prop_map(|(at, why)| Event::Request(at, why)),
            3 => Just(Event::Next),
            3 => (0..4_u8, how).prop_map(|(at, how)| Event::Ended(at, how)),
            1 => (0..600_000_u64).prop_map(Event::Pass),
        ]
    }

    proptest! {
        #[test]
        fn no_request_is_lost(events in proptest::collection::vec(event(), 0..80), running_max in 1..3_usize) {
            let mut schedule = Schedule::new(running_max);
            let mut now = NOW;
            // Of each cluster: whether a request or a retry is open, and whether a sync runs.
            let mut open = BTreeSet::new();
            let mut running = BTreeSet::new();
            for event in events {
                match event {
                    Event::Request(at, why) => {
                        schedule.request(&cluster(at), why);
                        open.insert(cluster(at));
                    }
                    Event::Next => {
                        if let Some(begun) = schedule.next(now) {
                            prop_assert!(open.remove(&begun), "somebody asked for it");
                            prop_assert!(running.insert(begun), "one writer a cluster");
                        }
                    }
                    Event::Ended(at, how) => {
                        schedule.ended(&cluster(at), how, now);
                        if running.remove(&cluster(at)) && how != Ending::Settled {
                            open.insert(cluster(at));
                        }
                    }
                    Event::Pass(time) => now = Timestamp(now.0 + time),
                }
                prop_assert!(schedule.running() == running.len(), "what runs is known");
                prop_assert!(schedule.busy.len() <= running_max, "no more than may");
                prop_assert!(schedule.long.len() <= running_max * LONG_TIMES, "nor more than may wait");
            }
            // From here on all syncs end well.
            for cluster in std::mem::take(&mut running) {
                schedule.ended(&cluster, Ending::Settled, now);
            }
            loop {
                let Some(begun) = schedule.next(now) else {
                    let Some(at) = schedule.wakes() else { break };
                    now = now.max(at);
                    continue;
                };
                prop_assert!(open.remove(&begun), "somebody asked for it");
                schedule.ended(&begun, Ending::Settled, now);
            }
            prop_assert!(open.is_empty(), "lost: {open:?}");
            prop_assert!(schedule.places.is_empty(), "nothing is left of what is over");
        }
    }
}
