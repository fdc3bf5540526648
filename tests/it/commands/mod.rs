//! In: the example fleet and command lines. Out: what each command prints, how it ends, and what it leaves on disk.
//! Guarantee: the real program on a real repository.
pub(crate) mod fixture;
mod answers;
mod deferred;
mod operators;
mod served;
mod story;
