//! In: two sides of a fleet. Out: what a sync would do to each cluster, in order.
//! Guarantee: nothing is written, only tried on API servers as a sync tries it; exit code 2 where something would be; a cluster with a mistake hides no other's plan.
use super::adopt::{id, name};
use super::current_fleet::{Here, find_cluster, on_large_stack, unknown};
use super::status::Now;
use super::{Answer, Exit, Failure, Found, once};
use crate::cli::args::Plan;
use crate::cli::print::Text;
use crate::control::preview::{Plans, Purpose};
use crate::control::released_clusters::{Released, released_targets};
use crate::decide::drift::{self, Drifted, Fate, What};
use crate::decide::fleet::Fleet;
use crate::decide::plan::ownership::Manager;
use crate::decide::plan::{self, view};
use crate::decide::value::{Diagnostic, Fault, Source, Warnings, counted};
use crate::name::{ChangeSetId, ClusterName, EnvironmentName, ObjectId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Plans all clusters, or some.
pub(super) fn run(options: &Plan, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let is_whole = options.from.is_none() && options.cluster.is_empty() && options.environment.is_none();
    let now = if is_whole { Now::remembered(&here) } else { Now::default() };
    let (all, said, warnings, described) = on_large_stack(async {
        let fleet = preview.reviewed(options.rev.as_deref())?;
        let from = options.from.as_deref().map(|from| preview.fleet(Some(from))).transpose()?;
        let clusters = chosen(options, &fleet)?;
        // A head that is gone, or cannot be read any more, tells nothing of targets.
        let before = now.head().and_then(|head| preview.fleet(Some(head)).ok());
        let moved = before.map(|before| released_targets(&before, &fleet)).unwrap_or_default();
        let described = (fleet.index.cluster_names().cloned().collect::<BTreeSet<ClusterName>>(), moved);
        let is_all = options.cluster.is_empty() && options.environment.is_none();
        let said = if is_all { fleet.index.said() } else { Vec::new() };
        let mut warnings = Warnings::default();
        let purpose = if options.no_probe { Purpose::Outline } else { Purpose::Review };
        Ok((
            preview.plans(&fleet, from.as_deref(), &clusters, purpose, &mut warnings).await,
            said,
            warnings.0,
            described,
        ))
    })?;
    let Plans { plans, sets } = all;
    // A plan of which something would be refused is shown with it.
    let (refused, warnings): (Vec<_>, Vec<_>) = warnings.into_iter().partition(Diagnostic::is_error);
    let Sorted { sound, failures, broken } = sorted(plans, said.into_iter().chain(refused).collect());
    if sound.is_empty()
        && let [_] = &*failures
    {
        return Err(failures.into_iter().next().unwrap_or_else(|| Fault::bug("there is one").into()));
    }
    let is_tried =
        |plan: &plan::Plan| !options.no_probe && options.from.is_none() && preview.is_server(&plan.change.cluster);
    let found = |plan: &plan::Plan| is_tried(plan).then(|| preview.found(&plan.change.cluster));
    let mut answer = answer(&sound, &sets, broken, found);
    answer.warnings = once(Found::of_all(warnings));
    if let (Some(data), Some(said)) = (answer.data.as_object_mut(), Failure::data(&failures).as_object()) {
        data.extend(said.clone());
    }
    answer.failures = failures;
    if is_whole {
        released(&mut answer, &now.without(&described.0), &described.1);
    }
    Ok(answer)
}

/// Tells what a sync will release.
fn released(answer: &mut Answer, names: &[String], targets: &[Released]) {
    for name in names {
        answer.text.line(format!(
            "{name}: no document describes it any longer: a sync releases it and deletes nothing, \
             or it goes on as the cluster that has its target now"
        ));
    }
    for target in targets {
        answer.text.line(target.to_string());
    }
    let target =
        |it: &Released| json!({ "cluster": it.cluster.as_str(), "target": &*it.target, "now": it.goes_to.as_deref() });
    if let Some(data) = answer.data.as_object_mut() {
        data.insert("released".into(), json!(names));
        data.insert("releasedTargets".into(), targets.iter().map(target).collect());
    }
}

/// Returns the clusters that are asked for.
fn chosen(options: &Plan, fleet: &Fleet) -> Result<Vec<ClusterName>, Failure> {
    options.cluster.iter().try_for_each(|cluster| find_cluster(fleet, cluster))?;
    if !options.cluster.is_empty() {
        return Ok(options.cluster.clone());
    }
    let index = &fleet.index;
    let Some(environment) = &options.environment else { return Ok(index.cluster_names().cloned().collect()) };
    let of_it = |cluster: &&ClusterName| index.environment_of(cluster).as_ref() == Some(environment);
    let clusters: Vec<ClusterName> = index.cluster_names().filter(of_it).cloned().collect();
    if clusters.is_empty() && !index.environments().any(|known| known.name == *environment) {
        let known = index.environments().map(|environment| environment.name.as_str());
        return Err(unknown("environment", environment.as_str(), known));
    }
    Ok(clusters)
}

fn answer(
    plans: &[plan::Plan],
    sets: &BTreeMap<EnvironmentName, (ChangeSetId, usize)>,
    broken: usize,
    found: impl Fn(&plan::Plan) -> Option<Vec<drift::Found>>,
) -> Answer {
    let (pending, quiet): (Vec<_>, Vec<_>) = plans.iter().partition(|plan| !plan.is_empty());
    let (left, quiet): (Vec<_>, Vec<_>) = quiet.into_iter().partition(|plan| !plan.paused.is_empty());
    let mut text = Text::default();
    // What is left as it is differs, though nothing is written.
    for plan in plans.iter().filter(|plan| !plan.is_empty() || !plan.paused.is_empty()) {
        text.lines(view::lines(plan));
        if let Some(found) = found(plan) {
            text.lines(held(&found).map(|(object, field, manager, fate)| {
                let then = if fate == Fate::Corrected { "taken back: it was ours" } else { "left so" };
                format!("  ! {} of {} is of {manager}, and {then}", field.pointer, name(object))
            }));
            text.lines(view::tried(plan));
        }
        text.line("");
    }
    for (environment, (set, count)) in sets.iter().filter(|(_, (_, count))| *count > 1) {
        text.line(format!("{environment}: all {count} that wait, together: `stratify approve {set}`"));
    }
    let should = if quiet.len() == 1 { "it should" } else { "they should" };
    let mut last = format!("{} to change, {} as {should} be", counted(pending.len(), "cluster"), quiet.len());
    if !left.is_empty() {
        last = format!("{last}, {} left as a pause has it", left.len());
    }
    if broken > 0 {
        last = format!("{last}, {broken} that cannot be planned");
    }
    text.line(last);
    let sets: serde_json::Map<_, _> =
        sets.iter().map(|(environment, (set, _))| (environment.to_string(), json!(set.to_string()))).collect();
    let conflict = |(object, field, manager, fate): (&ObjectId, &Drifted, &Manager, Fate)| {
        let taken = fate == Fate::Corrected;
        json!({ "object": id(object), "field": field.pointer.to_string(), "manager": &*manager.name, "taken": taken })
    };
    let plan_data = |plan: &plan::Plan| {
        let mut data = view::data(plan);
        data["conflicts"] = held(&found(plan).unwrap_or_default()).map(conflict).collect();
        data
    };
    let data = json!({ "plans": plans.iter().map(plan_data).collect::<Vec<Value>>(), "changeSets": sets });
    let mut answer = Answer::new(text, data);
    if !pending.is_empty() || !left.is_empty() {
        answer.exit = Exit::Pending;
    }
    answer
}

/// Returns the fields of ours that others have, and whether they are taken back.
fn held(found: &[drift::Found]) -> impl Iterator<Item = (&ObjectId, &Drifted, &Manager, Fate)> {
    found.iter().flat_map(|one| {
        let fields = if let What::Changed(fields) = &one.what { &**fields } else { &[] };
        let of_others = fields.iter().filter_map(|field| Some((field, field.manager.as_ref()?)));
        of_others.map(|(field, manager)| (&one.object, field, manager, one.fate.clone()))
    })
}

/// Plans, and why there are no others.
struct Sorted {
    sound: Vec<plan::Plan>,
    /// All mistakes together, each once, and what could not be asked.
    failures: Vec<Failure>,
    /// How many clusters have no plan.
    broken: usize,
}

fn sorted(plans: Vec<(ClusterName, Result<plan::Plan, Fault>)>, said: Vec<Diagnostic>) -> Sorted {
    let mut errors = Found::of_all(said.into_iter().filter(Diagnostic::is_error));
    let all = plans.len();
    let (mut sound, mut faults, mut broken) = (Vec::new(), Vec::new(), 0);
    for (cluster, plan) in plans {
        match plan {
            Ok(plan) => sound.push(plan),
            Err(fault) => {
                broken += 1;
                match fault {
                    Fault { source: Source::Documents(said), .. } => errors.extend(Found::of(&cluster, all, said)),
                    fault => faults.push(Failure::Fault(fault)),
                }
            }
        }
    }
    let errors = once(errors);
    let failures = (!errors.is_empty()).then_some(Failure::Diagnostics(errors)).into_iter().chain(faults).collect();
    Sorted { sound, failures, broken }
}
