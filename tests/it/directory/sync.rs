//! In: a plan by hand, and a folder. Out: the folder, after the rollout was done to its end.
//! Guarantee: the machine, the writer and the observer fit together without a shell between them.
use super::fixture::{FLEET, Target, change, cluster, layer, record};
use std::fs;
use std::time::Duration;
use stratify::act::apply::directory::Writer;
use stratify::decide::document::{Revision, Site};
use stratify::decide::plan::{
    Base, Change, Disruption, Entry, Gate, Group, LayerInventory, LayerPlan, ObjectChange, Old, Operation, Plan, Role,
};
use stratify::decide::profile::Lifecycle;
use stratify::decide::rollout::{Outcome, Rollout, Step};
use stratify::decide::value::{Digest, Timestamp};
use stratify::name::{ChangeId, CommitId, EnvironmentName, PlanId};
use stratify::observe::cluster::directory::{facts, look};

const WITHIN: Duration = Duration::from_mins(1);

fn layer_plan(name: &str, change: ObjectChange) -> LayerPlan {
    let goes = change.operation == Operation::Prune;
    let (role, gate) = if goes {
        (Role::Prune, Gate::Gone { within: WITHIN })
    } else {
        (Role::Main, Gate::Healthy { within: WITHIN })
    };
    let entry = ((change.site, change.object.clone()), Entry { applied: None, intended: None, uid: None, kept: false });
    let ahead = LayerInventory { layer: layer(name), plan: PlanId([1; 32]), after: vec![], entries: [entry].into() };
    let mut settled = ahead.clone();
    if goes {
        settled.entries.clear();
    }
    let writes = change.operation.is_write();
    LayerPlan {
        after_failure: None,
        layer: layer(name),
        site: Site::Workload,
        deferred: None,
        version: None,
        groups: vec![Group { role, objects: vec![change], gate }],
        needs: vec![],
        ahead: writes.then_some(ahead),
        settled: writes.then_some(settled),
    }
}

pub(super) fn plan(generation: u64, layers: Vec<LayerPlan>) -> Plan {
    Plan {
        id: PlanId([1; 32]),
        change: Change {
            id: ChangeId([1; 32]),
            cluster: cluster(),
            environment: EnvironmentName::new("prod").expect("it is a label"),
            fleet: FLEET.into(),
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
        base: Base { generation: generation - 1, applied: None, renamed_from: None },
        begin: Some(record(generation)),
        end: Some(record(generation + 1)),
        layers,
        holds: vec![],
        approval: None,
        paused: vec![],
    }
}

fn run(target: &Target, plan: Plan) -> Outcome {
    let mut writer = Writer::open(&target.root, FLEET, &cluster(), &[]).expect("the folder is ours");
    let mut rollout = Rollout::for_directory(plan);
    let mut now = Timestamp(0);
    loop {
        match rollout.next(now) {
            Step::Done(outcome) => return outcome,
            Step::Wait { until } => now = until,
            Step::Record(record) => rollout.answered(&[writer.write_record(&record)]),
            Step::Inventory(inventory) => rollout.answered(&[writer.write_inventory(&inventory)]),
            Step::Write(id) => {
                let at = rollout.plan().layers[id.layer].layer.clone();
                let group = rollout.plan().try_find_group(id).expect("it is of the plan");
                let answers: Vec<_> = group.writes().map(|change| writer.write(&at, change)).collect();
                rollout.answered(&answers);
            }
            Step::Look(id) => {
                let at = rollout.plan().layers[id.layer].layer.clone();
                let group = rollout.plan().try_find_group(id).expect("it is of the plan");
                let asked: Vec<_> =
                    group.objects.iter().map(|change| (at.clone(), change.site, change.object.clone())).collect();
                rollout.saw(&look(&target.root, &asked), now);
            }
        }
    }
}

#[test]
fn a_plan_is_done_to_its_end_and_the_next_one_takes_it_up() {
    let target = Target::new();
    let first = vec![
        layer_plan("web", change(Operation::Create, "a", 1)),
        layer_plan("api", change(Operation::Create, "b", 1)),
    ];
    assert_eq!(run(&target, plan(1, first)), Outcome::Synced { ill: vec![] });
    let state = facts(&target.root, FLEET, &cluster()).unwrap();
    assert_eq!((state.record.generation, state.inventory.layers.len()), (2, 2), "both layers are ours");
    assert!(!state.uid.0.is_empty(), "it has an identity");

    let second = vec![
        layer_plan("web", change(Operation::Unchanged, "a", 1)),
        layer_plan("api", change(Operation::Prune, "b", 1)),
    ];
    assert_eq!(run(&target, plan(3, second)), Outcome::Synced { ill: vec![] });
    assert_eq!(target.files(), ["web/shop/ConfigMap_a.yaml"], "the other layer is gone");
    let after = facts(&target.root, FLEET, &cluster()).unwrap();
    assert_eq!((after.inventory.layers.len(), after.uid), (1, state.uid), "so is its inventory, and the rest stays");
}

#[test]
fn an_edited_file_of_an_unchanged_layer_is_a_warning() {
    let target = Target::new();
    let layers = |operation| vec![layer_plan("web", change(operation, "a", 1))];
    assert_eq!(run(&target, plan(1, layers(Operation::Create))), Outcome::Synced { ill: vec![] });
    let path = target.root.join("web/shop/ConfigMap_a.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("data: 1", "data: 2")).unwrap();
    assert_eq!(run(&target, plan(3, layers(Operation::Unchanged))), Outcome::Synced { ill: vec![layer("web")] });
}

#[test]
fn a_plan_against_an_older_generation_is_fenced() {
    let target = Target::new();
    let layers = || vec![layer_plan("web", change(Operation::Create, "a", 1))];
    assert_eq!(run(&target, plan(1, layers())), Outcome::Synced { ill: vec![] });
    assert_eq!(run(&target, plan(1, layers())), Outcome::Fenced, "another sync was there first");
}
