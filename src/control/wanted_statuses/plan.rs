//! In: what a head would change in each cluster. Out: its status `stratify/plan`.
//! Guarantee: what is never done is no success; the first mistake stands in the text, all of them in the detail.
use super::super::prepare::Prepared;
use crate::client::clock::now;
use crate::decide::report::{Annotation, Condition, Context, State, Status};
use crate::decide::value::{Diagnostic, Fault, Source, counted};
use crate::name::CommitId;

/// Returns the status of a plan; it is open as long as some clusters are late.
pub(in crate::control) fn status(commit: CommitId, prepared: &[&Prepared], late: usize) -> Status {
    if late > 0 {
        let text = format!("{} planned, {late} have not answered yet", counted(prepared.len(), "cluster"));
        return Status::new(commit, Context::plan(None), State::Pending, &text, now());
    }
    let said: Vec<String> =
        prepared.iter().filter_map(|one| Some(format!("{}: {}", one.cluster, trouble(one)?))).collect();
    let changed = prepared.iter().filter(|one| one.change.as_ref().is_ok_and(|summary| summary.layers > 0)).count();
    let layers: usize = prepared.iter().filter_map(|one| one.change.as_ref().ok()).map(|summary| summary.layers).sum();
    let deletions: usize =
        prepared.iter().filter_map(|one| one.change.as_ref().ok()).map(|summary| summary.deletions).sum();
    let waiting = prepared.iter().filter(|one| matches!(held(one), Some(Condition::Held(..)))).count();
    if said.is_empty() {
        let repairs: usize =
            prepared.iter().filter_map(|one| one.change.as_ref().ok()).map(|summary| summary.repairs).sum();
        let text = if changed == 0 && repairs > 0 {
            let (objects, deletions) = (counted(repairs, "object"), counted(deletions, "object"));
            format!("nothing changes in Git; {objects} not as a sync left them, {deletions} to delete")
        } else if changed == 0 {
            "nothing changes".to_owned()
        } else {
            let (layers, clusters) = (counted(layers, "layer"), counted(changed, "cluster"));
            let text = format!("{layers} of {clusters} to change, {} to delete", counted(deletions, "object"));
            match waiting {
                0 => text,
                1 => format!("{text}, 1 waits for approval"),
                _ => format!("{text}, {waiting} wait for approval"),
            }
        };
        return Status::new(commit, Context::plan(None), State::Success, &text, now());
    }
    let first = said.first().map_or("", String::as_str);
    let text = format!("{} of {} cannot be brought to it: {first}", said.len(), counted(prepared.len(), "cluster"));
    let status = Status::new(commit, Context::plan(None), State::Failure, &text, now()).detail(&said.join("\n"));
    status.annotated(prepared.iter().flat_map(|one| annotations(one)))
}

/// Returns what is wrong at lines of the head's own documents.
fn annotations(one: &Prepared) -> Vec<Annotation> {
    let Err(Fault { source: Source::Documents(said), .. }) = &one.change else { return Vec::new() };
    let annotation = |said: &Diagnostic| {
        let at = said.at.as_ref().filter(|at| at.origin.is_none())?;
        let line = u32::try_from(at.line_and_column().0).ok()?;
        let hint = said.hint.as_ref().map_or_else(String::new, |hint| format!("\n{hint}"));
        let text = format!("{} {}{hint}", said.code, said.message);
        Some(Annotation { path: at.path.as_str().to_owned(), line, text })
    };
    said.iter().filter(|said| said.is_error()).filter_map(annotation).collect()
}

/// Returns why a head cannot be brought to a cluster: it cannot be planned, or its plan is never done.
fn trouble(one: &Prepared) -> Option<String> {
    match (&one.change, held(one)) {
        (Err(fault), _) => Some(first_line(fault)),
        (_, Some(Condition::Failed(why))) => Some(format!("never done: {why}")),
        _ => None,
    }
}

fn held(one: &Prepared) -> Option<&Condition> {
    one.change.as_ref().ok()?.held.as_ref()
}

pub(in crate::control) fn first_line(fault: &Fault) -> String {
    match &fault.source {
        Source::Documents(said) => {
            said.iter().find(|said| said.is_error()).map_or_else(|| fault.to_string(), Diagnostic::in_short)
        }
        Source::Error(_) => fault.to_string(),
    }
}
