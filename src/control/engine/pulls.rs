//! In: looks at the pull requests of the forge. Out: their statuses, through the outbox.
//! Guarantee: one look at a time, after the one at the branch; none of it holds a sync up.
use super::super::prepare::Prepared;
use super::super::pulls::{Look, Pulled, Seen, Told, open};
use super::{Engine, Event, Observer, Until};
use crate::client::clock::now;
use crate::decide::document::{CommitFacts, Commits};
use crate::decide::schedule::Wake;
use crate::decide::value::Fault;
use crate::name::ClusterName;
use crate::observe::mirror::Head;
use std::sync::Arc;

/// The table of what was told of pull requests.
const PULLS: &str = "pulls";

/// How many closed ones are remembered: those of some days.
const CLOSED_MAX: usize = 100;

impl<O: Observer> Engine<O> {
    /// Looks at the pull requests, where the forge tells of them and the branch has a head that is synced.
    pub(super) fn look_at_pulls(&mut self, head: Head) {
        let (Some(server), Head::At(base)) = (self.statuses.server(), head) else { return };
        if self.until == Until::Settled || server.forge().pulls(1).is_none() {
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
        let look = Look {
            outside: self.outside.clone(),
            compute: self.compute.clone(),
            server: server.clone(),
            store,
            told: self.pulls.told.clone(),
            base,
            branch: self.outside.settings().branch().to_owned(),
            approvers: self.outside.settings().repository.forge.iter().flat_map(|it| it.approvers.clone()).collect(),
        };
        let events = self.events.clone();
        tokio::spawn(look.run(move |pulled| drop(events.send(Event::Pulled(pulled)))));
    }

    /// What a review approves goes on where it waited.
    fn reviewed(&mut self, review: &CommitFacts) {
        let of_it = self.pulls.told.iter().filter(|(_, told)| told.is_at(review.commit)).map(|(number, _)| *number);
        for number in of_it.collect::<Vec<_>>() {
            if let Some(mut told) = self.pulls.told.get(&number).cloned() {
                told.take(number, review);
                self.keep(number, told);
            }
        }
        self.outside.take_review(review.clone());
        let clusters: Vec<ClusterName> = self.told.unsettled().collect();
        for cluster in clusters {
            self.request(&cluster, Wake::Asked);
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
            if let Some(review) = told.approved(number) {
                self.outside.take_review(review);
            }
            self.pulls.told.insert(number, told);
        }
        Ok(())
    }

    /// Takes note which of them came with a new head.
    pub(super) fn came(&mut self, commits: &Commits) {
        let came = self.pulls.told.iter().filter(|(number, told)| told.came(**number, commits));
        self.pulls.merged = came.map(|(number, _)| *number).collect();
    }

    /// Returns how what the head changes compares with what was reviewed, where it came by pull requests.
    pub(super) fn as_reviewed(&self, prepared: &[&Prepared]) -> Option<String> {
        // Of several that came together none was shown what all of them change.
        let [number] = self.pulls.merged.as_slice() else { return None };
        self.pulls.told.get(number).map(|told| told.compared(*number, prepared))
    }

    pub(super) fn pulled(&mut self, pulled: Pulled) {
        match pulled {
            Pulled::One(status, number, Seen(told)) => {
                let key = self.told.key_of(&status);
                self.outbox.want(&key, *status, now());
                self.keep(number, told);
            }
            Pulled::Approved(review) => self.reviewed(&review),
            Pulled::All(open, faults) => {
                self.pulls.looking = false;
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
