//! In: the process that serves. Out: what it made of the clusters that were asked for, once all of them came to their end.
//! Guarantee: whoever stops waiting stops nothing else.
use super::super::current_fleet::{Here, on_large_stack};
use super::super::{Answer, Failure, Found};
use super::told::{Told, missing};
use crate::cli::print::{Printer, Text};
use crate::client::git::fault;
use crate::control::world::Sources;
use crate::decide::value::{Code, Diagnostic, Fault, Owner, Severity, Source, Warnings, counted};
use crate::name::{ClusterName, CommitId};
use crate::serve::socket::{Ask, Chosen, Ticket, try_ask};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// How often the process is asked: a person sees no delay, and the loop answers out of its state.
const PAUSE: Duration = Duration::from_millis(200);

/// Says that the process that serves looks now.
pub(super) fn asked(answer: &Value) -> Answer {
    let mut text = Text::of("`stratify serve` runs here, and syncs: it looks for new commits now");
    let clusters = texts(answer, "clusters").count();
    text.line(format!("it looks at {}; see `stratify status`", counted(clusters, "cluster")));
    Answer::new(text, json!({ "serving": answer }))
}

/// Waits until the process that serves has looked, and all clusters that were asked for came to their end.
pub(super) fn wait(here: &Here, printer: &Printer, chosen: &Chosen, answer: &Value) -> Result<Answer, Failure> {
    let progress = printer.progress();
    progress.step("`stratify serve` looks for new commits");
    let ticket = answer.get("ticket").and_then(Ticket::parse).ok_or_else(another_version)?;
    let ask = Ask::Settled(ticket, chosen.clone());
    loop {
        let Some(now) = try_ask(&here.settings.state, &ask)? else {
            let message = "the process that serves has ended before the sync came to its end";
            return Err(fault(Owner::Operator, true, message, "start it again; what is open goes on").into());
        };
        if now["settled"] == true {
            return told(here, chosen, &now)?.answer();
        }
        if let Some(line) = now.get("progress").and_then(Value::as_str) {
            progress.step(line);
        }
        thread::sleep(PAUSE);
    }
}

fn another_version() -> Fault {
    let message = "the process that serves gives no ticket to wait with";
    fault(Owner::Operator, false, message, "use the same version of Stratify for both, or `--no-wait`")
}

fn texts<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    answer.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn told(here: &Here, chosen: &Chosen, now: &Value) -> Result<Told, Failure> {
    let reports: Vec<Value> = now["reports"].as_array().cloned().unwrap_or_default();
    let head = now["head"].as_str().map(str::to_owned);
    let all = now["all"].as_u64().and_then(|all| usize::try_from(all).ok()).unwrap_or_default();
    let mut diagnostics: Vec<Found> = Vec::new();
    for report in &reports {
        let Some(cluster) = report["cluster"].as_str().and_then(|name| ClusterName::new(name).ok()) else { continue };
        let said = report["said"].as_array().into_iter().flatten().filter_map(placeless).collect();
        diagnostics.extend(Found::of(&cluster, all, said));
    }
    let placed = reports.iter().filter(|report| report["placed"].as_u64().is_some_and(|count| count > 0));
    let placed: Vec<ClusterName> =
        placed.filter_map(|report| ClusterName::new(report["cluster"].as_str()?).ok()).collect();
    if let Some(head) = head.as_deref().and_then(CommitId::parse).filter(|_| !placed.is_empty()) {
        diagnostics.extend(found_again(here, head, &placed, all)?);
    }
    Ok(Told {
        branch: here.branch_in_words(),
        held: now["held"].as_str().map(str::to_owned),
        troubles: texts(now, "troubles").map(str::to_owned).collect(),
        untold: texts(now, "untold").map(str::to_owned).collect(),
        reports: reports.into_iter().map(without_what_stands_beside).collect(),
        diagnostics,
        unknown: missing(chosen, &texts(now, "known").collect::<Vec<_>>()),
        head,
    })
}

fn without_what_stands_beside(mut report: Value) -> Value {
    if let Some(fields) = report.as_object_mut() {
        fields.remove("said");
        fields.remove("placed");
    }
    report
}

fn placeless(said: &Value) -> Option<Diagnostic> {
    let text = |key: &str| said[key].as_str().map(str::to_owned);
    let severity = if said["error"] == true { Severity::Error } else { Severity::Warning };
    let code = Code(u16::try_from(said["code"].as_u64()?).ok()?);
    let diagnostic = Diagnostic::new(code, severity, text("message")?);
    Some(Diagnostic { expected: text("expected"), nearest: text("nearest"), hint: text("hint"), ..diagnostic })
}

/// Returns what is to be said of clusters at a head, from its documents: the same functions find the same.
fn found_again(here: &Here, head: CommitId, clusters: &[ClusterName], all: usize) -> Result<Vec<Found>, Failure> {
    let preview = here.preview_of_seen()?;
    on_large_stack(async {
        let fleet = Sources::fleet(&preview, head).await?;
        let mut said = Vec::new();
        for cluster in clusters {
            let mut warnings = Warnings::default();
            if let Err(Fault { source: Source::Documents(errors), .. }) =
                preview.wanted(&fleet, cluster, &mut warnings).await
            {
                said.extend(Found::of(cluster, all, errors));
            }
            said.extend(Found::of(cluster, all, warnings.0));
        }
        Ok(said)
    })
}
