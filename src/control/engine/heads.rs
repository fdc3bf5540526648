//! In: what looks at repositories gave. Out: the clusters that are to be planned, or why all stay as they are.
//! Guarantee: a head that does not follow the last one, or is gone, holds; what no document describes is only released.
use super::super::prepare::Round;
use super::super::repository_look::{Compared, Looked, Moved, News, Stirred, look, stir};
use super::super::world::Sources;
use super::{Engine, Event, LOOK_PAUSE, Observer, TakeOver};
use crate::client::clock::now;
use crate::decide::report::Status;
use crate::decide::schedule::Wake;
use crate::decide::value::{Fault, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName, RepoName};
use crate::observe::forge::told::told;
use crate::observe::mirror::Head;
use std::collections::BTreeSet;

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
        let is_first = !self.looked;
        tokio::task::spawn_blocking(move || {
            let looked = look(&outside, last, is_first);
            let _ = events.send(Event::Looked(looked));
            // Not on the way from a commit to its plans.
            outside.mirrors().tend();
        });
    }

    /// Looks at what the head names of a repository; one that is under way is followed by another one, where it may
    /// have begun too early to see what was accepted.
    pub(super) fn stir(&mut self, repository: Option<RepoName>, compared: Compared) {
        if let Some(again) = self.stirring.get_mut(&repository) {
            if compared == Compared::WithNothing {
                *again = Some(compared);
            }
            return;
        }
        self.stirring.insert(repository.clone(), None);
        let (outside, events, head) = (self.outside.clone(), self.events.clone(), self.head);
        tokio::task::spawn_blocking(move || {
            let stirred = stir(&outside, repository.as_ref(), head, compared);
            let _ = events.send(Event::Stirred(repository, stirred));
        });
    }

    /// The clusters that read a repository otherwise now are planned anew, at the head that they have.
    pub(super) fn stirred(&mut self, repository: Option<RepoName>, stirred: Result<Stirred, Fault>) {
        let again = self.stirring.remove(&repository).flatten();
        let Stirred { moved, trouble } = stirred.unwrap_or_else(|fault| Stirred { moved: None, trouble: Some(fault) });
        let of = repository.as_ref().map_or_else(|| "pins".to_owned(), |name| format!("repository {name}"));
        self.troubled(&of, trouble.iter());
        match (moved, again) {
            (_, Some(compared)) => self.stir(repository, compared),
            (Some((commit, fleet, clusters)), None) if self.head == Some(commit) => {
                self.prepare(commit, fleet, clusters, Vec::new());
            }
            // A head came meanwhile, and may have been read as the repository was before.
            (Some(_), None) => self.stir(repository, Compared::WithNothing),
            (None, None) => {}
        }
    }

    /// Without anything of an earlier process, the forge is asked once what it has of the head: another one may have told it.
    /// Returns what was looked at, unless it comes again with the answer.
    fn taken_over(&mut self, looked: Result<Looked, Fault>) -> Option<Result<Looked, Fault>> {
        let is_due = std::mem::replace(&mut self.take_over, TakeOver::Done) == TakeOver::Due;
        let is_new = is_due && self.saved.is_none() && self.outbox.is_empty();
        let (Some(server), Ok(Looked { head: Head::At(commit), .. })) = (self.statuses.server(), &looked) else {
            return Some(looked);
        };
        if !is_new {
            return Some(looked);
        }
        let (server, commit, events) = (server.clone(), *commit, self.events.clone());
        tokio::spawn(async move {
            let statuses = told(&server, commit, now()).await;
            let _ = events.send(Event::TookOver(statuses));
            let _ = events.send(Event::Looked(looked));
        });
        None
    }

    /// Takes note of what another process told.
    pub(super) fn taken_from(&mut self, statuses: Vec<Status>) {
        for status in statuses {
            let key = self.told.key_of(&status);
            self.outbox.take_over(&key, status, now());
        }
    }

    pub(super) fn looked(&mut self, looked: Result<Looked, Fault>) {
        let Some(looked) = self.taken_over(looked) else { return };
        self.looking = false;
        let is_first = !std::mem::replace(&mut self.looked, true);
        self.looks += 1;
        let troubles = looked.iter().flat_map(|looked| &looked.troubles).chain(looked.as_ref().err());
        self.troubled("look", troubles);
        if let Ok(looked) = &looked {
            self.look_at_pulls(looked.head);
        }
        match looked {
            Ok(Looked { head: Head::At(commit), news: News::None, .. }) if is_first => self.resumed(commit),
            Ok(Looked { news: News::Head(moved), .. }) => {
                let touched = moved.touched.clusters.clone();
                self.moved(moved);
                if is_first {
                    self.look_at_others(&touched);
                }
            }
            Ok(Looked { head, environments, news: News::Pins(commit, fleet, clusters), .. }) => {
                self.unmoved(head, &environments);
                self.prepare(commit, fleet, clusters, Vec::new());
            }
            Ok(Looked { head, environments, news: News::None, .. }) => self.unmoved(head, &environments),
            Err(_) => {}
        }
        if std::mem::take(&mut self.look_again) {
            self.look();
        }
    }

    /// The head is the one of an earlier process: nothing is told anew, and every cluster is looked at.
    fn resumed(&mut self, commit: CommitId) {
        self.observer.head(commit, self.told.clusters().count());
        self.look_at_others(&BTreeSet::new());
        if self.told.has_failed_plan(commit, &self.outbox) {
            self.plan_again(commit);
        }
    }

    /// Plans a head once more that could not be brought to its clusters: what stood in the way may have gone without a commit,
    /// as a tag that was held meanwhile.
    fn plan_again(&mut self, commit: CommitId) {
        self.stirring.insert(None, None);
        let clusters: BTreeSet<ClusterName> = self.told.clusters().cloned().collect();
        let (outside, events) = (self.outside.clone(), self.events.clone());
        tokio::task::spawn_blocking(move || {
            let fleet = outside.moments().fleet(outside.mirrors(), commit);
            let moved = fleet.map(|fleet| Stirred { moved: Some((commit, fleet, clusters)), trouble: None });
            let _ = events.send(Event::Stirred(None, moved));
        });
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
        if self.held.as_ref() != Some(&why) {
            self.observer.held(&why);
        }
        if let Head::BranchGone { last: Some(commit) } | Head::Rewound { now: commit, .. } = head {
            self.told.hold(commit, &why, environments, &mut self.outbox);
        }
        self.held = Some(why);
    }

    fn moved(&mut self, moved: Moved) {
        let Moved { commit, fleet, touched, released, came } = moved;
        self.came(&came, &touched.clusters);
        self.held = None;
        self.head = Some(commit);
        self.observer.head(commit, touched.clusters.len());
        let mut clusters: BTreeSet<ClusterName> = touched.clusters.clone();
        clusters.extend(self.told.unsettled().filter(|cluster| fleet.index.environment_of(cluster).is_some()));
        self.carry(&clusters, &touched.clusters);
        for released in &touched.released {
            self.schedule.forget(released);
            self.outside.supersede(released);
            self.outside.remember(released, None);
            self.outside.forget(released);
        }
        self.told.moved(commit, &fleet, &clusters, &touched.released, &mut self.outbox);
        // What held for the clusters of the head before says nothing of this one.
        self.outside.set_round(Round::default());
        self.prepared.clear();
        self.wrote.clear();
        self.elsewhere.clear();
        self.unplanned = 0;
        clusters.retain(|cluster| !self.carried.contains_key(cluster) && !self.late.contains_key(cluster));
        self.prepare(commit, fleet, clusters, released);
    }
}
