//! In: what is wanted and what was answered for one commit and context. Out: what to post, and not before when.
//! Guarantee: pending, the verdict, at most one correction, then nothing; nothing pending after a verdict, nothing at
//! all after a success: that all was seen once stays true. But for what holds a commit, and lifts that; and for what
//! merging a commit would do, which is another thing once the branch moves, and is told as it is now.
use super::super::status::{Context, State, Status};
use crate::decide::value::{Digest, Domain, Hasher, Timestamp};
use crate::name::CommitId;
use std::sync::Arc;
use std::time::Duration;

/// The verdict and its one correction.
const VERDICTS_MAX: u8 = 2;

/// How many verdicts of what is told as it is now are worded anew; after them only one of another state is told, so that
/// what the forge takes of a context is not used up.
pub(super) const REWORDED_MAX: u8 = 200;

/// Pending texts are refreshed when this, and each time twice as much, has passed: statuses of a commit are counted by
/// the forges (GitHub takes 1,000 for each context).
const MINUTE_MS: u64 = 60_000;

/// The first wait after a refusal; each further one is twice as long.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The longest wait that we choose: a forge that is back is told within ten minutes.
const BACK_OFF_MAX: Duration = Duration::from_mins(10);

/// The longest wait that a forge may ask for: the windows of their limits last an hour at most.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(2);

/// Where a status goes: one row for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The forge, by the name that the settings give it.
    pub forge: Arc<str>,
    /// The repository, as the forge names it.
    pub repository: Arc<str>,
    /// The commit.
    pub commit: CommitId,
    /// The context.
    pub context: Context,
}

impl Key {
    /// Returns its digest, under which its row is kept.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(Domain("outbox-key/1"));
        hasher.bytes(self.forge.as_bytes()).bytes(self.repository.as_bytes());
        hasher.bytes(&self.commit.0).bytes(self.context.as_str().as_bytes());
        hasher.finish()
    }
}

/// Why a forge did not take a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It will never take this one, because of that.
    Permanent(Arc<str>),
    /// It may take it later.
    Retry {
        /// Not before this has passed, where it said so.
        after: Option<Duration>,
    },
}

/// After how many refusals whoever wants to end no longer waits: one that the next try overcomes is over in seconds.
const PRESSING_TRIES_MAX: u32 = 2;

/// What is known of one commit and context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the forge took last.
    pub posted: Option<Status>,
    /// What it is to take next.
    pub wanted: Option<Status>,
    /// What it will never take, and why.
    pub refused: Option<(Status, Arc<str>)>,
    /// What is on its way; after a restart it is on its way no longer, and wanted.
    pub(super) flying: Option<Status>,
    /// How many verdicts the forge took.
    pub(super) verdicts: u8,
    /// Whether it is told as it is now, and never frozen.
    pub(super) is_current: bool,
    /// When the first status was wanted.
    pub(super) begun: Timestamp,
    /// When anything changed last.
    pub(super) touched: Timestamp,
    /// When the forge took the last one.
    pub(super) posted_at: Timestamp,
    /// How often it refused since.
    pub(super) tries: u32,
    /// Nothing is posted before.
    pub(super) not_before: Timestamp,
    /// Its place in the machine's queue.
    pub(super) queued: Option<Timestamp>,
}

impl Row {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            posted: None,
            wanted: None,
            refused: None,
            flying: None,
            verdicts: 0,
            is_current: false,
            begun: now,
            touched: now,
            posted_at: now,
            tries: 0,
            not_before: Timestamp(0),
            queued: None,
        }
    }

    /// Returns how often it was refused since it was last taken, and before when it is not sent again.
    pub fn refusals(&self) -> (u32, Timestamp) {
        (self.tries, self.not_before)
    }

    /// Returns what is to be posted or on its way.
    pub fn waiting(&self) -> Option<&Status> {
        self.wanted.as_ref().or(self.flying.as_ref())
    }

    /// Whether nothing is left to post.
    pub fn is_settled(&self) -> bool {
        self.wanted.is_none() && self.flying.is_none()
    }

    /// Whether nothing will be posted any more, but for what holds.
    pub fn is_frozen(&self) -> bool {
        if self.is_current {
            return false;
        }
        // A success that what holds is on its way over is none any more.
        let is_success = self.flying.is_none() && is_success(self.posted.as_ref());
        is_success || self.verdicts >= VERDICTS_MAX
    }

    /// Whether what is wanted ends a success: only what holds is wanted after one.
    fn is_holding(&self) -> bool {
        let is_ending = self.wanted.as_ref().is_some_and(|wanted| wanted.state != State::Success);
        is_ending && is_success(self.flying.as_ref().or(self.posted.as_ref()))
    }

    /// Takes what is wanted now, and returns whether that changes anything.
    pub(super) fn want(&mut self, status: Status, now: Timestamp) -> bool {
        if self.is_current {
            return self.renew(status, now);
        }
        if self.is_holding() {
            return self.lift(&status, now);
        }
        if self.is_repeating() && is_trouble(Some(&status)) {
            return false;
        }
        if self.is_frozen() || (!status.state.is_verdict() && self.has_verdict()) {
            return false;
        }
        let is_refused = self.refused.as_ref().is_some_and(|(refused, _)| refused.says(&status));
        let is_known = self.flying.as_ref().or(self.posted.as_ref()).is_some_and(|known| is_enough(known, &status));
        self.settle((!is_refused && !is_known).then_some(status), now)
    }

    /// Puts what is wanted in the place of what was, and returns whether that says anything else.
    fn settle(&mut self, wanted: Option<Status>, now: Timestamp) -> bool {
        let is_same = match (&self.wanted, &wanted) {
            (None, None) => true,
            (Some(old), Some(new)) => old.says(new),
            _ => false,
        };
        if !is_same {
            (self.wanted, self.touched) = (wanted, now);
        }
        !is_same
    }

    /// Takes what is so now, whatever was said before: what merging a commit would do depends on where the branch is. What is
    /// pending after a verdict is told once a minute has passed without another one, as any refreshed text is: a success that
    /// somebody else told does not stand over what still waits.
    pub(super) fn renew(&mut self, status: Status, now: Timestamp) -> bool {
        self.is_current = true;
        let last = self.flying.as_ref().or(self.posted.as_ref());
        let is_known = last
            .is_some_and(|known| known.says(&status) || (known.state == status.state && self.verdicts >= REWORDED_MAX));
        let is_refused = self.refused.as_ref().is_some_and(|(refused, _)| refused.says(&status));
        self.settle((!is_known && !is_refused).then_some(status), now)
    }

    /// Takes what holds a commit: its branch or a tag is no longer what was synced, so that an earlier success says
    /// nothing of now. What lifts it is told again.
    pub(super) fn hold(&mut self, status: Status, now: Timestamp) -> bool {
        if self.is_current {
            return self.renew(status, now);
        }
        if !is_success(self.flying.as_ref().or(self.posted.as_ref())) {
            return self.want(status, now);
        }
        let is_told = self.is_holding();
        if !is_told {
            (self.wanted, self.touched) = (Some(status), now);
        }
        // A success that is only on its way may still be refused, and what was told before it counts then.
        if self.flying.is_none() {
            self.verdicts = 0;
        }
        !is_told
    }

    /// Whether a trouble is said once more: a success was on its way after it, and nobody knows whether it came there.
    fn is_repeating(&self) -> bool {
        is_trouble(self.posted.as_ref()) && is_trouble(self.wanted.as_ref())
    }

    /// What holds is not told yet: a success takes it back, and the one that was told before stands; all else is less.
    fn lift(&mut self, status: &Status, now: Timestamp) -> bool {
        let is_lifted = status.state == State::Success;
        if is_lifted {
            (self.wanted, self.touched) = (None, now);
        }
        is_lifted
    }

    /// Whether something is wanted that was not refused.
    pub(super) fn is_waiting(&self) -> bool {
        self.wanted.is_some() && self.flying.is_none() && self.tries == 0
    }

    /// Whether something is to be posted that was not refused too often to wait for.
    pub(super) fn is_pressing(&self) -> bool {
        !self.is_settled() && self.tries < PRESSING_TRIES_MAX
    }

    /// Whether a verdict was posted or will be.
    pub(super) fn has_verdict(&self) -> bool {
        [&self.posted, &self.flying, &self.wanted].into_iter().flatten().any(|status| status.state.is_verdict())
    }

    /// Returns when what is wanted may be posted, if anything is and nothing is on its way.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let wanted = self.wanted.as_ref().filter(|_| self.flying.is_none())?;
        let is_refresh = !wanted.state.is_verdict() && self.posted.is_some();
        Some(if is_refresh { self.not_before.max(self.next_refresh()) } else { self.not_before })
    }

    /// Returns when 1, 2, 4 … minutes have passed, whichever comes first after the last post.
    fn next_refresh(&self) -> Timestamp {
        let minutes = self.posted_at.0.saturating_sub(self.begun.0) / MINUTE_MS;
        let next = if minutes == 0 { 1 } else { minutes.saturating_add(1).next_power_of_two() };
        Timestamp(self.begun.0.saturating_add(next.saturating_mul(MINUTE_MS)))
    }

    /// Sends what is wanted on its way.
    pub(super) fn fly(&mut self) -> Option<Status> {
        self.flying = self.wanted.take();
        self.flying.clone()
    }

    /// The forge took it.
    pub(super) fn posted(&mut self, now: Timestamp) {
        let is_holding = self.is_holding();
        let Some(status) = self.flying.take() else { return };
        let is_said_again = is_trouble(self.posted.as_ref()) && is_trouble(Some(&status));
        if status.state.is_verdict() && !is_said_again {
            self.verdicts = self.verdicts.saturating_add(1);
        }
        let is_enough = self
            .wanted
            .as_ref()
            .is_some_and(|wanted| if self.is_current { status.says(wanted) } else { is_enough(&status, wanted) });
        self.posted = Some(status);
        if is_holding && !self.is_current {
            // It came while the success was on its way.
            self.verdicts = 0;
        } else if self.is_frozen() || is_enough {
            self.wanted = None;
        }
        (self.posted_at, self.touched) = (now, now);
        (self.tries, self.not_before) = (0, Timestamp(0));
    }

    /// The forge did not take it; a newer one that is wanted takes its place.
    pub(super) fn refused(&mut self, key: &Key, refusal: Refusal, now: Timestamp) {
        let Some(status) = self.flying.take() else { return };
        self.touched = now;
        match refusal {
            Refusal::Permanent(why) => {
                self.refused = Some((status, why));
                (self.tries, self.not_before) = (0, Timestamp(0));
            }
            Refusal::Retry { after } => {
                // What lifts a hold that was not told has nothing to say.
                let is_lifted =
                    !self.is_current && is_success(self.posted.as_ref()) && is_success(self.wanted.as_ref());
                if is_lifted {
                    self.wanted = None;
                } else {
                    self.wanted.get_or_insert(status);
                }
                self.tries = self.tries.saturating_add(1);
                let asked = after.unwrap_or_default().min(RETRY_AFTER_MAX);
                self.not_before = now.after(asked.max(back_off(key, self.tries)));
            }
        }
    }
}

fn is_trouble(status: Option<&Status>) -> bool {
    status.is_some_and(|status| matches!(status.state, State::Failure | State::Error))
}

fn is_success(status: Option<&Status>) -> bool {
    status.is_some_and(|status| status.state == State::Success)
}

/// Whether one who was told `known` need not be told `new`.
///
/// A success is a dated fact. A verdict that is none is not worded anew: its one correction is left for the success that
/// may follow.
fn is_enough(known: &Status, new: &Status) -> bool {
    match (known.state, new.state) {
        (State::Success, _) | (State::Failure | State::Error, State::Failure | State::Error) => true,
        _ => known.says(new),
    }
}

/// Returns the wait after so many refusals: doubled, and up to half as much again, so that rows refused together come
/// back apart; the same each time, as nothing here is chance.
pub(super) fn back_off(key: &Key, tries: u32) -> Duration {
    let doubled = back_off_of(tries);
    let Digest(digest) = key.digest();
    let at = usize::try_from(tries).unwrap_or(usize::MAX) % digest.len();
    let part = digest.get(at).copied().unwrap_or_default();
    doubled + doubled * u32::from(part) / (2 * u32::from(u8::MAX))
}

/// Returns the same wait without what keeps rows apart.
pub fn back_off_of(tries: u32) -> Duration {
    BACK_OFF.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(BACK_OFF_MAX)
}
