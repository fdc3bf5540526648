//! In: statuses that are wanted. Out: each receiver of the settings is told of those that it asked for.
//! Guarantee: what is to be told is on the disk before it is sent; one receiver that is dead holds up no other, and no sync.
use super::engine::{Event, rows_of};
use super::statuses::Place;
use crate::act::notify::{Receiver, Refused};
use crate::client::clock::now;
use crate::client::store::Store;
use crate::decide::report::outbox::{Key, Outbox, Post, Refusal};
use crate::decide::report::{Notice, Occasion, State, Status, environment_of, noticed};
use crate::decide::value::{Fault, Timestamp};
use crate::settings::Notification;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many go to a receiver in a row, so that what it refuses is seen before the next ones.
const SENT_MAX: usize = 20;

/// All receivers, each with what it is still to be told.
pub(super) struct Notices {
    receivers: BTreeMap<Arc<str>, Receiving>,
    /// The repository that notices speak of.
    repository: Arc<str>,
}

struct Receiving {
    receiver: Arc<Receiver>,
    outbox: Outbox,
    is_sending: bool,
}

/// What became of the notices that a receiver was sent.
#[derive(Debug)]
pub struct Notified {
    receiver: Arc<str>,
    answers: Vec<(Key, Option<Refusal>)>,
    fault: Option<Fault>,
}

/// Returns the table of what a receiver is still to be told.
pub(super) fn table(receiver: &str) -> String {
    format!("notices/{receiver}")
}

impl Notices {
    /// Takes the receivers of the settings, and what an earlier process left to tell them.
    pub(super) fn open(settings: &[Notification], (forge, repository): Place, store: &Store) -> Result<Self, Fault> {
        let mut receivers = BTreeMap::new();
        for settings in settings {
            let rows = store.all(&table(&settings.name))?;
            let (outbox, unread) = Outbox::restore(rows.iter().map(|(_, row)| row.as_slice()));
            for why in unread {
                tracing::warn!(why, receiver = &*settings.name, "a notice was not read");
            }
            let receiver = Arc::new(Receiver::new(settings)?);
            receivers.insert(settings.name.clone(), Receiving { receiver, outbox, is_sending: false });
        }
        // A forge is named by its kind and its address.
        let repository = match forge.split_once(' ') {
            Some((_, url)) => format!("{url}/{repository}").into(),
            None => "/stratify".into(),
        };
        Ok(Self { receivers, repository })
    }

    /// Takes a status that was wanted; `is_held` where it waits for a person.
    pub(super) fn want(&mut self, status: &Status, is_held: bool) {
        let Some(occasion) = Occasion::of(status, is_held) else { return };
        let environment = environment_of(&status.context);
        let status = noticed(status, occasion);
        for (name, receiving) in &mut self.receivers {
            let settings = receiving.receiver.settings();
            let is_named = settings.environments.is_empty()
                || settings.environments.iter().any(|name| Some(name.as_str()) == environment);
            if settings.occasions.contains(&occasion) && is_named {
                let (forge, repository) = (name.clone(), self.repository.clone());
                let key = Key { forge, repository, commit: status.commit, context: status.context.clone() };
                receiving.want(&key, status.clone());
            }
        }
    }

    /// Puts what changed on the disk.
    pub(super) fn save(&mut self, store: &Store) -> Result<(), Fault> {
        for (name, receiving) in &mut self.receivers {
            let dirty = receiving.outbox.dirty();
            let puts: Vec<_> = dirty.into_iter().map(|(key, row)| (key.digest().0.to_vec(), row)).collect();
            store.put_all(&table(name), &puts)?;
        }
        Ok(())
    }

    /// Sends what is due and saved, each receiver beside the others.
    pub(super) fn send(&mut self, events: &mpsc::UnboundedSender<Event>) {
        for (name, receiving) in self.receivers.iter_mut().filter(|(_, it)| !it.is_sending) {
            let next = std::iter::from_fn(|| receiving.outbox.next(now()));
            let posts: Vec<Post> = next.take(SENT_MAX).collect();
            if posts.is_empty() {
                continue;
            }
            receiving.is_sending = true;
            let (receiver, name, events) = (receiving.receiver.clone(), name.clone(), events.clone());
            tokio::spawn(async move {
                let (answers, fault) = send_all(&receiver, posts).await;
                let _ = events.send(Event::Notified(Notified { receiver: name, answers, fault }));
            });
        }
    }

    /// Takes note of what became of them; returns the receiver, and what went wrong.
    pub(super) fn notified(&mut self, notified: Notified) -> (Arc<str>, Option<Fault>) {
        if let Some(receiving) = self.receivers.get_mut(&notified.receiver) {
            receiving.is_sending = false;
            for (key, refused) in notified.answers {
                match refused {
                    None => receiving.outbox.posted(&key, now()),
                    Some(refusal) => receiving.outbox.refused(&key, refusal, now()),
                }
            }
        }
        (notified.receiver, notified.fault)
    }

    /// Returns when something will be due, if nothing else happens.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        self.receivers.values().filter(|it| !it.is_sending).filter_map(|it| it.outbox.wakes()).min()
    }

    /// Returns what waits, and what a receiver never takes.
    pub(super) fn waiting(&self) -> Json {
        self.receivers.values().flat_map(|receiving| rows_of(&receiving.outbox)).collect()
    }

    /// Whether something waits that was not refused so often that only time can help.
    pub(super) fn is_pressing(&self) -> bool {
        self.receivers.values().any(|receiving| receiving.outbox.is_pressing())
    }
}

impl Receiving {
    /// Takes what the receiver is to be told, unless it was told so of this commit and environment.
    fn want(&mut self, key: &Key, status: Status) {
        let row = self.outbox.try_find(key);
        let said = row.and_then(|row| row.waiting().or(row.posted.as_ref()));
        let dropped = match (said, status.state) {
            // That it waits is told once, and not after its end.
            (Some(_), State::Pending) => None,
            // A success is followed by something else only where the commit is held: it is told of, too.
            (Some(said), State::Failure | State::Error) if said.state == State::Success => {
                self.outbox.hold(key, status, now())
            }
            _ => self.outbox.want(key, status, now()),
        };
        if let Some(dropped) = dropped {
            tracing::warn!(receiver = &*key.forge, text = dropped.status.text(), "too many notices: one is dropped");
        }
    }
}

/// Sends one after the other; once one is refused for a reason that holds for all, the others wait like it.
async fn send_all(receiver: &Receiver, posts: Vec<Post>) -> (Vec<(Key, Option<Refusal>)>, Option<Fault>) {
    let (mut answers, mut waits, mut first) = (Vec::new(), None, None);
    for Post { key, status } in posts {
        if let Some(refusal) = &waits {
            answers.push((key, Some(Refusal::clone(refusal))));
            continue;
        }
        let Some(notice) = Notice::read(&key, &status) else {
            answers.push((key, Some(Refusal::Permanent("it is of another form".into()))));
            continue;
        };
        match receiver.post(&notice).await {
            Ok(()) => answers.push((key, None)),
            Err(Refused { refusal, fault }) => {
                waits = matches!(refusal, Refusal::Retry { .. }).then(|| refusal.clone());
                answers.push((key, Some(refusal)));
                first.get_or_insert(fault);
            }
        }
    }
    (answers, first)
}
