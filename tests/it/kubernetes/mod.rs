//! In: a real API server. Out: what the program and the harness make of it.
//! Guarantee: group `kubernetes` of `tests/run`; each test has a namespace or a server of its own.
mod bounds;
mod demo;
mod deploy;
mod doctor;
mod faults;
mod fleet;
mod laws;
mod managed;
mod operators;
mod serve;
mod server;
mod sync;
mod watch;
