//! In: the number of a write. Out: a sync that ends there, and the one after it.
//! Guarantee: every write of both syncs is cut off once; debug builds alone have the points.
#![cfg(debug_assertions)]
use super::fleet::{Start, starts};
use super::laws;
use crate::commands::fixture::Checkout;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// More writes than the syncs of three small layers have: a sync that never ends without its cut-off is wrong.
const POINTS_MAX: u64 = 2_000;

#[test]
fn a_sync_that_is_cut_off_at_any_write_is_brought_to_its_end_by_the_next() {
    for (start, least) in starts().iter().zip([60, 60]) {
        let points = everywhere(|at| is_cut_off_at(start, at));
        assert!(points >= least, "each write has several points, and {points} are too few to be all");
    }
}

#[test]
fn what_a_cut_off_sync_began_is_undone_where_the_commit_is() {
    let [_, start] = starts();
    let points = everywhere(|at| {
        let checkout = start.again();
        let (was_cut_off, after) = cut_off(&checkout, at);
        checkout.git(&["revert", "--no-edit", "HEAD"]);
        start.ends_as_before(&checkout, &format!("{after} and a revert"));
        was_cut_off
    });
    assert!(points >= 60, "each write has several points, and {points} are too few to be all");
}

#[test]
fn a_sync_that_is_cut_off_twice_is_brought_to_its_end() {
    let [_, start] = starts();
    let points = everywhere(|at| {
        let checkout = start.again();
        let (was_cut_off, _) = cut_off(&checkout, at);
        // Anywhere else in the second; far apart from one to the next.
        let (_, after) = cut_off(&checkout, 1 + at * 37 % 80);
        laws::hold(&start, &checkout, &format!("{after}, after one at {at}"));
        start.ends_as_wanted(&checkout, &format!("{after}, after one at {at}"));
        was_cut_off
    });
    assert!(points >= 60, "each write has several points, and {points} are too few to be all");
}

/// Does something with each number from one, until it says that there is no such point; returns how many there are.
fn everywhere(is_cut_off_at: impl Fn(u64) -> bool + Sync) -> u64 {
    let (next, is_over) = (AtomicU64::new(1), AtomicBool::new(false));
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    assert!(at < POINTS_MAX, "the sync has an end");
                    if !is_cut_off_at(at) {
                        is_over.store(true, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    next.load(Ordering::SeqCst).saturating_sub(1 + threads as u64)
}

/// Cuts a sync off at one point, and checks what it left and what the next makes of it; whether there was such a point.
fn is_cut_off_at(start: &Start, at: u64) -> bool {
    let checkout = start.again();
    let (was_cut_off, after) = cut_off(&checkout, at);
    if was_cut_off {
        laws::hold(start, &checkout, &after);
    }
    start.converges(&checkout, &after);
    was_cut_off
}

/// Runs a sync that is cut off at one point; whether there was such a point, and how to tell of it.
fn cut_off(checkout: &Checkout, at: u64) -> (bool, String) {
    let output = checkout.command(&["sync"]).env("STRATIFY_KILL_AT", at.to_string()).output().expect("it was built");
    let after = format!("a cut-off at write {at}");
    let was_cut_off = output.status.signal().is_some();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(was_cut_off || output.status.code() == Some(0), "{after}, which is none:\n{said}");
    (was_cut_off, after)
}
