//! In: a cluster. Out: what it waits for.
//! Guarantee: from the plan that would be executed now, or from the sync that runs; what holds the branch comes first.
use super::here::{Here, on_large_stack};
use super::{Answer, Failure};
use crate::cli::args::Why;
use crate::cli::print::Text;
use crate::control::preview::Preview;
use crate::decide::drift::Found;
use crate::decide::plan::{Plan, view};
use crate::decide::value::Warnings;
use crate::name::{ChangeSetId, ClusterName};
use crate::serve::socket::{Ask, try_ask};
use serde_json::{Value, json};
use std::path::Path;

/// Says what a cluster waits for.
pub(super) fn run(options: &Why, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let running = try_ask(&here.settings.state, &Ask::Why(options.cluster.clone()))?;
    let preview = here.preview()?;
    let waits = on_large_stack(waits(&preview, &options.cluster))?;
    let said = |key: &str| running.as_ref().and_then(|answer| answer.get(key)).cloned().unwrap_or_default();
    let held = said("held").as_str().map(str::to_owned).or_else(|| waits.held.clone());
    let lines: Vec<String> =
        said("lines").as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let text = text(&options.cluster, held.as_deref(), &lines, &waits);
    let data = json!({ "cluster": options.cluster.as_str(), "held": held, "running": running, "plan": view::data(&waits.plan) });
    Ok(Answer::new(text, data))
}

/// What a cluster waits for, as far as its repository and its target say.
struct Waits {
    /// Why no commit is synced, if none is.
    held: Option<String>,
    plan: Plan,
    /// The id of all changes of its environment that wait for approval, and how many they are.
    set: Option<(ChangeSetId, usize)>,
    /// What is not as it was applied.
    found: Vec<Found>,
}

async fn waits(preview: &Preview, cluster: &ClusterName) -> Result<Waits, Failure> {
    let fleet = preview.committed()?;
    let all = preview.plans(&fleet, None, std::slice::from_ref(cluster), &mut Warnings::default()).await;
    let sets = all.sets;
    let Some((_, plan)) = all.plans.into_iter().next() else {
        return Err(crate::decide::value::Fault::bug("no plan was made").into());
    };
    let plan = plan?;
    let wanted = preview.wanted(&fleet, cluster, &mut Warnings::default()).await?;
    let record = preview.facts(&wanted).await?.record;
    let held = match preview.held()? {
        Some(held) => Some(held),
        None => preview.fenced(&record, preview.head()?)?,
    };
    let set = sets.get(&plan.change.environment).copied();
    Ok(Waits { held, plan, set, found: preview.found(cluster) })
}

fn text(cluster: &ClusterName, held: Option<&str>, running: &[String], waits: &Waits) -> Text {
    let mut text = Text::default();
    if let Some(held) = held {
        text.line(format!("{cluster} is held: {held}"));
    }
    text.lines(running.iter().cloned());
    // The process that runs has told it.
    if running.is_empty() {
        text.lines(waits.found.iter().map(ToString::to_string));
    }
    let plan = &waits.plan;
    if !plan.holds.is_empty() {
        text.lines(view::lines(plan));
        if let Some((set, count)) = waits.set.filter(|(_, count)| *count > 1) {
            let environment = &plan.change.environment;
            text.line(format!("  all {count} of {environment} that wait, together: `stratify approve {set}`"));
        }
    } else if held.is_some() {
        return text;
    } else if !plan.paused.is_empty() {
        plan.paused.iter().for_each(|layer| text.line(format!("layer {layer} of {cluster} is paused, and differs")));
    } else if plan.is_empty() && !waits.found.is_empty() {
        text.line(format!("{cluster} is at HEAD, but for what drifted"));
    } else if plan.is_empty() {
        text.line(format!("{cluster} is at HEAD: it waits for nothing"));
    } else if running.is_empty() {
        text.line(format!("{cluster} has pending changes and waits for `stratify sync` or a running `stratify serve`"));
    }
    text
}
