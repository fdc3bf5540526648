//! In: a plan, then answers, looks and the time. Out: one step after the other, and at last the outcome.
//! Guarantee: the record stands before any write, an inventory before its layer's, and a layer after all that it needs.
use super::gate::{Judgement, Judging, Place, Watch, health_of, words};
use super::model::{Answer, Outcome, Step, Trouble};
use super::new_network::{self, Nodes};
use super::waits::{LOOK_FIRST, LOOK_LAST, STABILITY, UNREAD};
use crate::decide::document::Site;
use crate::decide::health::{self, Health, Reporting, Suspects};
use crate::decide::plan::{Gate, GroupId, LayerInventory, LayerPlan, Plan, Role, Why};
use crate::decide::value::{Live, Timestamp};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How the target is judged.
#[derive(Clone, Copy, Debug)]
struct Settings {
    reporting: Reporting,
    stability: Duration,
}

impl Settings {
    /// Returns how a layer is judged, by what its change says of it.
    fn judging<'a>(self, plan: &'a Plan, layer: &LayerPlan, nodes: Nodes) -> Judging<'a> {
        let change = plan.change.layers.iter().find(|change| change.layer == layer.layer);
        let rules = change.map_or(&[][..], |change| &change.options.health);
        Judging { reporting: self.reporting, stability: self.stability, nodes, rules }
    }
}

/// The execution of one plan, step by step.
#[derive(Debug)]
pub struct Rollout {
    pub(super) plan: Plan,
    settings: Settings,
    stage: Stage,
    /// Whether the last step was given out and not answered; a write is never dropped then.
    in_flight: bool,
    superseded: bool,
    pub(super) layers: Vec<LayerState>,
    /// Groups whose machines were made and could not be ready yet: they are looked at again, before anything ends.
    owed: Vec<GroupId>,
    /// The layer to go on with after such a look.
    resume: Option<usize>,
    troubles: Vec<Trouble>,
    ill: Vec<crate::name::LayerName>,
    watch: Watch,
    pause: Duration,
    until: Option<Timestamp>,
    /// The UIDs that the target gave to what was written.
    uids: BTreeMap<Place, Arc<str>>,
    /// What the gate that is looked at waits for.
    waiting: Option<(ObjectId, Timestamp, String)>,
    /// The pods that may say why.
    suspects: Option<(Site, Suspects)>,
    /// What they said last, and of which object.
    reason: Option<(ObjectId, String)>,
    /// The object whose pods were asked.
    asked: Option<ObjectId>,
    /// The objects that failed, each with where its layer stands.
    failed: BTreeSet<(usize, ObjectId)>,
}

/// Where a rollout stands.
#[derive(Clone, Debug)]
enum Stage {
    Begin,
    Layer(usize, Phase),
    End,
    Over(Outcome),
}

/// Where a layer stands.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Enter,
    Ahead,
    Write(usize),
    Look(usize),
    Settled,
}

/// What became of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerState {
    Waiting,
    Begun,
    Done,
    Failed,
    /// A layer that it needs came to no good end.
    Skipped(usize),
}

impl Rollout {
    /// Begins a plan for an API server.
    pub fn new(plan: Plan) -> Self {
        Self::with_stability(plan, STABILITY)
    }

    /// Begins a plan for an API server, with another time for which objects must stay well.
    pub fn with_stability(plan: Plan, stability: Duration) -> Self {
        Self::begin(plan, Settings { reporting: Reporting::Server, stability })
    }

    /// Begins a plan for a directory, whose files are well at once.
    pub fn for_directory(plan: Plan) -> Self {
        Self::begin(plan, Settings { reporting: Reporting::Directory, stability: Duration::ZERO })
    }

    fn begin(plan: Plan, settings: Settings) -> Self {
        let layers = vec![LayerState::Waiting; plan.layers.len()];
        Self {
            plan,
            settings,
            stage: Stage::Begin,
            in_flight: false,
            superseded: false,
            layers,
            owed: Vec::new(),
            resume: None,
            troubles: Vec::new(),
            ill: Vec::new(),
            watch: Watch::default(),
            pause: LOOK_FIRST,
            until: None,
            uids: BTreeMap::new(),
            waiting: None,
            suspects: None,
            reason: None,
            asked: None,
            failed: BTreeSet::new(),
        }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Says that a newer commit makes it pointless; it ends before the next step, never within one.
    pub fn superseded(&mut self) {
        self.superseded = true;
    }

    /// Returns the next step; the same one as long as it is not answered.
    pub fn next(&mut self, now: Timestamp) -> Step {
        if self.superseded && !self.in_flight && matches!(self.stage, Stage::Begin | Stage::Layer(..)) {
            self.stage = Stage::Over(Outcome::Superseded);
        }
        loop {
            let step = match self.stage.clone() {
                Stage::Over(outcome) => return Step::Done(outcome),
                Stage::Begin => self.first(),
                Stage::Layer(at, phase) => self.step_of(at, phase, now),
                Stage::End => self.last(),
            };
            if let Some(step) = step {
                // A look that is dropped loses nothing.
                self.in_flight = matches!(step, Step::Record(_) | Step::Inventory(_) | Step::Write(_));
                return step;
            }
        }
    }

    /// Returns the record to begin with, or moves on.
    fn first(&mut self) -> Option<Step> {
        let outcome = if !self.plan.holds.is_empty() {
            Outcome::Held
        } else if let Some(record) = &self.plan.begin {
            return Some(Step::Record(Box::new(record.clone())));
        } else if self.plan.is_empty() {
            self.stage = Stage::Layer(0, Phase::Enter);
            return None;
        } else {
            Outcome::Planned
        };
        self.stage = Stage::Over(outcome);
        None
    }

    /// Returns the record to end with, or the outcome.
    fn last(&mut self) -> Option<Step> {
        let outcome = if !self.troubles.is_empty() {
            Outcome::Failed(std::mem::take(&mut self.troubles))
        } else if let Some(record) = &self.plan.end {
            return Some(Step::Record(Box::new(record.clone())));
        } else {
            Outcome::Synced { ill: std::mem::take(&mut self.ill) }
        };
        self.stage = Stage::Over(outcome);
        None
    }

    /// Returns what a layer does next, or moves on.
    fn step_of(&mut self, at: usize, phase: Phase, now: Timestamp) -> Option<Step> {
        if matches!(phase, Phase::Enter) && self.goes_back(at) {
            return None;
        }
        let Some(layer) = self.plan.layers.get(at) else {
            self.stage = Stage::End;
            return None;
        };
        let next = match phase {
            // What did not fail stays.
            Phase::Enter if layer.after_failure.as_ref().is_some_and(|failure| !self.failed.contains(failure)) => {
                return self.leave(at, LayerState::Done);
            }
            Phase::Enter => match self.obstacle(at, layer) {
                Some(other) => return self.leave(at, LayerState::Skipped(other)),
                None => Phase::Ahead,
            },
            Phase::Ahead => match &layer.ahead {
                Some(inventory) => return Some(Step::Inventory(self.with_uids(inventory))),
                None => Phase::Write(0),
            },
            Phase::Write(group) => match layer.groups.get(group) {
                None => Phase::Settled,
                Some(found) if found.writes().next().is_some() => {
                    return Some(Step::Write(GroupId { layer: at, group }));
                }
                Some(_) => Phase::Look(group),
            },
            Phase::Look(group) => {
                if layer.groups.get(group).is_none_or(|group| group.objects.is_empty()) {
                    self.open(at, group);
                    return None;
                }
                self.watch.began.get_or_insert(now);
                return Some(match self.until {
                    Some(until) if now < until => Step::Wait { until },
                    _ => Step::Look(GroupId { layer: at, group }),
                });
            }
            Phase::Settled => match &layer.settled {
                Some(inventory) => return Some(Step::Inventory(self.with_uids(inventory))),
                None => return self.leave(at, LayerState::Done),
            },
        };
        self.set_layer(at, LayerState::Begun);
        self.stage = Stage::Layer(at, next);
        None
    }

    /// Returns an inventory with the UIDs that were learnt since it was planned; only by them may objects be deleted.
    fn with_uids(&self, inventory: &LayerInventory) -> LayerInventory {
        let mut inventory = inventory.clone();
        for (place, entry) in &mut inventory.entries {
            if let Some(uid) = self.uids.get(place) {
                entry.uid = Some(uid.clone());
            }
        }
        inventory
    }

    /// Returns the layer that keeps this one from being begun: one that it needs, or for removals any that is not well.
    fn obstacle(&self, at: usize, layer: &LayerPlan) -> Option<usize> {
        let prunes = layer.groups.iter().any(|group| group.role == Role::Prune && !group.objects.is_empty());
        let is_bad =
            |other: &usize| matches!(self.layers.get(*other), Some(LayerState::Failed | LayerState::Skipped(_)));
        layer.needs.iter().copied().find(is_bad).or_else(|| (0..at).filter(|_| prunes).find(is_bad))
    }

    /// Goes back to a group that is owed a look, once all that can make its nodes ready is written; after a failure
    /// nobody waits for them.
    fn goes_back(&mut self, at: usize) -> bool {
        let is_over = self.plan.layers.get(at).is_none_or(new_network::ends);
        if self.layers.iter().any(|layer| matches!(layer, LayerState::Failed | LayerState::Skipped(_))) {
            self.owed.clear();
        }
        let Some(owed) = is_over.then(|| self.owed.pop()).flatten() else { return false };
        self.resume = Some(at);
        self.set_layer(owed.layer, LayerState::Begun);
        self.stage = Stage::Layer(owed.layer, Phase::Look(owed.group));
        true
    }

    fn leave(&mut self, at: usize, state: LayerState) -> Option<Step> {
        self.set_layer(at, state);
        self.forget_gate();
        self.stage = Stage::Layer(self.resume.take().unwrap_or(at + 1), Phase::Enter);
        None
    }

    fn set_layer(&mut self, at: usize, state: LayerState) {
        if let Some(layer) = self.layers.get_mut(at) {
            *layer = state;
        }
    }

    fn forget_gate(&mut self) {
        self.watch = Watch::default();
        (self.pause, self.until, self.waiting) = (LOOK_FIRST, None, None);
        (self.suspects, self.reason, self.asked) = (None, None, None);
    }

    fn open(&mut self, at: usize, group: usize) {
        if self.watch.was_lenient {
            self.owed.push(GroupId { layer: at, group });
        }
        self.forget_gate();
        self.stage = match self.resume.take() {
            None => Stage::Layer(at, Phase::Write(group + 1)),
            Some(next) => {
                self.set_layer(at, LayerState::Done);
                Stage::Layer(next, Phase::Enter)
            }
        };
    }

    /// Takes the answers to the last step, in its order: one for a record or an inventory, one for each write of a
    /// group. One that is missing is unknown.
    pub fn answered(&mut self, answers: &[Answer]) {
        if !std::mem::take(&mut self.in_flight) {
            return;
        }
        let first = answers.first().cloned().unwrap_or(Answer::Unknown);
        match self.stage {
            Stage::Begin => self.recorded(first, Stage::Layer(0, Phase::Enter)),
            Stage::End => {
                let done = Stage::Over(Outcome::Synced { ill: self.ill.clone() });
                self.recorded(first, done);
            }
            Stage::Layer(at, Phase::Ahead) => self.listed(at, first, Phase::Write(0)),
            Stage::Layer(at, Phase::Settled) => self.listed(at, first, Phase::Settled),
            Stage::Layer(at, Phase::Write(group)) => self.written(at, group, answers),
            Stage::Layer(..) | Stage::Over(_) => {}
        }
    }

    fn recorded(&mut self, answer: Answer, next: Stage) {
        self.stage = match answer {
            Answer::Written { .. } => next,
            Answer::Refused(Why::Conflict(_)) => Stage::Over(Outcome::Fenced),
            // It is read again before the next try; to write it again would be refused, had it been done.
            other => {
                let (why, spurious) = reason(&other);
                let layer = self.plan.layers.first().map(|layer| layer.layer.clone());
                let why = format!("the record of the cluster was not written: {why}");
                let trouble = layer.map(|layer| Trouble { layer, object: None, why, spurious });
                Stage::Over(Outcome::Failed(trouble.into_iter().collect()))
            }
        };
    }

    fn listed(&mut self, at: usize, answer: Answer, next: Phase) {
        match answer {
            Answer::Written { .. } if matches!(next, Phase::Settled) => drop(self.leave(at, LayerState::Done)),
            Answer::Written { .. } => self.stage = Stage::Layer(at, next),
            other => {
                let (why, spurious) = reason(&other);
                self.fail(at, None, format!("the inventory was not written: {why}"), spurious);
                self.leave(at, LayerState::Failed);
            }
        }
    }

    fn written(&mut self, at: usize, group: usize, answers: &[Answer]) {
        let found = self.plan.try_find_group(GroupId { layer: at, group });
        // What runs is another object each time: it is known by our marks alone.
        let runs = found.is_some_and(|group| matches!(group.role, Role::Hook { .. }));
        let writes: Vec<Place> =
            found.iter().flat_map(|group| group.writes()).map(|it| (it.site, it.object.clone())).collect();
        let mut refused = false;
        for (nth, place) in writes.into_iter().enumerate() {
            match answers.get(nth) {
                Some(Answer::Written { uid, .. }) => {
                    self.uids.extend(uid.clone().filter(|_| !runs).map(|uid| (place, uid)));
                }
                Some(answer @ Answer::Refused(_)) => {
                    let (why, spurious) = reason(answer);
                    self.fail(at, Some(place.1), why, spurious);
                    refused = true;
                }
                Some(Answer::Unknown) | None => drop(self.watch.doubtful.insert(place)),
            }
        }
        if refused {
            self.leave(at, LayerState::Failed);
        } else {
            self.stage = Stage::Layer(at, Phase::Look(group));
        }
    }

    fn fail(&mut self, at: usize, object: Option<ObjectId>, why: String, spurious: bool) {
        self.failed.extend(object.iter().map(|object| (at, object.clone())));
        if let Some(layer) = self.plan.layers.get(at) {
            self.troubles.push(Trouble { layer: layer.layer.clone(), object, why, spurious });
        }
    }

    /// Takes what a look showed of a group's objects.
    pub fn saw(&mut self, seen: &[(Place, Live)], now: Timestamp) {
        let Stage::Layer(at, Phase::Look(nth)) = self.stage else { return };
        let Some(layer) = self.plan.layers.get(at) else { return };
        let Some(group) = layer.groups.get(nth) else { return };
        if !layer.writes() {
            return self.saw_unchanged(at, nth, seen, now);
        }
        // Of a write that was not answered, the object itself tells the UID.
        for (place, live) in seen.iter().filter(|(place, _)| self.watch.doubtful.contains(place)) {
            self.uids.extend(uid_of(live).map(|uid| (place.clone(), uid)));
        }
        let (gate, is_first) = (group.gate, self.resume.is_none());
        let nodes = if is_first && new_network::comes_later(&self.plan, at) { Nodes::Made } else { Nodes::Ready };
        match self.watch.judge(group, seen, now, self.settings.judging(&self.plan, layer, nodes)) {
            Judgement::Open => self.open(at, nth),
            // What is lost at the first look has pods, too, that say why.
            Judgement::Lost { object, why, .. } if self.asks_pods(&object, seen) => {
                let deadline = self.deadline(gate, now);
                self.look_again(object, why, None, now, deadline);
            }
            Judgement::Lost { object, why, spurious } => {
                let why = self.with_reason(&object, why);
                self.fail(at, Some(object), why, spurious);
                self.leave(at, LayerState::Failed);
            }
            Judgement::Closed { object, why, at: earliest } => {
                let deadline = self.deadline(gate, now);
                if now < deadline {
                    self.asked = None;
                    self.asks_pods(&object, seen);
                    self.look_again(object, why, earliest, now, deadline);
                } else {
                    let why = self.with_reason(&object, why);
                    self.fail(at, Some(object), format!("its time is over: {why}"), true);
                    self.leave(at, LayerState::Failed);
                }
            }
        }
    }

    /// Asks for the pods of an object, where they were not asked yet and it has some.
    fn asks_pods(&mut self, object: &ObjectId, seen: &[(Place, Live)]) -> bool {
        if self.asked.as_ref() == Some(object) {
            return false;
        }
        let live = seen.iter().find(|((_, id), _)| id == object);
        self.suspects = live.and_then(|((site, _), live)| Some((*site, health::suspects(live)?)));
        self.asked = self.suspects.as_ref().map(|_| object.clone());
        self.asked.is_some()
    }

    /// Returns the pods that may say why the gate is closed, and where they are; asked after a look, none is fine too.
    pub fn suspects(&self) -> Option<&(Site, Suspects)> {
        self.suspects.as_ref()
    }

    /// Takes what was seen of the suspects, at most [`health::PODS_MAX`] of them; it changes what is told, nothing else.
    pub fn saw_pods(&mut self, pods: &[Live]) {
        if self.suspects.take().is_some()
            && let Some((object, ..)) = &self.waiting
        {
            self.reason = health::reason(pods).map(|reason| (object.clone(), reason));
        }
    }

    /// Returns what the gate that is looked at waits for, since when, and why.
    pub(super) fn waiting(&self) -> Option<(ObjectId, Timestamp, String)> {
        let (object, since, why) = self.waiting.clone()?;
        let why = self.with_reason(&object, why);
        Some((object, since, why))
    }

    fn with_reason(&self, object: &ObjectId, why: String) -> String {
        match &self.reason {
            Some((of, reason)) if of == object => format!("{why}; {reason}"),
            _ => why,
        }
    }

    /// A layer in which nothing changes holds up nobody: what is ill there is told, what is gone or cannot be read
    /// keeps the sync from being called a success.
    fn saw_unchanged(&mut self, at: usize, nth: usize, seen: &[(Place, Live)], now: Timestamp) {
        let Some(layer) = self.plan.layers.get(at) else { return };
        let Some(group) = layer.groups.get(nth) else { return };
        let name = layer.layer.clone();
        let (mut ill, mut lost, mut unread) = (false, Vec::new(), None);
        let seen: BTreeMap<&Place, &Live> = seen.iter().map(|(place, live)| (place, live)).collect();
        let judging = self.settings.judging(&self.plan, layer, Nodes::Ready);
        for change in &group.objects {
            let live = seen.get(&(change.site, change.object.clone()));
            let health =
                live.map_or(Health::Unknown("it was not looked at".into()), |live| health_of(change, live, judging));
            match health {
                Health::Current => {}
                Health::Unknown(why) => unread = Some((change.object.clone(), why)),
                Health::NotFound => lost.push((change.object.clone(), words(health))),
                _ => ill = true,
            }
        }
        let deadline = self.deadline(group.gate, now).min(self.watch.began.unwrap_or(now).after(UNREAD));
        match unread {
            Some((object, why)) if now < deadline => return self.look_again(object, why, None, now, deadline),
            unread => lost.extend(unread),
        }
        if ill && !self.ill.contains(&name) {
            self.ill.push(name);
        }
        for (object, why) in lost {
            self.fail(at, Some(object), why, true);
        }
        self.open(at, nth);
    }

    fn deadline(&self, gate: Gate, now: Timestamp) -> Timestamp {
        let (Gate::Healthy { within } | Gate::Gone { within }) = gate;
        self.watch.began.unwrap_or(now).after(within)
    }

    fn look_again(
        &mut self,
        object: ObjectId,
        why: String,
        earliest: Option<Timestamp>,
        now: Timestamp,
        deadline: Timestamp,
    ) {
        let later = now.after(self.pause);
        self.pause = (self.pause * 2).min(LOOK_LAST);
        self.until = Some(earliest.map_or(later, |earliest| earliest.min(later)).min(deadline));
        let since = self.waiting.take().filter(|(same, ..)| *same == object).map_or(now, |(_, since, _)| since);
        self.waiting = Some((object, since, why));
    }
}

fn uid_of(live: &Live) -> Option<Arc<str>> {
    let Live::Present { object, .. } = live else { return None };
    object.get("metadata")?.get("uid")?.as_str().map(Arc::from)
}

/// Returns why a write was not done, and whether another try can help.
fn reason(answer: &Answer) -> (String, bool) {
    match answer {
        // A new plan is made against what is there then.
        Answer::Refused(Why::Conflict(text) | Why::Unmarked(text) | Why::Unavailable(text)) => (text.clone(), true),
        Answer::Refused(Why::Invalid(text) | Why::Forbidden(text)) => (text.clone(), false),
        Answer::Unknown | Answer::Written { .. } => ("nobody knows how it ended".into(), true),
    }
}
