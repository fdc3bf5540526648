//! In: plans by hand, and a target that says what a test wants. Out: which steps the rollout takes.
//! Guarantee: each rule of the order has one test.
use super::*;
use crate::decide::document::{LayerRole, Revision, Site};
use crate::decide::expression::Predicate;
use crate::decide::plan::{
    Base, Change, ChangeKind, Disruption, Entry, Expected, Gate, Group, GroupId, LayerChange, LayerInventory,
    LayerPlan, ObjectChange, Old, Operation, Plan, Role, Version, Why,
};
use crate::decide::profile::{HealthRule, LayerOptions, Lifecycle, Record};
use crate::decide::render::OBJECT;
use crate::decide::value::{Absence, Digest, Digested, Fault, Live, Map, Timestamp, Value};
use crate::name::{ChangeId, ClusterName, CommitId, EnvironmentName, LayerName, ObjectId, PlanId};
use std::sync::Arc;
use std::time::Duration;

const WITHIN: Duration = Duration::from_mins(1);

fn name(text: &str) -> LayerName {
    LayerName::new(text).expect("it is a label")
}

fn change(operation: Operation, object: &str) -> ObjectChange {
    let kind = if object.starts_with("asynchronous") { "Pod" } else { "ConfigMap" };
    let object = ObjectId { group: "".into(), kind: kind.into(), namespace: None, name: object.into() };
    let goes = matches!(operation, Operation::Prune | Operation::Keep);
    let manifest = Map::from_iter([("kind", Value::from(kind)), ("data", Value::Integer(1))]);
    ObjectChange {
        site: Site::Workload,
        object,
        operation,
        patch: Vec::new(),
        inverse: Vec::new(),
        manifest: (!goes).then(|| Digested::new(OBJECT, manifest.into())),
        expected: Expected::Any,
        admission: crate::decide::plan::Admission::default(),
        at: None,
    }
}

/// A layer of one group, with the name of its object.
fn layer(layer: &str, operation: Operation, object: &str, needs: &[usize]) -> LayerPlan {
    let (role, gate) = match operation {
        Operation::Prune => (Role::Prune, Gate::Gone { within: WITHIN }),
        _ => (Role::Main, Gate::Healthy { within: WITHIN }),
    };
    let change = change(operation, object);
    let entry = ((change.site, change.object.clone()), Entry { applied: None, intended: None, uid: None, kept: false });
    let writes = change.operation.is_write();
    let inventory =
        LayerInventory { layer: name(layer), plan: PlanId([1; 32]), after: vec![], entries: [entry].into() };
    LayerPlan {
        after_failure: None,
        layer: name(layer),
        site: Site::Workload,
        deferred: None,
        version: None,
        groups: vec![Group { role, objects: vec![change], gate }],
        needs: needs.to_vec(),
        ahead: writes.then(|| inventory.clone()),
        settled: writes.then_some(inventory),
    }
}

fn plan(layers: Vec<LayerPlan>) -> Plan {
    let cluster = ClusterName::new("eu-1").expect("it is a label");
    let record = |generation| Record { generation, ..Record::unborn("acme".into(), cluster.clone()) };
    Plan {
        id: PlanId([1; 32]),
        change: Change {
            id: ChangeId([1; 32]),
            cluster: cluster.clone(),
            environment: EnvironmentName::new("prod").expect("it is a label"),
            fleet: "acme".into(),
            head: Revision::Commit(CommitId([1; 20])),
            pins: Vec::new(),
            digest: Digest([1; 32]),
            old: Old::Nothing,
            lifecycle: Lifecycle::Active,
            layers: vec![],
            disruption: Disruption::None,
            relaxed: Vec::new(),
            stair: None,
            said: Vec::new(),
        },
        base: Base { generation: 0, applied: None, renamed_from: None },
        begin: Some(record(1)),
        end: Some(record(2)),
        layers,
        holds: vec![],
        approval: None,
        paused: vec![],
    }
}

fn written() -> Answer {
    Answer::Written { version: Version("1".into()), uid: None }
}

fn gone() -> Live {
    Live::Absent(Absence::Gone)
}

fn not_read() -> Live {
    Live::Absent(Absence::NotRead(Arc::new(Fault::bug("no answer"))))
}

/// The object as it was wanted, and well.
fn well(change: &ObjectChange) -> Live {
    let condition = Map::from_iter([("type", Value::from("Ready")), ("status", "True".into())]);
    let status = Map::from_iter([("phase", "Running".into()), ("conditions", Value::list(vec![condition.into()]))]);
    let mut object = change.manifest.as_deref().cloned().unwrap_or_default();
    object.make_map().insert("apiVersion".into(), "v1".into());
    object.make_map().insert("status".into(), status.into());
    Live::Present { object, version: "1".into() }
}

/// Its Ready condition does not hold.
fn ill(change: &ObjectChange) -> Live {
    let condition = Map::from_iter([("type", Value::from("Ready")), ("status", "False".into())]);
    let mut object = change.manifest.as_deref().cloned().unwrap_or_default();
    let status = Map::from_iter([("phase", "Running".into()), ("conditions", Value::list(vec![condition.into()]))]);
    object.make_map().insert("status".into(), status.into());
    Live::Present { object, version: "1".into() }
}

/// What happened, in words: `record 1`, `inventory a`, `write a`, `look a`.
struct Run {
    rollout: Rollout,
    now: Timestamp,
    log: Vec<String>,
}

impl Run {
    fn new(plan: Plan) -> Self {
        Self { rollout: Rollout::new(plan), now: Timestamp(0), log: Vec::new() }
    }

    /// Goes on to the end, with what `write` answers and `look` shows.
    fn go(
        &mut self,
        mut write: impl FnMut(&str) -> Answer,
        mut look: impl FnMut(&ObjectChange, Timestamp) -> Live,
    ) -> Outcome {
        for _ in 0..1000 {
            match self.rollout.next(self.now) {
                Step::Done(outcome) => return outcome,
                Step::Wait { until } => {
                    assert!(until > self.now, "a wait ends later");
                    self.now = until;
                }
                Step::Look(id) => {
                    let seen: Vec<_> = self
                        .group(id)
                        .objects
                        .iter()
                        .map(|change| ((change.site, change.object.clone()), look(change, self.now)))
                        .collect();
                    self.log.push(format!("look {}", self.name(id)));
                    self.rollout.saw(&seen, self.now);
                }
                step => {
                    let word = match &step {
                        Step::Record(record) => format!("record {}", record.generation),
                        Step::Inventory(inventory) => format!("inventory {}", inventory.layer),
                        Step::Write(id) => format!("write {}", self.name(*id)),
                        _ => unreachable!("they are above"),
                    };
                    self.rollout.answered(&[write(&word)]);
                    self.log.push(word);
                }
            }
        }
        panic!("it does not end: {:?}", self.log.iter().rev().take(9).collect::<Vec<_>>());
    }

    fn group(&self, id: GroupId) -> Group {
        self.rollout.plan().try_find_group(id).expect("the step names a group of the plan").clone()
    }

    fn name(&self, id: GroupId) -> String {
        self.rollout.plan().layers[id.layer].layer.to_string()
    }

    fn did(&self, word: &str) -> bool {
        self.log.iter().any(|done| done == word)
    }
}

fn live(change: &ObjectChange, _: Timestamp) -> Live {
    if change.operation == Operation::Prune { gone() } else { well(change) }
}

#[test]
fn a_record_comes_first_then_layer_by_layer_and_a_record_last() {
    let mut run =
        Run::new(plan(vec![layer("a", Operation::Create, "a", &[]), layer("b", Operation::Prune, "b", &[0])]));
    assert_eq!(run.go(|_| written(), live), Outcome::Synced { ill: vec![] });
    let expected =
        "record 1, inventory a, write a, look a, inventory a, inventory b, write b, look b, inventory b, record 2";
    assert_eq!(run.log.join(", "), expected);
    assert_eq!(run.rollout.progress(), (2, 2), "both came to a good end");
}

#[test]
fn a_held_plan_writes_nothing() {
    let mut held = plan(vec![layer("a", Operation::Create, "a", &[])]);
    held.holds.push(crate::decide::plan::Hold::Paused);
    let mut run = Run::new(held);
    assert_eq!(run.go(|_| written(), live), Outcome::Held);
    assert!(run.log.is_empty(), "not even the record");
}

#[test]
fn a_plan_without_a_record_is_only_shown() {
    let mut run = Run::new(Plan { begin: None, end: None, ..plan(vec![layer("a", Operation::Create, "a", &[])]) });
    assert_eq!(run.go(|_| written(), live), Outcome::Planned);
    assert!(run.log.is_empty(), "nothing was written");
}

#[test]
fn an_empty_plan_looks_and_writes_nothing() {
    let unchanged = layer("a", Operation::Unchanged, "a", &[]);
    let mut run = Run::new(Plan { begin: None, end: None, ..plan(vec![unchanged]) });
    assert_eq!(run.go(|_| written(), live), Outcome::Synced { ill: vec![] });
    assert_eq!(run.log, ["look a"], "success is only what was seen");
}

#[test]
fn who_comes_second_is_fenced() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    assert_eq!(run.go(|_| Answer::Refused(Why::Conflict("generation".into())), live), Outcome::Fenced);
    assert_eq!(run.log, ["record 1"], "nothing follows");
}

#[test]
fn an_ill_layer_stops_what_needs_it_and_nothing_else() {
    let layers = vec![
        layer("a", Operation::Create, "a", &[]),
        layer("b", Operation::Create, "b", &[0]),
        layer("c", Operation::Create, "c", &[1]),
        layer("d", Operation::Create, "d", &[]),
    ];
    let mut run = Run::new(plan(layers));
    let look = |change: &ObjectChange, _| if &*change.object.name == "a" { ill(change) } else { well(change) };
    let Outcome::Failed(troubles) = run.go(|_| written(), look) else { panic!("a layer is ill") };
    assert_eq!(troubles.iter().map(|it| it.layer.as_str()).collect::<Vec<_>>(), ["a"], "one trouble, not four");
    assert!(!run.did("inventory b") && !run.did("inventory c"), "what needs it is not begun: {:?}", run.log);
    assert!(run.did("write d"), "what does not goes on");
    assert!(!run.did("record 2"), "it is no success");
    let waits: Vec<_> = run.rollout.why_blocked().into_iter().map(|it| (it.layer, it.waits_for)).collect();
    assert_eq!(waits, [(name("b"), WaitsFor::Layer(name("a"))), (name("c"), WaitsFor::Layer(name("b")))]);
}

#[test]
fn nothing_is_pruned_while_a_changed_layer_is_ill() {
    let layers = vec![layer("a", Operation::Create, "a", &[]), layer("b", Operation::Prune, "b", &[])];
    let mut run = Run::new(plan(layers));
    let refuse = |word: &str| if word == "write a" { Answer::Refused(Why::Invalid("no".into())) } else { written() };
    let Outcome::Failed(troubles) = run.go(refuse, live) else { panic!("a write was refused") };
    assert!(!troubles[0].spurious, "the author must act");
    assert!(!run.did("write b"), "pruning comes last, when all else is well");
}

#[test]
fn a_gate_is_looked_at_later_and_later_until_its_time_is_over() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let mut looks = Vec::new();
    let outcome = run.go(
        |_| written(),
        |change, now| {
            looks.push(now.0 / 1000);
            ill(change)
        },
    );
    assert_eq!(looks, [0, 1, 3, 7, 15, 30, 45, 60], "the pause grows to 15 s, the last look is at the limit");
    assert!(matches!(outcome, Outcome::Failed(troubles) if troubles[0].spurious), "it may yet become well");
}

/// An object of another kind than was wanted, with this status.
fn shown(kind: &str, api_version: &str, status: Map) -> Live {
    let fields = [("kind", kind.into()), ("apiVersion", api_version.into()), ("status", status.into())];
    Live::Present { object: Map::from_iter(fields).into(), version: "1".into() }
}

#[test]
fn what_has_ended_badly_is_not_waited_for() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let condition = Map::from_iter([("type", Value::from("Failed")), ("status", "True".into())]);
    let status = Map::from_iter([("conditions", Value::list(vec![condition.into()]))]);
    let outcome = run.go(|_| written(), |_, _| shown("Job", "batch/v1", status.clone()));
    assert!(matches!(outcome, Outcome::Failed(troubles) if !troubles[0].spurious), "another try ends the same");
    assert_eq!(run.now.0, 0, "the first look decides");
}

#[test]
fn what_the_pods_say_is_told_while_it_waits_and_at_its_end() {
    let mut rollout = Rollout::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let place = (Site::Workload, change(Operation::Create, "a").object);
    let labels = Map::from_iter([("matchLabels", Map::from_iter([("app", Value::from("a"))]).into())]);
    let spec = Map::from_iter([("selector", Value::from(labels))]);
    let fields = [("kind", "Deployment".into()), ("apiVersion", "apps/v1".into()), ("spec", spec.into())];
    let deployment = Live::Present { object: Map::from_iter(fields).into(), version: "1".into() };
    let reasons = [("phase", "Failed".into()), ("reason", "Evicted".into())];
    let pod = shown("Pod", "v1", Map::from_iter(reasons));
    let mut now = Timestamp(0);
    let mut blocked = Vec::new();
    let outcome = loop {
        match rollout.next(now) {
            Step::Done(outcome) => break outcome,
            Step::Wait { until } => now = until,
            Step::Look(_) => {
                rollout.saw(&[(place.clone(), deployment.clone())], now);
                blocked.extend(rollout.suspects().map(|(_, suspects)| suspects.selector.to_string()));
                rollout.saw_pods(std::slice::from_ref(&pod));
                blocked.extend(rollout.why_blocked().into_iter().map(|it| it.why));
            }
            _ => rollout.answered(&[written()]),
        }
    };
    let why = "no controller has seen it yet; pod : Evicted";
    assert_eq!(blocked[..2], ["app=a", why], "after the first look already");
    let expected = format!("its time is over: {why}");
    assert!(matches!(outcome, Outcome::Failed(troubles) if troubles[0].why == expected), "and at last");
}

fn changed(layer: &str, role: LayerRole, options: LayerOptions) -> LayerChange {
    LayerChange {
        layer: name(layer),
        renamed_from: None,
        role,
        site: Site::Workload,
        kind: ChangeKind::Added,
        wave: 0,
        after: vec![],
        disruption: Disruption::None,
        disruption_reason: None,
        patch: vec![],
        inverse: vec![],
        objects: vec![],
        deferred: std::collections::BTreeMap::new(),
        outliving: std::collections::BTreeSet::new(),
        hooks: std::collections::BTreeMap::new(),
        notes: std::sync::Arc::default(),
        defines: Vec::new(),
        is_resumed: false,
        options,
        timeout: WITHIN,
    }
}

/// A plan of machines, a layer after them and an end; the first two are of a new cluster, or of one that has a network.
fn machines(network: Operation) -> Plan {
    let mut machines = layer("machines", Operation::Create, "workers", &[]);
    machines.site = Site::Management;
    for change in machines.groups.iter_mut().flat_map(|group| &mut group.objects) {
        change.site = Site::Management;
        (change.object.group, change.object.kind) = ("cluster.x-k8s.io".into(), "MachineDeployment".into());
    }
    let layers =
        vec![machines, layer("network", network, "network", &[0]), layer("old", Operation::Prune, "old", &[1])];
    let mut plan = plan(layers);
    plan.change.layers.push(changed("network", LayerRole::Network, LayerOptions::default()));
    plan
}

/// Runs it with two machines, whose nodes are ready from a moment on, if ever.
fn run_machines(network: Operation, ready_ms: u64) -> (Run, Outcome) {
    run_plan(machines(network), ready_ms)
}

/// Runs such a plan.
fn run_plan(plan: Plan, ready_ms: u64) -> (Run, Outcome) {
    let mut run = Run::new(plan);
    let look = |change: &ObjectChange, now: Timestamp| {
        if &*change.object.kind != "MachineDeployment" {
            return live(change, now);
        }
        let ready = if now.0 >= ready_ms { 2 } else { 0 };
        let counts = ["upToDateReplicas", "readyReplicas", "availableReplicas"].map(|key| (key, Value::Integer(ready)));
        let status = counts.into_iter().chain([("replicas", Value::Integer(2))]);
        shown("MachineDeployment", "cluster.x-k8s.io/v1beta2", status.collect())
    };
    let outcome = run.go(|_| written(), look);
    (run, outcome)
}

#[test]
fn a_network_comes_before_the_nodes_that_wait_for_it_and_both_before_any_end() {
    let (run, outcome) = run_machines(Operation::Create, 20_000);
    assert_eq!(outcome, Outcome::Synced { ill: vec![] }, "{:?}", run.log);
    let at = |word: &str| run.log.iter().position(|done| done == word).expect("it was done");
    let last = run.log.iter().rposition(|done| done == "look machines").expect("they were looked at");
    assert!(at("look machines") < at("write network") && at("write network") < last, "{:?}", run.log);
    assert!(last < at("write old"), "machines were ready before anything ended: {:?}", run.log);
}

#[test]
fn nodes_that_a_new_network_does_not_make_ready_are_a_failure() {
    let (run, outcome) = run_machines(Operation::Create, u64::MAX);
    assert!(matches!(&outcome, Outcome::Failed(troubles) if troubles[0].layer == name("machines")), "{outcome:?}");
    assert!(run.did("write network") && !run.did("write old"), "nothing ended: {:?}", run.log);
}

#[test]
fn nodes_are_waited_for_before_a_network_that_only_changes() {
    let (run, outcome) = run_machines(Operation::Patch, 20_000);
    assert_eq!(outcome, Outcome::Synced { ill: vec![] }, "{:?}", run.log);
    let last = run.log.iter().rposition(|done| done == "look machines");
    let write = run.log.iter().position(|done| done == "write network");
    assert!(last < write, "they had a network, and were ready before it changed: {:?}", run.log);
}

#[test]
fn nodes_are_waited_for_before_what_of_a_network_was_deferred_and_before_the_next_version() {
    let mut deferred = machines(Operation::Create);
    deferred.layers[1].deferred = Some(name("monitoring"));
    let mut version = machines(Operation::Create);
    version.layers[0].version = Some("1.33.4".into());
    for plan in [deferred, version] {
        let (run, outcome) = run_plan(plan, 20_000);
        assert_eq!(outcome, Outcome::Synced { ill: vec![] }, "{:?}", run.log);
        let last = run.log.iter().rposition(|done| done == "look machines");
        let write = run.log.iter().position(|done| done == "write network");
        assert!(last < write, "the nodes had a network: {:?}", run.log);
    }
}

#[test]
fn a_layer_may_say_when_a_kind_is_well() {
    let health = vec![HealthRule {
        group: None,
        kind: "ConfigMap".into(),
        in_progress: None,
        failed: None,
        current: Predicate::compile("status.phase == 'Made'").expect("it is CEL"),
    }];
    let mut plan = plan(vec![layer("a", Operation::Create, "a", &[])]);
    plan.change.layers.push(changed("a", LayerRole::AddOn, LayerOptions { health, ..LayerOptions::default() }));
    let mut run = Run::new(plan);
    let phase = |now: Timestamp| Map::from_iter([("phase", if now.0 < 3000 { "Making" } else { "Made" }.into())]);
    let outcome = run.go(|_| written(), |_, now| shown("ConfigMap", "v1", phase(now)));
    assert_eq!((outcome, run.now.0), (Outcome::Synced { ill: vec![] }, 3000), "well by its own words");
}

#[test]
fn what_looks_failed_is_given_half_a_minute() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let waiting = Map::from_iter([("reason", Value::from("CrashLoopBackOff"))]);
    let state = Map::from_iter([("waiting", Value::from(waiting))]);
    let container = Map::from_iter([("name", Value::from("a")), ("state", state.into())]);
    let statuses = Value::list(vec![container.into()]);
    let status = Map::from_iter([("phase", "Running".into()), ("containerStatuses", statuses)]);
    let outcome = run.go(|_| written(), |_, _| shown("Pod", "v1", status.clone()));
    assert!(matches!(outcome, Outcome::Failed(_)), "it does not start");
    assert_eq!(run.now.0, 30_000, "a process restarts a few times while what it needs comes up");
}

#[test]
fn an_asynchronous_object_must_stay_well() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "asynchronous", &[])]));
    let fall = |change: &ObjectChange, now: Timestamp| if now.0 == 3000 { ill(change) } else { well(change) };
    assert_eq!(run.go(|_| written(), fall), Outcome::Synced { ill: vec![] });
    assert_eq!(run.now.0, 7000 + 5000, "after the fall back at 3 s, the next look at 7 s begins anew");
}

#[test]
fn what_was_not_read_opens_no_gate() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Prune, "a", &[])]));
    assert!(
        matches!(run.go(|_| written(), |_, _| not_read()), Outcome::Failed(_)),
        "absent and not read are two things"
    );
}

#[test]
fn an_unknown_write_that_was_done_goes_on() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let unknown = |word: &str| if word == "write a" { Answer::Unknown } else { written() };
    assert_eq!(run.go(unknown, live), Outcome::Synced { ill: vec![] });
}

#[test]
fn an_unknown_write_that_was_not_done_is_spurious_trouble() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let unknown = |word: &str| if word == "write a" { Answer::Unknown } else { written() };
    let Outcome::Failed(troubles) = run.go(unknown, |_, _| gone()) else { panic!("it is not there") };
    assert!(troubles[0].spurious, "another plan may do it");
}

#[test]
fn an_unchanged_layer_that_is_ill_is_only_a_warning() {
    let layers = vec![layer("a", Operation::Unchanged, "a", &[]), layer("b", Operation::Create, "b", &[0])];
    let mut run = Run::new(plan(layers));
    let look = |change: &ObjectChange, _| if &*change.object.name == "a" { ill(change) } else { well(change) };
    assert_eq!(run.go(|_| written(), look), Outcome::Synced { ill: vec![name("a")] });
}

#[test]
fn an_unchanged_object_that_is_gone_is_no_success() {
    let mut run = Run::new(plan(vec![layer("a", Operation::Unchanged, "a", &[])]));
    assert!(matches!(run.go(|_| written(), |_, _| gone()), Outcome::Failed(_)), "success is only what was seen");
    assert!(!run.did("record 2"), "nor is it recorded");
}

#[test]
fn an_unchanged_layer_that_cannot_be_read_holds_nobody_and_is_no_success() {
    let mut layers = vec![layer("a", Operation::Unchanged, "a", &[]), layer("b", Operation::Create, "b", &[0])];
    // As long as a layer may take that waits for machines.
    layers[0].groups[0].gate = Gate::Healthy { within: Duration::from_hours(1) };
    let mut run = Run::new(plan(layers));
    let look = |change: &ObjectChange, _| if &*change.object.name == "a" { not_read() } else { well(change) };
    let outcome = run.go(|_| written(), look);
    assert!(run.log.contains(&"write b".to_owned()), "what comes after it goes on: {:?}", run.log);
    assert_eq!(run.now.0, 10_000, "after some looks: {:?}", run.log);
    let Outcome::Failed(troubles) = outcome else { panic!("it was not seen: {outcome:?}") };
    assert!(troubles.len() == 1 && troubles[0].spurious, "another try can help: {troubles:?}");
}

#[test]
fn a_newer_commit_ends_a_wait_but_no_write_in_flight() {
    let mut rollout = Rollout::new(plan(vec![layer("a", Operation::Create, "a", &[])]));
    let now = Timestamp(0);
    assert!(matches!(rollout.next(now), Step::Record(_)));
    rollout.answered(&[written()]);
    assert!(matches!(rollout.next(now), Step::Inventory(_)));
    rollout.answered(&[written()]);
    assert!(matches!(rollout.next(now), Step::Write(_)));
    rollout.superseded();
    assert!(matches!(rollout.next(now), Step::Write(_)), "its answer is still owed");
    rollout.answered(&[written()]);
    assert!(matches!(rollout.next(now), Step::Done(Outcome::Superseded)), "no look, no wait");
}
