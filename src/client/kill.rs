//! In: each place at which a write or a post can be cut off. Out: the process's end there, if a test asked for it.
//! Guarantee: a release build has nothing of it; debug builds do, so that the tests run as the program is usually tested,
//! without a second build for a feature.

/// Of what a place is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of a write to a folder.
    Write,
    /// Of a post to a forge.
    Post,
}

/// Ends the process as `kill -9` does, if `STRATIFY_KILL_AT` names the number of this call, from one; of posts it is
/// `STRATIFY_KILL_AT_POST`.
#[cfg(debug_assertions)]
pub(crate) fn point(of: Of) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CALLS: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    static AT: LazyLock<[Option<u64>; 2]> = LazyLock::new(|| {
        ["STRATIFY_KILL_AT", "STRATIFY_KILL_AT_POST"].map(|name| std::env::var(name).ok()?.parse().ok())
    });
    let which = usize::from(of == Of::Post);
    if Some(CALLS[which].fetch_add(1, Ordering::SeqCst) + 1) == AT[which] {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("a process may end itself");
    }
}

/// Does nothing: only tests end the process here.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_: Of) {}
