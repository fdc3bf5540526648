//! In: comments that are wanted, what forges answered, the time. Out: which comment to put next.
//! Guarantee: of each pull request only the newest; bounded: what finds no room is told, and is to be derived again.
use super::outbox::back_off_of;
use crate::decide::value::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most bytes of all that wait: of five hundred pull requests, as much as a long comment of each has.
const BYTES_MAX: usize = 16 << 20;

/// The comments that wait, by the number of their pull request.
#[derive(Debug, Default)]
pub struct Drafts {
    waiting: BTreeMap<u64, Draft>,
    bytes: usize,
}

#[derive(Debug)]
struct Draft {
    text: String,
    tries: u32,
    not_before: Timestamp,
}

impl Drafts {
    /// Takes the comment that a pull request is to have; whether there was room for it.
    pub fn want(&mut self, number: u64, text: String) -> bool {
        let before = self.waiting.remove(&number);
        self.bytes -= before.as_ref().map_or(0, |before| before.text.len());
        if self.bytes + text.len() > BYTES_MAX {
            return false;
        }
        self.bytes += text.len();
        let (tries, not_before) = before.map_or((0, Timestamp(0)), |before| (before.tries, before.not_before));
        self.waiting.insert(number, Draft { text, tries, not_before });
        true
    }

    /// Forgets the comment of a pull request.
    pub fn forget(&mut self, number: u64) {
        if let Some(draft) = self.waiting.remove(&number) {
            self.bytes -= draft.text.len();
        }
    }

    /// Returns those that may be put now, at most so many; each stays until it is answered.
    pub fn next(&self, now: Timestamp, most: usize) -> Vec<(u64, String)> {
        let due = self.waiting.iter().filter(|(_, draft)| draft.not_before <= now);
        due.take(most).map(|(number, draft)| (*number, draft.text.clone())).collect()
    }

    /// Returns when one may be put, if one waits.
    pub fn wakes(&self) -> Option<Timestamp> {
        self.waiting.values().map(|draft| draft.not_before).min()
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The forge has this text, which may be an older one.
    pub fn put(&mut self, number: u64, text: &str) {
        match self.waiting.get_mut(&number) {
            Some(draft) if draft.text == text => self.forget(number),
            Some(draft) => (draft.tries, draft.not_before) = (0, Timestamp(0)),
            None => {}
        }
    }

    /// The forge did not take it; it is tried again, not before this has passed, where it said so.
    pub fn refused(&mut self, number: u64, after: Option<Duration>, now: Timestamp) {
        if let Some(draft) = self.waiting.get_mut(&number) {
            draft.tries = draft.tries.saturating_add(1);
            draft.not_before = now.after(back_off_of(draft.tries).max(after.unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn of_each_pull_request_only_the_newest_is_put() {
        let mut drafts = Drafts::default();
        assert!(drafts.want(7, "first".into()) && drafts.want(8, "other".into()) && drafts.want(7, "second".into()));
        assert_eq!(drafts.next(NOW, 9), [(7, "second".to_owned()), (8, "other".to_owned())]);
        assert_eq!(drafts.next(NOW, 1).len(), 1, "no more than there is room for");
        drafts.put(7, "first");
        assert_eq!(drafts.next(NOW, 9).len(), 2, "an older one was put");
        drafts.put(7, "second");
        drafts.forget(8);
        assert!(drafts.is_empty() && drafts.bytes == 0, "nothing is left: {drafts:?}");
    }

    #[test]
    fn what_was_refused_waits_longer_and_longer_and_as_long_as_the_forge_asks() {
        let mut drafts = Drafts::default();
        drafts.want(7, "text".into());
        drafts.refused(7, None, NOW);
        let first = drafts.wakes().expect("it waits");
        assert!(first > NOW && drafts.next(NOW, 9).is_empty(), "not at once");
        drafts.refused(7, None, first);
        let second = drafts.wakes().expect("it waits");
        assert!(second.0 - first.0 > first.0 - NOW.0, "the second time longer");
        drafts.refused(7, Some(Duration::from_hours(1)), second);
        assert_eq!(drafts.wakes(), Some(second.after(Duration::from_hours(1))), "as the forge asks");
        drafts.want(7, "newer".into());
        assert_eq!(drafts.wakes(), Some(second.after(Duration::from_hours(1))), "a newer one waits alike");
    }

    #[test]
    fn what_finds_no_room_is_told() {
        let mut drafts = Drafts::default();
        let long = "x".repeat(1 << 20);
        let taken = (0..20).filter(|number| drafts.want(*number, long.clone())).count();
        assert_eq!(taken, 16, "as much as there is room for");
        assert!(drafts.want(3, "short".into()), "what takes the place of a longer one has room");
    }
}
