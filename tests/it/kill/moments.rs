//! In: moments by chance, the same in each run. Out: syncs that are killed then, in whatever they do, and the ones after.
//! Guarantee: fetches, the store and the statuses are cut off as the targets are.
use super::fleet::{Start, objects, starts};
use super::laws;
use crate::commands::fixture::Checkout;
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many moments, over both syncs.
const MOMENTS: u64 = 200;

/// Any number will do; it is this one in each run.
const SEED: u64 = 0x5eed_0f57_7a71_f1ed;

#[test]
fn a_sync_that_is_killed_at_any_moment_is_brought_to_its_end_by_the_next() {
    let starts = starts();
    let lengths = starts.each_ref().map(length);
    let (next, killed) = (AtomicU64::new(0), AtomicU64::new(0));
    let one = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            if at >= MOMENTS {
                return;
            }
            let which = usize::from(at % 2 == 1);
            let (start, length) = (&starts[which], lengths[which]);
            let after = Duration::from_micros(chance(at) % u64::try_from(length.as_micros()).expect("it is short"));
            killed.fetch_add(u64::from(is_killed(start, after)), Ordering::SeqCst);
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one))));
    let killed = killed.load(Ordering::SeqCst);
    assert!(killed > MOMENTS / 4, "most syncs do not end before they are killed: {killed} of {MOMENTS}");
}

#[test]
fn a_fetch_that_is_killed_again_and_again_is_done_by_the_first_that_is_not() {
    let [start, _] = starts();
    let start = start.with_much_to_fetch();
    let checkout = start.again();
    let length = length(&start);
    for at in 0..20 {
        let moment =
            Duration::from_micros(chance(MOMENTS + at) % u64::try_from(length.as_micros()).expect("it is short"));
        kill_after(&checkout, moment);
        laws::hold(&start, &checkout, &format!("kill {at}, at {moment:?}"));
    }
    start.ends_as_wanted(&checkout, "20 kills");
    let left = names(&checkout, ".stratify/mirror/mirror.git/objects/pack");
    assert!(left.iter().all(|name| !name.contains("tmp")), "no half pack is kept: {left:?}");
}

/// Returns how long a sync takes that is not killed.
fn length(start: &Start) -> Duration {
    let checkout = start.again();
    let begun = Instant::now();
    checkout.run(&["sync"]).ends_with(0);
    begun.elapsed()
}

/// Kills a sync, and checks what it left and what the next makes of it; whether it was killed.
fn is_killed(start: &Start, moment: Duration) -> bool {
    let checkout = start.again();
    let was_killed = kill_after(&checkout, moment);
    let after = format!("a kill after {moment:?}");
    laws::hold(start, &checkout, &after);
    if !was_killed {
        assert_eq!(objects(&checkout), start.after, "it had ended");
    }
    start.ends_as_wanted(&checkout, &after);
    was_killed
}

/// Starts a sync and kills it after that time; whether it had not ended.
fn kill_after(checkout: &Checkout, moment: Duration) -> bool {
    let begun = Instant::now();
    let mut command = checkout.command(&["sync"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it was built");
    // Yielding, not sleeping: a sleep's end is too coarse a moment.
    while begun.elapsed() < moment {
        thread::yield_now();
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child").code().is_none()
}

/// Returns a number by chance, the same for the same place.
fn chance(at: u64) -> u64 {
    // SplitMix64: each place gives a number of its own, whichever thread asks first.
    let mut state = SEED.wrapping_add((at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn names(checkout: &Checkout, path: &str) -> Vec<String> {
    let entries = fs::read_dir(checkout.path(path)).expect("the folder is there");
    entries.map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned()).collect()
}
