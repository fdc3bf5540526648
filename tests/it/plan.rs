//! In: the example repository before and after an edit. Out: changes and plans.
//! Guarantee: what holds for every plan is checked on real documents.
use crate::fleet::{Files, line};
use stratify::decide::document::Commits;
use stratify::decide::plan::{
    Begun, Bounds, Change, ChangeKind, ClusterState, Inventory, LayerInventory, Operation, Plan, Role, Ruling, Rung,
    Stair, Step, Uid, change, check, draft,
};
use stratify::decide::profile::Record;
use stratify::decide::render::Layers;
use stratify::name::ClusterName;

fn cluster(name: &str) -> ClusterName {
    ClusterName::new(name).expect("it is a label")
}

pub(crate) fn render(files: &Files, name: &str) -> Layers {
    match files.render(&cluster(name)) {
        Ok((layers, _)) => layers,
        Err(errors) => panic!("{}", errors.iter().map(line).collect::<Vec<_>>().join("\n")),
    }
}

pub(crate) fn unborn(name: &str) -> ClusterState {
    ClusterState {
        uid: Uid("1".into()),
        record: Record::unborn("acme".into(), cluster(name)),
        inventory: Inventory::default(),
    }
}

pub(crate) fn plan(before: Option<&Layers>, after: &Layers, facts: &ClusterState) -> Plan {
    plan_of(change(before, after), after, facts)
}

/// Settles a change.
pub(crate) fn plan_of(change: Change, after: &Layers, facts: &ClusterState) -> Plan {
    let ruling = Ruling {
        policy: after.policy.clone(),
        commits: Commits::default(),
        change_set: None,
        other_deletions: 0,
        reference: "refs/heads/main".into(),
        lifecycle: after.lifecycle,
        bounds: Bounds::default(),
        targets: vec!["one".into()],
        begun: Begun::Nothing,
    };
    let (draft, _) = draft(change, facts, &ruling).expect("it can be drafted");
    let verdicts = draft.probes().iter().map(|_| stratify::decide::plan::Verdict::Admitted).collect();
    let (plan, _) = draft.settle(verdicts).expect("nothing is refused");
    assert_eq!(check(&plan, facts), Ok(()), "the second program agrees");
    plan
}

/// Returns the state after a plan was done.
pub(crate) fn after(plan: &Plan, mut facts: ClusterState) -> ClusterState {
    for layer in &plan.layers {
        if let Some(settled) = &layer.settled {
            let LayerInventory { layer, entries, .. } = settled;
            if entries.is_empty() {
                facts.inventory.layers.remove(layer);
            } else {
                facts.inventory.layers.insert(layer.clone(), settled.clone());
            }
        }
    }
    facts.record = plan.end.clone().unwrap_or(facts.record);
    facts
}

#[test]
fn a_first_plan_creates_and_a_second_one_is_empty() {
    let files = Files::folder("example-repo");
    for name in ["dev-1", "staging-1", "eu-1", "us-1"] {
        let layers = render(&files, name);
        let first = plan(None, &layers, &unborn(name));
        let operations = first.layers.iter().flat_map(|layer| &layer.groups).flat_map(|group| &group.objects);
        assert!(operations.clone().count() > 10, "{name} has objects");
        assert!(operations.clone().all(|object| object.operation == Operation::Create), "{name}: all is new");
        let facts = after(&first, unborn(name));
        let second = plan(Some(&layers), &layers, &facts);
        assert!(second.is_empty() && second.begin.is_none(), "{name}: equal states give an empty plan");
        assert!(
            second.change.layers.iter().all(|layer| layer.kind == ChangeKind::Unchanged),
            "{name}: nothing differs"
        );
    }
}

#[test]
fn a_removed_layer_is_pruned_after_all_else() {
    let files = Files::folder("example-repo");
    let before = render(&files, "eu-1");
    let facts = after(&plan(None, &before, &unborn("eu-1")), unborn("eu-1"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/example-repo/clusters/prod/eu-1/cluster.yaml");
    let text = std::fs::read_to_string(path).expect("it is there");
    let gone = "local-tools";
    let (head, tail) = text.split_once("    - name: local-tools").expect("the cluster adds the layer");
    let (_, tail) = tail.split_once("  objectPatches").expect("patches follow");
    let files = files.with("clusters/prod/eu-1/cluster.yaml", Some(&format!("{head}  objectPatches{tail}")));
    let after_edit = render(&files, "eu-1");
    let plan = plan(Some(&before), &after_edit, &facts);
    let last = plan.layers.last().expect("there are layers");
    assert_eq!((last.layer.as_str(), last.groups[0].role), (gone, Role::Prune), "it stands last");
    let deleted = stratify::decide::plan::deletions(&plan.layers).len();
    assert!(deleted > 0, "its objects go");
    assert_eq!(plan.holds, [], "a small deletion of plain objects needs no approval");
    assert!(plan.begin.is_some() && !plan.is_empty(), "it is to be done");
}

/// Checks that the second program sees what is done to a plan.
fn refuses(plan: &Plan, facts: &ClusterState, expected: &str, spoil: impl FnOnce(&mut Plan)) {
    let mut spoilt = plan.clone();
    spoil(&mut spoilt);
    let said = check(&spoilt, facts).expect_err(expected);
    assert!(said.iter().any(|line| line.contains(expected)), "{expected}: {said:?}");
}

#[test]
fn the_second_program_refuses_what_the_planner_never_makes() {
    let files = Files::folder("example-repo");
    let layers = render(&files, "eu-1");
    let facts = unborn("eu-1");
    let plan = plan(None, &layers, &facts);
    let last = plan.layers.len() - 1;
    refuses(&plan, &facts, "waits for a later one", |plan| plan.layers[0].needs.push(last));
    refuses(&plan, &facts, "does not wait for", |plan| plan.layers[last].needs.clear());
    refuses(&plan, &facts, "is written before it is listed", |plan| {
        plan.layers[0].ahead.as_mut().expect("it writes").entries.clear();
    });
    refuses(&plan, &facts, "without a record", |plan| plan.begin = None);
    refuses(&plan, &facts, "does not follow the one that was seen", |plan| {
        plan.begin.as_mut().expect("it is to be done").generation += 1;
    });
    refuses(&plan, &facts, "", |plan| {
        let again = plan.layers[0].groups[0].objects[0].clone();
        plan.layers[last].groups[0].objects.push(again);
    });
}

#[test]
fn the_second_program_refuses_a_way_of_kubernetes_that_begins_too_high() {
    let files = Files::folder("example-repo");
    let layers = render(&files, "eu-1");
    let facts = unborn("eu-1");
    let plan = plan(None, &layers, &facts);
    let layer = plan.change.layers.iter().find(|layer| layer.layer.as_str() == "kubernetes").expect("it has one");
    let rung = |version: &str| Rung { version: version.parse().expect("it is one"), objects: [].into() };
    let step = |version: &str| Step { objects: Vec::new(), rung: rung(version) };
    let stair = Stair {
        layer: layer.layer.clone(),
        renamed_from: None,
        from: Some(rung("1.30.1")),
        to: rung("1.32.5"),
        steps: vec![step("1.31.2"), step("1.32.5")],
    };
    let on_the_way = |first: &str| {
        let mut plan = plan.clone();
        let at = plan.layers.iter().position(|it| it.layer == stair.layer).expect("it is written");
        plan.layers[at].version = Some(first.into());
        plan.change.stair = Some(stair.clone());
        check(&plan, &facts).err().unwrap_or_default()
    };
    let is_refused = |first: &str| on_the_way(first).iter().any(|line| line.contains("is no step from what is there"));
    assert!(!is_refused("1.31.2") && is_refused("1.32.5") && is_refused("1.29.0"));
}
