//! In: statuses that are wanted, and what forges answered. Out: what to post next, and rows to keep over a restart.
//! Guarantee: the last wanted verdict is posted in the end, unless its commit is frozen or the forge will never take it.
mod machine;
mod row;
mod wire;
#[cfg(test)]
mod tests;

pub use machine::{Dropped, Outbox, Post};
pub use row::{Key, Refusal, Row, back_off_of};
