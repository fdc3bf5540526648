//! In: the fleet's head. Out: clusters synced to it, and its statuses posted.
//! Guarantee: the same loop as `serve`, until all is settled; where a process serves, that one syncs and is waited for.
mod served;
mod told;

use super::current_fleet::Here;
use super::{Answer, Failure, Found};
use crate::cli::args::Sync;
use crate::cli::print::{Printer, Progress};
use crate::control::engine::{Engine, Event, Observer, Until};
use crate::decide::report::Report;
use crate::decide::value::{Fault, counted};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use crate::serve::socket::{Ask, Chosen, try_ask};
use std::collections::BTreeSet;
use std::path::Path;
use told::Told;

/// What is said where the working tree has more than its commit.
const UNCOMMITTED: &str = "; what the work tree has beyond it is not committed, and not synced";

/// Syncs clusters to the head of the watched branch.
pub(super) fn run(options: &Sync, printer: &Printer, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let chosen =
        Chosen { clusters: options.cluster.iter().cloned().collect(), environment: options.environment.clone() };
    if let Some(answer) = try_ask(&here.settings.state, &Ask::Sync(chosen.clone()))? {
        return if options.no_wait {
            Ok(served::asked(&answer))
        } else {
            served::wait(&here, printer, &chosen, &answer)
        };
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Fault::bug)?;
    let (outside, store, statuses) = here.outside(runtime.handle())?;
    let watcher =
        Watcher { progress: printer.progress(), head: None, held: None, troubles: Vec::new(), untold: Vec::new() };
    let (engine, received) = Engine::new(outside, statuses, store, watcher)?;
    let mut engine = engine.only(chosen.clone());
    let _ = engine.events().send(Event::Woken);
    runtime.block_on(engine.run(received, Until::Settled))?;
    let clusters = engine.clusters();
    let reports: Vec<Report> =
        engine.outcomes().into_iter().filter(|it| chosen.includes(&it.cluster, &it.environment)).collect();
    let Watcher { head, held, troubles, untold, .. } = engine.into_observer();
    let known: BTreeSet<&str> = if chosen.clusters.is_empty() {
        clusters.values().map(EnvironmentName::as_str).collect()
    } else {
        clusters.keys().map(ClusterName::as_str).collect()
    };
    let unknown = told::missing(&chosen, &known.into_iter().collect::<Vec<_>>());
    let told = Told {
        head: head.map(|head| head.to_string()),
        branch: format!("{}{}", here.branch_in_words(), if here.has_uncommitted() { UNCOMMITTED } else { "" }),
        held,
        troubles,
        untold,
        diagnostics: reports
            .iter()
            .flat_map(|report| Found::of(&report.cluster, clusters.len(), report.diagnostics.clone()))
            .collect(),
        reports: reports.iter().map(Report::data).collect(),
        unknown,
    };
    told.answer()
}

/// Keeps what is told for the end.
struct Watcher {
    progress: Progress,
    head: Option<CommitId>,
    held: Option<String>,
    troubles: Vec<String>,
    /// What could not be told to others.
    untold: Vec<String>,
}

impl Observer for Watcher {
    fn head(&mut self, commit: CommitId, clusters: usize) {
        self.head = Some(commit);
        self.progress.step(&format!("{commit} concerns {}", counted(clusters, "cluster")));
    }

    fn held(&mut self, why: &str) {
        self.held = Some(why.to_owned());
    }

    fn ended(&mut self, report: &Report) {
        self.progress.step(&report.to_string());
    }

    fn trouble(&mut self, fault: &Fault) {
        self.troubles.push(fault.to_string());
    }

    fn untold(&mut self, fault: &Fault) {
        self.untold.push(fault.to_string());
    }
}
