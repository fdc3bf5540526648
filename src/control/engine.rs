//! In: wakes, heads, ends of syncs, posts. Out: syncs, one writer a cluster, and statuses that become true.
//! Guarantee: one loop over a closed set of events decides; nothing is done directly in reaction to the outside.
use super::compute::Compute;
use super::look::{Compared, Looked, News, Stirred, look, stir};
use super::outside::{Outside, now};
use super::prepare::{Prepared, Round, prepare_all};
use super::statuses::Statuses;
use super::sync::sync;
use super::tell::Told;
use super::world::Sources;
use crate::client::store::Store;
use crate::decide::fleet::{Fleet, Touched};
use crate::decide::report::outbox::{Key, Outbox, Refusal};
use crate::decide::report::{Condition, Remembered, Report, Standing, failed};
use crate::decide::schedule::{Ending, Schedule, Wake};
use crate::decide::value::{Digest, Fault, Owner, Timestamp};
use crate::name::{ClusterName, CommitId, RepoName};
use crate::observe::mirror::Head;
use crate::observe::watch::Queue;
use crate::serve::socket::Asked;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Everything that can happen.
#[derive(Debug)]
pub enum Event {
    /// The fleet's repository is to be looked at.
    Woken,
    /// It was looked at.
    Looked(Result<Looked, Fault>),
    /// A repository is to be looked at for what the head names of it; none is the fleet's own.
    Stir(Option<RepoName>),
    /// It was looked at.
    Stirred(Option<RepoName>, Result<Stirred, Fault>),
    /// The clusters that a head concerns were looked at.
    Prepared(CommitId, Vec<Prepared>),
    /// The sync of a cluster ended.
    Ended(Box<Report>),
    /// A status was posted, or not.
    Posted(Key, Result<(), Fault>),
    /// Something in a target changed.
    Drifted,
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
}

/// The loop and all that it knows.
pub struct Engine<O> {
    pub(super) outside: Arc<Outside>,
    compute: Compute,
    store: Store,
    statuses: Statuses,
    pub(super) outbox: Outbox,
    pub(super) schedule: Schedule,
    events: mpsc::UnboundedSender<Event>,
    pub(super) told: Told,
    pub(super) head: Option<CommitId>,
    /// The head whose clusters were all looked at: from there the next process goes on.
    planned: Option<CommitId>,
    saved: Option<CommitId>,
    /// What the head would change in the clusters that it concerns.
    prepared: BTreeMap<ClusterName, Prepared>,
    looking: bool,
    look_again: bool,
    looked: bool,
    /// The repositories that are looked at for what the head names of them.
    stirring: BTreeSet<Option<RepoName>>,
    preparing: usize,
    posting: usize,
    last_look: Option<Timestamp>,
    look_due: Option<Timestamp>,
    drift_due: Option<Timestamp>,
    observer: O,
}

/// The least time between two looks: a plan a quarter of a second is as many as a burst of commits is worth.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// How long changes of targets are gathered: our own writes are seen too, and a look at all clusters follows.
const DRIFT_PAUSE: Duration = Duration::from_millis(500);

/// The table of the clusters' standings.
const STANDINGS: &str = "standings";

/// The table of the head that the standings are of, and its key there.
const HEAD: &str = "head";

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
        let mut told = Told::after(&outbox);
        let head = remembered(&store, &mut told)?;
        // Unbounded: each sender has at most one event under way for each cluster, post and look.
        let (events, received) = mpsc::unbounded_channel();
        let schedule = Schedule::new(outside.settings().running_max);
        let engine = Self {
            outside,
            compute,
            store,
            statuses,
            outbox,
            schedule,
            events,
            told,
            head,
            planned: head,
            saved: head,
            prepared: BTreeMap::new(),
            looking: false,
            look_again: false,
            looked: false,
            stirring: BTreeSet::new(),
            preparing: 0,
            posting: 0,
            last_look: None,
            look_due: None,
            drift_due: None,
            observer,
        };
        Ok((engine, received))
    }

    /// Returns where events go.
    pub fn events(&self) -> mpsc::UnboundedSender<Event> {
        self.events.clone()
    }

    /// Ends the loop and returns who was told.
    pub fn into_observer(self) -> O {
        self.observer
    }

    /// Returns the reports of the clusters, by name.
    pub fn reports(&self) -> &BTreeMap<ClusterName, Report> {
        &self.told.reports
    }

    /// Runs until it ends.
    pub async fn run(&mut self, mut received: mpsc::UnboundedReceiver<Event>, until: Until) -> Result<(), Fault> {
        loop {
            self.start_syncs();
            self.post()?;
            if until == Until::Settled && self.is_settled() {
                self.outbox.hasten();
                self.post()?;
                if !self.outbox.is_pressing() {
                    return self.save();
                }
            }
            self.do_what_is_due();
            let wakes = [self.schedule.wakes(), self.outbox.wakes(), self.look_due, self.drift_due];
            let wakes = wakes.into_iter().flatten().min();
            let left = wakes.map_or(Duration::from_hours(1), |at| Duration::from_millis(at.0.saturating_sub(now().0)));
            let event = tokio::select! {
                event = received.recv() => event.unwrap_or(Event::Stopped),
                () = tokio::time::sleep(left) => Event::Due,
            };
            match event {
                Event::Woken => self.look(),
                Event::Looked(looked) => self.looked(looked),
                Event::Stir(repository) => self.stir(repository, Compared::WithBefore),
                Event::Stirred(repository, stirred) => self.stirred(repository, stirred),
                Event::Prepared(commit, prepared) => self.prepared(commit, prepared),
                Event::Ended(report) => self.ended(&report),
                Event::Posted(key, posted) => self.posted(&key, posted),
                Event::Drifted => self.drift_due = self.drift_due.or(Some(now().after(DRIFT_PAUSE))),
                Event::Asked(asked) => self.asked(asked),
                Event::Due => {}
                Event::Stopped => return self.save(),
            }
        }
    }

    fn is_settled(&self) -> bool {
        self.looked
            && !self.looking
            && self.stirring.is_empty()
            && self.look_due.is_none()
            && self.preparing == 0
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
            self.drifted();
        }
    }

    /// A burst of commits is looked at once: not more often than the pause, the last one never missed.
    pub(super) fn look(&mut self) {
        if self.looking {
            self.look_again = true;
            return;
        }
        let allowed = self.last_look.map_or(Timestamp(0), |last| last.after(LOOK_PAUSE));
        if now() < allowed {
            self.look_due = Some(allowed);
            return;
        }
        self.last_look = Some(now());
        self.looking = true;
        let (outside, events, last) = (self.outside.clone(), self.events.clone(), self.head);
        let is_first = !self.looked;
        tokio::task::spawn_blocking(move || {
            let looked = look(&outside, last, is_first);
            let _ = events.send(Event::Looked(looked));
            // Not on the way from a commit to its plans.
            outside.mirrors().tend();
        });
    }

    /// Looks at what the head names of a repository, unless that is under way.
    pub(super) fn stir(&mut self, repository: Option<RepoName>, compared: Compared) {
        if !self.stirring.insert(repository.clone()) {
            return;
        }
        let (outside, events, head) = (self.outside.clone(), self.events.clone(), self.head);
        tokio::task::spawn_blocking(move || {
            let stirred = stir(&outside, repository.as_ref(), head, compared);
            let _ = events.send(Event::Stirred(repository, stirred));
        });
    }

    /// The clusters that read a repository otherwise now are planned anew, at the head that they have.
    fn stirred(&mut self, repository: Option<RepoName>, stirred: Result<Stirred, Fault>) {
        self.stirring.remove(&repository);
        match stirred {
            Ok(Stirred { moved, trouble, .. }) => {
                if let Some(fault) = &trouble {
                    self.observer.trouble(fault);
                }
                match moved {
                    Some((commit, fleet, clusters)) if self.head == Some(commit) => {
                        self.prepare(commit, &fleet, clusters);
                    }
                    // A head came meanwhile, and may have been read as the repository was before.
                    Some(_) => self.stir(repository, Compared::WithNothing),
                    None => {}
                }
            }
            Err(fault) => self.observer.trouble(&fault),
        }
    }

    fn looked(&mut self, looked: Result<Looked, Fault>) {
        self.looking = false;
        let is_first = !std::mem::replace(&mut self.looked, true);
        looked.iter().flat_map(|looked| &looked.troubles).for_each(|fault| self.observer.trouble(fault));
        match looked {
            Ok(Looked { head: Head::At(commit), news: News::None, .. }) if is_first => self.resumed(commit),
            Ok(Looked { news: News::Head(commit, fleet, touched), .. }) => {
                self.moved(commit, &fleet, &touched);
                if is_first {
                    self.look_at_others(&touched.clusters);
                }
            }
            Ok(Looked { news: News::Pins(commit, fleet, clusters), .. }) => self.prepare(commit, &fleet, clusters),
            Ok(Looked { head, news: News::None, .. }) => self.unmoved(head),
            Err(fault) => self.observer.trouble(&fault),
        }
        if std::mem::take(&mut self.look_again) {
            self.look();
        }
    }

    /// The head is the one of an earlier process: nothing is told anew, and every cluster is looked at.
    fn resumed(&mut self, commit: CommitId) {
        self.observer.head(commit, self.told.clusters().count());
        self.look_at_others(&BTreeSet::new());
    }

    /// What happened to the targets while no process ran is seen by a look, which writes nothing where nothing did.
    fn look_at_others(&mut self, but: &BTreeSet<ClusterName>) {
        let others: Vec<ClusterName> =
            self.told.clusters().filter(|cluster| !but.contains(*cluster)).cloned().collect();
        for cluster in others {
            self.schedule.request(&cluster, Wake::Interval);
        }
    }

    /// A head that cannot be synced holds all clusters as they are, and its commit says so.
    fn unmoved(&mut self, head: Head) {
        match head {
            Head::At(_) => {}
            Head::Empty => self.observer.held("the repository has no commit yet"),
            Head::BranchGone { last } => {
                let why = "the watched branch is gone; nothing is changed until it is back";
                self.observer.held(why);
                if let Some(last) = last {
                    self.told.hold(last, why, &mut self.outbox);
                }
            }
            Head::Rewound { last, now } => {
                let why = format!(
                    "the branch was rewritten: {now} does not come after {last}; accept it by `stratify accept {now}`"
                );
                self.observer.held(&why);
                self.told.hold(now, &why, &mut self.outbox);
            }
        }
    }

    fn moved(&mut self, commit: CommitId, fleet: &Arc<Fleet>, touched: &Touched) {
        self.head = Some(commit);
        self.observer.head(commit, touched.clusters.len());
        let mut clusters: BTreeSet<ClusterName> = touched.clusters.clone();
        clusters.extend(self.told.unsettled().filter(|cluster| fleet.index.environment_of(cluster).is_some()));
        for released in &touched.released {
            self.schedule.forget(released);
            self.outside.supersede(released);
            self.outside.remember(released, None);
        }
        self.told.moved(commit, fleet, &clusters, &touched.released, &mut self.outbox);
        self.prepared.clear();
        self.prepare(commit, fleet, clusters);
    }

    fn prepare(&mut self, commit: CommitId, fleet: &Arc<Fleet>, clusters: BTreeSet<ClusterName>) {
        self.preparing += 1;
        let (outside, events, fleet) = (self.outside.clone(), self.events.clone(), fleet.clone());
        let work = self.compute.spawn(async move {
            let prepared = prepare_all(outside, fleet, clusters).await;
            let _ = events.send(Event::Prepared(commit, prepared));
        });
        drop(work);
    }

    fn prepared(&mut self, commit: CommitId, prepared: Vec<Prepared>) {
        self.preparing -= 1;
        if self.head != Some(commit) {
            return;
        }
        let names: Vec<ClusterName> = prepared.iter().map(|one| one.cluster.clone()).collect();
        self.prepared.extend(prepared.into_iter().map(|one| (one.cluster.clone(), one)));
        self.outside.set_round(Round::of(self.prepared.values()));
        let all: Vec<&Prepared> = self.prepared.values().collect();
        self.told.planned(commit, &all, &mut self.outbox);
        self.planned = Some(commit);
        for cluster in &names {
            let Some(one) = self.prepared.get(cluster) else { continue };
            match &one.change {
                Ok(_) => {
                    self.outside.supersede(cluster);
                    self.schedule.request(cluster, Wake::Commit);
                }
                Err(fault) => {
                    let report = failed(cluster, &one.environment, commit, None, fault.repeated(), now());
                    self.observer.ended(&report);
                    self.told.ended(&report, &mut self.outbox);
                    if fault.spurious {
                        self.schedule.request(cluster, Wake::Retry);
                    }
                }
            }
        }
    }

    fn start_syncs(&mut self) {
        let Some(commit) = self.head else { return };
        while let Some(cluster) = self.schedule.next(now()) {
            self.outside.begin(&cluster);
            let (outside, events) = (self.outside.clone(), self.events.clone());
            let environment = self.told.environment_of(&cluster);
            let name = cluster.clone();
            let work = self.compute.spawn(async move { sync(&*outside, &name, commit).await });
            tokio::spawn(async move {
                let ended = match work.await {
                    Ok(Ok(report)) => report,
                    Ok(Err(fault)) => failed(&cluster, &environment, commit, None, fault, now()),
                    Err(_) => failed(
                        &cluster,
                        &environment,
                        commit,
                        None,
                        Fault::bug("the sync did not come to its end"),
                        now(),
                    ),
                };
                let _ = events.send(Event::Ended(Box::new(ended)));
            });
        }
    }

    fn ended(&mut self, report: &Report) {
        let is_newest = self.head == Some(report.commit);
        let waits = matches!(report.standing.condition, Condition::Waiting);
        let ending = match (report.spurious, waits && !is_newest) {
            (_, true) => Ending::Again,
            (true, false) => Ending::Spurious,
            (false, false) => Ending::Settled,
        };
        self.schedule.ended(&report.cluster, ending, now());
        self.observer.ended(report);
        self.told.ended(report, &mut self.outbox);
    }

    /// All clusters are looked at: which one changed is not told apart, and a look writes nothing.
    fn drifted(&mut self) {
        let synced =
            self.told.reports.values().filter(|report| matches!(report.standing.condition, Condition::Synced { .. }));
        let clusters: Vec<ClusterName> = synced.map(|report| report.cluster.clone()).collect();
        for cluster in clusters {
            self.schedule.request(&cluster, Wake::Drift);
        }
    }

    fn post(&mut self) -> Result<(), Fault> {
        self.save()?;
        // One at a time: they change the same ref, and would only wait for its lock.
        if self.posting == 0
            && let Some(post) = self.outbox.next(now())
        {
            self.posting += 1;
            let (statuses, events) = (self.statuses.clone(), self.events.clone());
            tokio::task::spawn_blocking(move || {
                let posted = statuses.post(&post.status);
                let _ = events.send(Event::Posted(post.key, posted));
            });
        }
        Ok(())
    }

    fn posted(&mut self, key: &Key, posted: Result<(), Fault>) {
        self.posting -= 1;
        match posted {
            Ok(()) => self.outbox.posted(key, now()),
            Err(fault) => {
                let refusal = if fault.spurious || fault.owner != Owner::Bug {
                    Refusal::Retry { after: None }
                } else {
                    Refusal::Permanent(fault.to_string().into())
                };
                self.outbox.refused(key, refusal, now());
                self.observer.trouble(&fault);
            }
        }
    }

    /// Rows are on disk before anything is posted, so that a restart posts what is missing.
    fn save(&mut self) -> Result<(), Fault> {
        let dirty = self.outbox.dirty();
        if !dirty.is_empty() {
            let puts: Vec<_> = dirty.into_iter().map(|(key, row)| (key.digest().0.to_vec(), row)).collect();
            self.store.put_all(OUTBOX, &puts)?;
        }
        let standings = self.told.unsaved();
        if !standings.is_empty() {
            let puts: Vec<_> =
                standings.into_iter().map(|(cluster, row)| (cluster.as_str().as_bytes().to_vec(), row)).collect();
            self.store.put_all(STANDINGS, &puts)?;
        }
        // The head last: with an older one, what is between is only looked at again.
        if self.planned != self.saved {
            let head = self.planned.map(|head| head.0.to_vec());
            self.store.put_all(HEAD, &[(HEAD.as_bytes().to_vec(), head)])?;
            self.saved = self.planned;
        }
        Ok(())
    }
}

/// Reads what an earlier process remembered; what cannot be read is looked at anew.
fn remembered(store: &Store, told: &mut Told) -> Result<Option<CommitId>, Fault> {
    let head = store.get(HEAD, HEAD.as_bytes())?.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok()).map(CommitId);
    let Some(head) = head else { return Ok(None) };
    let mut rows = Vec::new();
    for (_, row) in store.all(STANDINGS)? {
        match Remembered::decode(&row) {
            Ok(row) => rows.push(row),
            Err(why) => {
                tracing::warn!(why, "a standing was not read: all clusters are looked at anew");
                return Ok(None);
            }
        }
    }
    told.remember(head, rows);
    Ok(Some(head))
}

/// Wakes the loop whenever the queue does; `own` is the name of the fleet's repository there.
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

/// Returns a standing of a cluster whose turn has not come.
pub(super) fn waiting(cluster: &ClusterName, wanted: Digest) -> Standing {
    Standing { cluster: cluster.clone(), wanted, condition: Condition::Waiting, since: now() }
}
