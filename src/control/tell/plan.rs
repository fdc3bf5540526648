//! In: what a head would change in each cluster. Out: its status `stratify/plan`.
//! Guarantee: the first mistake stands in the text, all of them in the detail.
use super::super::outside::now;
use super::super::prepare::Prepared;
use crate::decide::report::{Context, State, Status, counted};
use crate::decide::value::{Diagnostic, Fault, Source};
use crate::name::CommitId;

/// Returns the status of a plan.
pub(super) fn status(commit: CommitId, prepared: &[&Prepared]) -> Status {
    let broken: Vec<&Prepared> = prepared.iter().copied().filter(|one| one.change.is_err()).collect();
    let changed = prepared.iter().filter(|one| one.change.as_ref().is_ok_and(|summary| summary.layers > 0)).count();
    let layers: usize = prepared.iter().filter_map(|one| one.change.as_ref().ok()).map(|summary| summary.layers).sum();
    let deletions: usize =
        prepared.iter().filter_map(|one| one.change.as_ref().ok()).map(|summary| summary.deletions).sum();
    if broken.is_empty() {
        let text = if changed == 0 {
            "nothing changes".to_owned()
        } else {
            let (layers, clusters) = (counted(layers, "layer"), counted(changed, "cluster"));
            format!("{layers} of {clusters} to change, {} to delete", counted(deletions, "object"))
        };
        return Status::new(commit, Context::plan(None), State::Success, &text, now());
    }
    let mut said: Vec<String> = Vec::new();
    for one in &broken {
        if let Err(fault) = &one.change {
            said.push(format!("{}: {}", one.cluster, first_line(fault)));
        }
    }
    let text = format!(
        "{} of {} clusters cannot be planned: {}",
        broken.len(),
        prepared.len(),
        said.first().map_or("", String::as_str)
    );
    Status::new(commit, Context::plan(None), State::Failure, &text, now()).detail(&said.join("\n"))
}

fn first_line(fault: &Fault) -> String {
    let place = |said: &Diagnostic| said.at.as_ref().map_or_else(String::new, |at| format!("{at}: "));
    match &fault.source {
        Source::Documents(said) => said
            .iter()
            .find(|said| said.is_error())
            .map_or_else(|| fault.to_string(), |said| format!("{}{} {}", place(said), said.code, said.message)),
        Source::Error(_) => fault.to_string(),
    }
}
