//! In: what the outbox says, and what is to outlast this process. Out: posts, many at once, and rows on the disk.
//! Guarantee: rows are on disk before anything is posted, so that a restart posts what is missing.
use super::super::real_world::now;
use super::super::statuses::Statuses;
use super::super::wanted_statuses::Told;
use super::{Engine, Event, HEAD, OPEN, OUTBOX, Observer, STANDINGS};
use crate::client::store::Store;
use crate::decide::report::outbox::{Key, Post, Refusal};
use crate::decide::report::{Open, Remembered, Status};
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;

/// How many statuses are posted together: where they are pushed, one push takes as long as a hundred.
const POSTS_MAX: usize = 100;

/// What became of posts.
#[derive(Debug)]
pub struct Posted {
    /// Each with why it was not taken, if it was not.
    pub answers: Vec<(Key, Option<Refusal>)>,
    /// What went wrong.
    pub faults: Vec<Fault>,
}

impl<O: Observer> Engine<O> {
    pub(super) fn post(&mut self) -> Result<(), Fault> {
        self.save()?;
        // One batch at a time: all change the same ref, and would only wait for its lock.
        if self.posting > 0 {
            return Ok(());
        }
        let mut posts = Vec::new();
        while posts.len() < POSTS_MAX
            && let Some(post) = self.outbox.next(now())
        {
            posts.push(post);
        }
        if !posts.is_empty() {
            self.posting += 1;
            let (statuses, events) = (self.statuses.clone(), self.events.clone());
            tokio::task::spawn_blocking(move || {
                let _ = events.send(Event::Posted(post_all(&statuses, posts)));
            });
        }
        Ok(())
    }

    pub(super) fn posted(&mut self, posted: Posted) {
        self.posting -= 1;
        for (key, refusal) in posted.answers {
            match refusal {
                None => self.outbox.posted(&key, now()),
                Some(refusal) => self.outbox.refused(&key, refusal, now()),
            }
        }
        self.troubled("posts", posted.faults.iter());
    }

    pub(super) fn save(&mut self) -> Result<(), Fault> {
        let dirty = self.outbox.dirty();
        if !dirty.is_empty() {
            let puts: Vec<_> = dirty.into_iter().map(|(key, row)| (key.digest().0.to_vec(), row)).collect();
            self.store.put_all(OUTBOX, &puts)?;
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

/// Posts together; what fails for a reason that may be one status's alone is tried one by one.
fn post_all(statuses: &Statuses, posts: Vec<Post>) -> Posted {
    let all: Vec<Status> = posts.iter().map(|post| post.status.clone()).collect();
    match statuses.post(&all) {
        Ok(()) => Posted { answers: posts.into_iter().map(|post| (post.key, None)).collect(), faults: Vec::new() },
        Err(fault) if posts.len() > 1 && !fault.spurious => {
            let each: Vec<Posted> = posts.into_iter().map(|post| post_all(statuses, vec![post])).collect();
            let (answers, faults): (Vec<_>, Vec<_>) =
                each.into_iter().map(|posted| (posted.answers, posted.faults)).unzip();
            Posted {
                answers: answers.into_iter().flatten().collect(),
                faults: faults.into_iter().flatten().take(1).collect(),
            }
        }
        Err(fault) => {
            let refusal = if fault.spurious || fault.owner != Owner::Bug {
                Refusal::Retry { after: None }
            } else {
                Refusal::Permanent(fault.to_string().into())
            };
            let answers = posts.into_iter().map(|post| (post.key, Some(refusal.clone()))).collect();
            Posted { answers, faults: vec![fault] }
        }
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
