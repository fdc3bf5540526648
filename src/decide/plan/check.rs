//! In: a plan and the state it was made for. Out: nothing, or every rule that it breaks.
//! Guarantee: written apart from the planner and run on every plan before it is executed; it shares no rule's code with it.
use super::inventory::LayerInventory;
use super::model::{Gate, LayerChange, LayerPlan, ObjectChange, Operation, Plan, Role};
use super::settling::kubernetes_minors::Rung;
use super::state::ClusterState;
use crate::decide::document::Site;
use crate::decide::value::{Digest, Digested};
use crate::name::{LayerName, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// Checks a plan.
pub fn check(plan: &Plan, facts: &ClusterState) -> Result<(), Vec<String>> {
    let mut broken = Vec::new();
    let all: Vec<(usize, Role, &ObjectChange)> = plan
        .layers
        .iter()
        .enumerate()
        .flat_map(|(at, layer)| {
            layer.groups.iter().flat_map(move |group| group.objects.iter().map(move |object| (at, group.role, object)))
        })
        .collect();
    needs(plan, &mut broken);
    once(plan, &all, &mut broken);
    prunes(plan, &all, facts, &mut broken);
    versions(plan, &mut broken);
    first_version(plan, facts, &mut broken);
    ahead(plan, facts, &mut broken);
    last(plan, &all, &mut broken);
    parts(plan, &mut broken);
    definitions(plan, &all, &mut broken);
    kinds(plan, facts, &mut broken);
    records(plan, facts, &mut broken);
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

fn needs(plan: &Plan, broken: &mut Vec<String>) {
    for (at, layer) in plan.layers.iter().enumerate() {
        if layer.needs.iter().any(|need| *need >= at) {
            broken.push(format!("layer {} waits for a later one", layer.layer));
        }
        let change = plan.change.layers.iter().find(|change| change.layer == layer.layer);
        let is_prune = layer.groups.iter().all(|group| group.role == Role::Prune);
        if let Some((failed, _)) = &layer.after_failure {
            let is_end =
                layer.groups.iter().flat_map(|group| &group.objects).all(|it| it.operation == Operation::Prune);
            if *failed >= at || !is_end {
                broken.push(format!("what follows a failure of layer {} is more than its end", layer.layer));
            }
            continue;
        }
        for edge in change.filter(|_| !is_prune).into_iter().flat_map(|change| &change.after) {
            let before = plan.layers.iter().position(|other| other.layer == edge.layer);
            if before.is_some_and(|before| before >= at || !layer.needs.contains(&before)) {
                broken.push(format!("layer {} does not wait for {}", layer.layer, edge.layer));
            }
        }
    }
}

/// A layer that stands at several places goes on where it was left; who comes after it and after the layer with the
/// definitions waits for what was deferred, too.
fn parts(plan: &Plan, broken: &mut Vec<String>) {
    let after = |layer: &LayerName| plan.change.layers.iter().find(|change| change.layer == *layer);
    let reaches = |layer: &LayerName, other: &LayerName| {
        let mut reached: BTreeSet<&LayerName> = BTreeSet::new();
        // Each round reaches at least one more layer or is the last.
        for _ in &plan.change.layers {
            let from = reached.iter().copied().chain([layer]).filter_map(after);
            let next: BTreeSet<&LayerName> = from.flat_map(|change| &change.after).map(|edge| &edge.layer).collect();
            reached.extend(next);
        }
        reached.contains(other)
    };
    for (at, layer) in plan.layers.iter().enumerate() {
        let is_prune = layer.groups.iter().all(|group| group.role == Role::Prune);
        for (before, other) in plan.layers.iter().enumerate().take(at) {
            let waits = layer.needs.contains(&before);
            // What a failure leaves is gone on with by the next plan.
            let is_way = |place: &LayerPlan| place.settled.is_some() && place.after_failure.is_none();
            if other.layer == layer.layer && is_way(other) && is_way(layer) && !waits {
                broken.push(format!("layer {} does not go on where it was left", layer.layer));
            }
            let follows = after(&layer.layer).is_some_and(|it| it.after.iter().any(|edge| edge.layer == other.layer));
            let is_after = |definer: &LayerName| *definer != layer.layer && reaches(&layer.layer, definer);
            if follows && !is_prune && !waits && other.deferred.as_ref().is_some_and(is_after) {
                broken.push(format!("layer {} does not wait for what of {} was deferred", layer.layer, other.layer));
            }
        }
    }
}

/// Kubernetes goes up by one minor at a time, and who comes after it waits for the last.
fn versions(plan: &Plan, broken: &mut Vec<String>) {
    let parse = |text: &str| semver::Version::parse(text).ok();
    for change in &plan.change.layers {
        let steps: Vec<(usize, &LayerPlan)> =
            plan.layers.iter().enumerate().filter(|(_, it)| it.layer == change.layer && it.version.is_some()).collect();
        let mut last: Option<semver::Version> = None;
        for (at, step) in &steps {
            let Some(version) = step.version.as_deref().and_then(parse) else { continue };
            let goes = last
                .as_ref()
                .is_none_or(|last| *last <= version && last.major == version.major && version.minor <= last.minor + 1);
            if !goes || !step.groups.iter().all(|group| matches!(group.gate, Gate::Healthy { .. })) {
                broken.push(format!("layer {} does not go up one by one to {version}", change.layer));
            }
            let follows = |it: &LayerPlan| {
                let of = plan.change.layers.iter().find(|other| other.layer == it.layer);
                let is_prune = it.groups.iter().all(|group| group.role == Role::Prune);
                !is_prune && of.is_some_and(|of| of.after.iter().any(|edge| edge.layer == change.layer))
            };
            if plan.layers.iter().any(|it| follows(it) && !it.needs.contains(at)) {
                broken.push(format!("not all that comes after {} waits for {version}", change.layer));
            }
            last = Some(version);
        }
    }
}

/// The first version to which Kubernetes goes is at most one minor above the highest that the inventory shows, and not
/// below it. Of what another commit has begun only the planner knows; what is listed then is of no version of this way.
fn first_version(plan: &Plan, facts: &ClusterState, broken: &mut Vec<String>) {
    let Some((stair, from)) = plan.change.stair.as_ref().and_then(|stair| Some((stair, stair.from.as_ref()?))) else {
        return;
    };
    let mut steps = plan.layers.iter().filter(|layer| layer.layer == stair.layer);
    let first = steps.find_map(|layer| semver::Version::parse(layer.version.as_deref()?).ok());
    let Some(first) = first else { return };
    let names = [Some(&stair.layer), stair.renamed_from.as_ref()];
    let books = names.into_iter().flatten().filter_map(|name| facts.inventory.layers.get(name));
    let listed = books.flat_map(|book| &book.entries);
    let listed: Vec<_> = listed.flat_map(|(key, entry)| [(key, entry.applied), (key, entry.intended)]).collect();
    let shows = |rung: &Rung| {
        let is_of = |(key, digest): &(_, Option<Digest>)| digest.is_some() && rung.objects.get(*key) == digest.as_ref();
        listed.iter().any(|shown| is_of(shown) && from.objects.get(shown.0) != shown.1.as_ref())
    };
    let ways = || stair.steps.iter().map(|step| &step.rung).chain([&stair.to]);
    let is_known = |(key, digest): &(&(Site, ObjectId), Option<Digest>)| {
        let mut rungs = ways().chain([from]).filter(|rung| rung.objects.contains_key(*key)).peekable();
        digest.is_none() || rungs.peek().is_none() || rungs.any(|rung| rung.objects.get(*key) == digest.as_ref())
    };
    if !listed.iter().all(is_known) {
        return;
    }
    let there = ways().filter(|rung| shows(rung)).map(|rung| &rung.version).chain([&from.version]).max();
    let goes = there.is_some_and(|there| first >= from.version && first.minor <= there.minor.saturating_add(1));
    if !goes {
        broken.push(format!("layer {} begins with {first}, which is no step from what is there", stair.layer));
    }
}

/// A custom resource is written after the definition that the plan has of it, and ends before it does.
fn definitions(plan: &Plan, all: &[(usize, Role, &ObjectChange)], broken: &mut Vec<String>) {
    let is_definition =
        |object: &ObjectId| (&*object.group, &*object.kind) == ("apiextensions.k8s.io", "CustomResourceDefinition");
    for (defined_at, _, definition) in all.iter().filter(|(.., change)| is_definition(&change.object)) {
        let is_first = |(at, role, other): &(usize, Role, &ObjectChange)| {
            *at < *defined_at
                && *role != Role::Prune
                && (other.site, &other.object) == (definition.site, &definition.object)
        };
        // What is written at several versions is there after the first.
        let spec = definition
            .manifest
            .as_ref()
            .filter(|_| !all.iter().any(is_first))
            .and_then(|manifest| manifest.get("spec"));
        let group = spec.and_then(|spec| spec.get("group")?.as_str());
        let kind = spec.and_then(|spec| spec.get("names")?.get("kind")?.as_str());
        let suffix = definition.object.name.find('.').and_then(|at| definition.object.name.get(at + 1..));
        for (at, other_role, object) in all.iter().filter(|(.., object)| object.site == definition.site) {
            let name = || format!("{} {}", object.object.kind, object.object.name);
            let is_of = group == Some(&*object.object.group) && kind == Some(&*object.object.kind);
            if is_of && at != defined_at && *other_role != Role::Prune && !waits_for(plan, *at, *defined_at) {
                broken.push(format!("{} is written before its definition", name()));
            }
            let ends = definition.operation == Operation::Prune && *other_role == Role::Prune;
            if ends && suffix == Some(&*object.object.group) && at > defined_at {
                broken.push(format!("{} ends after its definition", name()));
            }
        }
    }
}

/// With a definition each object of its kind goes: it ends only once all of them are gone that anybody lists or wants, and
/// is let go of no later than they are. What has a definition that is wanted is of no other one.
fn kinds(plan: &Plan, facts: &ClusterState, broken: &mut Vec<String>) {
    let mut ends: Vec<((usize, usize), &ObjectChange)> = Vec::new();
    for (at, layer) in plan.layers.iter().enumerate() {
        for (nth, group) in layer.groups.iter().enumerate().filter(|(_, group)| group.role == Role::Prune) {
            ends.extend(group.objects.iter().map(|object| ((at, nth), object)));
        }
    }
    let changes = plan.change.layers.iter().flat_map(|layer| &layer.objects);
    let wanted: Vec<&ObjectChange> = changes.filter(|object| object.manifest.is_some()).collect();
    let listed = facts.inventory.layers.values().flat_map(|book| book.entries.keys());
    let listed = listed.map(|(site, object)| (*site, object));
    let all: BTreeSet<(Site, &ObjectId)> =
        wanted.iter().map(|object| (object.site, &object.object)).chain(listed).collect();
    for (at, definition) in ends.iter().filter(|(_, it)| &*it.object.kind == "CustomResourceDefinition") {
        let suffix = definition.object.name.find('.').and_then(|dot| definition.object.name.get(dot + 1..));
        let its = all.iter().filter(|(site, it)| *site == definition.site && suffix == Some(&*it.group));
        for (site, object) in its.filter(|(site, it)| !wanted.iter().any(|other| makes(other, *site, it))) {
            let mut ways = ends.iter().filter(|(_, it)| it.site == *site && it.object == **object).peekable();
            let is_there = ways.peek().is_none();
            let mut late = ways.clone().filter(|(end, it)| it.operation != Operation::Prune || end >= at);
            let mut let_go = ways.filter(|((end, _), it)| it.operation == Operation::Keep && *end < at.0);
            if definition.operation == Operation::Prune && (is_there || late.next().is_some()) {
                broken.push(format!("{} {} is not gone when its definition ends", object.kind, object.name));
            }
            if definition.operation == Operation::Keep && let_go.next().is_some() {
                broken.push(format!("{} {} is let go of before its definition", object.kind, object.name));
            }
        }
    }
}

/// Whether an object is a definition, and that of another one's kind.
fn makes(definition: &ObjectChange, site: Site, object: &ObjectId) -> bool {
    let is_definition = definition.site == site && &*definition.object.kind == "CustomResourceDefinition";
    let spec = definition.manifest.as_ref().filter(|_| is_definition).and_then(|manifest| manifest.get("spec"));
    let group = spec.and_then(|spec| spec.get("group")?.as_str());
    let kind = spec.and_then(|spec| spec.get("names")?.get("kind")?.as_str());
    group == Some(&*object.group) && kind == Some(&*object.kind)
}

/// Whether a place of the plan waits for another one, or for one that does.
fn waits_for(plan: &Plan, at: usize, before: usize) -> bool {
    let mut reached = BTreeSet::from([at]);
    // Each place needs only earlier ones.
    for place in (before..=at).rev() {
        if let Some(layer) = plan.layers.get(place).filter(|_| reached.contains(&place)) {
            reached.extend(layer.needs.iter().copied());
        }
    }
    at != before && reached.contains(&before)
}

fn once(plan: &Plan, all: &[(usize, Role, &ObjectChange)], broken: &mut Vec<String>) {
    // What ends may be listed by two layers, where a move was cut off.
    let mut seen: BTreeSet<(Site, &ObjectId, Option<usize>)> = BTreeSet::new();
    for (at, role, object) in all {
        // So may what is written at one version after the other.
        let is_step = plan.layers.get(*at).is_some_and(|layer| layer.version.is_some());
        let is_swept = matches!(role, Role::Hook { .. }) && object.operation == Operation::Prune;
        let ends_at = (*role == Role::Prune || is_swept || is_step).then_some(*at);
        if !seen.insert((object.site, &object.object, ends_at)) {
            broken.push(format!("{} {} stands twice", object.object.kind, object.object.name));
        }
    }
}

fn prunes(plan: &Plan, all: &[(usize, Role, &ObjectChange)], facts: &ClusterState, broken: &mut Vec<String>) {
    // What only versions on the way have is listed by them.
    let ahead: Vec<&LayerInventory> = plan.layers.iter().filter_map(|layer| layer.ahead.as_ref()).collect();
    for (_, role, object) in all {
        let name = || format!("{} {}", object.object.kind, object.object.name);
        let key = (object.site, object.object.clone());
        let ends = matches!(object.operation, Operation::Prune | Operation::Keep);
        // What ran goes at the end of its own role.
        if ends != (*role == Role::Prune) && !(ends && matches!(role, Role::Hook { .. })) {
            broken.push(format!("{} stands in a group of another role", name()));
        }
        if ends && object.manifest.is_some() {
            broken.push(format!("{} is wanted and ends", name()));
        }
        let mut books = facts.inventory.layers.values().chain(ahead.iter().copied());
        if ends && !books.any(|book| book.entries.contains_key(&key)) {
            broken.push(format!("{} ends and was never ours", name()));
        }
        if !ends && object.manifest.is_none() {
            broken.push(format!("{} is written without a manifest", name()));
        }
    }
}

fn ahead(plan: &Plan, facts: &ClusterState, broken: &mut Vec<String>) {
    let mut books: BTreeMap<&str, &LayerInventory> =
        facts.inventory.layers.iter().map(|(name, book)| (name.as_str(), book)).collect();
    for layer in &plan.layers {
        if let Some(ahead) = &layer.ahead {
            if let Some(old) = books.get(layer.layer.as_str())
                && old.entries.keys().any(|key| !ahead.entries.contains_key(key))
            {
                broken.push(format!("the inventory of {} forgets before it deletes", layer.layer));
            }
            books.insert(layer.layer.as_str(), ahead);
        }
        let book = books.get(layer.layer.as_str());
        for object in layer.groups.iter().flat_map(super::model::Group::writes) {
            let entry = book.and_then(|book| book.entries.get(&(object.site, object.object.clone())));
            let intended = object.manifest.as_ref().map(Digested::digest);
            let is_listed = entry.is_some_and(|entry| intended.is_none() || entry.intended == intended);
            if !is_listed {
                broken.push(format!("{} {} is written before it is listed", object.object.kind, object.object.name));
            }
        }
        if let Some(settled) = layer.settled.as_ref().filter(|_| layer.after_failure.is_none()) {
            books.insert(layer.layer.as_str(), settled);
        }
    }
}

/// What goes goes after everything that is written, unless the layer asked for the opposite and was approved.
fn last(plan: &Plan, all: &[(usize, Role, &ObjectChange)], broken: &mut Vec<String>) {
    let swaps = |at: usize| {
        let name = plan.layers.get(at).map(|layer| &layer.layer);
        let is_its = |change: &LayerChange| Some(&change.layer) == name || change.renamed_from.as_ref() == name;
        let mut changes = plan.change.layers.iter().filter(|change| name.is_some() && is_its(change));
        changes.any(|change| change.options.swap == crate::decide::profile::Swap::RemoveFirst)
    };
    let last_write = all
        .iter()
        .filter(|(_, role, object)| *role != Role::Prune && object.operation.is_write())
        .filter(|(.., object)| object.operation != Operation::Prune)
        .map(|(at, ..)| *at)
        .max();
    // What is only let go of is not deleted.
    let first_prune = all
        .iter()
        .filter(|(at, role, object)| *role == Role::Prune && object.operation == Operation::Prune && !swaps(*at))
        .map(|(at, ..)| *at)
        .min();
    if let (Some(write), Some(prune)) = (last_write, first_prune)
        && prune < write
    {
        broken.push("something is deleted before all is written".into());
    }
}

fn records(plan: &Plan, facts: &ClusterState, broken: &mut Vec<String>) {
    if let Some(begin) = &plan.begin
        && (begin.generation != facts.record.generation + 1 || begin.applying.is_none())
    {
        broken.push("the record does not follow the one that was seen".into());
    }
    if !plan.is_empty()
        && plan.begin.is_none()
        && matches!(plan.change.head, crate::decide::document::Revision::Commit(_))
    {
        broken.push("something is written without a record".into());
    }
}
