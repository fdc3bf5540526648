//! In: two sides of a fleet. Out: what a sync would do to each cluster, in order.
//! Guarantee: nothing is written; exit code 2 where something would be.
use super::here::{Here, on_large_stack};
use super::{Answer, Exit, Failure, once};
use crate::cli::args::Plan;
use crate::cli::print::Text;
use crate::control::preview::Plans;
use crate::decide::plan::{self, view};
use crate::decide::report::counted;
use crate::decide::value::{Diagnostic, Fault, Source, Warnings};
use crate::name::ClusterName;
use serde_json::json;
use std::path::Path;

/// Plans all clusters, or one.
pub(super) fn run(options: &Plan, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (all, said, warnings) = on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        let from = options.from.as_deref().map(|from| preview.fleet(Some(from))).transpose()?;
        let clusters: Vec<ClusterName> = match &options.cluster {
            Some(cluster) => vec![cluster.clone()],
            None => fleet.index.cluster_names().cloned().collect(),
        };
        let said = if options.cluster.is_none() { fleet.index.said() } else { Vec::new() };
        let mut warnings = Warnings::default();
        Ok((preview.plans(&fleet, from.as_deref(), &clusters, &mut warnings).await, said, warnings.0))
    })?;
    let Plans { plans, sets } = all;
    let plans = sound(plans, said)?;
    let (pending, quiet): (Vec<_>, Vec<_>) = plans.iter().partition(|plan| !plan.is_empty());
    let mut text = Text::default();
    // What is left as it is differs, though nothing is written.
    for plan in plans.iter().filter(|plan| !plan.is_empty() || !plan.paused.is_empty()) {
        text.lines(view::lines(plan));
        text.line("");
    }
    for (environment, (set, count)) in sets.iter().filter(|(_, (_, count))| *count > 1) {
        text.line(format!("{environment}: all {count} that wait, together: `stratify approve {set}`"));
    }
    text.line(format!("{} to change, {} as it should be", counted(pending.len(), "cluster"), quiet.len()));
    let sets: serde_json::Map<_, _> =
        sets.iter().map(|(environment, (set, _))| (environment.to_string(), json!(set.to_string()))).collect();
    let data = json!({ "plans": plans.iter().map(view::data).collect::<Vec<_>>(), "changeSets": sets });
    let mut answer = Answer::new(text, data);
    answer.warnings = once(warnings);
    if !pending.is_empty() {
        answer.exit = Exit::Pending;
    }
    Ok(answer)
}

/// Returns the plans if all could be made, else all that is wrong, each mistake once.
fn sound(
    plans: Vec<(ClusterName, Result<plan::Plan, Fault>)>,
    said: Vec<Diagnostic>,
) -> Result<Vec<plan::Plan>, Failure> {
    let mut errors: Vec<Diagnostic> = said.into_iter().filter(Diagnostic::is_error).collect();
    let mut sound = Vec::new();
    for (_, plan) in plans {
        match plan {
            Ok(plan) => sound.push(plan),
            Err(Fault { source: Source::Documents(said), .. }) => errors.extend(said),
            Err(fault) => return Err(fault.into()),
        }
    }
    if errors.is_empty() { Ok(sound) } else { Err(once(errors).into()) }
}
