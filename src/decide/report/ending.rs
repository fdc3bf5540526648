//! In: a plan and its outcome, diagnostics, or a fault. Out: what is to be told of one cluster.
//! Guarantee: every ending has a standing and words; success only where the outcome is that all was seen healthy.
use super::standing::{Condition, Standing};
use crate::decide::document::Revision;
use crate::decide::drift::Found;
use crate::decide::plan::view::repairs;
use crate::decide::plan::{Approval, Group, Hold, ObjectChange, Operation, Plan, Role};
use crate::decide::profile::Lifecycle;
use crate::decide::rollout::{Outcome, Trouble};
use crate::decide::value::{Diagnostic, Digest, Fault, Source, Timestamp, counted};
use crate::name::{ChangeId, ClusterName, CommitId, EnvironmentName, LayerName};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

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
    /// The change that it was about, as far as it was known.
    pub change: Option<ChangeId>,
    /// What was written and seen, where it came to its end.
    pub numbers: Option<Numbers>,
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

/// Returns what is to be told of a plan that came to this outcome; `found` is what was not as it was applied before.
pub fn report(plan: &Plan, outcome: &Outcome, found: &[Found], warnings: Vec<Diagnostic>, now: Timestamp) -> Report {
    let change = &plan.change;
    let (Revision::Commit(commit) | Revision::Merge { head: commit, .. }) = change.head;
    let mut lines = vec![headline(plan, outcome)];
    lines.extend(rest(plan, outcome));
    lines.extend(found.iter().map(|found| one_line(&found.to_string())));
    let condition = match outcome {
        // What drifted and is only told was not seen as it is wanted.
        Outcome::Synced { .. } if found.iter().any(Found::stays) => Condition::Failed(left(found).into()),
        // The rollout may go on over a layer that was ill before; that it was seen healthy may not be said.
        Outcome::Synced { ill } if still_ill(plan, ill).is_some() => {
            Condition::Failed(still_ill(plan, ill).unwrap_or_default().into())
        }
        // What is left as it is was not seen as it is wanted.
        Outcome::Synced { .. } if !plan.paused.is_empty() => Condition::Paused(plan.paused.clone()),
        Outcome::Synced { .. } if is_deletion(plan) && matches!(change.head, Revision::Commit(_)) => {
            Condition::Deleted { digest: change.digest, commit }
        }
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
        // Without a layer that it could be told of, it was the record that nobody answered for.
        // What drifted and is left is not mended by another try.
        Outcome::Failed(troubles) => {
            let is_left = |trouble: &Trouble| {
                found.iter().any(|found| found.stays() && Some(&found.object) == trouble.object.as_ref())
            };
            troubles.iter().all(|trouble| trouble.spurious) && !troubles.iter().any(is_left)
        }
        Outcome::Fenced => true,
        _ => false,
    };
    Report {
        cluster: change.cluster.clone(),
        environment: change.environment.clone(),
        commit,
        standing: Standing {
            cluster: change.cluster.clone(),
            wanted: change.digest,
            condition,
            since: now,
            note: note(plan),
        },
        change: Some(change.id),
        numbers: matches!(outcome, Outcome::Synced { .. }).then(|| Numbers::of(plan)),
        spurious,
        lines,
        diagnostics: warnings,
    }
}

/// Returns what is told of objects that differ and stay so.
fn left(found: &[Found]) -> String {
    let mut left = found.iter().filter(|found| found.stays());
    let (count, first) = (left.clone().count(), left.next());
    let first = first.map_or_else(String::new, |found| one_line(&found.to_string()));
    if count == 1 { first } else { format!("{} differ: {first}", counted(count, "object")) }
}

/// Returns what is to be told of a plan's approval beside how its cluster stands.
pub fn note(plan: &Plan) -> Option<Arc<str>> {
    let lines = plan.approval.as_ref().map(Approval::lines).unwrap_or_default();
    (!lines.is_empty()).then(|| lines.join("; ").into())
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
    let (mut lines, mut note) = (Vec::new(), None);
    let spurious = fault.spurious;
    let (condition, diagnostics) = match fault.source {
        Source::Documents(diagnostics) => {
            let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
            lines.push(format!("invalid: {}", counted(errors.clone().count(), "error")));
            lines.extend(errors.clone().map(|diagnostic| one_line(&diagnostic.message)));
            note = errors.clone().next().map(|diagnostic| one_line(&diagnostic.in_short()).into());
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
        standing: Standing { cluster: cluster.clone(), wanted, condition, since: now, note },
        change: None,
        numbers: None,
        spurious,
        lines,
        diagnostics,
    }
}

/// Returns how a cluster stands whose plan is held: a hold that nobody can lift is a failure.
pub fn held(plan: &Plan) -> Condition {
    let forbidden = plan.holds.iter().find_map(|hold| match hold {
        Hold::Forbidden { why } => Some(Condition::Failed(one_line(why).into())),
        _ => None,
    });
    let needs: Vec<String> = plan
        .holds
        .iter()
        .filter_map(|hold| match hold {
            Hold::Approval { why } => Some(one_line(why)),
            _ => None,
        })
        .collect();
    let approval = (!needs.is_empty()).then(|| Condition::Held(needs.join(", ").into(), plan.change.id));
    forbidden
        .or_else(|| plan.holds.contains(&Hold::Paused).then(|| Condition::Paused(Vec::new())))
        .or(approval)
        .unwrap_or(Condition::Waiting)
}

fn headline(plan: &Plan, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Synced { .. } if is_deletion(plan) && plan.is_empty() => "deleted, nothing is left".to_owned(),
        Outcome::Synced { .. } if is_deletion(plan) => format!("deleted {}", Numbers::of(plan)),
        Outcome::Synced { .. } if plan.is_empty() => format!("synced, nothing to change, {}", looked_at(plan)),
        Outcome::Synced { .. } => format!("synced {}", Numbers::of(plan)),
        Outcome::Planned => format!("planned {}", Numbers::of(plan)),
        Outcome::Held => format!("held: {}", holds(plan)),
        Outcome::Fenced => "given up: another writer was there first".to_owned(),
        Outcome::Superseded => "given up: a newer commit is there".to_owned(),
        Outcome::Failed(troubles) => {
            let layers: BTreeSet<_> = troubles.iter().map(|trouble| &trouble.layer).collect();
            let first = troubles.first().map_or_else(String::new, |trouble| format!(": {}", said(trouble)));
            format!("failed at {}{first}", counted(layers.len(), "layer"))
        }
    }
}

/// Whether a plan leaves nothing of what was applied: no layer is wanted.
fn is_deletion(plan: &Plan) -> bool {
    plan.base.applied.is_some() && plan.change.lifecycle == Lifecycle::Delete
}

/// Returns the lines after the first.
fn rest(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = match outcome {
        Outcome::Held if matches!(held(plan), Condition::Held(..)) => {
            vec![format!("approve by `stratify approve {}`", plan.change.id)]
        }
        Outcome::Synced { ill } => still_ill(plan, ill).into_iter().collect(),
        Outcome::Failed(troubles) => troubles.iter().skip(1).map(said).collect(),
        _ => Vec::new(),
    };
    let named = |old: &ClusterName| format!("it was named {old}: its record and its objects go on under the new name");
    lines.extend(plan.base.renamed_from.iter().map(named));
    lines.extend(plan.approval.iter().flat_map(Approval::lines));
    let left = |layer: &LayerName| format!("layer {layer} is paused: it differs, and is left as it is");
    lines.extend(plan.paused.iter().map(left));
    lines
}

/// What a paused layer has is not what is wanted, and is told as that.
fn still_ill(plan: &Plan, ill: &[LayerName]) -> Option<String> {
    let names: Vec<&str> = ill.iter().filter(|layer| !plan.paused.contains(layer)).map(LayerName::as_str).collect();
    (!names.is_empty()).then(|| format!("unhealthy as before: layer {}", names.join(", ")))
}

/// Returns why a plan is held, each kind of reason once.
fn holds(plan: &Plan) -> String {
    let (mut needs, mut never, mut paused) = (Vec::new(), Vec::new(), None);
    for hold in &plan.holds {
        match hold {
            Hold::Approval { why } => needs.push(one_line(why)),
            Hold::Forbidden { why } => never.push(one_line(why)),
            Hold::Paused => paused = Some("the cluster is paused".to_owned()),
        }
    }
    let told = |head: &str, all: Vec<String>| (!all.is_empty()).then(|| format!("{head}: {}", all.join(", ")));
    let all = [told("never done", never), paused, told("waits for approval", needs)];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn said(trouble: &Trouble) -> String {
    let object = trouble.object.as_ref().map_or_else(String::new, |object| {
        let namespace = object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
        format!(", {} {namespace}{}", object.kind, object.name)
    });
    format!("layer {}{object}: {}", trouble.layer, one_line(&trouble.why))
}

fn looked_at(plan: &Plan) -> String {
    format!("{} seen healthy", counted(Numbers::of(plan).healthy, "object"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a plan writes, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The layers that are written to.
    pub layers: usize,
    /// Objects that were not there.
    pub created: usize,
    /// Objects that are changed as Git changes them.
    pub changed: usize,
    /// Objects that go.
    pub removed: usize,
    /// Objects that stay and are ours no longer.
    pub released: usize,
    /// Objects that were not as they had been written.
    pub corrected: usize,
    /// Hooks of charts that run.
    pub run: usize,
    /// Objects that stay, and are looked at until they are healthy.
    pub healthy: usize,
}

impl Numbers {
    /// Whether anything was written.
    pub fn is_any_written(&self) -> bool {
        self.created + self.changed + self.removed + self.released + self.corrected + self.run > 0
    }

    fn of(plan: &Plan) -> Self {
        let mut numbers = Self::default();
        // A layer that also prunes stands twice.
        let written = plan.layers.iter().filter(|layer| layer.writes());
        numbers.layers = written.map(|layer| &layer.layer).collect::<BTreeSet<_>>().len();
        let repaired: BTreeSet<_> = repairs(plan).map(|change| (change.site, &change.object)).collect();
        let groups = || plan.layers.iter().flat_map(|layer| &layer.groups);
        let stays = |change: &&ObjectChange| !matches!(change.operation, Operation::Prune | Operation::Keep);
        numbers.healthy = groups().flat_map(|group| &group.objects).filter(stays).count();
        let of_hooks = |group: &Group| matches!(group.role, Role::Hook { .. });
        numbers.run = groups()
            .filter(|group| of_hooks(group))
            .flat_map(Group::writes)
            .filter(|it| it.operation == Operation::Run)
            .count();
        // That a hook goes once it has run is part of its run.
        for change in groups().filter(|group| !of_hooks(group)).flat_map(Group::writes) {
            match change.operation {
                Operation::Create | Operation::Patch if repaired.contains(&(change.site, &change.object)) => {
                    numbers.corrected += 1;
                }
                Operation::Create => numbers.created += 1,
                Operation::Patch | Operation::Recreate | Operation::Move { .. } => {
                    numbers.changed += 1;
                }
                Operation::Prune => numbers.removed += 1,
                Operation::Keep => numbers.released += 1,
                Operation::Run | Operation::Unchanged => {}
            }
        }
        numbers
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layers, created, changed, removed, released, corrected, run, healthy: _ } = self;
        let objects = counted(created + changed + removed + released + corrected, "object");
        write!(f, "{}, {objects} ({created} created, {changed} changed, {removed} removed", counted(*layers, "layer"))?;
        if *released > 0 {
            write!(f, ", {released} left in place")?;
        }
        if *corrected > 0 {
            write!(f, ", {corrected} corrected")?;
        }
        if *run > 0 {
            write!(f, ", {} run", counted(*run, "hook"))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::document::LayerRole;
    use crate::decide::document::Site;
    use crate::decide::plan::ChangeKind;
    use crate::decide::plan::{Base, Change, Disruption, Expected, Gate, Granted, LayerChange, LayerPlan, Old};
    use crate::decide::profile::LayerOptions;
    use crate::decide::value::{Code, Owner, Patch};
    use crate::name::{ObjectId, PlanId};
    use std::time::Duration;

    const COMMIT: CommitId = CommitId([7; 20]);
    const WANTED: Digest = Digest([1; 32]);

    fn layer(name: &str) -> LayerName {
        LayerName::new(name).expect("it is a label")
    }

    fn cluster() -> ClusterName {
        ClusterName::new("eu-1").expect("it is a label")
    }

    fn environment() -> EnvironmentName {
        EnvironmentName::new("dev").expect("it is a label")
    }

    fn object(name: &str) -> ObjectId {
        ObjectId { group: "apps".into(), kind: "Deployment".into(), namespace: Some("web".into()), name: name.into() }
    }

    fn written(name: &str, operations: &[Operation]) -> LayerPlan {
        let change = |operation: &Operation| ObjectChange {
            site: Site::Workload,
            object: object("web"),
            operation: operation.clone(),
            patch: Patch::default(),
            inverse: Patch::default(),
            manifest: None,
            expected: Expected::Any,
            admission: crate::decide::plan::Admission::default(),
            at: None,
        };
        let gate = Gate::Healthy { within: Duration::from_mins(5) };
        let group = Group { role: Role::Main, objects: operations.iter().map(change).collect(), gate };
        let needs = Vec::new();
        let (ahead, settled, deferred, version) = (None, None, None, None);
        LayerPlan {
            after_failure: None,
            layer: layer(name),
            site: Site::Workload,
            deferred,
            version,
            groups: vec![group],
            needs,
            ahead,
            settled,
        }
    }

    /// Returns the change that a layer's plan does.
    fn changed(plan: &LayerPlan) -> LayerChange {
        LayerChange {
            layer: plan.layer.clone(),
            renamed_from: None,
            role: LayerRole::AddOn,
            site: plan.site,
            kind: ChangeKind::Reconfigured,
            wave: 0,
            after: Vec::new(),
            disruption: Disruption::None,
            disruption_reason: None,
            patch: Patch::default(),
            inverse: Patch::default(),
            objects: plan.groups.iter().flat_map(|group| group.objects.clone()).collect(),
            deferred: std::collections::BTreeMap::new(),
            options: LayerOptions::default(),
            outliving: std::collections::BTreeSet::new(),
            hooks: std::collections::BTreeMap::new(),
            notes: std::sync::Arc::default(),
            defines: Vec::new(),
            is_resumed: false,
            timeout: Duration::from_mins(5),
        }
    }

    fn plan(layers: Vec<LayerPlan>, holds: Vec<Hold>) -> Plan {
        let change = Change {
            id: ChangeId([3; 32]),
            cluster: cluster(),
            environment: environment(),
            fleet: "acme".into(),
            head: Revision::Commit(COMMIT),
            pins: Vec::new(),
            digest: WANTED,
            old: Old::Nothing,
            lifecycle: Lifecycle::Active,
            layers: layers.iter().map(changed).collect(),
            disruption: Disruption::None,
            relaxed: Vec::new(),
            stair: None,
            said: Vec::new(),
        };
        let base = Base { generation: 1, applied: None, renamed_from: None };
        let (approval, paused) = (None, Vec::new());
        Plan { id: PlanId([4; 32]), change, base, begin: None, end: None, layers, holds, approval, paused }
    }

    fn told(plan: &Plan, outcome: &Outcome) -> (String, Condition) {
        let report = report(plan, outcome, &[], Vec::new(), Timestamp(5));
        (report.to_string(), report.standing.condition)
    }

    fn synced() -> Outcome {
        Outcome::Synced { ill: Vec::new() }
    }

    #[test]
    fn a_sync_is_told_in_numbers() {
        let web = written("web", &[Operation::Create, Operation::Patch, Operation::Unchanged]);
        let prunes = written("web", &[Operation::Prune]);
        let plan = plan(vec![web, written("db", &[Operation::Create]), prunes], Vec::new());
        let text = "eu-1: synced 2 layers, 4 objects (2 created, 1 changed, 1 removed)";
        let condition = Condition::Synced { digest: WANTED, commit: COMMIT };
        assert_eq!(told(&plan, &synced()), (text.into(), condition), "a layer that also prunes is one");
    }

    #[test]
    fn a_cluster_of_which_nothing_is_left_is_told_as_deleted() {
        let mut plan = plan(vec![written("web", &[Operation::Prune])], Vec::new());
        plan.base.applied = Some(Digest([9; 32]));
        plan.change.layers.iter_mut().for_each(|layer| layer.kind = ChangeKind::Removed);
        let text = "eu-1: synced 1 layer, 1 object (0 created, 0 changed, 1 removed)";
        let condition = Condition::Synced { digest: WANTED, commit: COMMIT };
        assert_eq!(told(&plan, &synced()), (text.into(), condition), "without layers it is there still");
        plan.change.lifecycle = Lifecycle::Delete;
        let condition = Condition::Deleted { digest: WANTED, commit: COMMIT };
        let text = "eu-1: deleted 1 layer, 1 object (0 created, 0 changed, 1 removed)";
        assert_eq!(told(&plan, &synced()), (text.into(), condition.clone()), "it is no cluster that is synced");
        let plan = Plan { layers: Vec::new(), change: Change { layers: Vec::new(), ..plan.change }, ..plan };
        assert_eq!(told(&plan, &synced()), ("eu-1: deleted, nothing is left".into(), condition), "nor later");
    }

    #[test]
    fn what_git_does_not_change_is_told_as_corrected() {
        let mut plan = plan(vec![written("web", &[Operation::Create, Operation::Patch])], Vec::new());
        plan.change.layers.clear();
        let text = "eu-1: synced 1 layer, 2 objects (0 created, 0 changed, 0 removed, 2 corrected)";
        assert_eq!(told(&plan, &synced()).0, text, "somebody else changed one and deleted one");
    }

    #[test]
    fn a_paused_layer_that_differs_is_no_success() {
        let mut plan = plan(vec![written("db", &[Operation::Create])], Vec::new());
        plan.paused = vec![layer("web")];
        let report = report(&plan, &synced(), &[], Vec::new(), Timestamp(5));
        assert_eq!(report.standing.condition, Condition::Paused(vec![layer("web")]), "it was not seen as it is wanted");
        assert_eq!(report.lines[1], "layer web is paused: it differs, and is left as it is", "it is told");
    }

    #[test]
    fn an_approval_is_told_with_who_gave_it() {
        let mut plan = plan(Vec::new(), Vec::new());
        let by = "Grace <grace@acme.example>, unsigned".into();
        let granted = Some(Granted { id: "ab".into(), commit: CommitId([0x1a; 20]), by });
        plan.approval = Some(Approval { granted, refused: vec!["Ada wrote a part of it".into()] });
        let report = report(&plan, &synced(), &[], Vec::new(), Timestamp(5));
        let approved = "approved by Grace <grace@acme.example>, unsigned, in 1a1a1a1";
        assert_eq!(report.lines[1..], [approved], "one that counts is enough");
        assert_eq!(report.standing.note.as_deref(), Some(approved), "the status has it");
        plan.approval = plan.approval.map(|approval| Approval { granted: None, ..approval });
        let refused = "an approval does not count: Ada wrote a part of it";
        assert_eq!(note(&plan).as_deref(), Some(refused), "nobody waits in vain");
    }

    #[test]
    fn a_sync_without_change_says_what_was_seen() {
        let plan = plan(vec![written("web", &[Operation::Unchanged])], Vec::new());
        assert_eq!(told(&plan, &synced()).0, "eu-1: synced, nothing to change, 1 object seen healthy", "it was seen");
    }

    #[test]
    fn success_is_said_only_of_what_was_seen_healthy() {
        let mut plan = plan(Vec::new(), Vec::new());
        let ill = Outcome::Synced { ill: vec![layer("db")] };
        let failed = Condition::Failed("unhealthy as before: layer db".into());
        assert_eq!(told(&plan, &ill).1, failed, "it is ill, whoever made it so");
        for outcome in [Outcome::Planned, Outcome::Fenced, Outcome::Superseded] {
            assert_eq!(told(&plan, &outcome).1, Condition::Waiting, "{outcome:?} is no end");
        }
        plan.change.head = Revision::Merge { base: CommitId([8; 20]), head: COMMIT };
        assert_eq!(told(&plan, &synced()).1, Condition::Waiting, "a merge that is not made is never applied");
    }

    #[test]
    fn a_hold_that_nobody_can_lift_is_a_failure() {
        let approval = Hold::Approval { why: "delete 3 objects".into() };
        let forbidden = Hold::Forbidden { why: "repave of the control plane".into() };
        let held = |holds| told(&plan(Vec::new(), holds), &Outcome::Held);
        let text = "eu-1: held: waits for approval: delete 3 objects";
        let condition = Condition::Held("delete 3 objects".into(), plan(Vec::new(), Vec::new()).change.id);
        assert_eq!(held(vec![approval.clone()]), (text.into(), condition), "a person can");
        assert_eq!(
            held(vec![approval.clone(), Hold::Paused]).1,
            Condition::Paused(Vec::new()),
            "an approval would not help"
        );
        let condition = Condition::Failed("repave of the control plane".into());
        assert_eq!(held(vec![approval, forbidden]).1, condition, "nobody can");
    }

    #[test]
    fn a_failure_names_layer_and_object() {
        let trouble =
            |name, object, spurious| Trouble { layer: layer(name), object, why: "timed out".into(), spurious };
        let troubles = vec![trouble("web", Some(object("shop")), true), trouble("db", None, false)];
        let report = report(&plan(Vec::new(), Vec::new()), &Outcome::Failed(troubles), &[], Vec::new(), Timestamp(5));
        let first = "failed at 2 layers: layer web, Deployment web/shop: timed out";
        assert_eq!(report.lines, [first, "layer db: timed out"], "each has its line");
        assert!(!report.spurious, "trying again helps only if it may help all");
    }

    #[test]
    fn a_fault_is_told_with_what_to_do_next() {
        let tell = |fault| failed(&cluster(), &environment(), COMMIT, None, fault, Timestamp(5));
        let diagnostics = vec![Diagnostic::error(Code(1), "wrong"), Diagnostic::warning(Code(2), "odd")];
        let report = tell(Fault::from(diagnostics.clone()));
        assert_eq!(report.standing.condition, Condition::Invalid(1), "a warning is no error");
        assert_eq!((report.lines, report.diagnostics), (vec!["invalid: 1 error".into(), "wrong".into()], diagnostics));
        let source = Source::Error("no route\nto host".into());
        let report =
            tell(Fault { owner: Owner::Outside, spurious: true, hint: Some("see the network".into()), source });
        assert_eq!(report.lines, ["failed: no route to host", "see the network"], "each in one line");
        assert!(report.spurious, "trying again can help");
    }
}
