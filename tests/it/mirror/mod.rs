//! In: real repositories, made by the `git` program under a configuration of their own. Out: what the mirror makes of them.
//! Guarantee: no test waits for a time, asks a network, or reads the user's configuration.
pub(crate) mod fixture;
pub(crate) mod file;
mod ahead;
mod crash;
mod head;
pub(crate) mod http;
mod notes;
mod push;
pub(crate) mod server;
mod ssh;
mod tree;
