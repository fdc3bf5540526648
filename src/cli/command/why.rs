//! In: a cluster. Out: what it waits for: an acceptance, an approval, a layer's gate, a window, a commit.
//! Guarantee: the first line says why and what to do next; nothing that another line denies.
use super::current_fleet::{Here, find_cluster, on_large_stack};
use super::status::Now;
use super::{Answer, Failure};
use crate::cli::args::Why;
use crate::cli::print::Text;
use crate::control::preview::{Preview, Purpose};
use crate::decide::drift::Found;
use crate::decide::plan::{Approval, ChangeKind, Hold, Plan, view};
use crate::decide::value::{Fault, Warnings};
use crate::name::{ChangeSetId, ClusterName, CommitId};
use crate::serve::socket::{Ask, try_ask};
use serde_json::{Value, json};
use std::path::Path;

/// Says what a cluster waits for.
pub(super) fn run(options: &Why, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let running = try_ask(&here.settings.state, &Ask::Why(options.cluster.clone()))?;
    let preview = here.preview()?;
    let mut waits = on_large_stack(waits(&preview, &options.cluster))?;
    let said = |key: &str| running.as_ref().and_then(|answer| answer.get(key)).cloned().unwrap_or_default();
    waits.held = said("held").as_str().map(str::to_owned).or(waits.held);
    waits.is_running = said("running") == true;
    waits.is_served = running.is_some();
    let lines = said("lines");
    waits.told = lines.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if running.is_none() {
        let failed = Now::remembered(&here).of(&options.cluster).filter(|text| is_refused(text));
        waits.told = failed.into_iter().collect();
    }
    let lines = waits.lines(&options.cluster);
    let data = json!({
        "cluster": options.cluster.as_str(),
        "reason": lines.first(),
        "held": waits.held,
        "running": running,
        "plan": view::data(&waits.plan),
    });
    let mut text = Text::default();
    text.lines(lines);
    Ok(Answer::new(text, data))
}

/// What a cluster waits for, as far as its repository, its target and the process that serves say.
struct Waits {
    /// Why no commit is synced, if none is.
    held: Option<String>,
    plan: Plan,
    /// The id of all changes of its environment that wait for approval, and how many they are.
    set: Option<(ChangeSetId, usize)>,
    /// What is not as it was applied.
    found: Vec<Found>,
    /// The commit whose sync did not come to its end.
    open: Option<CommitId>,
    /// Whether a process syncs it now.
    is_running: bool,
    is_served: bool,
    /// What is told of that sync, or of the last one.
    told: Vec<String>,
}

async fn waits(preview: &Preview, cluster: &ClusterName) -> Result<Waits, Failure> {
    let fleet = preview.committed()?;
    find_cluster(&fleet, cluster)?;
    let all =
        preview.plans(&fleet, None, std::slice::from_ref(cluster), Purpose::Outline, &mut Warnings::default()).await;
    let sets = all.sets;
    let Some((_, plan)) = all.plans.into_iter().next() else {
        return Err(Fault::bug("no plan was made").into());
    };
    let plan = plan?;
    let wanted = preview.wanted(&fleet, cluster, &mut Warnings::default()).await?;
    let record = preview.facts(&wanted).await?.record;
    let held = match preview.held()? {
        Some(held) => Some(held),
        None => preview.fenced(&record, preview.head()?)?,
    };
    let set = sets.get(&plan.change.environment).copied();
    let open = record.applying.map(|moment| moment.head);
    let found = preview.found(cluster);
    Ok(Waits { held, plan, set, found, open, is_running: false, is_served: false, told: Vec::new() })
}

/// Whether the last sync was refused, by the target or for what documents say.
fn is_refused(told: &str) -> bool {
    told.starts_with("failed") || told.starts_with("invalid")
}

impl Waits {
    /// Returns what is said, the reason first.
    fn lines(&self, cluster: &ClusterName) -> Vec<String> {
        if let Some(held) = &self.held {
            return vec![format!("{cluster} is held: {held}")];
        }
        if self.is_running {
            let first = format!("{cluster} is being synced: {}", self.told.first().map_or("it begins", String::as_str));
            return std::iter::once(first).chain(self.told.iter().skip(1).cloned()).collect();
        }
        if !self.plan.holds.is_empty() {
            return self.hold(cluster);
        }
        let then = if self.is_served { "`stratify serve` goes on with it" } else { "`stratify sync` goes on with it" };
        let is_failed = self.told.first().is_some_and(|told| is_refused(told));
        if is_failed {
            let first = self.told.first().map_or("", String::as_str);
            let rest = self.told.iter().skip(1).cloned();
            let named = if first.starts_with("invalid") { "`stratify plan` names what is wrong; " } else { "" };
            let next = format!("{named}when that is mended, {}", then.replace("goes on with it", "tries again"));
            return std::iter::once(format!("{cluster} {first}")).chain(rest).chain([next]).collect();
        }
        if let Some(commit) = self.open {
            return vec![format!("{cluster}: the sync of {commit} did not come to its end; {then}")];
        }
        if !self.plan.paused.is_empty() {
            let paused = |layer| format!("layer {layer} of {cluster} is paused, and differs");
            return self.plan.paused.iter().map(paused).collect();
        }
        // The process that runs has told it.
        let found: Vec<String> =
            if self.told.is_empty() { self.found.iter().map(ToString::to_string).collect() } else { Vec::new() };
        if self.plan.is_empty() && self.found.is_empty() {
            return vec![format!("{cluster} is at HEAD: it waits for nothing")];
        }
        if self.plan.is_empty() {
            let first = format!("{cluster} is at HEAD, but for what drifted");
            return std::iter::once(first).chain(found).chain(self.told.iter().cloned()).collect();
        }
        let mut lines =
            vec![format!("{cluster} has pending changes and waits for `stratify sync` or a running `stratify serve`")];
        lines.extend(found);
        lines.extend(self.told.iter().cloned());
        lines
    }

    /// Returns why the plan is held, by what it goes on, and each layer that it changes once.
    fn hold(&self, cluster: &ClusterName) -> Vec<String> {
        let plan = &self.plan;
        let mut needs: Vec<&str> = Vec::new();
        let mut never: Vec<&str> = Vec::new();
        for hold in &plan.holds {
            match hold {
                Hold::Approval { why } => needs.push(why),
                Hold::Forbidden { why } => never.push(why),
                Hold::Paused => {}
            }
        }
        let first = if !never.is_empty() {
            format!("{cluster} is held: never done: {}; commit another change", never.join(", "))
        } else if plan.holds.contains(&Hold::Paused) {
            format!("{cluster} is paused: it goes on with `lifecycle: active`")
        } else {
            let id = plan.change.id;
            format!("{cluster} waits for approval: {}; approve by `stratify approve {id}`", needs.join(", "))
        };
        let mut lines = vec![first];
        lines.extend(plan.approval.iter().flat_map(Approval::lines).map(|line| format!("  {line}")));
        if let Some((set, count)) = self.set.filter(|(_, count)| *count > 1 && never.is_empty()) {
            let environment = &plan.change.environment;
            lines.push(format!("  all {count} of {environment} that wait, together: `stratify approve {set}`"));
        }
        let changed = plan.change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged);
        lines.extend(changed.map(|layer| format!("  {} {}", view::kind(layer.kind), layer.layer)));
        lines
    }
}
