//! In: what targets tell of their clusters. Out: a row a cluster, on request a row a layer, and the whole for programs.
//! Guarantee: a cluster whose target does not answer has its row, and why below the table.
use super::super::current_fleet::{Here, find_cluster, on_large_stack, unknown};
use super::super::{Answer, Failure};
use crate::cli::args;
use crate::cli::print::{Table, Text, Tone};
use crate::control::overview::{Overview, Seen, Told, Wellness, overview, words};
use crate::decide::document::Site;
use crate::decide::fleet::Fleet;
use crate::decide::profile::Lifecycle;
use crate::decide::value::{Digest, counted};
use crate::name::{ClusterName, CommitId};
use serde_json::{Value, json};
use std::time::Duration;

/// How many digits of an id a column shows: as many as a plan shows.
const DIGITS: usize = 12;

/// How many lines say what is not well, of one cluster: a part of a screen.
const ILL_SHOWN: usize = 5;

/// Where no value is known.
const NONE: &str = "-";

/// Asks the targets of clusters, and adds what they tell.
pub(super) fn add(here: &Here, options: &args::Status, is_wide: bool, answer: &mut Answer) -> Result<(), Failure> {
    let asked = on_large_stack(async {
        let preview = here.preview_of_seen()?;
        let fleet = preview.committed()?;
        let clusters = chosen(options, &fleet)?;
        Ok(overview(&preview, &fleet, &clusters).await)
    });
    let rows = match asked {
        Ok(rows) => rows,
        Err(Failure::Fault(fault)) if options.cluster.is_empty() && options.environment.is_none() => {
            answer.text.pieces([(Tone::Warning, "clusters: ".into()), (Tone::Plain, format!("unknown: {fault}"))]);
            answer.data["live"] = Value::Null;
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    if !rows.is_empty() {
        tell(&rows, is_wide, &mut answer.text);
    }
    answer.data["live"] = rows.iter().map(data).collect();
    Ok(())
}

fn chosen(options: &args::Status, fleet: &Fleet) -> Result<Vec<ClusterName>, Failure> {
    options.cluster.iter().try_for_each(|cluster| find_cluster(fleet, cluster))?;
    if !options.cluster.is_empty() {
        return Ok(options.cluster.clone());
    }
    let index = &fleet.index;
    let names = index.cluster_names();
    let Some(environment) = &options.environment else { return Ok(names.cloned().collect()) };
    if !index.environments().any(|known| known.name == *environment) {
        let known = index.environments().map(|environment| environment.name.as_str());
        return Err(unknown("environment", environment.as_str(), known));
    }
    Ok(names.filter(|name| index.environment_of(name).as_ref() == Some(environment)).cloned().collect())
}

fn tell(rows: &[Overview], is_wide: bool, text: &mut Text) {
    let mut table = Table::new(&["cluster", "environment", "lifecycle", "commit", "layers", "health", "drift", "age"]);
    for row in rows {
        table.row(cells(row));
    }
    text.table(table);
    if is_wide {
        let heads = ["cluster", "layer", "state", "pack", "version", "commit", "digest", "objects", "health", "drift"];
        let mut table = Table::new(&heads);
        for row in rows {
            let layers = row.told.iter().flat_map(|told| &told.layers);
            layers.for_each(|layer| table.row(layer_cells(&row.cluster, layer)));
        }
        text.table(table);
    }
    for row in rows {
        for line in troubles(row) {
            text.pieces([(Tone::Warning, format!("{}: ", row.cluster)), (Tone::Plain, line)]);
        }
    }
}

fn cells(row: &Overview) -> Vec<String> {
    let lifecycle = row.lifecycle.map_or(NONE, lifecycle);
    let mut cells = vec![row.cluster.to_string(), row.environment.to_string(), lifecycle.to_owned()];
    cells.extend(match &row.told {
        Err(_) => [NONE, NONE, "no answer", NONE, NONE].map(str::to_owned),
        Ok(told) => {
            let (synced, all) = told.synced();
            let layers =
                if told.unwanted.is_none() { format!("{synced}/{all}") } else { format!("?/{}", told.layers.len()) };
            let age = told.written.map_or_else(|| NONE.to_owned(), |(_, ago)| age(ago));
            [commit(told), layers, health(told), drift(told.layers.iter()), age]
        }
    });
    cells
}

fn lifecycle(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Active => "active",
        Lifecycle::Paused => "paused",
        Lifecycle::Delete => "delete",
    }
}

/// What was applied to its end, and what is being applied.
fn commit(told: &Told) -> String {
    let applied = told.record.applied.as_ref().map(|moment| short(moment.head));
    let applying = told.record.applying.as_ref().map(|moment| format!("→ {}", short(moment.head)));
    let said: Vec<String> = applied.into_iter().chain(applying).collect();
    if said.is_empty() { "never applied".into() } else { said.join(" ") }
}

fn short(commit: CommitId) -> String {
    commit.to_string().chars().take(DIGITS).collect()
}

fn health(told: &Told) -> String {
    let Some(worst) = told.layers.iter().filter_map(Seen::health).max() else { return NONE.into() };
    match worst {
        Wellness::Healthy => worst.word().into(),
        _ => format!("{} ({} not well)", worst.word(), told.layers.iter().map(|layer| layer.ill.len()).sum::<usize>()),
    }
}

fn drift<'a>(layers: impl Iterator<Item = &'a Seen>) -> String {
    match layers.map(|layer| layer.drift.len()).sum() {
        0_usize => "none".into(),
        count => counted(count, "object"),
    }
}

/// Returns a time in its two greatest units, as kubectl shows ages.
fn age(ago: Duration) -> String {
    let seconds = ago.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}

fn layer_cells(cluster: &ClusterName, layer: &Seen) -> Vec<String> {
    let (pack, version) = layer.pack.as_ref().map_or((NONE, NONE), |(name, version)| (&**name, &**version));
    vec![
        cluster.to_string(),
        layer.layer.to_string(),
        layer.place.word().to_owned(),
        pack.to_owned(),
        version.to_owned(),
        layer.commit.map_or_else(|| NONE.to_owned(), short),
        layer.digest.map_or_else(|| NONE.to_owned(), |digest| digest.to_string().chars().take(DIGITS).collect()),
        layer.objects.to_string(),
        layer.health().map_or(NONE, Wellness::word).to_owned(),
        drift(std::iter::once(layer)),
    ]
}

/// Returns what is to be known of a cluster beside its row.
fn troubles(row: &Overview) -> Vec<String> {
    let told = match &row.told {
        Ok(told) => told,
        Err(fault) => return vec![format!("does not answer: {fault}")],
    };
    let mut lines = Vec::new();
    if let Some(why) = &told.unwanted {
        let shown = match &told.record.applied {
            Some(moment) => format!("its layers are shown as {} had them applied", short(moment.head)),
            None => "nothing was applied yet".to_owned(),
        };
        lines.push(format!("what is wanted is not known, for what follows; {shown}"));
        let more = why.len().saturating_sub(ILL_SHOWN);
        lines.extend(why.iter().take(ILL_SHOWN).cloned());
        lines.extend((more > 0).then(|| format!("and {} more: `stratify lint` tells them", counted(more, "error"))));
    }
    lines.extend(told.record.released.map(|head| format!("no document describes it since {}", short(head))));
    let ill: Vec<String> = told.layers.iter().flat_map(ill_lines).collect();
    let more = ill.len().saturating_sub(ILL_SHOWN);
    lines.extend(ill.into_iter().take(ILL_SHOWN));
    if more > 0 {
        lines.push(format!("and {} more not well: `-o json` lists them", counted(more, "object")));
    }
    lines
}

fn ill_lines(layer: &Seen) -> impl Iterator<Item = String> {
    layer.ill.iter().map(|(object, health)| {
        let namespace = object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
        format!("layer {}, {} {namespace}{}: {}", layer.layer, object.kind, object.name, words(health))
    })
}

fn data(row: &Overview) -> Value {
    let mut data = json!({
        "cluster": row.cluster.as_str(),
        "environment": row.environment.as_str(),
        "target": &*row.target,
        "lifecycle": row.lifecycle.map(lifecycle),
        "answers": row.told.is_ok(),
        "why": row.told.as_ref().err().map(ToString::to_string),
    });
    if let (Ok(told), Some(fields)) = (&row.told, data.as_object_mut()) {
        let (synced, wanted) = told.synced();
        let head = |commit: CommitId| json!(commit.to_string());
        let rest = json!({
            "commit": told.record.applied.as_ref().map(|moment| head(moment.head)),
            "applying": told.record.applying.as_ref().map(|moment| head(moment.head)),
            "released": told.record.released.map(head),
            "generation": told.record.generation,
            "plan": told.record.applied.as_ref().map(|moment| moment.plan.to_string()),
            "synced": synced,
            "wanted": if told.unwanted.is_none() { json!(wanted) } else { Value::Null },
            "unknown": told.unwanted.as_ref().map(|why| why.join("\n")),
            "health": told.layers.iter().filter_map(Seen::health).max().map(Wellness::word),
            "drift": told.layers.iter().map(|layer| layer.drift.len()).sum::<usize>(),
            "ageSeconds": told.written.map(|(_, ago)| ago.as_secs()),
            "layers": told.layers.iter().map(layer_data).collect::<Vec<Value>>(),
        });
        fields.extend(rest.as_object().cloned().unwrap_or_default());
    }
    data
}

fn layer_data(layer: &Seen) -> Value {
    let object = |(object, health): &(crate::name::ObjectId, _)| {
        json!({
            "group": &*object.group,
            "kind": &*object.kind,
            "namespace": object.namespace.as_deref(),
            "name": &*object.name,
            "why": words(health),
        })
    };
    json!({
        "layer": layer.layer.as_str(),
        "site": if layer.site == Site::Management { "management" } else { "workload" },
        "state": layer.place.word(),
        "pack": layer.pack.as_ref().map(|(name, _)| &**name),
        "version": layer.pack.as_ref().map(|(_, version)| &**version),
        "commit": layer.commit.map(|commit| commit.to_string()),
        "digest": layer.digest.as_ref().map(Digest::to_string),
        "objects": layer.objects,
        "health": layer.health().map(Wellness::word),
        "ill": layer.ill.iter().map(object).collect::<Vec<Value>>(),
        "drift": layer.drift.iter().map(ToString::to_string).collect::<Vec<String>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units() {
        let shown = |seconds| age(Duration::from_secs(seconds));
        assert_eq!([shown(7), shown(61), shown(7_260), shown(90_000)], ["7s", "1m1s", "2h1m", "1d1h"]);
    }
}
