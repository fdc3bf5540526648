//! In: real folders. Out: what a target that is a directory takes, refuses and shows.
//! Guarantee: each promise to a directory's owner has one test.
mod fixture;
mod sync;
mod write;
