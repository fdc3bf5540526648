//! In: programs that `tests/testenv/build` made. Out: real servers for the tests, and what the tests ask of them.
//! Guarantee: all listen on the loopback and nowhere else; each process ends with the test that started it, or with the
//! binary where it is shared.
//!
//! ```text
//! Server::shared() ── etcd ◄── kube-apiserver ──► audit.log ──► Audit::since(mark, whose)
//!       │ kubeconfig(user)            ▲
//!       ▼                             │ Proxy::start(&server, schedule): faults at the n-th request
//!   the program under test ───────────┘
//!       └──────────► Simulated::start(1000): a light API server for each cluster, in this process
//! ```
mod audit;
pub(crate) mod authority;
mod capi;
mod controllers;
mod faults;
mod gitea;
mod kubeconfig;
mod objects;
mod port;
mod process;
mod programs;
mod server;
mod simulated;
mod wait;

pub(crate) use audit::{Entry, Mark};
pub(crate) use capi::{ClusterApi, Shape, condition};
pub(crate) use faults::{Fault, Proxy, Refusal, Schedule, Seen};
pub(crate) use gitea::{Account, Gitea};
pub(crate) use kubeconfig::User;
pub(crate) use programs::program;
pub(crate) use server::{Controllers, Options, Server};
pub(crate) use simulated::{Death, Simulated};

use std::thread;

/// Runs a future to its end, wherever it is called from; its runtime ends with it.
pub(crate) fn on_a_runtime<T: Send, F: Future<Output = T>>(begin: impl FnOnce() -> F + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs nothing").block_on(begin())
    };
    // A thread of its own, since the caller may stand on a runtime, which does not bear another within.
    thread::scope(|scope| scope.spawn(run).join().expect("the future does not panic"))
}
