//! In: wanted statuses, answers, the time. Out: one post at a time for each commit and context, and rows that changed.
//! Guarantee: bounded; what is dropped unposted is told; a restart loses nothing that was saved.
use super::super::status::Status;
use super::row::{Key, REWORDED_MAX, Refusal, Row};
use super::wire;
use crate::decide::value::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The most rows: 40 clusters at 250 commits, in some 20 MB; settled ones are kept only to know what is frozen.
const ROWS_MAX: usize = 10_000;

/// How many settled rows go at once, so that the search for them is not made for each new one.
const DROPPED_AT_ONCE: usize = 100;

/// A status to post now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where.
    pub key: Key,
    /// What.
    pub status: Status,
}

/// A status that was dropped unposted, because there are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Where it was to go.
    pub key: Key,
    /// What was to be said.
    pub status: Status,
}

/// All statuses that are wanted, and how far each has come.
#[derive(Clone, Debug)]
pub struct Outbox {
    rows: BTreeMap<Key, Row>,
    queue: BTreeSet<(Timestamp, Key)>,
    dirty: BTreeSet<Key>,
    pub(super) rows_max: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), queue: BTreeSet::new(), dirty: BTreeSet::new(), rows_max: ROWS_MAX }
    }
}

impl Outbox {
    /// Returns the outbox that these rows were saved from, and what was expected of those that could not be read.
    pub fn restore<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> (Self, Vec<String>) {
        let mut outbox = Self::default();
        let mut unread = Vec::new();
        for bytes in rows {
            match wire::decode(bytes) {
                Ok((key, row)) => {
                    outbox.rows.insert(key.clone(), row);
                    outbox.queue(&key);
                }
                Err(why) => unread.push(why),
            }
        }
        (outbox, unread)
    }

    /// Takes what is to be said; of all that was not posted yet only the newest is. Returns what had to give way.
    pub fn want(&mut self, key: &Key, status: Status, now: Timestamp) -> Option<Dropped> {
        self.take(key, now, |row| row.want(status, now))
    }

    /// Takes over what another process told, as the forge says: it is neither said again nor worded anew, and where it is
    /// otherwise now, that is said.
    pub fn take_over(&mut self, key: &Key, status: Status, now: Timestamp) {
        let told = Row { posted: Some(status), verdicts: REWORDED_MAX, is_current: true, ..Row::new(now) };
        self.rows.entry(key.clone()).or_insert(told);
        self.changed(key);
    }

    /// Whether it knows of nothing that was told.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes what is so now of what does not only depend on the commit, whatever was said of it before.
    pub fn renew(&mut self, key: &Key, status: Status, now: Timestamp) -> Option<Dropped> {
        self.take(key, now, |row| row.renew(status, now))
    }

    fn take(&mut self, key: &Key, now: Timestamp, say: impl FnOnce(&mut Row) -> bool) -> Option<Dropped> {
        let mut dropped = None;
        if !self.rows.contains_key(key) && self.rows.len() >= self.rows_max {
            dropped = self.make_room();
        }
        if say(self.rows.entry(key.clone()).or_insert_with(|| Row::new(now))) {
            self.changed(key);
        }
        dropped
    }

    /// Takes what holds a commit, whatever was said of it before.
    pub fn hold(&mut self, key: &Key, status: Status, now: Timestamp) -> Option<Dropped> {
        match self.rows.get_mut(key) {
            Some(row) => {
                if row.hold(status, now) {
                    self.changed(key);
                }
                None
            }
            None => self.want(key, status, now),
        }
    }

    /// Returns what to post now, if anything is due; it is on its way until it is answered.
    pub fn next(&mut self, now: Timestamp) -> Option<Post> {
        let (due, key) = self.queue.first().cloned()?;
        if due > now {
            return None;
        }
        let status = self.rows.get_mut(&key)?.fly();
        self.queue(&key);
        status.map(|status| Post { key, status })
    }

    /// Returns when something will be due, if nothing else happens.
    pub fn wakes(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Makes what waits only so that it is not said too often due at once: nothing will come that it could wait for.
    pub fn hasten(&mut self) {
        let waiting: Vec<Key> =
            self.rows.iter().filter(|(_, row)| row.is_waiting()).map(|(key, _)| key.clone()).collect();
        for key in waiting {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if let Some(was) = row.queued.replace(Timestamp(0)) {
                self.queue.remove(&(was, key.clone()));
            }
            self.queue.insert((Timestamp(0), key));
        }
    }

    /// Whether something waits that was not refused so often that only time can help.
    pub fn is_pressing(&self) -> bool {
        self.rows.values().any(Row::is_pressing)
    }

    /// The forge took what was on its way.
    pub fn posted(&mut self, key: &Key, now: Timestamp) {
        if let Some(row) = self.rows.get_mut(key) {
            row.posted(now);
            self.changed(key);
        }
    }

    /// The forge did not take what was on its way.
    pub fn refused(&mut self, key: &Key, refusal: Refusal, now: Timestamp) {
        if let Some(row) = self.rows.get_mut(key) {
            row.refused(key, refusal, now);
            self.changed(key);
        }
    }

    /// Returns a row, if there is one.
    pub fn try_find(&self, key: &Key) -> Option<&Row> {
        self.rows.get(key)
    }

    /// Returns what was begun to be told and has no verdict yet.
    pub fn unended(&self) -> impl Iterator<Item = &Key> {
        self.rows.iter().filter(|(_, row)| !row.has_verdict()).map(|(key, _)| key)
    }

    /// Returns its rows, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Row)> {
        self.rows.iter()
    }

    /// Takes the rows that changed since the last call: their bytes, or nothing where a row is gone.
    pub fn dirty(&mut self) -> Vec<(Key, Option<Vec<u8>>)> {
        let bytes = |key: &Key| self.rows.get(key).map(|row| wire::encode(key, row));
        std::mem::take(&mut self.dirty).into_iter().map(|key| (key.clone(), bytes(&key))).collect()
    }

    /// Takes back that these rows were saved.
    pub fn unsaved(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.dirty.extend(keys);
    }

    fn changed(&mut self, key: &Key) {
        self.dirty.insert(key.clone());
        self.queue(key);
    }

    /// Puts a row where it belongs in the queue.
    fn queue(&mut self, key: &Key) {
        let Some(row) = self.rows.get_mut(key) else { return };
        let due = row.due();
        if row.queued == due {
            return;
        }
        if let Some(was) = std::mem::replace(&mut row.queued, due) {
            self.queue.remove(&(was, key.clone()));
        }
        if let Some(due) = due {
            self.queue.insert((due, key.clone()));
        }
    }

    /// Drops the settled rows that were touched longest ago; where all are unsettled, one that is pending, or the oldest.
    fn make_room(&mut self) -> Option<Dropped> {
        let mut settled: Vec<(Timestamp, Key)> =
            self.rows.iter().filter(|(_, row)| row.is_settled()).map(by_age).collect();
        settled.sort();
        if !settled.is_empty() {
            settled.into_iter().take(DROPPED_AT_ONCE).for_each(|(_, key)| drop(self.remove(&key)));
            return None;
        }
        let is_verdict =
            |row: &Row| row.wanted.as_ref().or(row.flying.as_ref()).is_some_and(|it| it.state.is_verdict());
        let (key, _) = self.rows.iter().min_by_key(|(_, row)| (is_verdict(row), row.touched))?;
        let key = key.clone();
        let row = self.remove(&key)?;
        row.wanted.or(row.flying).map(|status| Dropped { key, status })
    }

    fn remove(&mut self, key: &Key) -> Option<Row> {
        let row = self.rows.remove(key)?;
        if let Some(due) = row.queued {
            self.queue.remove(&(due, key.clone()));
        }
        self.dirty.insert(key.clone());
        Some(row)
    }
}

fn by_age((key, row): (&Key, &Row)) -> (Timestamp, Key) {
    (row.touched, key.clone())
}
