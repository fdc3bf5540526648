//! In: syncs that are cut off: at each write, at any moment, by a full disk. Out: what is on disk, then and after the next.
//! Guarantee: the real process ends as `kill -9` ends it; nothing waits for a time to pass.
mod faults;
mod fleet;
mod laws;
mod moments;
mod points;
