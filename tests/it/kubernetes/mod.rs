//! In: a real API server. Out: what the program and the harness make of it.
//! Guarantee: group `kubernetes` of `tests/run`; each test has a namespace or a server of its own.
mod admission;
mod adopt;
mod bounds;
mod dead;
mod demo;
mod deploy;
mod doctor;
mod faults;
mod fleet;
mod generated;
mod hooks;
mod kills;
mod laws;
mod managed;
mod operators;
mod outages;
mod plans;
mod recreate;
mod serve;
mod server;
mod simulated;
mod stuck;
mod sync;
mod upgrade;
mod watch;
