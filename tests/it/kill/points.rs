//! In: the number of a write. Out: a sync that ends there, and the one after it.
//! Guarantee: every write of both syncs is cut off once; debug builds alone have the points.
#![cfg(debug_assertions)]
use super::fleet::{Start, starts};
use super::laws;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// More writes than the syncs of three small layers have: a sync that never ends without its cut-off is wrong.
const POINTS_MAX: u64 = 2_000;

#[test]
fn a_sync_that_is_cut_off_at_any_write_is_brought_to_its_end_by_the_next() {
    for (start, least) in starts().iter().zip([60, 60]) {
        let points = cut_off_everywhere(start);
        assert!(points >= least, "each write has several points, and {points} are too few to be all");
    }
}

/// Cuts syncs off at each point, and returns how many there are.
fn cut_off_everywhere(start: &Start) -> u64 {
    let (next, is_over) = (AtomicU64::new(1), AtomicBool::new(false));
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    assert!(at < POINTS_MAX, "the sync has an end");
                    if !is_cut_off_at(start, at) {
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
    let output = checkout.command(&["sync"]).env("STRATIFY_KILL_AT", at.to_string()).output().expect("it was built");
    let after = format!("a cut-off at write {at}");
    if output.status.signal().is_none() {
        assert_eq!(
            output.status.code(),
            Some(0),
            "{after}, which is none:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        start.converges(&checkout, &after);
        return false;
    }
    laws::hold(start, &checkout, &after);
    start.converges(&checkout, &after);
    true
}
