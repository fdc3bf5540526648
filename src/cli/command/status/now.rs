//! In: what the process that serves answers, or what the last one remembered. Out: where each cluster stands now.
//! Guarantee: a status is a fact with a date; whatever is not as it is wanted by now is told beside it.
use super::super::current_fleet::Here;
use crate::cli::print::{Text, Tone};
use crate::client::store::Store;
use crate::control::engine::standings;
use crate::decide::value::Fault;
use crate::name::{ClusterName, CommitId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where clusters stand.
#[derive(Default)]
pub(in super::super) struct Now {
    /// The head that they were planned at.
    head: Option<String>,
    /// Where the watched branch is, where that is another commit, which nobody looked at yet.
    newer: Option<CommitId>,
    /// Why no commit is synced, if none is.
    held: Option<String>,
    /// Each cluster, as programs read it.
    clusters: Vec<Value>,
    /// What differs from the head and stays so.
    drift: Vec<String>,
    /// Why it is not known.
    unknown: Option<String>,
}

impl Now {
    /// Takes what the process that serves answers.
    pub(super) fn answered(answer: &Value) -> Self {
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        let clusters = answer.get("clusters").and_then(Value::as_array).cloned().unwrap_or_default();
        let drift = answer.get("drift").and_then(Value::as_array).into_iter().flatten();
        let drift = drift.filter_map(Value::as_str).map(str::to_owned).collect();
        Self { head: text("head"), held: text("held"), clusters, drift, ..Self::default() }
    }

    /// Reads what the last process remembered, and where the branch is by now.
    pub(in super::super) fn remembered(here: &Here) -> Self {
        let mut now = Self::default();
        match read(here) {
            Ok(Some((head, clusters))) => (now.head, now.clusters) = (Some(head.to_string()), clusters),
            Ok(None) => return now,
            Err(fault) if fault.spurious => now.unknown = Some("another process syncs just now".to_owned()),
            Err(fault) => now.unknown = Some(fault.to_string()),
        }
        let held = here.preview_of_seen().and_then(|preview| preview.held());
        match held {
            Ok(held) => now.held = held,
            Err(fault) => now.unknown = now.unknown.or(Some(fault.to_string())),
        }
        let branch = here.branch().ok().flatten();
        now.newer = branch.filter(|branch| now.head.is_some() && Some(branch.to_string()) != now.head);
        now
    }

    /// Returns what is to be known: why nothing is synced first, then each cluster that is not as it is wanted.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.held.iter().map(|why| format!("held: {why}")).collect();
        if let (None, Some(newer)) = (&self.held, self.newer) {
            lines.push(format!("{newer} is not synced yet: `stratify sync` or `stratify serve` takes it"));
        }
        lines.extend(self.unknown.iter().map(|why| format!("unknown: {why}")));
        let line = |cluster: &Value| Some(format!("{}: {}", cluster["cluster"].as_str()?, cluster["text"].as_str()?));
        lines.extend(self.clusters.iter().filter_map(line));
        let untold: Vec<String> = self.drift.iter().filter(|drift| !lines.contains(drift)).cloned().collect();
        lines.extend(untold);
        lines
    }

    /// Returns what is to be known of one cluster.
    pub(in super::super) fn of(&self, cluster: &ClusterName) -> Option<String> {
        let of_it = self.clusters.iter().find(|one| one["cluster"] == cluster.as_str())?;
        of_it["text"].as_str().map(str::to_owned)
    }

    /// Returns the head that was synced last.
    pub(in super::super) fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// Returns the clusters that were synced and are none of these, nor released already.
    pub(in super::super) fn without(&self, known: &BTreeSet<ClusterName>) -> Vec<String> {
        let is_released = |one: &Value| one["condition"] == "released";
        let names = self.clusters.iter().filter(|one| !is_released(one)).filter_map(|one| one["cluster"].as_str());
        names.filter(|name| !known.iter().any(|known| known.as_str() == *name)).map(str::to_owned).collect()
    }

    /// Adds these lines to a text.
    pub(super) fn tell(&self, text: &mut Text) {
        for line in self.lines() {
            text.pieces([(Tone::Warning, "now: ".to_owned()), (Tone::Plain, line)]);
        }
    }

    /// Adds it to what programs read.
    pub(super) fn add(&self, data: &mut Value) {
        if let Some(fields) = data.as_object_mut() {
            fields.insert("head".into(), json!(self.head));
            fields.insert("newer".into(), json!(self.newer.map(|commit| commit.to_string())));
            fields.insert("held".into(), json!(self.held));
            fields.insert("clusters".into(), json!(self.clusters));
            fields.insert("drift".into(), json!(self.drift));
            fields.insert("unknown".into(), json!(self.unknown));
        }
    }
}

/// Reads the standings; nothing where no process came as far as to have some.
fn read(here: &Here) -> Result<Option<(CommitId, Vec<Value>)>, Fault> {
    let file = here.state_file();
    if !file.is_file() {
        return Ok(None);
    }
    let found = standings(&Store::open(&file)?)?;
    Ok(found.map(|(head, rows)| (head, rows.iter().map(|row| row.standing.data()).collect())))
}
