//! In: a head, the clusters that it concerns. Out: what it would change in each, and a request to sync them.
//! Guarantee: a cluster that does not answer holds no other one, and costs a commit that does not change it nothing.

use super::super::prepare::{Preparation, Prepared, Round, prepare_all, prepare_one};
use super::super::released_clusters::{Released, release};
use super::{Engine, Event, Observer};
use crate::client::clock::now;
use crate::decide::fleet::Fleet;
use crate::decide::report::{Report, failed};
use crate::decide::schedule::Wake;
use crate::name::{ClusterName, CommitId};
use std::collections::BTreeSet;
use std::sync::Arc;

impl<O: Observer> Engine<O> {
    /// Takes over what is known of clusters that came to no good end, or are on their way to one, and that a new head does
    /// not touch: they are tried again when their time comes, and looks at them go on. What waits for an approval is looked
    /// at anew, since the head may hold it.
    pub(super) fn carry(&mut self, clusters: &BTreeSet<ClusterName>, touched: &BTreeSet<ClusterName>) {
        let is_as_it_was = |cluster: &ClusterName| clusters.contains(cluster) && !touched.contains(cluster);
        self.late.retain(|cluster, (_, look)| {
            let stays = is_as_it_was(cluster);
            if !stays {
                look.abort();
            }
            stays
        });
        let before = std::mem::take(&mut self.prepared);
        let is_carried = |cluster: &ClusterName, one: &Prepared| {
            let is_known = self.told.reports.get(cluster).is_some_and(|report| report.spurious);
            let is_held = one.change.as_ref().is_ok_and(|summary| summary.held.is_some());
            let is_tried = self.schedule.is_doubtful(cluster) && is_known;
            let is_running = self.schedule.is_long(cluster) && one.change.is_ok();
            is_as_it_was(cluster) && !is_held && !self.late.contains_key(cluster) && (is_tried || is_running)
        };
        self.carried = before.into_iter().filter(|(cluster, one)| is_carried(cluster, one)).collect();
    }

    /// Looks at clusters; at those that came to no good end the last time apart from the others.
    pub(super) fn prepare(
        &mut self,
        commit: CommitId,
        fleet: Arc<Fleet>,
        clusters: BTreeSet<ClusterName>,
        released: Vec<Released>,
    ) {
        self.preparing += 1;
        self.unplanned += 1;
        let (doubtful, clusters): (BTreeSet<_>, BTreeSet<_>) =
            clusters.into_iter().partition(|cluster| self.schedule.is_doubtful(cluster));
        self.look_late(&fleet, doubtful);
        let (moved, gone): (Vec<_>, Vec<_>) = released.into_iter().partition(|released| released.goes_to.is_some());
        for gone in gone {
            self.release(commit, fleet.clone(), gone);
        }
        let (outside, events) = (self.outside.clone(), self.events.clone());
        let work = self.compute.spawn(async move {
            let mut reports = Vec::new();
            for moved in &moved {
                reports.extend(release(&*outside, &fleet, moved, commit, now()).await);
            }
            let prepared = Box::pin(prepare_all(outside, fleet.clone(), clusters)).await;
            let _ = events.send(Event::Prepared(commit, fleet, prepared, reports));
        });
        drop(work);
    }

    /// Releases a cluster that no document describes any longer; its target may be gone with it, and holds nobody.
    fn release(&mut self, commit: CommitId, fleet: Arc<Fleet>, gone: Released) {
        self.releasing += 1;
        let (room, outside, events) = (self.late_room.clone(), self.outside.clone(), self.events.clone());
        let work = self.compute.spawn(async move {
            let _room = room.acquire().await;
            let report = release(&*outside, &fleet, &gone, commit, now()).await;
            let _ = events.send(Event::Released(commit, report.map(Box::new)));
        });
        drop(work);
    }

    pub(super) fn released(&mut self, commit: CommitId, report: Option<Report>) {
        self.releasing -= 1;
        if let Some(report) = report.filter(|_| self.head == Some(commit)) {
            let report = self.told.released(report);
            self.observer.ended(&report);
        }
    }

    /// Looks at clusters that nobody waits for, however long that takes.
    fn look_late(&mut self, fleet: &Arc<Fleet>, clusters: BTreeSet<ClusterName>) {
        for cluster in clusters {
            self.lates += 1;
            let (look, room, events) = (self.lates, self.late_room.clone(), self.events.clone());
            let (outside, fleet, of) = (self.outside.clone(), fleet.clone(), cluster.clone());
            let task = self.compute.spawn(async move {
                let _room = room.acquire().await;
                let prepared = Box::pin(prepare_one(&*outside, &fleet, &of)).await;
                let _ = events.send(Event::Late(of, look, prepared));
            });
            if let Some((_, before)) = self.late.insert(cluster, (look, task)) {
                before.abort();
            }
        }
    }

    pub(super) fn prepared(
        &mut self,
        commit: CommitId,
        fleet: &Arc<Fleet>,
        preparation: Preparation,
        moved: Vec<Report>,
    ) {
        self.preparing -= 1;
        if self.head != Some(commit) {
            return;
        }
        self.unplanned = self.unplanned.saturating_sub(1);
        let Preparation { prepared, late } = preparation;
        self.elsewhere.extend(moved.into_iter().map(|report| (report.cluster, report.lines)));
        self.look_late(fleet, late);
        let carried = std::mem::take(&mut self.carried);
        let names: Vec<ClusterName> = carried.keys().cloned().collect();
        self.prepared.extend(carried);
        self.take_in(commit, prepared, &names);
        self.planned = Some(commit);
    }

    /// A look that was given up says nothing any more.
    pub(super) fn prepared_late(&mut self, cluster: &ClusterName, look: u64, prepared: Vec<Prepared>) {
        let is_it = self.late.get(cluster).is_some_and(|(known, _)| *known == look);
        if let Some(head) = self.head.filter(|_| is_it) {
            self.late.remove(cluster);
            self.take_in(head, prepared, &[]);
        }
    }

    /// Tells what the head would change, and asks for the syncs of those that were looked at.
    fn take_in(&mut self, commit: CommitId, prepared: Vec<Prepared>, carried: &[ClusterName]) {
        let fresh: BTreeSet<ClusterName> = prepared.iter().map(|one| one.cluster.clone()).collect();
        self.prepared.extend(prepared.into_iter().map(|one| (one.cluster.clone(), one)));
        self.outside.set_round(Round::of(self.prepared.values()));
        let all: Vec<&Prepared> = self.prepared.values().collect();
        let told: BTreeSet<ClusterName> = fresh.iter().chain(carried).cloned().collect();
        let note = self.as_reviewed(&all);
        self.told.planned(commit, &all, (&told, self.late.len()), note.as_deref(), &mut self.outbox);
        self.told.carried(commit, carried, &mut self.outbox);
        for cluster in &fresh {
            let Some(report) = self.unplannable(commit, cluster) else {
                self.outside.supersede(cluster);
                self.request(cluster, Wake::Commit);
                continue;
            };
            self.observer.ended(&report);
            self.told.ended(&report, &mut self.outbox);
            if report.spurious && self.may_sync(cluster) {
                self.look_again(cluster);
            }
        }
    }

    /// A cluster that could not be looked at is tried at once the first time, and then later and later.
    fn look_again(&mut self, cluster: &ClusterName) {
        let is_first = !self.schedule.is_doubtful(cluster);
        self.schedule.doubt(cluster, now());
        if is_first {
            self.request(cluster, Wake::Retry);
        }
    }

    /// Returns why a cluster cannot be planned, if it cannot.
    fn unplannable(&self, commit: CommitId, cluster: &ClusterName) -> Option<Report> {
        let one = self.prepared.get(cluster)?;
        let fault = one.change.as_ref().err()?;
        Some(failed(cluster, &one.environment, commit, None, fault.repeated(), now()))
    }
}
