//! In: heads, preparations, ends of syncs. Out: the statuses that are wanted of each commit.
//! Guarantee: derived from where the clusters stand; a commit that was overtaken ends when the newer one has its verdict,
//! also over a restart.
mod plan;

pub(super) use plan::{first_line, status as plan_status};

use super::prepare::Prepared;
use super::statuses::Place;
use crate::client::clock::now;
use crate::decide::fleet::Fleet;
use crate::decide::report::outbox::{Key, Outbox};
use crate::decide::report::{
    Condition, Context, Environment, Open, Remembered, Report, Standing, State, Status, environment_status,
    overtaken_status,
};
use crate::decide::value::Digest;
use crate::name::{ClusterName, CommitId, EnvironmentName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many commits of an environment may wait for the verdict of a newer one: more are told at once.
const OVERTAKEN_MAX: usize = 1_000;

/// What was told, and what it is derived from.
#[derive(Debug)]
pub(super) struct Told {
    place: Place,
    pub(super) reports: BTreeMap<ClusterName, Report>,
    standings: BTreeMap<ClusterName, Standing>,
    environments: BTreeMap<ClusterName, EnvironmentName>,
    names: BTreeSet<EnvironmentName>,
    head: Option<CommitId>,
    /// Those that the head describes no longer, after all of them was deleted.
    gone: BTreeSet<ClusterName>,
    /// The clusters that the head concerns.
    concerned: BTreeSet<ClusterName>,
    /// The commits of each environment whose verdict is still open, with what each wanted of its clusters.
    open: BTreeMap<EnvironmentName, Vec<Open>>,
    /// What was begun to be told and is not told to its end: of earlier processes, and plans that were overtaken.
    left: BTreeSet<Key>,
    /// The clusters of which something is to be remembered, or forgotten.
    changed: BTreeSet<ClusterName>,
    /// The open commits that are to be remembered, or forgotten.
    changed_open: BTreeSet<(EnvironmentName, CommitId)>,
}

impl Told {
    /// Takes what earlier processes left to tell.
    pub(super) fn after(outbox: &Outbox, place: Place) -> Self {
        let is_there = |key: &&Key| key.forge == place.0 && key.repository == place.1;
        Self {
            left: outbox.unended().filter(is_there).cloned().collect(),
            place,
            reports: BTreeMap::new(),
            standings: BTreeMap::new(),
            environments: BTreeMap::new(),
            names: BTreeSet::new(),
            head: None,
            gone: BTreeSet::new(),
            concerned: BTreeSet::new(),
            open: BTreeMap::new(),
            changed: BTreeSet::new(),
            changed_open: BTreeSet::new(),
        }
    }

    fn key(&self, commit: CommitId, context: Context) -> Key {
        key(&self.place, commit, context)
    }

    pub(super) fn key_of(&self, status: &Status) -> Key {
        self.key(status.commit, status.context.clone())
    }

    /// Whether it was told last of a commit that it cannot be brought to its clusters.
    pub(super) fn has_failed_plan(&self, commit: CommitId, outbox: &Outbox) -> bool {
        let row = outbox.try_find(&self.key(commit, Context::plan(None)));
        let said = row.and_then(|row| row.waiting().or(row.posted.as_ref()));
        said.is_some_and(|said| said.state == State::Failure)
    }

    /// Takes what an earlier process remembered.
    pub(super) fn remember(&mut self, head: CommitId, rows: Vec<Remembered>, open: Vec<Open>) {
        self.head = Some(head);
        for open in open {
            self.left.remove(&self.key(open.commit, Context::environment(None, &open.environment)));
            self.open.entry(open.environment.clone()).or_default().push(open);
        }
        for Remembered { environment, standing, is_concerned } in rows {
            let cluster = standing.cluster.clone();
            if is_concerned {
                self.concerned.insert(cluster.clone());
            }
            self.names.insert(environment.clone());
            self.environments.insert(cluster.clone(), environment);
            self.standings.insert(cluster, standing);
        }
    }

    /// Returns what is to be remembered since the last call: by cluster, nothing where it is to be forgotten.
    pub(super) fn unsaved(&mut self) -> Vec<(ClusterName, Option<Vec<u8>>)> {
        let row = |cluster: &ClusterName| {
            let (standing, environment) = self.standings.get(cluster).zip(self.environments.get(cluster))?;
            let is_concerned = self.concerned.contains(cluster);
            Some(Remembered { environment: environment.clone(), standing: standing.clone(), is_concerned }.encode())
        };
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|cluster| (cluster.clone(), row(&cluster))).collect()
    }

    /// Returns the same of commits whose verdict is open, by the keys of their rows.
    pub(super) fn unsaved_open(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let row = |name: &EnvironmentName, commit: CommitId| {
            self.open.get(name)?.iter().find(|open| open.commit == commit).map(Open::encode)
        };
        let changed = std::mem::take(&mut self.changed_open);
        changed.iter().map(|(name, commit)| (Open::key(name, *commit), row(name, *commit))).collect()
    }

    /// Returns all clusters that documents describe.
    pub(super) fn clusters(&self) -> impl Iterator<Item = &ClusterName> {
        self.standings.values().filter(|standing| standing.condition != Condition::Released).map(|it| &it.cluster)
    }

    /// Returns where each cluster stands with the head.
    pub(super) fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.standings.values()
    }

    /// Whether a cluster of an environment waits for a person at a commit.
    pub(super) fn is_held(&self, commit: CommitId, environment: &str) -> bool {
        let is_of = |standing: &Standing| {
            let known = self.environments.get(&standing.cluster);
            known.is_some_and(|known| known.as_str() == environment)
        };
        let is_held = |standing: &Standing| matches!(standing.condition, Condition::Held(..)) && is_of(standing);
        self.head == Some(commit) && self.standings.values().any(is_held)
    }

    /// Returns the environments.
    pub(super) fn names(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.names.iter()
    }

    /// Returns the clusters that are not where they should be.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = ClusterName> {
        let is_open = |standing: &&Standing| !standing.condition.is_good();
        self.standings.values().filter(is_open).map(|standing| standing.cluster.clone())
    }

    /// Whether a cluster is as the head wants it, as far as is known.
    pub(super) fn is_good(&self, cluster: &ClusterName) -> bool {
        self.standings.get(cluster).is_some_and(|standing| standing.condition.is_good())
    }

    /// Whether nothing was told yet of a cluster at the head.
    pub(super) fn is_waiting(&self, cluster: &ClusterName) -> bool {
        self.standings.get(cluster).is_some_and(|standing| standing.condition == Condition::Waiting)
    }

    /// Returns the environment of a cluster.
    pub(super) fn environment_of(&self, cluster: &ClusterName) -> EnvironmentName {
        let known = self.environments.get(cluster).cloned();
        known.unwrap_or_else(|| EnvironmentName::new("unknown").expect("it is a label"))
    }

    /// Takes note of a new head.
    pub(super) fn moved(
        &mut self,
        commit: CommitId,
        fleet: &Fleet,
        clusters: &BTreeSet<ClusterName>,
        released: &BTreeSet<ClusterName>,
        outbox: &mut Outbox,
    ) {
        if let Some(last) = self.head.replace(commit) {
            let plan = self.key(last, Context::plan(None));
            self.left.extend(outbox.unended().find(|key| **key == plan).cloned());
        }
        self.changed.extend(std::mem::take(&mut self.concerned));
        self.changed.extend(clusters.iter().chain(released).cloned());
        self.concerned = clusters.union(released).cloned().collect();
        self.forget_released();
        for cluster in clusters {
            if let Some(environment) = fleet.index.environment_of(cluster) {
                self.environments.insert(cluster.clone(), environment);
            }
            self.standings.insert(cluster.clone(), standing(cluster, Condition::Waiting));
        }
        self.gone = released.iter().filter(|cluster| self.is_deleted(cluster)).cloned().collect();
        for cluster in released {
            self.reports.remove(cluster);
            if self.gone.contains(cluster) {
                self.standings.remove(cluster);
                self.environments.remove(cluster);
                self.concerned.remove(cluster);
            } else {
                self.standings.insert(cluster.clone(), standing(cluster, Condition::Released));
            }
        }
        self.names = fleet.index.environments().map(|environment| environment.name.clone()).collect();
        self.names.extend(self.environments.values().cloned());
        let plan = Status::new(commit, Context::plan(None), State::Pending, "planning", now());
        outbox.want(&self.key_of(&plan), plan, now());
    }

    /// Takes note of what the head would change in all clusters that it concerns; the fresh ones were looked at now, and
    /// some may be late.
    pub(super) fn planned(
        &mut self,
        commit: CommitId,
        prepared: &[&Prepared],
        (fresh, late): (&BTreeSet<ClusterName>, usize),
        note: Option<&str>,
        outbox: &mut Outbox,
    ) {
        for one in prepared.iter().filter(|one| fresh.contains(&one.cluster)) {
            self.changed.insert(one.cluster.clone());
            if let (Ok(summary), Some(standing)) = (&one.change, self.standings.get_mut(&one.cluster)) {
                standing.wanted = summary.digest;
                standing.note.clone_from(&summary.note);
                if let Some(held) = &summary.held {
                    standing.condition = held.clone();
                }
            }
        }
        let mut status = plan::status(commit, prepared, late);
        let is_verdict = status.state.is_verdict();
        if let (Some(note), State::Success) = (note, status.state) {
            let text = format!("{}, {note}", status.text());
            status = Status::new(commit, Context::plan(None), State::Success, &text, now());
        }
        outbox.want(&self.key_of(&status), status, now());
        if is_verdict {
            self.end_left(&Context::plan(None), commit, outbox);
        }
        for name in self.names.clone() {
            let wanted = prepared.iter().filter(|one| one.environment == name);
            let wanted =
                wanted.filter_map(|one| Some((one.cluster.clone(), one.change.as_ref().ok()?.digest))).collect();
            let open = self.open.entry(name.clone()).or_default();
            open.retain(|open| open.commit != commit);
            open.push(Open { environment: name.clone(), commit, wanted });
            self.changed_open.insert((name.clone(), commit));
            if open.len() > OVERTAKEN_MAX {
                self.changed_open.insert((name.clone(), open.remove(0).commit));
            }
            self.tell(&name, outbox);
        }
        self.end_strangers(commit, outbox);
    }

    fn is_deleted(&self, cluster: &ClusterName) -> bool {
        let standing = self.standings.get(cluster);
        standing.is_some_and(|standing| matches!(standing.condition, Condition::Deleted { .. }))
    }

    /// Takes note of a cluster that no document describes any longer, and returns what is to be told of it.
    pub(super) fn released(&mut self, mut report: Report) -> Report {
        if self.gone.contains(&report.cluster) {
            report.lines = vec!["its document went, after all of it was deleted".to_owned()];
        }
        self.reports.insert(report.cluster.clone(), report.clone());
        report
    }

    /// What the head before released is nobody's now.
    fn forget_released(&mut self) {
        let is_released = |standing: &&Standing| standing.condition == Condition::Released;
        let gone: Vec<ClusterName> = self.standings.values().filter(is_released).map(|it| it.cluster.clone()).collect();
        for cluster in gone {
            self.standings.remove(&cluster);
            self.reports.remove(&cluster);
            self.environments.remove(&cluster);
            self.changed.insert(cluster);
        }
    }

    /// Ends what was said of the head under environments that it does not have, while it was held.
    fn end_strangers(&mut self, head: CommitId, outbox: &mut Outbox) {
        let known: BTreeSet<Context> = self.names.iter().map(|name| Context::environment(None, name)).collect();
        let plan = Context::plan(None);
        let is_stranger = |key: &&Key| key.commit == head && key.context != plan && !known.contains(&key.context);
        let strangers: Vec<Key> = outbox.iter().map(|(key, _)| key).filter(is_stranger).cloned().collect();
        for key in strangers {
            let text = "no cluster is affected: the commit has no such environment";
            outbox.want(&key, Status::new(head, key.context.clone(), State::Success, text, now()), now());
        }
    }

    /// Tells all environments anew where they stand with the head.
    pub(super) fn retell(&mut self, outbox: &mut Outbox) {
        for name in self.names.clone() {
            self.tell(&name, outbox);
        }
    }

    /// Takes note of the end of a sync.
    pub(super) fn ended(&mut self, report: &Report, outbox: &mut Outbox) {
        let wanted = self.standings.get(&report.cluster).map(|standing| standing.wanted);
        let mut standing = report.standing.clone();
        // The end of an older sync says nothing of what the head wants, unless it is the same.
        if self.head != Some(report.commit) && wanted.is_some_and(|wanted| wanted != standing.wanted) {
            return;
        }
        if matches!(standing.condition, Condition::Invalid(_) | Condition::Failed(_))
            && let Some(wanted) = wanted
        {
            standing.wanted = wanted;
        }
        if self.standings.get(&report.cluster) != Some(&standing) {
            self.changed.insert(report.cluster.clone());
        }
        self.standings.insert(report.cluster.clone(), standing);
        self.reports.insert(report.cluster.clone(), report.clone());
        self.environments.insert(report.cluster.clone(), report.environment.clone());
        self.tell(&report.environment, outbox);
    }

    /// Takes note of clusters that a head finds as they were: what was told of them last holds for it, too.
    pub(super) fn carried(&mut self, commit: CommitId, clusters: &[ClusterName], outbox: &mut Outbox) {
        let mut environments = BTreeSet::new();
        for cluster in clusters {
            let Some(report) = self.reports.get_mut(cluster) else { continue };
            report.commit = commit;
            let mut standing = report.standing.clone();
            standing.wanted = self.standings.get(cluster).map_or(standing.wanted, |known| known.wanted);
            environments.insert(report.environment.clone());
            self.changed.insert(cluster.clone());
            self.standings.insert(cluster.clone(), standing);
        }
        for name in environments {
            self.tell(&name, outbox);
        }
    }

    /// Takes note of a head that is not synced until someone accepts it.
    pub(super) fn hold(
        &mut self,
        commit: CommitId,
        why: &str,
        environments: &BTreeSet<EnvironmentName>,
        outbox: &mut Outbox,
    ) {
        let names: BTreeSet<&EnvironmentName> = self.names.iter().chain(environments).collect();
        let mut contexts: Vec<Context> = names.into_iter().map(|name| Context::environment(None, name)).collect();
        // Every commit has a plan, and this one is not planned either.
        if contexts.is_empty() {
            contexts.push(Context::plan(None));
        }
        for context in contexts {
            let status = Status::new(commit, context, State::Failure, why, now());
            outbox.hold(&self.key_of(&status), status, now());
        }
    }

    /// Ends what an earlier process began to tell of other commits: what they wanted is not known here.
    fn end_left(&mut self, context: &Context, head: CommitId, outbox: &mut Outbox) {
        let short: String = head.to_string().chars().take(7).collect();
        let (ended, left) = std::mem::take(&mut self.left).into_iter().partition(|key| key.context == *context);
        self.left = left;
        let others = |key: &Key| key.commit != head;
        for key in BTreeSet::into_iter(ended).filter(others) {
            let text = format!("overtaken by {short}");
            outbox.want(&key, Status::new(key.commit, key.context.clone(), State::Error, &text, now()), now());
        }
    }

    fn tell(&mut self, name: &EnvironmentName, outbox: &mut Outbox) {
        let Some(head) = self.head else { return };
        let environment = Environment {
            fleet: None,
            name: name.clone(),
            unreachable_after: Duration::from_hours(1),
            unreachable_percent_max: 0,
        };
        let of_environment = |standing: &&Standing| self.environments.get(&standing.cluster) == Some(name);
        let all: Vec<Standing> = self.standings.values().filter(of_environment).cloned().collect();
        let is_concerned = all.iter().any(|standing| self.concerned.contains(&standing.cluster));
        let standings = if is_concerned { all } else { all.into_iter().map(not_affected).collect() };
        let status = environment_status(head, &environment, &standings, now());
        // A tag that moved, or another repository, may end what the same commit was synced by before.
        let is_invalid = |standing: &Standing| matches!(standing.condition, Condition::Invalid(_));
        if status.state == State::Failure && standings.iter().any(is_invalid) {
            outbox.hold(&self.key_of(&status), status.clone(), now());
        } else {
            outbox.want(&self.key_of(&status), status.clone(), now());
        }
        if status.state.is_verdict() {
            self.end_left(&status.context, head, outbox);
        }
        let place = self.place.clone();
        let Some(open) = self.open.get_mut(name) else { return };
        let mut ended = Vec::new();
        open.retain(|old| {
            if old.commit == head {
                let is_open = !status.state.is_verdict();
                ended.extend((!is_open).then_some(head));
                return is_open;
            }
            let standings: Vec<Standing> = standings
                .iter()
                .map(|standing| Standing {
                    wanted: old.wanted.get(&standing.cluster).copied().unwrap_or(standing.wanted),
                    ..standing.clone()
                })
                .collect();
            match overtaken_status(old.commit, &status, &environment, &standings, now()) {
                Some(status) => {
                    ended.push(old.commit);
                    outbox.want(&key(&place, status.commit, status.context.clone()), status, now());
                    false
                }
                None => true,
            }
        });
        self.changed_open.extend(ended.into_iter().map(|commit| (name.clone(), commit)));
    }
}

fn standing(cluster: &ClusterName, condition: Condition) -> Standing {
    Standing { cluster: cluster.clone(), wanted: Digest([0; 32]), condition, since: now(), note: None }
}

fn not_affected(standing: Standing) -> Standing {
    match standing.condition {
        Condition::Synced { .. } | Condition::Deleted { .. } => {
            Standing { condition: Condition::NotAffected, ..standing }
        }
        _ => standing,
    }
}

fn key((forge, repository): &Place, commit: CommitId, context: Context) -> Key {
    Key { forge: forge.clone(), repository: repository.clone(), commit, context }
}
