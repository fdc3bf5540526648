//! In: two sides of a fleet. Out: what a sync would do to each cluster, in order.
//! Guarantee: nothing is written; exit code 2 where something would be.
use super::here::{Here, on_large_stack};
use super::{Answer, Exit, Failure};
use crate::cli::args::Plan;
use crate::cli::print::Text;
use crate::decide::plan::view;
use crate::decide::report::counted;
use crate::decide::value::{Diagnostic, Fault, Source, Warnings};
use crate::name::ClusterName;
use serde_json::json;
use std::path::Path;

/// Plans all clusters, or one.
pub(super) fn run(options: &Plan, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (plans, warnings) = on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        let from = options.from.as_deref().map(|from| preview.fleet(Some(from))).transpose()?;
        let clusters: Vec<ClusterName> = match &options.cluster {
            Some(cluster) => vec![cluster.clone()],
            None => fleet.index.cluster_names().cloned().collect(),
        };
        let (mut plans, mut warnings, mut errors) = (Vec::new(), Warnings::default(), Vec::new());
        if options.cluster.is_none() {
            errors.extend(fleet.index.said().into_iter().filter(Diagnostic::is_error));
        }
        for cluster in &clusters {
            match preview.plan(&fleet, from.as_deref(), cluster, &mut warnings).await {
                Ok(plan) => plans.push(plan),
                Err(Fault { source: Source::Documents(said), .. }) => errors.extend(said),
                Err(fault) => return Err(fault.into()),
            }
        }
        errors.dedup();
        if errors.is_empty() { Ok((plans, warnings.0)) } else { Err(Failure::from(errors)) }
    })?;
    let (pending, quiet): (Vec<_>, Vec<_>) = plans.iter().partition(|plan| !plan.is_empty());
    let mut text = Text::default();
    for plan in &pending {
        for line in view::lines(plan) {
            text.line(line);
        }
        text.line("");
    }
    text.line(format!("{} to change, {} as it should be", counted(pending.len(), "cluster"), quiet.len()));
    let mut answer = Answer::new(text, json!({ "plans": plans.iter().map(view::data).collect::<Vec<_>>() }));
    answer.warnings = warnings;
    if !pending.is_empty() {
        answer.exit = Exit::Pending;
    }
    Ok(answer)
}
