//! In: the fleet's head. Out: clusters synced to it, and its statuses posted.
//! Guarantee: the same loop as `serve`, until all is settled.
use super::here::Here;
use super::{Answer, Exit, Failure};
use crate::cli::print::{Printer, Progress, Text, Tone};
use crate::client::git::fault;
use crate::control::engine::{Engine, Event, Observer, Until};
use crate::decide::report::{Condition, Report};
use crate::decide::value::{Diagnostic, Fault, Owner};
use crate::name::CommitId;
use serde_json::json;
use std::path::Path;

/// Syncs all clusters to the head of the watched branch.
pub(super) fn run(printer: &Printer, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Fault::bug)?;
    let (outside, store, statuses) = here.outside(runtime.handle())?;
    let watcher = Watcher { progress: printer.progress(), head: None, held: None, troubles: Vec::new() };
    let (mut engine, received) = Engine::new(outside, statuses, store, watcher)?;
    let _ = engine.events().send(Event::Woken);
    runtime.block_on(engine.run(received, Until::Settled))?;
    let reports: Vec<Report> = engine.reports().values().cloned().collect();
    answer(&reports, engine.into_observer())
}

/// Keeps what is told for the end.
struct Watcher {
    progress: Progress,
    head: Option<CommitId>,
    held: Option<String>,
    troubles: Vec<String>,
}

impl Observer for Watcher {
    fn head(&mut self, commit: CommitId, clusters: usize) {
        self.head = Some(commit);
        self.progress.step(&format!("{commit} concerns {clusters} clusters"));
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
}

fn answer(reports: &[Report], watcher: Watcher) -> Result<Answer, Failure> {
    if let Some(why) = watcher.held {
        return Err(fault(Owner::Operator, false, why, "see `stratify status`").into());
    }
    let mut text = Text::default();
    if let Some(head) = watcher.head {
        text.line(format!("head {head}"));
    }
    let (mut data, mut diagnostics, mut all_good) = (Vec::new(), Vec::<Diagnostic>::new(), watcher.troubles.is_empty());
    for report in reports {
        let is_good = matches!(report.standing.condition, Condition::Synced { .. } | Condition::NotAffected);
        all_good &= is_good;
        text.pieces([(if is_good { Tone::Good } else { Tone::Bad }, report.to_string())]);
        report.lines.iter().skip(1).for_each(|line| text.line(format!("    {line}")));
        data.push(json!({ "cluster": report.cluster.as_str(), "synced": is_good, "lines": report.lines }));
        for said in &report.diagnostics {
            if !diagnostics.contains(said) {
                diagnostics.push(said.clone());
            }
        }
    }
    watcher.troubles.iter().for_each(|trouble| text.pieces([(Tone::Warning, format!("! {trouble}"))]));
    let mut answer = Answer::new(text, json!({ "head": watcher.head.map(|head| head.to_string()), "clusters": data }));
    answer.warnings = diagnostics;
    if !all_good {
        answer.exit = Exit::Failed;
    }
    Ok(answer)
}
