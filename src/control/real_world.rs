//! In: settings, mirrors, targets. Out: the world of the story, for real.
//! Guarantee: one writer a cluster; a commit that a record names is kept, whatever becomes of the branch.
use super::commits::Moments;
use super::expansion::Expansions;
use super::prepare::Round;
use super::released_clusters::Released;
use super::repositories::Mirrors;
use super::target::Targets;
use super::world::{Clock, Sources, Target, Woken};
use crate::client::clock::now;
use crate::decide::document::{CommitFacts, Commits, Site, Texts};
use crate::decide::drift::{Disturbance, Found};
use crate::decide::fleet::Fleet;
use crate::decide::health::Suspects;
use crate::decide::plan::{Begun, ClusterState, Draft, GroupId, LayerInventory, Plan, Probe, Ruling, Verdict, Why};
use crate::decide::profile::{FullProfile, Record};
use crate::decide::render::{Layers, Memory, Recalled};
use crate::decide::rollout::{Answer, Blocked, Outcome, Rollout};
use crate::decide::value::{Fault, Live, Seal, Timestamp};
use crate::name::{BlobId, ClusterName, CommitId, ObjectId, RepoName};
use crate::observe::mirror::Mirror;
use crate::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// How far a cluster's sync is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How many layers are done.
    pub done: usize,
    /// Of how many.
    pub of: usize,
    /// What waits for what.
    pub blocked: Vec<Blocked>,
}

/// How many reviews are kept: those of pull requests whose changes still wait are the newest ones.
const REVIEWS_MAX: usize = 200;

/// The world outside, for real.
pub struct Outside {
    settings: Settings,
    mirrors: Mirrors,
    moments: Moments,
    targets: Targets,
    seal: Seal,
    expansions: Expansions,
    expansions_of_strangers: Expansions,
    memory: Mutex<Memory>,
    /// The commits that were asked for last: one head is planned for many clusters.
    commits: Mutex<Option<((CommitId, CommitId), Commits)>>,
    brought: Mutex<BTreeMap<Range, Commits>>,
    /// Reviews of pull requests that approve, as if each were a commit.
    reviews: Mutex<Vec<CommitFacts>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Clusters that a newer commit concerns while their sync runs.
    superseded: BTreeSet<ClusterName>,
    wakes: BTreeMap<ClusterName, Arc<Notify>>,
    progress: BTreeMap<ClusterName, Progress>,
    round: Round,
}

impl Outside {
    /// Takes what the settings say, the mirror of the one repository, the key, and the threads on which connections live.
    pub fn new(settings: Settings, mirror: Arc<Mirror>, seal: Seal, connections: Handle) -> Self {
        Self::with_mirrors(settings, Mirrors::new(mirror, BTreeMap::new()), seal, connections)
    }

    /// Takes what the settings say, all mirrors, the key, and the threads on which connections live.
    pub fn with_mirrors(settings: Settings, mirrors: Mirrors, seal: Seal, connections: Handle) -> Self {
        Self {
            targets: Targets::new(settings.clone(), Some(connections)),
            expansions: Expansions::new(&settings),
            expansions_of_strangers: Expansions::of_strangers(&settings),
            settings,
            mirrors,
            moments: Moments::default(),
            seal,
            memory: Mutex::default(),
            commits: Mutex::default(),
            brought: Mutex::default(),
            reviews: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the mirror of the fleet's own repository.
    pub fn mirror(&self) -> &Arc<Mirror> {
        self.mirrors.own()
    }

    /// Returns who renders what a stranger wrote.
    pub(super) fn expansions_of_strangers(&self) -> &Expansions {
        &self.expansions_of_strangers
    }

    /// Returns all mirrors.
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// Returns the indexes that were read.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Takes a review that approves changes by their ids: it counts as a commit that does.
    pub fn take_review(&self, review: CommitFacts) {
        let mut reviews = self.reviews.lock().unwrap_or_else(PoisonError::into_inner);
        reviews.retain(|known| known.commit != review.commit || known.author != review.author);
        reviews.push(review);
        if reviews.len() > REVIEWS_MAX {
            reviews.remove(0);
        }
    }

    /// Returns the reviews that approve.
    pub fn reviews(&self) -> Vec<CommitFacts> {
        self.reviews.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what holds for all clusters of the head.
    pub fn set_round(&self, round: Round) {
        self.state().round = round;
    }

    /// Tells a running sync that a newer commit concerns its cluster.
    pub fn supersede(&self, cluster: &ClusterName) {
        let mut state = self.state();
        state.superseded.insert(cluster.clone());
        if let Some(wake) = state.wakes.get(cluster) {
            wake.notify_waiters();
        }
    }

    /// Watches all targets from now on, as they are looked at, and tells what others change.
    pub fn watch(&self, tell: impl Fn(&ClusterName, Disturbance) + Send + Sync + 'static) {
        self.targets.watch(Arc::new(tell));
    }

    /// Ends a sync of a cluster; returns what others changed meanwhile.
    pub fn end(&self, cluster: &ClusterName) -> Option<Disturbance> {
        self.targets.end(cluster)
    }

    /// Forgets a cluster that is ours no longer, and ends its watches.
    pub fn forget(&self, cluster: &ClusterName) {
        self.targets.forget(cluster);
    }

    /// Corrects what others fought over once more: a person asks for it.
    pub fn forgive(&self, cluster: &ClusterName) {
        self.targets.forgive(cluster);
    }

    /// Begins a sync of a cluster: what superseded the last one does not concern this one.
    pub fn begin(&self, cluster: &ClusterName) {
        self.targets.begin(cluster);
        let mut state = self.state();
        state.superseded.remove(cluster);
        state.progress.remove(cluster);
        state.wakes.entry(cluster.clone()).or_default();
    }

    /// Returns how far a cluster's sync is.
    pub fn progress(&self, cluster: &ClusterName) -> Option<Progress> {
        self.state().progress.get(cluster).cloned()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The commits of one that another one has not, in a repository.
type Range = (Option<RepoName>, Option<CommitId>, CommitId);

/// How many ranges of commits are remembered: pins of one head over all its clusters are few.
const BROUGHT_MAX: usize = 64;

/// Commits of which nothing is known, so that nothing counts on them.
fn unknown() -> Commits {
    Commits { commits: Vec::new(), cut_off: true }
}

impl Sources for Outside {
    async fn fleet(&self, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        self.moments.fleet(&self.mirrors, commit)
    }

    async fn texts(&self, blobs: BTreeSet<BlobId>) -> Result<Texts, Fault> {
        self.moments.texts(&self.mirrors, &blobs)
    }

    async fn commits(&self, from: Option<CommitId>, to: CommitId) -> Result<Commits, Fault> {
        // Without an old side there is nothing that could need an approval by others.
        let Some(from) = from else { return Ok(Commits::default()) };
        let known = || self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().as_ref().filter(|(range, _)| *range == (from, to)).map(|(_, commits)| commits.clone());
        let mut commits = if let Some(commits) = found {
            commits
        } else {
            let commits = self.mirror().commits(Some(from), to)?;
            *known() = Some(((from, to), commits.clone()));
            commits
        };
        commits.commits.extend(self.reviews());
        Ok(commits)
    }

    async fn brought(
        &self,
        repository: Option<&RepoName>,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Commits, Fault> {
        let range = (repository.cloned(), from, to);
        let known = || self.brought.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commits) = known().get(&range) {
            return Ok(commits.clone());
        }
        // A repository that cannot be opened has no pin that can be read.
        let Some(Ok(mirror)) = self.mirrors.mirror(repository) else { return Ok(unknown()) };
        // What is gone from it, as after a rewritten history, tells nobody who wrote it.
        if !mirror.contains(to)? || !from.map_or(Ok(true), |from| mirror.contains(from))? {
            return Ok(unknown());
        }
        let commits = mirror.commits(from, to)?;
        let mut known = known();
        if known.len() >= BROUGHT_MAX {
            known.clear();
        }
        known.insert(range, commits.clone());
        Ok(commits)
    }

    async fn follows(&self, commit: CommitId, head: CommitId) -> Result<bool, Fault> {
        let mirror = self.mirror();
        Ok(mirror.descends(commit, head)? || mirror.is_abandoned(head)?)
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn expansions(&self) -> &Expansions {
        &self.expansions
    }

    fn remembered(&self, cluster: &ClusterName) -> Option<Arc<Recalled>> {
        self.memory().of(cluster)
    }

    fn remember(&self, cluster: &ClusterName, recalled: Option<Recalled>) {
        let mut memory = self.memory();
        match recalled {
            Some(recalled) => memory.learn(cluster, recalled),
            None => memory.forget(cluster),
        }
    }
}

impl Target for Outside {
    async fn facts(&self, profile: &FullProfile, wanted: Option<&Layers>) -> Result<ClusterState, Fault> {
        self.targets.facts(profile, wanted).await
    }

    async fn release(&self, gone: &Released, head: CommitId) -> Result<bool, Fault> {
        self.targets.release(gone, head).await
    }

    fn ruling(&self, profile: &FullProfile, commits: Commits) -> Ruling {
        let round = &self.state().round;
        let others = round.deletions.iter().filter(|(cluster, _)| **cluster != profile.cluster);
        Ruling {
            policy: self.settings.floor.clone(),
            commits,
            change_set: round.change_sets.get(&profile.cluster).copied(),
            other_deletions: others.map(|(_, count)| *count).sum(),
            reference: format!("refs/heads/{}", self.settings.branch()).into(),
            lifecycle: profile.lifecycle,
            bounds: self.settings.repository.bounds.clone(),
            targets: profile.targets(),
            begun: Begun::Nothing,
        }
    }

    async fn probe(&self, _: &FullProfile, plan: &Plan, probes: Vec<Probe>) -> Vec<Verdict> {
        self.targets.probe(plan, probes).await
    }

    async fn foreseen(&self, profile: &FullProfile, draft: &Draft) -> Option<Vec<Verdict>> {
        self.targets.foreseen(profile, draft)
    }

    async fn record(&self, plan: &Plan, record: &Record) -> Answer {
        for moment in record.applied.iter().chain(&record.applying) {
            let name = format!("{}/{}", plan.change.fleet, plan.change.cluster);
            if record.applying.as_ref().is_none_or(|applying| applying == moment || record.applied.is_none())
                && let Err(fault) = self.mirror().keep(&name, moment.head)
            {
                return Answer::Refused(Why::Unavailable(fault.to_string()));
            }
        }
        for moment in record.paused.values().flatten() {
            if let Err(fault) = self.mirror().keep_pin(moment.head) {
                return Answer::Refused(Why::Unavailable(fault.to_string()));
            }
        }
        for pin in &plan.change.pins {
            let mirror = self.mirrors.mirror(pin.repository.as_ref()).and_then(Result::ok);
            if let Some(Err(fault)) = mirror.map(|mirror| mirror.keep_pin(pin.commit)) {
                return Answer::Refused(Why::Unavailable(fault.to_string()));
            }
        }
        self.targets.record(plan, record).await
    }

    async fn inventory(&self, plan: &Plan, inventory: &LayerInventory) -> Answer {
        self.targets.inventory(plan, inventory).await
    }

    async fn write(&self, plan: &Plan, id: GroupId) -> Vec<Answer> {
        let answers = self.targets.write(plan, id).await;
        if let Some((layer, group)) = plan.layers.get(id.layer).zip(plan.try_find_group(id)) {
            let (cluster, written) = (plan.change.cluster.as_str(), answers.len());
            tracing::info!(cluster, layer = layer.layer.as_str(), role = ?group.role, objects = written, "written");
        }
        answers
    }

    async fn look(&self, plan: &Plan, id: GroupId) -> Vec<((Site, ObjectId), Live)> {
        self.targets.look(plan, id).await
    }

    async fn pods(&self, plan: &Plan, site: Site, suspects: &Suspects) -> Vec<Live> {
        self.targets.pods(plan, site, suspects).await
    }

    fn found(&self, cluster: &ClusterName) -> Vec<Found> {
        self.targets.found(cluster)
    }

    async fn settled(&self, plan: &Plan, outcome: &Outcome) {
        self.targets.settled(plan, outcome).await;
    }

    fn rollout(&self, plan: Plan) -> Rollout {
        self.targets.rollout(plan)
    }
}

impl Clock for Outside {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn wait(&self, cluster: &ClusterName, until: Timestamp) -> Woken {
        let wake = self.state().wakes.entry(cluster.clone()).or_default().clone();
        let notified = wake.notified();
        if self.is_superseded(cluster) {
            return Woken::Superseded;
        }
        let left = Duration::from_millis(until.0.saturating_sub(now().0));
        tokio::select! {
            () = notified => Woken::Superseded,
            () = tokio::time::sleep(left) => Woken::Due,
        }
    }

    fn progressed(&self, rollout: &Rollout) {
        let (done, of) = rollout.progress();
        let progress = Progress { done, of, blocked: rollout.why_blocked() };
        self.state().progress.insert(rollout.plan().change.cluster.clone(), progress);
    }

    fn is_superseded(&self, cluster: &ClusterName) -> bool {
        self.state().superseded.contains(cluster)
    }
}
