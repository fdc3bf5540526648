//! In: looks at the pull requests of the forge. Out: their statuses, through the outbox.
//! Guarantee: one look at a time, after the one at the branch; none of it holds a sync up.
use super::super::prepare::Prepared;
use super::super::pulls::{Commented, Look, Pulled, Told, compared, digest_of, open, put_all};
use super::{COMMENTS, Engine, Event, Observer, Until};
use crate::client::clock::now;
use crate::client::kill::{Of, point};
use crate::decide::document::Commits;
use crate::decide::report::Status;
use crate::decide::schedule::Wake;
use crate::decide::value::{Fault, Timestamp};
use crate::name::{ClusterName, CommitId};
use crate::observe::forge::reviews::{Approvers, Reviews};
use crate::observe::mirror::Head;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The table of what was told of pull requests.
const PULLS: &str = "pulls";

/// How many comments are put in a row, so that what the forge refuses is seen before the next ones.
const COMMENTS_MAX: u64 = 10;

/// How many heads of the merge queue are known: a queue has a hundred at most.
const QUEUED_MAX: usize = 200;

/// How often deliveries that were not taken are asked for again: polling sees what they told long before.
const SWEEP: Duration = Duration::from_mins(10);

/// How long clusters are gathered that come to the head, before the pull requests that change them are planned anew: less
/// only where nothing more is to come.
const STALE_PAUSE: Duration = Duration::from_secs(10);

/// How many times longer than a look took the pause to the next such one is at least, so that a roll-out has the machine.
const STALE_SHARE: u32 = 5;

/// How many closed ones are remembered: those of some days.
const CLOSED_MAX: usize = 100;

impl<O: Observer> Engine<O> {
    /// Looks at the pull requests, where the forge tells of them and the branch has a head that is synced.
    pub(super) fn look_at_pulls(&mut self, head: Head) {
        let (Some(server), Head::At(base)) = (self.statuses.server(), head) else { return };
        if self.until == Until::Settled {
            return;
        }
        if self.pulls.looking {
            // What moved since may have been listed before it did.
            self.pulls.again = Some(base);
            return;
        }
        let store = match self.pulls.store.clone().map_or_else(|| open(&self.outside).map(Arc::new), Ok) {
            Ok(store) => store,
            Err(fault) => return self.troubled("pull requests", std::iter::once(&fault)),
        };
        self.pulls.store = Some(store.clone());
        self.pulls.looking = true;
        self.pulls.began = Some(now());
        let forge = self.outside.settings().repository.forge.as_ref();
        let is_due = self.pulls.swept.is_none_or(|swept| swept.after(SWEEP) <= now());
        let sweeps = is_due && forge.is_some_and(|forge| forge.webhook_secret.is_some());
        if sweeps {
            self.pulls.swept = Some(now());
        }
        let look = Look {
            outside: self.outside.clone(),
            compute: self.compute.clone(),
            server: server.clone(),
            store,
            told: self.pulls.told.clone(),
            base,
            branch: self.outside.settings().branch().to_owned(),
            approvers: Approvers::of(forge),
            queued: self.pulls.queued.iter().filter(|(_, told)| **told == base).map(|(head, _)| *head).collect(),
            sweeps,
        };
        let events = self.events.clone();
        tokio::spawn(look.run(move |pulled| drop(events.send(Event::Pulled(pulled)))));
    }

    /// What reviews approve goes on where it waited.
    fn reviewed(&mut self, number: u64, head: CommitId, reviews: &Reviews) {
        let Some(mut told) = self.pulls.told.get(&number).filter(|told| told.is_at(head)).cloned() else { return };
        for review in told.take(number, reviews) {
            self.outside.take_review(review);
        }
        // Its status and comment say who approved it.
        told.forget_base();
        self.keep(number, told);
        self.pulls.again = self.pulls.again.or(self.head);
        let clusters: Vec<ClusterName> = self.told.unsettled().collect();
        for cluster in clusters {
            self.request(&cluster, Wake::Asked);
        }
    }

    /// Takes note that a cluster is as the branch wants it since now: what pull requests change in it was told of what it was.
    pub(super) fn came_to_the_head(&mut self, cluster: &ClusterName) {
        if self.until == Until::Stopped && self.statuses.server().is_some() {
            self.pulls.stale.insert(cluster.clone());
            let pause = STALE_PAUSE.max(self.pulls.took * STALE_SHARE);
            self.pulls.stale_due.get_or_insert_with(|| now().after(pause));
        }
    }

    /// Returns when pull requests are planned anew, if some are to be and none is looked at.
    pub(super) fn stale_wakes(&self) -> Option<Timestamp> {
        self.pulls.stale_due.filter(|_| !self.pulls.looking)
    }

    /// Plans those anew whose clusters came to the head since: once nothing goes on, and while much does, from time to time.
    pub(super) fn look_at_stale(&mut self) {
        let Some(due) = self.stale_wakes() else { return };
        let is_quiet = self.preparing == 0 && self.schedule.running() == 0 && self.schedule.waiting() == 0;
        if !is_quiet && due > now() {
            return;
        }
        self.pulls.stale_due = None;
        let stale = std::mem::take(&mut self.pulls.stale);
        let mut is_any = false;
        for told in self.pulls.told.values_mut().filter(|told| told.is_of(&stale)) {
            told.forget_base();
            is_any = true;
        }
        if let Some(head) = self.head.filter(|_| is_any && self.held.is_none()) {
            self.look_at_pulls(Head::At(head));
        }
    }

    /// Remembers what was told of one, here and for the next process.
    fn keep(&mut self, number: u64, told: Told) {
        let row = (number.to_be_bytes().to_vec(), Some(told.encode(number)));
        self.pulls.told.insert(number, told);
        if let Err(fault) = self.store.put_all(PULLS, &[row]) {
            self.troubled("pull requests", std::iter::once(&fault));
        }
    }

    /// Forgets those that are closed, but for the newest: what becomes of their merges is still to be told.
    fn forget_closed(&mut self, open: &[u64]) {
        let closed: Vec<u64> = self.pulls.told.keys().copied().filter(|number| !open.contains(number)).collect();
        for number in &closed {
            self.pulls.drafts.forget(*number);
        }
        let gone: Vec<u64> = closed.iter().rev().skip(CLOSED_MAX).copied().collect();
        let rows: Vec<_> = gone.iter().map(|number| (number.to_be_bytes().to_vec(), None)).collect();
        self.pulls.told.retain(|number, _| !gone.contains(number));
        if let Err(fault) = self.store.put_all(PULLS, &rows) {
            self.troubled("pull requests", std::iter::once(&fault));
        }
    }

    /// Takes what an earlier process told of them, and the reviews that counted.
    pub(super) fn remember_pulls(&mut self) -> Result<(), Fault> {
        for (_, row) in self.store.all(PULLS)? {
            let Some((number, told)) = Told::decode(&row) else { continue };
            for review in told.approved(number) {
                self.outside.take_review(review);
            }
            self.pulls.told.insert(number, told);
        }
        Ok(())
    }

    /// Takes note which of them came with a new head, which touches these clusters.
    pub(super) fn came(&mut self, commits: &Commits, touched: &BTreeSet<ClusterName>) {
        self.pulls.touched.clone_from(touched);
        let came = self.pulls.told.iter().filter(|(number, told)| told.came(**number, commits));
        self.pulls.merged = came.map(|(number, _)| *number).collect();
    }

    /// Returns how what the head changes compares with what was reviewed, where it came by pull requests.
    pub(super) fn as_reviewed(&self, prepared: &[&Prepared]) -> Option<String> {
        let merged: Vec<(u64, &Told)> =
            self.pulls.merged.iter().filter_map(|number| Some((*number, self.pulls.told.get(number)?))).collect();
        let others = self.pulls.told.iter().filter(|(number, _)| !self.pulls.merged.contains(number));
        compared(&merged, others.map(|(number, told)| (*number, told)), prepared, &self.pulls.touched)
    }

    /// Returns when comments are to be put, if some wait and none is on its way.
    pub(super) fn comments_wake(&self) -> Option<Timestamp> {
        let due = self.pulls.drafts.wakes().filter(|_| !self.pulls.commenting)?;
        let opens = self.statuses.server()?.room_for_comments().err();
        Some(opens.map_or(due, |opens| due.max(opens)))
    }

    /// Puts the comments that are due, as many as the forge takes.
    pub(super) fn comment(&mut self) {
        let Some(server) = self.statuses.server().cloned() else { return };
        if self.comments_wake().is_none_or(|due| due > now()) {
            return;
        }
        let room = server.room_for_comments().unwrap_or(0).min(COMMENTS_MAX);
        let due = self.pulls.drafts.next(now(), usize::try_from(room).unwrap_or(1));
        if due.is_empty() {
            return;
        }
        let known = |number: &u64| Some(self.pulls.told.get(number)?.comment()?.0);
        let due = due.into_iter().map(|(number, text)| (number, known(&number), text)).collect();
        self.pulls.commenting = true;
        let events = self.events.clone();
        tokio::spawn(async move { put_all(&server, due, |pulled| drop(events.send(Event::Pulled(pulled)))).await });
    }

    /// Takes what is to be told of one.
    fn pulled_one(&mut self, status: Status, number: u64, mut told: Told, text: String) {
        if let Some(before) = self.pulls.told.get(&number).filter(|before| !before.is_at(status.commit)) {
            before.withdrawn(number).into_iter().for_each(|review| self.outside.take_review(review));
        }
        let key = self.told.key_of(&status);
        tracing::info!(number, commit = %status.commit, text = status.text(), "pull request");
        self.outbox.renew(&key, status, now());
        if told.comment().is_some_and(|(_, known)| known == digest_of(&text)) {
            self.pulls.drafts.forget(number);
        } else if !self.pulls.drafts.want(number, text) {
            told.forget_base();
        }
        self.keep(number, told);
    }

    /// Takes what is to be told of a head of the merge queue.
    fn queued(&mut self, status: Status) {
        if let Some(base) = self.head {
            self.pulls.queued.insert(status.commit, base);
        }
        if self.pulls.queued.len() > QUEUED_MAX {
            self.pulls.queued.pop_first();
        }
        let key = self.told.key_of(&status);
        self.outbox.renew(&key, status, now());
    }

    /// Takes note of what became of a comment.
    fn commented(&mut self, commented: Commented) {
        let Commented { number, text, put } = commented;
        match put {
            Ok(id) => {
                self.pulls.drafts.put(number, &text);
                if let (Some(id), Some(mut told)) = (id, self.pulls.told.get(&number).cloned()) {
                    told.commented(id, digest_of(&text));
                    point(Of::Post);
                    self.keep(number, told);
                    point(Of::Post);
                }
            }
            Err(after) => self.pulls.drafts.refused(number, after, now()),
        }
    }

    pub(super) fn pulled(&mut self, pulled: Pulled) {
        match pulled {
            Pulled::One(status, number, seen, text) => self.pulled_one(*status, number, seen.0, text),
            Pulled::Commented(commented) => self.commented(*commented),
            Pulled::Comments(fault) => {
                self.pulls.commenting = false;
                self.troubled(COMMENTS, fault.iter());
            }
            Pulled::Queued(status) => self.queued(*status),
            Pulled::Reviewed(number, head, reviews) => self.reviewed(number, head, &reviews),
            Pulled::All(open, faults) => {
                self.pulls.looking = false;
                self.pulls.took = self.pulls.began.map_or(Duration::ZERO, took);
                if let Some(open) = open {
                    self.forget_closed(&open);
                }
                self.troubled("pull requests", faults.iter());
                if let Some(base) = self.pulls.again.take() {
                    self.look_at_pulls(Head::At(base));
                }
            }
        }
    }
}

/// Returns how long a look took that began then.
fn took(began: Timestamp) -> Duration {
    Duration::from_millis(now().0.saturating_sub(began.0))
}
