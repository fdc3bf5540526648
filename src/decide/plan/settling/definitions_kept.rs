//! In: definitions that are wanted by nobody, and custom resources that stay. Out: what becomes of those definitions.
//! Guarantee: no definition is deleted under a custom resource that is wanted, paused, kept or no longer ours.
//!
//! Why: with its definition each object of a kind goes, whoever's it is. So a definition is *held* as long as one of its
//! objects is wanted or stands in a layer to which nothing is done: it stays listed, and goes once they do. Where one of
//! its objects stays for good, it is *kept* and is ours no longer, as they are; and that before they are, since no later
//! plan would know of them. An inventory tells groups and no plurals: of a definition is every object of its group, but
//! those of which a definition is wanted.
use super::super::codes;
use super::super::inventory::Inventory;
use super::super::model::{Admission, Change, Group, LayerChange, LayerPlan, ObjectChange, Operation, Role};
use super::object_order;
use super::paused::is_paused;
use crate::decide::document::Site;
use crate::decide::value::Diagnostic;
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A group of kinds, and where.
type Kinds = (Site, Arc<str>);

/// Groups of which an object stays, each with the object and why.
type Staying = BTreeMap<Kinds, (ObjectId, String)>;

/// Definitions that nobody wants and that do not end, each with why.
pub(in crate::decide::plan) type Held = BTreeMap<(Site, ObjectId), Diagnostic>;

/// Returns the definitions that nobody wants and that objects still need.
pub(in crate::decide::plan) fn held(change: &Change, inventory: &Inventory) -> Held {
    let wanted = wanted(change);
    let listed = inventory.layers.values().flat_map(|book| book.entries.keys());
    let ending: Vec<(&(Site, ObjectId), &str)> = listed
        .filter(|(site, object)| !wanted.contains_key(&(*site, object)))
        .filter_map(|key| Some((key, object_order::defined_group(&key.1)?)))
        .collect();
    // Most plans end no definition.
    if ending.is_empty() {
        return Held::new();
    }
    let staying = staying(change, inventory, &wanted);
    let held = ending.into_iter().filter_map(|(key, group)| {
        let (object, why) = staying.get(&(key.0, group.into()))?;
        let hint = "its definition goes once it does; with the definition each object of its kind would go";
        Some((key.clone(), not_deleted(&key.1, object, why).hint(hint)))
    });
    held.collect()
}

/// Returns what is wanted, each with its layer.
fn wanted(change: &Change) -> BTreeMap<(Site, &ObjectId), &LayerChange> {
    let objects = change.layers.iter().flat_map(|layer| layer.objects.iter().map(move |object| (layer, object)));
    let wanted = objects.filter(|(_, object)| object.manifest.is_some());
    wanted.map(|(layer, object)| ((object.site, &object.object), layer)).collect()
}

/// Returns the groups of which objects are wanted, or are listed by a paused layer, and no definition is wanted.
fn staying(change: &Change, inventory: &Inventory, wanted: &BTreeMap<(Site, &ObjectId), &LayerChange>) -> Staying {
    let known = known(change);
    let is_unknown = |site: Site, object: &ObjectId| !known.contains(&(site, &*object.group, &*object.kind));
    let mut staying = Staying::new();
    for ((site, object), layer) in wanted.iter().filter(|((site, object), _)| is_unknown(*site, object)) {
        let why = format!("is wanted by layer {}", layer.layer);
        staying.entry((*site, object.group.clone())).or_insert(((*object).clone(), why));
    }
    for book in inventory.layers.values().filter(|book| is_paused(change, &book.layer)) {
        for (site, object) in book.entries.keys().filter(|(site, object)| is_unknown(*site, object)) {
            let why = format!("is of layer {}, which is paused", book.layer);
            staying.entry((*site, object.group.clone())).or_insert((object.clone(), why));
        }
    }
    staying
}

/// Returns the kinds of which a definition is wanted.
fn known(change: &Change) -> BTreeSet<(Site, &str, &str)> {
    let defined = change.layers.iter().flat_map(|layer| layer.defines.iter().map(move |it| (layer.site, it)));
    defined.map(|(site, it)| (site, &*it.group, &*it.kind)).collect()
}

/// Keeps the definitions of objects that are kept, and lets go of them before those objects; returns what is to be told.
pub(in crate::decide::plan) fn keep(change: &Change, layers: &mut Vec<LayerPlan>) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    for (kinds, object) in kept(change, layers) {
        let objects = layers.iter_mut().flat_map(|layer| &mut layer.groups).flat_map(|group| &mut group.objects);
        for it in objects.filter(|it| it.operation == Operation::Prune && defines(it, &kinds)) {
            (it.operation, it.admission) = (Operation::Keep, Admission::Untried);
            let hint = "both stay, and are ours no longer; delete them by hand if nobody needs them";
            said.push(not_deleted(&it.object, &object, "stays").hint(hint));
        }
        while let Some((at, from)) = late(layers, &kinds) {
            let Some(place) = layers.get_mut(from).map(|layer| first(layer, &kinds)) else { break };
            insert(layers, at, place);
        }
    }
    said
}

/// Returns the groups of which an object is kept and no definition is wanted, each with the first such object.
fn kept(change: &Change, layers: &[LayerPlan]) -> BTreeMap<Kinds, ObjectId> {
    let ends = layers.iter().flat_map(|layer| &layer.groups).flat_map(|group| &group.objects);
    let mut kept = ends.filter(|it| it.operation == Operation::Keep).peekable();
    // Most plans keep nothing.
    if kept.peek().is_none() {
        return BTreeMap::new();
    }
    let known = known(change);
    let unknown = kept.filter(|it| !known.contains(&(it.site, &*it.object.group, &*it.object.kind)));
    unknown.map(|it| ((it.site, it.object.group.clone()), it.object.clone())).collect()
}

fn defines(change: &ObjectChange, (site, group): &Kinds) -> bool {
    change.site == *site && object_order::defined_group(&change.object) == Some(group)
}

/// Returns the first place that keeps an object of a group, and a later one that keeps a definition of it.
fn late(layers: &[LayerPlan], kinds: &Kinds) -> Option<(usize, usize)> {
    let keeps = |layer: &LayerPlan, is_its: &dyn Fn(&ObjectChange) -> bool| {
        let mut objects = layer.groups.iter().flat_map(|group| &group.objects);
        objects.any(|it| it.operation == Operation::Keep && is_its(it))
    };
    let at = layers.iter().position(|it| keeps(it, &|it| it.site == kinds.0 && it.object.group == kinds.1))?;
    let mut later = layers.iter().enumerate().skip(at + 1);
    later.find(|(_, it)| keeps(it, &|it| defines(it, kinds))).map(|(from, _)| (at, from))
}

/// Returns a place of its own for the definitions of a group that a place keeps; that they are listed no more is still
/// written where they stood. Once they do not bear our mark, nothing deletes them.
fn first(layer: &mut LayerPlan, kinds: &Kinds) -> LayerPlan {
    let is_its = |it: &ObjectChange| it.operation == Operation::Keep && defines(it, kinds);
    let mut groups = Vec::new();
    for group in &mut layer.groups {
        let (its, others): (Vec<_>, Vec<_>) = std::mem::take(&mut group.objects).into_iter().partition(is_its);
        group.objects = others;
        groups.push(Group { role: Role::Prune, objects: its, gate: group.gate });
    }
    layer.groups.retain(|group| !group.objects.is_empty());
    groups.retain(|group| !group.objects.is_empty());
    LayerPlan {
        after_failure: None,
        layer: layer.layer.clone(),
        site: layer.site,
        deferred: None,
        version: None,
        groups,
        needs: Vec::new(),
        ahead: None,
        settled: None,
    }
}

/// Puts a place before the one that stands at `at`; what ends later waits for it.
fn insert(layers: &mut Vec<LayerPlan>, at: usize, mut place: LayerPlan) {
    let is_done = |layer: &LayerPlan| layer.writes() || layer.settled.is_some();
    place.needs = layers.iter().enumerate().take(at).filter(|(_, it)| is_done(it)).map(|(nth, _)| nth).collect();
    for layer in layers.iter_mut().skip(at) {
        let is_later = |need: &&mut usize| **need >= at;
        layer.needs.iter_mut().filter(is_later).for_each(|need| *need += 1);
        layer.needs.push(at);
        layer.needs.sort_unstable();
    }
    layers.insert(at, place);
}

fn not_deleted(definition: &ObjectId, object: &ObjectId, why: &str) -> Diagnostic {
    let name = |object: &ObjectId| format!("{} {}", object.kind, object.name);
    Diagnostic::warning(codes::HELD, format!("{} is not deleted: {} {why}", name(definition), name(object)))
}
