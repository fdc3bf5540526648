//! In: wakes, heads, ends of syncs, posts. Out: syncs, one writer a cluster, and statuses that become true.
//! Guarantee: one loop over a closed set of events decides; nothing is done directly in reaction to the outside.
mod heads;
mod plans;
mod syncs;
mod posts;
mod asks;
mod pulls;
mod waiting;

pub use posts::{Posted, standings};
pub(in crate::control) use waiting::rows_of;
pub use waiting::waiting_in;

use super::compute::Compute;
use super::notices::{Notices, Notified};
use super::prepare::{Preparation, Prepared};
use super::pulls::{Known, Pulled};
use super::real_world::Outside;
use super::repository_look::{Compared, Looked, Stirred};
use super::statuses::Statuses;
use super::wanted_statuses::Told;
use crate::client::clock::now;
use crate::client::store::Store;
use crate::decide::drift::Disturbance;
use crate::decide::fleet::Fleet;
use crate::decide::report::outbox::Outbox;
use crate::decide::report::{Report, Status};
use crate::decide::schedule::Schedule;
use crate::decide::value::{Fault, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName, RepoName};
use crate::observe::watch::Queue;
use crate::serve::socket::{Acceptance, Asked, Chosen};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Everything that can happen.
#[derive(Debug)]
pub enum Event {
    /// The fleet's repository is to be looked at.
    Woken,
    /// It was looked at.
    Looked(Result<Looked, Fault>),
    /// The forge has these statuses of the head, which another process told.
    TookOver(Vec<Status>),
    /// A repository is to be looked at for what the head names of it; none is the fleet's own.
    Stir(Option<RepoName>),
    /// It was looked at.
    Stirred(Option<RepoName>, Result<Stirred, Fault>),
    /// Clusters that a head concerns were looked at, and the targets released that some of them had before.
    Prepared(CommitId, Arc<Fleet>, Preparation, Vec<Report>),
    /// A cluster was released that a head describes no longer, or goes on under another name.
    Released(CommitId, Option<Box<Report>>),
    /// A cluster that was late was looked at, by the look of this number.
    Late(ClusterName, u64, Vec<Prepared>),
    /// The sync of a cluster ended.
    Ended(Box<Report>),
    /// Statuses were posted, or not.
    Posted(Posted),
    /// A receiver of notices was told of them, or not.
    Notified(Notified),
    /// Pull requests were looked at.
    Pulled(Pulled),
    /// A person accepted a head, or holds a tag.
    Accepted(Acceptance),
    /// Something in a folder of a target changed.
    Touched,
    /// Something in a cluster changed, and not by us.
    Drifted(ClusterName, Disturbance),
    /// A command asks.
    Asked(Asked),
    /// It is time for what was to be done later.
    Due,
    /// The process is to end.
    Stopped,
}

/// When the loop ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once all is synced and posted.
    Settled,
    /// Not before it is told to.
    Stopped,
}

/// Who is told what happens, as it happens.
pub trait Observer: Send {
    /// A head is there, with how many clusters it concerns.
    fn head(&mut self, commit: CommitId, clusters: usize);

    /// A head is there that is not synced.
    fn held(&mut self, why: &str);

    /// The sync of a cluster ended.
    fn ended(&mut self, report: &Report);

    /// Something went wrong that concerns no cluster.
    fn trouble(&mut self, fault: &Fault);

    /// Something could not be told to others: it waits in the outbox.
    fn untold(&mut self, fault: &Fault) {
        self.trouble(fault);
    }
}

/// Whether it was looked what another process told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TakeOver {
    /// Not yet.
    Due,
    /// It was, or need not be.
    Done,
}

/// The loop and all that it knows.
pub struct Engine<O> {
    pub(super) outside: Arc<Outside>,
    compute: Arc<Compute>,
    store: Store,
    statuses: Statuses,
    notices: Notices,
    pub(super) outbox: Outbox,
    schedule: Schedule,
    events: mpsc::UnboundedSender<Event>,
    pub(super) told: Told,
    only: Chosen,
    /// Why the branch is not synced, if it is not.
    held: Option<String>,
    head: Option<CommitId>,
    /// The head whose clusters were all looked at: from there the next process goes on.
    planned: Option<CommitId>,
    saved: Option<CommitId>,
    /// What the head would change in the clusters that it concerns.
    prepared: BTreeMap<ClusterName, Prepared>,
    /// Those of them that came to no good end before, and are as they were: what is known of them goes on.
    carried: BTreeMap<ClusterName, Prepared>,
    /// The looks at clusters of the head that are late, by number.
    late: BTreeMap<ClusterName, (u64, JoinHandle<()>)>,
    /// How many such looks there were.
    lates: u64,
    /// How many of them may go on at once.
    late_room: Arc<Semaphore>,
    looking: bool,
    look_again: bool,
    looked: bool,
    /// Whether it was looked what another process told of the first head.
    take_over: TakeOver,
    /// How many looks have ended.
    looks: u64,
    /// How many syncs have ended.
    ends: u64,
    /// The last sync of each cluster that wrote something at the head, with its place among all that ended.
    wrote: BTreeMap<ClusterName, (u64, Report)>,
    /// What is told at the head of targets that clusters had before.
    elsewhere: BTreeMap<ClusterName, Vec<String>>,
    /// What went wrong at the last try, by what was tried.
    troubles: BTreeMap<String, Vec<String>>,
    /// The repositories that are looked at for what the head names of them, each with how it is looked at once more.
    stirring: BTreeMap<Option<RepoName>, Option<Compared>>,
    preparing: usize,
    /// How many clusters are being released.
    releasing: usize,
    /// How many of those are of the head.
    unplanned: usize,
    posting: usize,
    /// What is known of the pull requests.
    pulls: Known,
    /// When it ends by itself.
    until: Until,
    last_look: Option<Timestamp>,
    look_due: Option<Timestamp>,
    /// When the forge takes statuses again that are due.
    post_due: Option<Timestamp>,
    drift_due: Option<Timestamp>,
    /// The clusters of which a status changed; none stands for those of folders.
    restless: BTreeSet<Option<ClusterName>>,
    observer: O,
}

/// The least time between two looks: a plan a quarter of a second is as many as a burst of commits is worth.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// How long changes of folders and of statuses are gathered: our own writes to folders are seen too, and a status that
/// changes mostly changes again.
const DRIFT_PAUSE: Duration = Duration::from_millis(500);

/// How many clusters that are late are looked at at once: they are in nobody's way, and mostly wait.
const LATE_MAX: usize = 64;

/// The table of the clusters' standings.
const STANDINGS: &str = "standings";

/// The table of the head that the standings are of, and its key there.
const HEAD: &str = "head";

/// The table of the commits whose verdict is open.
const OPEN: &str = "open";

/// The table of the outbox.
const OUTBOX: &str = "outbox";

impl<O: Observer> Engine<O> {
    /// Builds the loop; what the outbox of an earlier process still has to post is posted.
    pub fn new(
        outside: Arc<Outside>,
        statuses: Statuses,
        store: Store,
        observer: O,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Event>), Fault> {
        let compute = Compute::new().map_err(|error| Fault::bug(format!("threads did not start: {error}")))?;
        let rows = store.all(OUTBOX)?;
        let (outbox, unread) = Outbox::restore(rows.iter().map(|(_, row)| row.as_slice()));
        for why in unread {
            tracing::warn!(why, "a row of the outbox was not read");
        }
        // Killed between a post and its row: only then can the lock of our ref be there with nobody behind it.
        if outbox.wakes().is_some() {
            statuses.unlock()?;
        }
        let mut told = Told::after(&outbox, statuses.place());
        let head = posts::remembered(&store, &mut told)?;
        let notices = Notices::open(&outside.settings().notifications, statuses.place(), &store)?;
        // Unbounded: each sender has at most one event under way for each cluster, post and look.
        let (events, received) = mpsc::unbounded_channel();
        let schedule = Schedule::new(outside.settings().running_max);
        let mut engine = Self {
            outside,
            compute: Arc::new(compute),
            store,
            statuses,
            notices,
            outbox,
            schedule,
            events,
            told,
            only: Chosen::default(),
            held: None,
            head,
            planned: head,
            saved: head,
            prepared: BTreeMap::new(),
            carried: BTreeMap::new(),
            late: BTreeMap::new(),
            lates: 0,
            late_room: Arc::new(Semaphore::new(LATE_MAX)),
            looking: false,
            look_again: false,
            looked: false,
            take_over: TakeOver::Due,
            looks: 0,
            ends: 0,
            wrote: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            troubles: BTreeMap::new(),
            stirring: BTreeMap::new(),
            preparing: 0,
            releasing: 0,
            unplanned: 0,
            posting: 0,
            pulls: Known::default(),
            until: Until::Settled,
            last_look: None,
            look_due: None,
            post_due: None,
            drift_due: None,
            restless: BTreeSet::new(),
            observer,
        };
        engine.remember_pulls()?;
        Ok((engine, received))
    }

    /// Syncs only these clusters; the others are planned, and wait.
    #[must_use]
    pub fn only(mut self, only: Chosen) -> Self {
        self.only = only;
        self
    }

    /// Returns the clusters that there are, each with its environment.
    pub fn clusters(&self) -> BTreeMap<ClusterName, EnvironmentName> {
        self.told.clusters().map(|cluster| (cluster.clone(), self.told.environment_of(cluster))).collect()
    }

    /// Returns where events go.
    pub fn events(&self) -> mpsc::UnboundedSender<Event> {
        self.events.clone()
    }

    /// Ends the loop and returns who was told.
    pub fn into_observer(self) -> O {
        self.observer
    }

    /// Returns what became of each cluster: the sync that wrote something at the head, where a later look found nothing to do.
    pub fn outcomes(&self) -> Vec<Report> {
        let outcome = |report: &Report| {
            let wrote = self.wrote.get(&report.cluster).map(|(_, wrote)| wrote);
            let is_it = |wrote: &&Report| wrote.commit == report.commit && report.standing.condition.is_good();
            wrote.filter(is_it).unwrap_or(report).clone()
        };
        self.told.reports.values().map(outcome).collect()
    }

    /// Runs until it ends.
    pub async fn run(&mut self, mut received: mpsc::UnboundedReceiver<Event>, until: Until) -> Result<(), Fault> {
        self.until = until;
        loop {
            // First, since it asks for syncs: else they would wait for whatever event comes next.
            self.do_what_is_due();
            self.start_syncs();
            self.post()?;
            if self.is_settled() {
                // Nothing is under way that what is said could wait for.
                self.outbox.hasten();
                self.post()?;
                if until == Until::Settled && !self.outbox.is_pressing() && !self.notices.is_pressing() {
                    return self.save();
                }
            }
            // A time that has come and cannot be used yet would keep the loop busy.
            let retries = self.startable().and_then(|_| self.schedule.wakes());
            // What is due while a batch is on its way, or the forge takes nothing, waits for that.
            let posts = if self.posting > 0 { None } else { self.post_due.or(self.outbox.wakes()) };
            let comments = self.comments_wake();
            let own = [self.look_due, self.drift_due, self.stale_wakes()];
            let wakes = [retries, posts, comments, self.notices.wakes()].into_iter().chain(own).flatten().min();
            let left = wakes.map_or(Duration::from_hours(1), |at| Duration::from_millis(at.0.saturating_sub(now().0)));
            let event = tokio::select! {
                event = received.recv() => event.unwrap_or(Event::Stopped),
                () = tokio::time::sleep(left) => Event::Due,
            };
            match event {
                Event::Woken => self.look(),
                Event::Looked(looked) => self.looked(looked),
                Event::TookOver(statuses) => self.taken_from(statuses),
                Event::Stir(repository) => self.stir(repository, Compared::WithBefore),
                Event::Stirred(repository, stirred) => self.stirred(repository, stirred),
                Event::Prepared(commit, fleet, prepared, moved) => self.prepared(commit, &fleet, prepared, moved),
                Event::Released(commit, report) => self.released(commit, report.map(|report| *report)),
                Event::Late(cluster, look, prepared) => self.prepared_late(&cluster, look, prepared),
                Event::Ended(report) => self.ended(&report),
                Event::Posted(posted) => self.posted(posted),
                Event::Notified(notified) => self.notified(notified),
                Event::Pulled(pulled) => self.pulled(pulled),
                Event::Accepted(acceptance) => self.accepted(acceptance),
                Event::Touched => self.look_later(None),
                Event::Drifted(cluster, disturbance) => self.disturbed(cluster, disturbance),
                Event::Asked(asked) => self.asked(asked),
                Event::Due => {}
                Event::Stopped => return self.save(),
            }
        }
    }

    /// Tells what went wrong; what is as it was at the last try of the same is not told again.
    fn troubled<'a>(&mut self, of: &str, faults: impl Iterator<Item = &'a Fault>) {
        let before = self.troubles.remove(of).unwrap_or_default();
        let mut now = Vec::new();
        for fault in faults {
            let text = fault.to_string();
            match (before.contains(&text), is_telling(of)) {
                (true, _) => {}
                (_, true) => self.observer.untold(fault),
                (_, false) => self.observer.trouble(fault),
            }
            now.push(text);
        }
        if !now.is_empty() {
            self.troubles.insert(of.to_owned(), now);
        }
    }

    fn is_settled(&self) -> bool {
        self.looked
            && !self.looking
            && self.stirring.is_empty()
            && self.look_due.is_none()
            && self.preparing == 0
            && self.releasing == 0
            && self.late.is_empty()
            && self.posting == 0
            && self.schedule.running() == 0
            && self.schedule.waiting() == 0
    }

    fn do_what_is_due(&mut self) {
        let now = now();
        if self.look_due.is_some_and(|due| due <= now) {
            self.look_due = None;
            self.look();
        }
        if self.drift_due.is_some_and(|due| due <= now) {
            self.drift_due = None;
            self.look_at_drift();
        }
        self.look_at_stale();
    }
}

/// What is tried where statuses, comments and notices are sent.
const POSTS: &str = "posts";
const COMMENTS: &str = "comments";
const NOTICES: &str = "notices to ";

/// Whether something is told to others by what was tried, and nothing is done.
fn is_telling(of: &str) -> bool {
    of == POSTS || of == COMMENTS || of.starts_with(NOTICES)
}

/// Wakes the loop whenever the queue does; `own` is the name of the fleet's own repository.
pub async fn forward(queue: Arc<Queue>, own: RepoName, events: mpsc::UnboundedSender<Event>) {
    loop {
        for wake in queue.next().await {
            let event = if wake.repository == own { Event::Woken } else { Event::Stir(Some(wake.repository)) };
            if events.send(event).is_err() {
                return;
            }
        }
    }
}

/// Hands the asks of commands to the loop.
pub async fn forward_asks(mut asks: mpsc::Receiver<Asked>, events: mpsc::UnboundedSender<Event>) {
    while let Some(asked) = asks.recv().await {
        if events.send(Event::Asked(asked)).is_err() {
            return;
        }
    }
}
