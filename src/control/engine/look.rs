//! In: the watched branch, and what was seen of it last. Out: the clusters that are to be planned, or why all stay as they are.
//! Guarantee: a head that does not follow the last one, or is gone, holds; what no document describes is only released.
use super::super::outside::{Outside, Round, now};
use super::super::prepare::prepare;
use super::super::release::{Released, release};
use super::{Engine, Event, LOOK_PAUSE, Observer};
use crate::decide::fleet::{Fleet, Touched};
use crate::decide::schedule::Wake;
use crate::decide::value::{Fault, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use crate::observe::mirror::Head;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a look at the repository gave.
#[derive(Debug)]
pub struct Looked {
    /// Its head.
    pub head: Head,
    /// What is new, where the head can be synced and is another one.
    pub moved: Option<Moved>,
    /// The environments that documents of a head describe that is not synced.
    pub environments: BTreeSet<EnvironmentName>,
}

/// A head that is another one than the last.
#[derive(Debug)]
pub struct Moved {
    /// The head.
    pub commit: CommitId,
    /// Its documents.
    pub fleet: Arc<Fleet>,
    /// What differs from the last one.
    pub touched: Touched,
    /// The clusters that no document describes any longer.
    pub released: Vec<Released>,
}

impl<O: Observer> Engine<O> {
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
        tokio::task::spawn_blocking(move || {
            let looked = look_at(&outside, last);
            let _ = events.send(Event::Looked(looked));
        });
    }

    pub(super) fn looked(&mut self, looked: Result<Looked, Fault>) {
        self.looking = false;
        let is_first = !std::mem::replace(&mut self.looked, true);
        match looked {
            Ok(Looked { head: Head::At(commit), moved: None, .. }) if is_first => self.resumed(commit),
            Ok(Looked { moved: Some(moved), .. }) => {
                let touched = moved.touched.clusters.clone();
                self.moved(moved);
                if is_first {
                    self.look_at_others(&touched);
                }
            }
            Ok(Looked { head, environments, .. }) => self.unmoved(head, &environments),
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
            self.request(&cluster, Wake::Interval);
        }
    }

    /// A head that cannot be synced holds all clusters as they are, and its commit says so.
    fn unmoved(&mut self, head: Head, environments: &BTreeSet<EnvironmentName>) {
        let Some(why) = head.why_held() else {
            // Its statuses said that it was held.
            if self.held.take().is_some() {
                self.told.retell(&mut self.outbox);
            }
            return;
        };
        self.observer.held(&why);
        if let Head::BranchGone { last: Some(commit) } | Head::Rewound { now: commit, .. } = head {
            self.told.hold(commit, &why, environments, &mut self.outbox);
        }
        self.held = Some(why);
    }

    fn moved(&mut self, moved: Moved) {
        let Moved { commit, fleet, touched, released } = moved;
        self.held = None;
        self.head = Some(commit);
        self.observer.head(commit, touched.clusters.len());
        let mut clusters: BTreeSet<ClusterName> = touched.clusters.clone();
        clusters.extend(self.told.unsettled().filter(|cluster| fleet.index.environment_of(cluster).is_some()));
        for released in &touched.released {
            self.schedule.forget(released);
            self.outside.supersede(released);
        }
        self.told.moved(commit, &fleet, &clusters, &touched.released, &mut self.outbox);
        // What held for the clusters of the head before says nothing of this one.
        self.outside.set_round(Round::default());
        self.preparing += 1;
        let (outside, events) = (self.outside.clone(), self.events.clone());
        let work = self.compute.spawn(async move {
            let mut reports = Vec::new();
            for released in &released {
                reports.extend(release(&*outside, &fleet, released, commit, now()).await);
            }
            let prepared = prepare(&*outside, &fleet, &clusters).await;
            let _ = events.send(Event::Prepared(commit, prepared, reports));
        });
        drop(work);
    }
}

fn look_at(outside: &Outside, last: Option<CommitId>) -> Result<Looked, Fault> {
    let mirror = outside.mirror();
    mirror.fetch()?;
    let head = mirror.head()?;
    // A head that is gone from the mirror is no base: all is looked at.
    let last = match last {
        Some(last) if mirror.contains(last)? => Some(last),
        _ => None,
    };
    let mut looked = Looked { head, moved: None, environments: BTreeSet::new() };
    match head {
        Head::At(commit) if Some(commit) != last => looked.moved = Some(moved(outside, last, commit)?),
        Head::Rewound { last, now } => {
            // What cannot be read has no environment that could be told of it.
            for commit in [last, now] {
                let fleet = outside.moments().fleet(&**mirror, commit);
                let names = fleet.iter().flat_map(|fleet| fleet.index.environments());
                looked.environments.extend(names.map(|environment| environment.name.clone()));
            }
        }
        _ => {}
    }
    Ok(looked)
}

fn moved(outside: &Outside, last: Option<CommitId>, commit: CommitId) -> Result<Moved, Fault> {
    let (mirror, moments) = (&**outside.mirror(), outside.moments());
    let touched = moments.touched(mirror, last, commit)?;
    let fleet = moments.fleet(mirror, commit)?;
    let released = match last {
        Some(last) if !touched.released.is_empty() => {
            let before = moments.fleet(mirror, last)?;
            touched.released.iter().filter_map(|cluster| Released::of(&before, cluster)).collect()
        }
        _ => Vec::new(),
    };
    Ok(Moved { commit, fleet, touched, released })
}
