//! In: each place at which a write can be cut off. Out: the process's end there, if a test asked for it.
//! Guarantee: a release build has nothing of it; debug builds do, so that the tests run as the program is usually tested,
//! without a second build for a feature.

/// Ends the process as `kill -9` does, if `STRATIFY_KILL_AT` names the number of this call, from one.
#[cfg(debug_assertions)]
pub(super) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CALLS: AtomicU64 = AtomicU64::new(0);
    static AT: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("STRATIFY_KILL_AT").ok()?.parse().ok());
    if Some(CALLS.fetch_add(1, Ordering::SeqCst) + 1) == *AT {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("a process may end itself");
    }
}

/// Does nothing: only tests end the process here.
#[cfg(not(debug_assertions))]
pub(super) fn point() {}
