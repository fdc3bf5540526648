//! In: clusters that are to be synced, ends of syncs, changes of targets. Out: syncs, one a cluster, and what is told of them.
//! Guarantee: what was not asked for is planned and told, and waits.
use super::super::sync::sync;
use super::{DRIFT_PAUSE, Engine, Event, Observer};
use crate::client::clock::now;
use crate::decide::drift::Disturbance;
use crate::decide::report::{Condition, Numbers, Report, failed};
use crate::decide::schedule::{Ending, Wake};
use crate::decide::value::Fault;
use crate::name::{ClusterName, CommitId};
use std::collections::BTreeSet;

impl<O: Observer> Engine<O> {
    /// Asks for the sync of a cluster, if it is one of those that are to be synced.
    pub(super) fn request(&mut self, cluster: &ClusterName, why: Wake) {
        if self.may_sync(cluster) {
            self.schedule.request(cluster, why);
        }
    }

    pub(super) fn may_sync(&self, cluster: &ClusterName) -> bool {
        self.only.is_all() || self.only.includes(cluster, &self.told.environment_of(cluster))
    }

    /// Returns the head, once its clusters may be synced: before all are looked at that answer, nobody knows how much it
    /// deletes in all of them together; nor while those are looked at anew that read another repository otherwise.
    pub(super) fn startable(&self) -> Option<CommitId> {
        self.head.filter(|_| self.planned == self.head && self.unplanned == 0)
    }

    pub(super) fn start_syncs(&mut self) {
        let Some(commit) = self.startable() else { return };
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
                    Err(_) => {
                        let fault = Fault::bug("the sync did not come to its end");
                        failed(&cluster, &environment, commit, None, fault, now())
                    }
                };
                let _ = events.send(Event::Ended(Box::new(ended)));
            });
        }
    }

    pub(super) fn ended(&mut self, report: &Report) {
        let is_newest = self.head == Some(report.commit);
        let waits = matches!(report.standing.condition, Condition::Waiting);
        let ending = match (report.spurious, waits && !is_newest) {
            (_, true) => Ending::Again,
            (true, false) => Ending::Spurious,
            (false, false) => Ending::Settled,
        };
        self.ends += 1;
        self.schedule.ended(&report.cluster, ending, now());
        if let Some(disturbance) = self.outside.end(&report.cluster) {
            self.disturbed(report.cluster.clone(), disturbance);
        }
        let elsewhere = self.elsewhere.get(&report.cluster).filter(|_| is_newest);
        let lines = report.lines.iter().chain(elsewhere.into_iter().flatten()).cloned().collect();
        let report = Report { lines, ..report.clone() };
        if report.numbers.as_ref().is_some_and(Numbers::is_any_written) {
            self.wrote.insert(report.cluster.clone(), (self.ends, report.clone()));
        }
        self.observer.ended(&report);
        if is_newest && report.standing.condition.is_good() && !self.told.is_good(&report.cluster) {
            self.came_to_the_head(&report.cluster);
        }
        self.told.ended(&report, &mut self.outbox);
        // It was of an older head, and says nothing of what this one wants.
        if !is_newest && ending == Ending::Settled && self.told.is_waiting(&report.cluster) {
            self.request(&report.cluster, Wake::Commit);
        }
    }

    /// A cluster in which somebody changed an object is looked at at once, one whose status changed in a moment.
    pub(super) fn disturbed(&mut self, cluster: ClusterName, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Changed => self.request(&cluster, Wake::Drift),
            Disturbance::Status => self.look_later(Some(cluster)),
        }
    }

    /// Looks at a cluster in a moment; without one, at those of folders.
    pub(super) fn look_later(&mut self, cluster: Option<ClusterName>) {
        self.restless.insert(cluster);
        self.drift_due = self.drift_due.or(Some(now().after(DRIFT_PAUSE)));
    }

    /// Of folders it is not told apart which cluster's changed: all are looked at, and a look writes nothing.
    pub(super) fn look_at_drift(&mut self) {
        let restless = std::mem::take(&mut self.restless);
        let is_of_folders = restless.contains(&None);
        let mut clusters: BTreeSet<ClusterName> = restless.into_iter().flatten().collect();
        if is_of_folders {
            let is_synced = |report: &&Report| matches!(report.standing.condition, Condition::Synced { .. });
            clusters.extend(self.told.reports.values().filter(is_synced).map(|report| report.cluster.clone()));
        }
        for cluster in clusters {
            self.request(&cluster, Wake::Drift);
        }
    }
}
