//! In: a plan and its outcome, diagnostics, or a fault. Out: what is to be told of one cluster.
//! Guarantee: every ending has a standing and words; success only where the outcome is that all was seen healthy.
use super::standing::{Condition, Standing, counted};
use crate::decide::document::Revision;
use crate::decide::plan::{Hold, Operation, Plan};
use crate::decide::rollout::{Outcome, Trouble};
use crate::decide::value::{Diagnostic, Digest, Fault, Source, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use std::collections::BTreeSet;
use std::fmt;

/// What is to be told of one cluster and one commit.
#[derive(Clone, Debug)]
pub struct Report {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The commit.
    pub commit: CommitId,
    /// Where the cluster stands with it.
    pub standing: Standing,
    /// Whether trying again can help.
    pub spurious: bool,
    /// What people read, the most important first, each in one line.
    pub lines: Vec<String>,
    /// All that was found in the documents.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for Report {
    /// Prints `cluster: first line`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cluster, self.lines.first().map_or("nothing was done", String::as_str))
    }
}

/// Returns what is to be told of a plan that came to this outcome.
pub fn report(plan: &Plan, outcome: &Outcome, warnings: Vec<Diagnostic>, now: Timestamp) -> Report {
    let change = &plan.change;
    let (Revision::Commit(commit) | Revision::Merge { head: commit, .. }) = change.head;
    let mut lines = vec![headline(plan, outcome)];
    lines.extend(rest(outcome));
    let condition = match outcome {
        // What merging would give is planned and never applied, whatever the outcome says.
        Outcome::Synced { .. } if matches!(change.head, Revision::Commit(_)) => {
            Condition::Synced { digest: change.digest, commit }
        }
        Outcome::Held => held(plan),
        Outcome::Failed(troubles) => Condition::Failed(troubles.first().map_or("it failed".into(), said).into()),
        // Another writer or a newer commit tells the end; until then it is not over.
        Outcome::Synced { .. } | Outcome::Planned | Outcome::Fenced | Outcome::Superseded => Condition::Waiting,
    };
    let spurious = match outcome {
        Outcome::Failed(troubles) => !troubles.is_empty() && troubles.iter().all(|trouble| trouble.spurious),
        Outcome::Fenced => true,
        _ => false,
    };
    Report {
        cluster: change.cluster.clone(),
        environment: change.environment.clone(),
        commit,
        standing: Standing { cluster: change.cluster.clone(), wanted: change.digest, condition, since: now },
        spurious,
        lines,
        diagnostics: warnings,
    }
}

/// Returns what is to be told where no outcome was reached; `wanted` as far as it was known.
pub fn failed(
    cluster: &ClusterName,
    environment: &EnvironmentName,
    commit: CommitId,
    wanted: Option<Digest>,
    fault: Fault,
    now: Timestamp,
) -> Report {
    let said = fault.to_string();
    let mut lines = Vec::new();
    let spurious = fault.spurious;
    let (condition, diagnostics) = match fault.source {
        Source::Documents(diagnostics) => {
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
            lines.push(format!("invalid: {}", counted(errors.clone().count(), "error")));
            lines.extend(errors.clone().map(|diagnostic| one_line(&diagnostic.message)));
            (Condition::Invalid(errors.count()), diagnostics)
        }
        Source::Error(_) => {
            lines.push(format!("failed: {}", one_line(&said)));
            (Condition::Failed(one_line(&said).into()), Vec::new())
        }
    };
    lines.extend(fault.hint.as_deref().map(one_line));
    // A digest that is not known is none that anything can be seen at.
    let wanted = wanted.unwrap_or(Digest([0; 32]));
    Report {
        cluster: cluster.clone(),
        environment: environment.clone(),
        commit,
        standing: Standing { cluster: cluster.clone(), wanted, condition, since: now },
        spurious,
        lines,
        diagnostics,
    }
}

/// Returns what a hold means: one that nobody can lift is a failure.
fn held(plan: &Plan) -> Condition {
    let forbidden = plan.holds.iter().find_map(|hold| match hold {
        Hold::Forbidden { why } => Some(Condition::Failed(one_line(why).into())),
        _ => None,
    });
    let approval = plan.holds.iter().find_map(|hold| match hold {
        Hold::Approval { why } => Some(Condition::Held(one_line(why).into())),
        _ => None,
    });
    forbidden
        .or_else(|| plan.holds.contains(&Hold::Paused).then_some(Condition::Paused))
        .or(approval)
        .unwrap_or(Condition::Waiting)
}

fn headline(plan: &Plan, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Synced { .. } if plan.is_empty() => format!("synced, nothing to change, {}", looked_at(plan)),
        Outcome::Synced { .. } => format!("synced {}", Numbers::of(plan)),
        Outcome::Planned => format!("planned {}", Numbers::of(plan)),
        Outcome::Held => format!("held: {}", plan.holds.iter().map(hold).collect::<Vec<_>>().join(", ")),
        Outcome::Fenced => "given up: another writer was there first".to_owned(),
        Outcome::Superseded => "given up: a newer commit is there".to_owned(),
        Outcome::Failed(troubles) => {
            let layers: BTreeSet<_> = troubles.iter().map(|trouble| &trouble.layer).collect();
            let first = troubles.first().map_or_else(String::new, |trouble| format!(": {}", said(trouble)));
            format!("failed at {}{first}", counted(layers.len(), "layer"))
        }
    }
}

/// Returns the lines after the first.
fn rest(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Synced { ill } => {
            ill.iter().map(|layer| format!("layer {layer} was ill before and still is")).collect()
        }
        Outcome::Failed(troubles) => troubles.iter().skip(1).map(said).collect(),
        _ => Vec::new(),
    }
}

fn hold(hold: &Hold) -> String {
    match hold {
        Hold::Approval { why } => format!("waits for approval: {}", one_line(why)),
        Hold::Forbidden { why } => format!("never done: {}", one_line(why)),
        Hold::Paused => "the cluster is paused".to_owned(),
    }
}

fn said(trouble: &Trouble) -> String {
    let object = trouble.object.as_ref().map_or_else(String::new, |object| {
        let namespace = object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
        format!(", {} {namespace}{}", object.kind, object.name)
    });
    format!("layer {}{object}: {}", trouble.layer, one_line(&trouble.why))
}

fn looked_at(plan: &Plan) -> String {
    let objects = plan.layers.iter().flat_map(|layer| &layer.groups).map(|group| group.objects.len()).sum();
    format!("{} seen healthy", counted(objects, "object"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a plan writes, in numbers.
#[derive(Default)]
struct Numbers {
    layers: usize,
    created: usize,
    changed: usize,
    removed: usize,
    released: usize,
}

impl Numbers {
    fn of(plan: &Plan) -> Self {
        let mut numbers = Self::default();
        // A layer that also prunes stands twice.
        let written = plan.layers.iter().filter(|layer| layer.writes());
        numbers.layers = written.map(|layer| &layer.layer).collect::<BTreeSet<_>>().len();
        let groups = plan.layers.iter().flat_map(|layer| &layer.groups);
        for change in groups.flat_map(|group| group.writes()) {
            match change.operation {
                Operation::Create => numbers.created += 1,
                Operation::Patch | Operation::Recreate | Operation::Move { .. } => numbers.changed += 1,
                Operation::Prune => numbers.removed += 1,
                Operation::Keep => numbers.released += 1,
                Operation::Unchanged => {}
            }
        }
        numbers
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layers, created, changed, removed, released } = self;
        let objects = counted(created + changed + removed + released, "object");
        write!(f, "{}, {objects} ({created} created, {changed} changed, {removed} removed", counted(*layers, "layer"))?;
        if *released > 0 {
            write!(f, ", {released} left in place")?;
        }
        f.write_str(")")
    }
}
