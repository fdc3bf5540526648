//! In: the fleet's head. Out: clusters synced to it, and its statuses posted.
//! Guarantee: the same loop as `serve`, until all is settled; where a process serves, that one syncs.
use super::here::Here;
use super::{Answer, Exit, Failure, once};
use crate::cli::args::Sync;
use crate::cli::print::{Printer, Progress, Text, Tone};
use crate::client::git::fault;
use crate::control::engine::{Engine, Event, Observer, Only, Until};
use crate::decide::document::nearest;
use crate::decide::report::{Condition, Report, counted};
use crate::decide::value::{Diagnostic, Fault, Owner};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use crate::serve::socket::{Ask, try_ask};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Syncs clusters to the head of the watched branch.
pub(super) fn run(options: &Sync, printer: &Printer, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let ask = Ask::Sync { cluster: options.cluster.clone(), environment: options.environment.clone() };
    if let Some(answer) = try_ask(&here.settings.state, &ask)? {
        return asked(options, &answer);
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Fault::bug)?;
    let (outside, store, statuses) = here.outside(runtime.handle())?;
    let watcher = Watcher { progress: printer.progress(), head: None, held: None, troubles: Vec::new() };
    let (engine, received) = Engine::new(outside, statuses, store, watcher)?;
    let mut engine = engine.only(only(options));
    let _ = engine.events().send(Event::Woken);
    runtime.block_on(engine.run(received, Until::Settled))?;
    let clusters = engine.clusters();
    let reports: Vec<Report> =
        engine.reports().values().filter(|it| asks_for(options, &it.cluster, &it.environment)).cloned().collect();
    let watcher = engine.into_observer();
    if watcher.held.is_none() && reports.is_empty() {
        found(options, &clusters)?;
    }
    answer(&reports, watcher)
}

fn only(options: &Sync) -> Only {
    match (&options.cluster, &options.environment) {
        (Some(cluster), _) => Only::Cluster(cluster.clone()),
        (None, Some(environment)) => Only::Environment(environment.clone()),
        (None, None) => Only::All,
    }
}

fn asks_for(options: &Sync, cluster: &ClusterName, environment: &EnvironmentName) -> bool {
    options.cluster.as_ref().is_none_or(|only| only == cluster)
        && options.environment.as_ref().is_none_or(|only| only == environment)
}

/// Errs where what was asked for is not there.
fn found(options: &Sync, clusters: &BTreeMap<ClusterName, EnvironmentName>) -> Result<(), Failure> {
    let is_all = options.cluster.is_none() && options.environment.is_none();
    if is_all || clusters.iter().any(|(cluster, environment)| asks_for(options, cluster, environment)) {
        return Ok(());
    }
    let known: BTreeSet<&str> = match options.cluster {
        Some(_) => clusters.keys().map(ClusterName::as_str).collect(),
        None => clusters.values().map(EnvironmentName::as_str).collect(),
    };
    Err(unknown(options, &known.into_iter().collect::<Vec<_>>()))
}

fn unknown(options: &Sync, known: &[&str]) -> Failure {
    let (what, name) = match (&options.cluster, &options.environment) {
        (Some(cluster), _) => ("cluster", cluster.as_str()),
        (None, environment) => ("environment", environment.as_ref().map_or("", EnvironmentName::as_str)),
    };
    let near = nearest(name, known.iter().copied());
    let hint = near.map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    fault(Owner::Author, false, format!("the head has no {what} {name}"), &hint).into()
}

/// Says what the process that serves makes of it.
fn asked(options: &Sync, answer: &Value) -> Result<Answer, Failure> {
    let names = |key: &str| -> Vec<&str> {
        answer.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    if answer.get("unknown").is_some() {
        return Err(unknown(options, &names("known")));
    }
    let mut text = Text::of("`stratify serve` runs here, and syncs: it looks for new commits now");
    text.line(format!(
        "it looks at {}; see `stratify status`, and `stratify why CLUSTER`",
        counted(names("clusters").len(), "cluster")
    ));
    Ok(Answer::new(text, json!({ "serving": answer })))
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
        let condition = &report.standing.condition;
        let is_good = matches!(condition, Condition::Synced { .. } | Condition::NotAffected | Condition::Released);
        all_good &= is_good;
        text.pieces([(if is_good { Tone::Good } else { Tone::Bad }, report.to_string())]);
        report.lines.iter().skip(1).for_each(|line| text.line(format!("    {line}")));
        data.push(json!({ "cluster": report.cluster.as_str(), "synced": is_good, "lines": report.lines }));
        diagnostics.extend(report.diagnostics.iter().cloned());
    }
    watcher.troubles.iter().for_each(|trouble| text.pieces([(Tone::Warning, format!("! {trouble}"))]));
    let mut answer = Answer::new(text, json!({ "head": watcher.head.map(|head| head.to_string()), "clusters": data }));
    answer.warnings = once(diagnostics);
    if !all_good {
        answer.exit = Exit::Failed;
    }
    Ok(answer)
}
