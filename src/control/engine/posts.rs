//! In: what the outbox says, and what is to outlast this process. Out: posts, many at once, and rows on the disk.
//! Guarantee: rows are on disk before anything is posted, so that a restart posts what is missing.
use super::super::notices::Notified;
use super::super::statuses::Answer;
use super::super::wanted_statuses::Told;
use super::{Engine, Event, HEAD, NOTICES, OPEN, OUTBOX, Observer, POSTS, STANDINGS};
use crate::client::clock::now;
use crate::client::kill::{Of, point};
use crate::client::store::Store;
use crate::decide::report::outbox::{Key, Refusal, Row};
use crate::decide::report::{Open, Remembered, State, Status, environment_of};
use crate::decide::value::Fault;
use crate::name::CommitId;
use std::sync::{Arc, Mutex, PoisonError};

/// What became of posts.
#[derive(Debug)]
pub enum Posted {
    /// Of one, and why it was not taken, if it was not.
    One(Box<(Key, Option<Refusal>)>),
    /// All of a batch were told of, and this went wrong.
    All(Vec<Fault>),
}

impl<O: Observer> Engine<O> {
    pub(super) fn post(&mut self) -> Result<(), Fault> {
        self.save()?;
        self.notices.send(&self.events);
        self.comment();
        self.post_due = None;
        // One batch at a time: notes change the same ref, and a forge gets one after the other.
        if self.posting > 0 || self.outbox.wakes().is_none_or(|due| due > now()) {
            return Ok(());
        }
        let room = match self.statuses.room() {
            Ok(room) => room,
            Err(opens) => {
                self.post_due = Some(opens);
                return Ok(());
            }
        };
        let mut posts = Vec::new();
        while posts.len() < room
            && let Some(post) = self.outbox.next(now())
        {
            posts.push(post);
        }
        if !posts.is_empty() {
            self.posting += 1;
            let (statuses, events) = (self.statuses.clone(), self.events.clone());
            let places = self.pulls.told.iter().map(|(number, told)| told.place(*number)).collect();
            tokio::spawn(async move {
                let (each, faults) = (events.clone(), Arc::new(Mutex::new(Vec::new())));
                let found = faults.clone();
                let tell = move |Answer { post, refused, fault }: Answer| {
                    found.lock().unwrap_or_else(PoisonError::into_inner).extend(fault);
                    let _ = each.send(Event::Posted(Posted::One(Box::new((post.key, refused)))));
                };
                statuses.post_all(posts, places, tell).await;
                let faults = std::mem::take(&mut *faults.lock().unwrap_or_else(PoisonError::into_inner));
                let _ = events.send(Event::Posted(Posted::All(faults)));
            });
        }
        Ok(())
    }

    pub(super) fn posted(&mut self, posted: Posted) {
        match posted {
            Posted::One(answered) => {
                point(Of::Post);
                match *answered {
                    (key, None) => self.outbox.posted(&key, now()),
                    (key, Some(refusal)) => self.outbox.refused(&key, refusal, now()),
                }
            }
            Posted::All(faults) => {
                self.posting -= 1;
                self.troubled(POSTS, faults.iter().take(1));
            }
        }
    }

    pub(super) fn notified(&mut self, notified: Notified) {
        let (receiver, fault) = self.notices.notified(notified);
        self.troubled(&format!("{NOTICES}{receiver}"), fault.iter());
    }

    /// Lets receivers know of a status that is wanted; of plans only of the head's, since pull requests have their own.
    fn notice(&mut self, status: &Status) {
        let says = |why: &String| Status::new(status.commit, status.context.clone(), State::Failure, why, status.at);
        let is_branch_held = self.held.as_ref().is_some_and(|why| says(why).text() == status.text());
        let is_held = match environment_of(&status.context) {
            None if Some(status.commit) != self.head && !is_branch_held => return,
            Some(name) if !status.state.is_verdict() => self.told.is_held(status.commit, name),
            _ => is_branch_held,
        };
        self.notices.want(status, is_held);
    }

    pub(super) fn save(&mut self) -> Result<(), Fault> {
        let dirty = self.outbox.dirty();
        for (key, _) in &dirty {
            if let Some(status) = self.outbox.try_find(key).and_then(Row::waiting).cloned() {
                self.notice(&status);
            }
        }
        // Before the rows that they are derived from: killed between, they are derived again.
        self.notices.save(&self.store)?;
        if !dirty.is_empty() {
            let puts: Vec<_> = dirty.into_iter().map(|(key, row)| (key.digest().0.to_vec(), row)).collect();
            point(Of::Post);
            self.store.put_all(OUTBOX, &puts)?;
            point(Of::Post);
        }
        let standings = self.told.unsaved();
        if !standings.is_empty() {
            let puts: Vec<_> =
                standings.into_iter().map(|(cluster, row)| (cluster.as_str().as_bytes().to_vec(), row)).collect();
            self.store.put_all(STANDINGS, &puts)?;
        }
        let open = self.told.unsaved_open();
        if !open.is_empty() {
            self.store.put_all(OPEN, &open)?;
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

/// Returns the head that an earlier process planned, and where each cluster stood with it when that process ended; nothing
/// where it did not come as far, or wrote another form.
pub fn standings(store: &Store) -> Result<Option<(CommitId, Vec<Remembered>)>, Fault> {
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
    Ok(Some((head, rows)))
}

/// Reads what an earlier process remembered; what cannot be read is looked at anew.
pub(super) fn remembered(store: &Store, told: &mut Told) -> Result<Option<CommitId>, Fault> {
    let Some((head, rows)) = standings(store)? else { return Ok(None) };
    let mut open = Vec::new();
    for (_, row) in store.all(OPEN)? {
        match Open::decode(&row) {
            Ok(row) => open.push(row),
            // Its statuses end as those of a commit of which nothing is known.
            Err(why) => tracing::warn!(why, "a commit whose verdict is open was not read"),
        }
    }
    told.remember(head, rows, open);
    Ok(Some(head))
}
