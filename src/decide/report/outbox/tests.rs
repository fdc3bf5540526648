//! In: statuses and answers in any order. Out: what the outbox posted, and when.
//! Guarantee: one test for each rule, and one for every order of events.
use super::super::status::{Context, State, Status};
use super::row::back_off;
use super::{Key, Outbox, Post, Refusal};
use crate::decide::value::Timestamp;
use crate::name::CommitId;
use proptest::prelude::*;
use std::time::Duration;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60_000;

fn key(commit: u8) -> Key {
    let context = Context::plan(None);
    Key { forge: "github".into(), repository: "acme/fleet".into(), commit: CommitId([commit; 20]), context }
}

fn status(commit: u8, state: State, text: &str) -> Status {
    Status::new(CommitId([commit; 20]), Context::plan(None), state, text, Timestamp(0))
}

/// An outbox and a clock.
#[derive(Default)]
struct Desk {
    outbox: Outbox,
    now: u64,
}

impl Desk {
    fn want(&mut self, state: State, text: &str) {
        assert_eq!(self.outbox.want(&key(1), status(1, state, text), Timestamp(self.now)), None, "there is room");
    }

    fn next(&mut self) -> Option<(State, String)> {
        self.outbox.next(Timestamp(self.now)).map(|post| (post.status.state, post.status.text().to_owned()))
    }

    fn posted(&mut self) {
        self.outbox.posted(&key(1), Timestamp(self.now));
    }

    fn refused(&mut self, after: Option<Duration>) {
        self.outbox.refused(&key(1), Refusal::Retry { after }, Timestamp(self.now));
    }

    fn post_all(&mut self) -> Vec<(State, String)> {
        let mut posts = Vec::new();
        while let Some(post) = self.next() {
            posts.push(post);
            self.posted();
        }
        posts
    }

    fn restart(&mut self) {
        let rows: Vec<Vec<u8>> = self.outbox.dirty().into_iter().filter_map(|(_, bytes)| bytes).collect();
        let (outbox, unread) = Outbox::restore(rows.iter().map(Vec::as_slice));
        assert!(unread.is_empty(), "its own rows are read: {unread:?}");
        self.outbox = outbox;
    }
}

#[test]
fn only_the_newest_is_posted_and_one_at_a_time() {
    let mut desk = Desk::default();
    desk.want(State::Pending, "waits");
    assert_eq!(desk.next(), Some((State::Pending, "waits".into())), "it is due at once");
    desk.want(State::Failure, "one failed");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.next(), None, "one is on its way, and forges keep no order");
    desk.posted();
    assert_eq!(desk.post_all(), [(State::Success, "all synced".into())], "the one between is not said");
}

#[test]
fn after_the_verdict_and_one_correction_it_is_frozen() {
    let mut desk = Desk::default();
    desk.want(State::Failure, "one failed");
    assert_eq!(desk.post_all().len(), 1, "the verdict");
    desk.want(State::Pending, "tries again");
    assert_eq!(desk.next(), None, "nothing is pending after a verdict");
    desk.want(State::Failure, "two failed");
    assert_eq!(desk.next(), None, "the one correction is not spent on words");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "the correction");
    desk.want(State::Failure, "one failed");
    assert_eq!(desk.next(), None, "a status is a dated fact");
    assert!(desk.outbox.try_find(&key(1)).is_some_and(super::Row::is_frozen), "its row says so");
}

#[test]
fn a_success_stays_and_a_correction_is_not_spent_on_another_trouble() {
    let mut desk = Desk::default();
    desk.want(State::Error, "nobody could find out");
    assert_eq!(desk.post_all().len(), 1, "the verdict");
    desk.want(State::Failure, "it failed");
    assert_eq!(desk.next(), None, "it is no better");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all(), [(State::Success, "all synced".into())], "it recovered without a new commit");
    let mut desk = Desk::default();
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "the verdict");
    desk.want(State::Failure, "somebody else changed it");
    assert_eq!(desk.next(), None, "that all was seen once stays true");
    desk.restart();
    desk.want(State::Failure, "somebody else changed it");
    assert_eq!(desk.next(), None, "after a restart, too");
}

#[test]
fn what_merging_would_do_is_told_as_it_is_now() {
    let mut desk = Desk::default();
    let renew = |desk: &mut Desk, state, text: &str| {
        desk.outbox.renew(&key(1), status(1, state, text), Timestamp(desk.now));
    };
    renew(&mut desk, State::Success, "1 layer to change");
    assert_eq!(desk.post_all().len(), 1, "the first");
    renew(&mut desk, State::Success, "1 layer to change");
    assert_eq!(desk.next(), None, "nothing new");
    renew(&mut desk, State::Failure, "it conflicts");
    assert_eq!(desk.post_all(), [(State::Failure, "it conflicts".into())], "a success of before says nothing of now");
    desk.restart();
    renew(&mut desk, State::Failure, "it cannot be planned");
    assert_eq!(desk.post_all(), [(State::Failure, "it cannot be planned".into())], "after a restart, too");
    renew(&mut desk, State::Success, "1 layer to change");
    assert_eq!(desk.next(), Some((State::Success, "1 layer to change".into())));
    renew(&mut desk, State::Success, "1 layer to change, approved");
    desk.posted();
    assert_eq!(
        desk.post_all(),
        [(State::Success, "1 layer to change, approved".into())],
        "also while one is on its way"
    );
    renew(&mut desk, State::Failure, "it conflicts");
    assert_eq!(desk.next(), Some((State::Failure, "it conflicts".into())));
    renew(&mut desk, State::Success, "1 layer to change, approved");
    desk.refused(None);
    desk.now += MINUTE;
    assert_eq!(
        desk.post_all(),
        [(State::Success, "1 layer to change, approved".into())],
        "the last one, once more or not"
    );
    // It was fast-forwarded to: what the branch does with it is told, too.
    desk.want(State::Pending, "planning");
    assert_eq!(desk.next(), None, "nothing is pending at once after a verdict");
    desk.want(State::Success, "2 layers to change");
    assert_eq!(desk.post_all(), [(State::Success, "2 layers to change".into())]);
    for at in 0..1_000 {
        renew(&mut desk, State::Success, &format!("{at} layers to change"));
        desk.post_all();
    }
    renew(&mut desk, State::Failure, "it conflicts");
    assert_eq!(desk.post_all(), [(State::Failure, "it conflicts".into())], "another state is told after any number");
}

#[test]
fn what_another_process_told_is_taken_over() {
    let mut desk = Desk::default();
    desk.outbox.take_over(&key(1), status(1, State::Success, "35 layers to change"), Timestamp(0));
    desk.want(State::Pending, "planning");
    assert_eq!(desk.next(), None, "nothing is pending at once after a verdict");
    desk.want(State::Success, "nothing changes");
    desk.now += 2 * MINUTE;
    assert_eq!(desk.next(), None, "the one that told it knew what it changed");
    desk.restart();
    desk.want(State::Failure, "it cannot be planned");
    assert_eq!(desk.post_all(), [(State::Failure, "it cannot be planned".into())], "whoever told the success");
    desk.want(State::Success, "nothing changes");
    assert_eq!(desk.post_all(), [(State::Success, "nothing changes".into())]);
}

#[test]
fn a_success_that_somebody_else_told_does_not_stand_over_what_waits() {
    let mut desk = Desk::default();
    desk.outbox.take_over(&key(1), status(1, State::Success, "all is well"), Timestamp(0));
    desk.want(State::Pending, "waits for approval");
    assert_eq!(desk.next(), None, "a verdict may come at once");
    desk.now += MINUTE;
    assert_eq!(desk.post_all(), [(State::Pending, "waits for approval".into())], "it did not");
    desk.want(State::Success, "synced");
    assert_eq!(desk.post_all(), [(State::Success, "synced".into())]);
    let mut desk = Desk::default();
    desk.outbox.take_over(&key(1), status(1, State::Success, "all is well"), Timestamp(0));
    desk.want(State::Pending, "waits for approval");
    desk.outbox.hasten();
    assert_eq!(desk.post_all(), [(State::Pending, "waits for approval".into())], "nothing else will come");
}

#[test]
fn what_holds_a_commit_ends_its_success_until_it_is_lifted() {
    let mut desk = Desk::default();
    let hold = |desk: &mut Desk, text: &str| {
        desk.outbox.hold(&key(1), status(1, State::Failure, text), Timestamp(desk.now));
        desk.post_all()
    };
    desk.want(State::Success, "synced");
    assert_eq!(desk.post_all().len(), 1);
    assert_eq!(hold(&mut desk, "the tag moved"), [(State::Failure, "the tag moved".into())]);
    assert_eq!(hold(&mut desk, "the tag moved, in two clusters"), [], "one trouble is told once");
    desk.want(State::Success, "synced");
    assert_eq!(desk.post_all(), [(State::Success, "synced".into())], "it is lifted");
    desk.want(State::Failure, "drift");
    assert_eq!(desk.post_all(), [], "a success is a dated fact to all else");
}

#[test]
fn what_holds_a_commit_follows_a_success_that_is_on_its_way() {
    let mut desk = Desk::default();
    let hold =
        |desk: &mut Desk| desk.outbox.hold(&key(1), status(1, State::Failure, "the tag moved"), Timestamp(desk.now));
    desk.want(State::Success, "not affected");
    assert!(desk.next().is_some(), "it goes");
    hold(&mut desk);
    desk.want(State::Failure, "the tag moved, in two clusters");
    desk.posted();
    assert_eq!(desk.post_all(), [(State::Failure, "the tag moved".into())], "the success is no answer to it");
    desk.want(State::Success, "synced");
    assert!(desk.next().is_some(), "it is lifted");
    hold(&mut desk);
    desk.want(State::Success, "synced");
    desk.posted();
    assert_eq!(desk.post_all(), [], "it was lifted before it was told");
    hold(&mut desk);
    assert_eq!(desk.next().map(|(state, _)| state), Some(State::Failure), "it goes");
    desk.want(State::Success, "synced");
    desk.posted();
    assert_eq!(desk.post_all(), [(State::Success, "synced".into())], "what lifts it is not lost either");
}

#[test]
fn a_verdict_on_its_way_lets_nothing_pending_follow() {
    let mut desk = Desk::default();
    desk.want(State::Success, "all synced");
    assert!(desk.next().is_some(), "it goes");
    desk.want(State::Pending, "drifted");
    desk.refused(None);
    desk.now = MINUTE;
    assert_eq!(desk.post_all(), [(State::Success, "all synced".into())], "the verdict was refused, not taken back");
}

#[test]
fn a_pending_text_is_refreshed_when_its_time_has_doubled() {
    let mut desk = Desk::default();
    let mut refreshed = Vec::new();
    for second in 0..1_000 {
        desk.now = second * SECOND;
        desk.want(State::Pending, &format!("layer {second}"));
        refreshed.extend(desk.post_all().iter().map(|_| second));
    }
    assert_eq!(refreshed, [0, 60, 120, 240, 480, 960], "1, 2, 4 … minutes after the first");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "the verdict waits for no minute");
}

#[test]
fn what_the_forge_knows_is_not_said_again() {
    let mut desk = Desk::default();
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "it is said");
    desk.outbox.dirty();
    desk.want(State::Success, "all synced");
    assert_eq!((desk.next(), desk.outbox.dirty().len()), (None, 0), "nothing changed");
    desk.want(State::Failure, "drifted");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.next(), None, "what was to follow was taken back");
}

#[test]
fn a_refusal_is_tried_again_later_and_later() {
    let mut desk = Desk::default();
    desk.want(State::Success, "all synced");
    let mut waits = Vec::new();
    for _ in 0..20 {
        assert!(desk.next().is_some(), "it is due");
        desk.refused(None);
        let due = desk.outbox.wakes().expect("it is tried again");
        assert_eq!(desk.next(), None, "not at once");
        waits.push(due.0 - desk.now);
        desk.now = due.0;
    }
    assert!(waits.iter().all(|wait| (SECOND..=15 * MINUTE).contains(wait)), "ten minutes and a half of it: {waits:?}");
    assert!(waits.windows(2).take(9).all(|pair| pair[0] < pair[1] * 3 / 2), "they grow: {waits:?}");
    assert_ne!(back_off(&key(1), 5), back_off(&key(2), 5), "rows refused together come back apart");
    assert!(desk.next().is_some(), "it is due again");
    desk.refused(Some(Duration::from_mins(30)));
    let due = desk.outbox.wakes().expect("it is tried again");
    assert_eq!(due.0 - desk.now, 30 * MINUTE, "the forge said when");
}

#[test]
fn a_forge_that_is_down_for_a_day_is_asked_seldom_and_told_the_newest_at_once() {
    let mut desk = Desk::default();
    let (mut asked, mut minute) = (0, 0);
    while minute < 24 * 60 {
        desk.now = minute * MINUTE;
        // It goes on meanwhile, and fails in between.
        let state = if minute % 60 == 59 { State::Failure } else { State::Pending };
        desk.want(state, &format!("minute {minute}"));
        while desk.next().is_some() {
            asked += 1;
            desk.refused(None);
        }
        minute += 1;
    }
    assert!((24 * 60 / 15..=24 * 60 / 5).contains(&asked), "each ten minutes, and a half of that: {asked}");
    desk.restart();
    desk.want(State::Success, "all synced");
    desk.now += 15 * MINUTE;
    assert_eq!(desk.post_all(), [(State::Success, "all synced".into())], "what it missed is not told afterwards");
}

#[test]
fn what_a_forge_will_never_take_is_not_sent_again() {
    let mut desk = Desk::default();
    desk.want(State::Pending, "waits");
    assert!(desk.next().is_some(), "it goes");
    desk.outbox.refused(&key(1), Refusal::Permanent("no such commit".into()), Timestamp(0));
    desk.restart();
    desk.want(State::Pending, "waits");
    assert_eq!(desk.next(), None, "it said never");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "that was of the other one only");
}

#[test]
fn a_restart_loses_nothing() {
    let mut desk = Desk::default();
    desk.want(State::Failure, "one failed");
    assert!(desk.next().is_some(), "it is on its way");
    desk.restart();
    assert_eq!(desk.post_all(), [(State::Failure, "one failed".into())], "nobody knows whether it came there");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.post_all().len(), 1, "the correction");
    desk.restart();
    desk.want(State::Failure, "one failed");
    assert_eq!(desk.next(), None, "it is still frozen");
    let (outbox, unread) = Outbox::restore([b"{}".as_slice()]);
    assert_eq!((outbox.iter().count(), unread.len()), (0, 1), "another form is told, not taken");
}

#[test]
fn rows_that_were_not_saved_are_changed_still() {
    let mut desk = Desk::default();
    desk.want(State::Success, "all synced");
    let taken = desk.outbox.dirty();
    assert!(desk.outbox.dirty().is_empty(), "they were taken");
    desk.outbox.unsaved(taken.into_iter().map(|(key, _)| key));
    assert_eq!(desk.outbox.dirty().len(), 1, "the disk was full");
}

#[test]
fn settled_rows_give_way_first() {
    let mut outbox = Outbox::default();
    outbox.rows_max = 2;
    let want = |outbox: &mut Outbox, commit: u8, state| {
        outbox.want(&key(commit), status(commit, state, "said"), Timestamp(commit.into()))
    };
    want(&mut outbox, 1, State::Success);
    want(&mut outbox, 2, State::Success);
    let Some(Post { key: first, .. }) = outbox.next(Timestamp(9)) else { panic!("it is due") };
    outbox.posted(&first, Timestamp(9));
    assert_eq!(want(&mut outbox, 3, State::Pending), None, "the settled one went");
    assert_eq!(outbox.try_find(&first), None, "it had nothing left to say");
    let gone = outbox.dirty().into_iter().find(|(key, _)| *key == first);
    assert_eq!(gone, Some((first, None)), "its row goes from the disk too");
    let dropped = want(&mut outbox, 4, State::Success).map(|dropped| dropped.key);
    assert_eq!(dropped, Some(key(3)), "verdicts stay longest, and it is told");
    assert_eq!(outbox.iter().count(), 2, "it never has more");
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Want(u8, State),
    Next,
    Posted(u8),
    Refused(u8),
    Restart,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![Just(State::Pending), Just(State::Success), Just(State::Failure), Just(State::Error)];
    prop_oneof![
        4 => (0..3_u8, state).prop_map(|(commit, state)| Event::Want(commit, state)),
        4 => Just(Event::Next),
        3 => (0..3_u8).prop_map(Event::Posted),
        2 => (0..3_u8).prop_map(Event::Refused),
        1 => Just(Event::Restart),
        2 => (0..5 * MINUTE).prop_map(Event::Pass),
    ]
}

/// What the forge saw of each commit, and what was wanted last.
#[derive(Default)]
struct Seen {
    desk: Desk,
    flying: [Option<State>; 3],
    taken: [Vec<State>; 3],
    wanted: [Option<State>; 3],
    saved: std::collections::BTreeMap<Key, Vec<u8>>,
}

impl Seen {
    fn save(&mut self) {
        for (key, bytes) in self.desk.outbox.dirty() {
            match bytes {
                Some(bytes) => drop(self.saved.insert(key, bytes)),
                None => drop(self.saved.remove(&key)),
            }
        }
    }

    fn next(&mut self) -> bool {
        let Some(post) = self.desk.outbox.next(Timestamp(self.desk.now)) else { return false };
        let flying = &mut self.flying[usize::from(post.key.commit.0[0])];
        assert_eq!(flying.replace(post.status.state), None, "one at a time");
        true
    }

    fn happens(&mut self, event: Event) {
        let now = Timestamp(self.desk.now);
        match event {
            Event::Want(commit, state) => {
                self.desk.outbox.want(&key(commit), status(commit, state, "said"), now);
                let at = usize::from(commit);
                let told = self.flying[at].or(self.taken[at].last().copied()).filter(|told| told.is_verdict());
                let is_trouble = |state| matches!(state, State::Failure | State::Error);
                self.wanted[at] = match told {
                    _ if !state.is_verdict() => self.wanted[at],
                    // What was told last is not taken back, and one trouble is as good as another.
                    Some(State::Success) => Some(State::Success),
                    Some(told) if is_trouble(told) && is_trouble(state) => Some(told),
                    _ => Some(state),
                };
            }
            Event::Next => drop(self.next()),
            Event::Posted(commit) => {
                self.desk.outbox.posted(&key(commit), now);
                let at = usize::from(commit);
                self.taken[at].extend(self.flying[at].take());
            }
            Event::Refused(commit) => {
                self.desk.outbox.refused(&key(commit), Refusal::Retry { after: None }, now);
                self.flying[usize::from(commit)] = None;
            }
            Event::Restart => {
                self.save();
                self.desk.outbox = Outbox::restore(self.saved.values().map(Vec::as_slice)).0;
                self.flying = [None; 3];
            }
            Event::Pass(time) => self.desk.now += time,
        }
    }

    fn verdicts(&self, commit: u8) -> usize {
        self.taken[usize::from(commit)].iter().filter(|state| state.is_verdict()).count()
    }
}

/// What becomes of one commit that is held now and then.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Want(State),
    Hold,
    Next,
    Posted,
    Refused,
    Restart,
}

fn turn() -> impl Strategy<Value = Turn> {
    let state = prop_oneof![Just(State::Pending), Just(State::Success), Just(State::Failure)];
    prop_oneof![
        3 => state.prop_map(Turn::Want),
        2 => Just(Turn::Hold),
        4 => Just(Turn::Next),
        3 => Just(Turn::Posted),
        1 => Just(Turn::Refused),
        1 => Just(Turn::Restart),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_what_holds_is_told_until_it_is_lifted(turns in proptest::collection::vec(turn(), 0..40)) {
        let (mut desk, mut saved) = (Desk::default(), std::collections::BTreeMap::new());
        let (mut flying, mut taken, mut wanted) = (None, None, None);
        for turn in turns {
            match turn {
                Turn::Want(state) => {
                    desk.want(state, "said");
                    // A success is a dated fact once it is told, or on its way.
                    let is_told = flying.or(taken) == Some(State::Success) && wanted == Some(State::Success);
                    wanted = if state == State::Pending || is_told { wanted } else { Some(state) };
                }
                Turn::Hold => {
                    desk.outbox.hold(&key(1), status(1, State::Failure, "held"), Timestamp(desk.now));
                    wanted = Some(State::Failure);
                }
                Turn::Next => flying = desk.next().map(|(state, _)| state).or(flying),
                Turn::Posted => {
                    taken = flying.take().or(taken);
                    desk.posted();
                }
                Turn::Refused => {
                    flying = None;
                    desk.refused(None);
                }
                Turn::Restart => {
                    saved.extend(desk.outbox.dirty());
                    desk.outbox = Outbox::restore(saved.values().flatten().map(Vec::as_slice)).0;
                    flying = None;
                }
            }
            saved.extend(desk.outbox.dirty());
        }
        taken = flying.take().or(taken);
        desk.posted();
        while let Some(due) = desk.outbox.wakes() {
            desk.now = desk.now.max(due.0);
            taken = desk.post_all().last().map(|(state, _)| *state).or(taken);
        }
        let verdict = taken.filter(|state| state.is_verdict());
        prop_assert_eq!(verdict, wanted);
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_last_wanted_verdict_is_posted(events in proptest::collection::vec(event(), 0..60)) {
        let mut seen = Seen::default();
        for event in events {
            seen.happens(event);
        }
        for commit in 0..3 {
            seen.happens(Event::Posted(commit));
        }
        while let Some(due) = seen.desk.outbox.wakes() {
            seen.desk.now = seen.desk.now.max(due.0);
            prop_assert!(seen.next(), "what is due is posted");
            (0..3).for_each(|commit| seen.happens(Event::Posted(commit)));
        }
        for (commit, taken) in (0..3_u8).zip(&seen.taken) {
            let last = taken.last().copied().filter(|state| state.is_verdict());
            prop_assert!(last == seen.wanted[usize::from(commit)], "{taken:?}");
            prop_assert!(seen.verdicts(commit) <= 2, "the verdict and one correction: {taken:?}");
            let success = taken.iter().position(|state| *state == State::Success);
            prop_assert!(success.is_none_or(|at| at + 1 == taken.len()), "nothing after a success: {taken:?}");
            let first = taken.iter().position(|state| state.is_verdict()).unwrap_or(taken.len());
            prop_assert!(taken.iter().skip(first).all(|state| state.is_verdict()), "never pending again: {taken:?}");
        }
    }
}

#[test]
fn what_waits_only_for_its_minute_is_due_once_nothing_else_comes() {
    let mut desk = Desk::default();
    desk.want(State::Pending, "waits");
    assert_eq!(desk.post_all().len(), 1, "the first is said at once");
    desk.want(State::Pending, "waits for an approval");
    assert_eq!(desk.next(), None, "a refresh has its minute");
    assert!(desk.outbox.is_pressing(), "it is still to be said");
    desk.outbox.hasten();
    assert_eq!(desk.next(), Some((State::Pending, "waits for an approval".into())), "there is nothing to wait for");
    desk.posted();
    assert!(!desk.outbox.is_pressing(), "all is said");
    desk.want(State::Success, "all synced");
    for _ in 0..2 {
        assert!(desk.outbox.is_pressing(), "the next try may help");
        desk.now += MINUTE;
        assert!(desk.next().is_some(), "its wait is over");
        desk.refused(None);
    }
    desk.outbox.hasten();
    assert_eq!((desk.next(), desk.outbox.is_pressing()), (None, false), "only time can help, and the row is kept");
}

#[test]
fn what_has_no_verdict_is_known_after_a_restart() {
    let mut desk = Desk::default();
    desk.want(State::Pending, "waits");
    desk.post_all();
    desk.restart();
    assert_eq!(desk.outbox.unended().collect::<Vec<_>>(), [&key(1)], "somebody has to end it");
    desk.want(State::Success, "all synced");
    assert_eq!(desk.outbox.unended().count(), 0, "it is ended, posted or not");
}
