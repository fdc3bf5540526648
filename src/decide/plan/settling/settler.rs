//! In: a change, and the inventory of what is there. Out: what is done to each layer, in the order of writing.
//! Guarantee: what was done already is not done again; a layer's books go on from place to place, and forget nothing.
//!
//! Why: a layer may stand at several places: its objects; then, each behind the layer with the definitions, those of
//! kinds that come later (*deferred*); at last what of it ends, custom resources before their definition. Each of these
//! places writes the layer's one inventory, ahead and settled, upon what the place before has left there: so each needs
//! the ones before it, what a later place is to write is listed only by that one and what is to end stays listed until
//! it is gone. A cut-off between two of them leaves an inventory of exactly what is there; only the last record says
//! that the layer is applied. What is deferred holds up only who comes after both layers. Where Kubernetes goes up over
//! several versions, each of them is such a place, too, and stands before anything that needs the layer.
use super::super::difference::removal;
use super::super::inventory::{Entry, Inventory, LayerInventory};
use super::super::model::{Change, Expected, Gate, Group, LayerChange, LayerPlan, ObjectChange, Operation, Role};
use super::definitions_kept::{Held, held};
use super::object_order;
use super::swap::removes_first;
use crate::decide::document::Site;
use crate::decide::render::HookMoment;
use crate::decide::value::{Diagnostic, Digested};
use crate::name::{LayerName, ObjectId, PlanId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where each object that we own is listed; twice where a move was cut off.
type Listed<'a> = BTreeMap<(Site, &'a ObjectId), Vec<(&'a LayerName, &'a Entry)>>;

/// What settles the order of writes, and what becomes of each object.
pub(in crate::decide::plan) struct Settler<'a> {
    pub(in crate::decide::plan) change: &'a Change,
    pub(in crate::decide::plan) inventory: &'a Inventory,
    listed: Listed<'a>,
    pub(in crate::decide::plan) wanted: BTreeMap<(Site, &'a ObjectId), &'a LayerChange>,
    /// Definitions that nobody wants, and that objects still need.
    pub(super) held: Held,
    /// The first version of a stair that is to be done.
    first: usize,
    pub(super) plans: Vec<LayerPlan>,
    /// Layers of which custom resources end before the rest, since their definition does.
    pub(super) early: BTreeSet<LayerName>,
}

impl<'a> Settler<'a> {
    /// Takes a change, the inventory that it is settled against, and the first version of a stair that is to be done.
    pub(in crate::decide::plan) fn new(change: &'a Change, inventory: &'a Inventory, first: usize) -> Self {
        let mut listed = Listed::new();
        for layer in inventory.layers.values() {
            for ((site, object), entry) in &layer.entries {
                listed.entry((*site, object)).or_default().push((&layer.layer, entry));
            }
        }
        let objects = change.layers.iter().flat_map(|layer| layer.objects.iter().map(move |object| (layer, object)));
        let wanted = objects.filter(|(_, object)| object.manifest.is_some());
        let wanted = wanted.map(|(layer, object)| ((object.site, &object.object), layer)).collect();
        let held = held(change, inventory);
        Self { change, inventory, listed, wanted, held, first, plans: Vec::new(), early: BTreeSet::new() }
    }

    /// Returns what is done to each layer, in the order of writing.
    pub(in crate::decide::plan) fn layers(&mut self) -> Vec<LayerPlan> {
        let change = self.change;
        for layer in change.layers.iter().filter(|layer| is_present(layer)) {
            if removes_first(layer) {
                let name = layer.renamed_from.as_ref().unwrap_or(&layer.layer).clone();
                self.end_first(name, layer);
            }
            self.write_all(layer);
            for other in change.layers.iter().filter(|layer| is_present(layer)) {
                if other.deferred.values().any(|definer| *definer == layer.layer) {
                    self.write(other, Some(layer));
                }
            }
        }
        self.end(&self.endings());
        change.layers.iter().filter(|layer| is_present(layer)).for_each(|layer| self.sweep(layer));
        std::mem::take(&mut self.plans)
    }

    /// Returns what is to be told of definitions that nobody wants and that do not end.
    pub(in crate::decide::plan) fn held(&self) -> Vec<Diagnostic> {
        self.held.values().cloned().collect()
    }

    /// Plans the writes of a layer but those that are deferred; where Kubernetes goes up over several versions, each of
    /// them at a place of its own.
    fn write_all(&mut self, layer: &LayerChange) {
        let change = self.change;
        let stair = change.stair.as_ref().filter(|stair| stair.layer == layer.layer && !layer.options.paused);
        let steps = stair.map_or(&[][..], |stair| stair.steps.get(self.first..).unwrap_or_default());
        if steps.is_empty() {
            return self.write(layer, None);
        }
        for (at, step) in steps.iter().enumerate() {
            let objects = step.objects.iter().filter(|object| !layer.deferred.contains_key(&object.object));
            let objects: Vec<ObjectChange> = objects.map(|object| self.settled_object(layer, object)).collect();
            // What is done is not looked at again; what is wanted in the end always is.
            if at + 1 == steps.len() || objects.iter().any(|object| object.operation.is_write()) {
                self.place(layer, objects, None, Some(step.rung.version.to_string().into()));
            }
        }
    }

    /// Plans the writes of a layer: those that wait for the definitions of `definer`, or all others.
    fn write(&mut self, layer: &LayerChange, definer: Option<&LayerChange>) {
        let until = definer.map(|definer| &definer.layer);
        let objects = layer.objects.iter().filter(|object| object.manifest.is_some());
        let objects = objects.filter(|object| layer.deferred.get(&object.object) == until);
        // Of a paused layer only what is there is looked at.
        let objects = objects.filter(|object| !layer.options.paused || self.own(layer, object).is_some());
        let objects = objects.filter(|object| self.stands_or_runs(layer, object));
        let objects: Vec<ObjectChange> = objects.map(|object| self.settled_object(layer, object)).collect();
        if !objects.is_empty() || until.is_none() {
            self.place(layer, objects, until, None);
        }
    }

    /// Adds a place with these objects.
    fn place(
        &mut self,
        layer: &LayerChange,
        objects: Vec<ObjectChange>,
        until: Option<&LayerName>,
        version: Option<Arc<str>>,
    ) {
        let writes = objects.iter().any(|object| object.operation.is_write());
        let gate = Gate::Healthy { within: layer.timeout };
        let (hooks, objects): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| layer.hooks.contains_key(&object.object));
        let (first, rest): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| object_order::comes_first(&object.object));
        let mut groups = vec![(Role::Crds, first)];
        groups.extend(by_weight(layer, HookMoment::Before, &hooks));
        groups.push((Role::Main, rest));
        groups.extend(by_weight(layer, HookMoment::After, &hooks));
        let groups: Vec<Group> = groups
            .into_iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(role, objects)| Group { role, objects, gate })
            .collect();
        let (ahead, settled) = if writes { self.books(layer, &groups) } else { (None, None) };
        let needs = self.needs(layer, until);
        let (deferred, all) = (until.cloned(), layer);
        let (layer, site) = (layer.layer.clone(), layer.site);
        let (at, failing) = (self.plans.len(), failing_hooks(all, &groups));
        let listed = ahead.clone();
        let after_failure = None;
        self.plans.push(LayerPlan { layer, site, deferred, version, groups, needs, ahead, settled, after_failure });
        for hook in failing {
            self.end_failed(all, at, hook, listed.as_ref());
        }
    }

    fn settled_object(&self, layer: &LayerChange, object: &ObjectChange) -> ObjectChange {
        let mut object = object.clone();
        let digest = object.manifest.as_ref().map(Digested::digest);
        if layer.options.paused {
            object.operation = Operation::Unchanged;
            return object;
        }
        if layer.hooks.contains_key(&object.object) {
            return object;
        }
        // As long as another layer lists it, it may be there as that layer's.
        let from = self.from(object.site, &object.object, &layer.layer).filter(|_| !self.is_moved(layer, &object));
        (object.operation, object.expected) = match (from, self.own(layer, &object)) {
            (Some((other, _)), _) => (Operation::Move { from: other.clone() }, Expected::Any),
            (None, None) => (Operation::Create, Expected::Absent),
            (None, Some(entry)) if entry.applied == digest && entry.intended.is_none() => {
                (Operation::Unchanged, Expected::Any)
            }
            (None, Some(entry)) if entry.applied.is_none() => (Operation::Create, Expected::Any),
            (None, Some(_)) if object.operation == Operation::Recreate => (Operation::Recreate, Expected::Any),
            (None, Some(_)) => (Operation::Patch, Expected::Any),
        };
        object
    }

    /// Whether an object stands, or is a hook that this change runs and that no sync that was cut off has run for it.
    fn stands_or_runs(&self, layer: &LayerChange, object: &ObjectChange) -> bool {
        if !layer.hooks.contains_key(&object.object) {
            return true;
        }
        let digest = object.manifest.as_ref().map(Digested::digest);
        let has_run = |entry: &Entry| entry.applied == digest && entry.intended.is_none();
        object.operation == Operation::Run && !layer.options.paused && !self.own(layer, object).is_some_and(has_run)
    }

    /// Returns what a layer itself lists of an object, after what is planned so far.
    pub(in crate::decide::plan) fn own(&self, layer: &LayerChange, object: &ObjectChange) -> Option<&Entry> {
        self.settled_book(&layer.layer)?.entries.get(&(object.site, object.object.clone()))
    }

    /// Whether an earlier place of the layer writes the object, and so has it from wherever it was.
    fn is_moved(&self, layer: &LayerChange, object: &ObjectChange) -> bool {
        let places = self.plans.iter().filter(|plan| plan.layer == layer.layer && plan.version.is_some());
        places.flat_map(|plan| &plan.groups).flat_map(Group::writes).any(|it| it.object == object.object)
    }

    /// Returns the first layer but this one that lists an object.
    pub(super) fn from(&self, site: Site, object: &ObjectId, layer: &LayerName) -> Option<(&'a LayerName, &'a Entry)> {
        self.listed.get(&(site, object))?.iter().find(|(other, _)| **other != *layer).copied()
    }

    /// Returns how the books of a layer stand after what is planned so far.
    pub(super) fn settled_book(&self, layer: &LayerName) -> Option<&LayerInventory> {
        let mut planned = self.plans.iter().rev().filter(|plan| plan.layer == *layer && plan.after_failure.is_none());
        planned.find_map(|plan| plan.settled.as_ref()).or_else(|| self.inventory.layers.get(layer))
    }

    /// Returns the inventories before and after the writes; what is still to be pruned stays listed in both.
    fn books(&self, layer: &LayerChange, groups: &[Group]) -> (Option<LayerInventory>, Option<LayerInventory>) {
        let old = self.settled_book(&layer.layer);
        let mut ahead: BTreeMap<_, Entry> = old.map(|old| old.entries.clone()).unwrap_or_default();
        let mut settled = ahead.clone();
        for object in groups.iter().flat_map(|group| &group.objects) {
            let key = (object.site, object.object.clone());
            let digest = object.manifest.as_ref().map(Digested::digest);
            let kept = removal::is_kept(layer, &object.object);
            let from = || self.from(object.site, &object.object, &layer.layer).map(|(_, entry)| entry);
            let known = self.own(layer, object).or_else(from).cloned();
            let mut known = known.unwrap_or(Entry { applied: None, intended: None, uid: None, kept: false });
            if object.operation == Operation::Recreate {
                // It gets another one; until that is known, our marks and our manager tell that it is ours.
                known.uid = None;
            }
            if object.operation.is_write() {
                ahead.insert(key.clone(), Entry { intended: digest, kept, ..known.clone() });
            }
            settled.insert(key, Entry { applied: digest, intended: None, uid: known.uid, kept });
        }
        let book = |entries| LayerInventory {
            layer: layer.layer.clone(),
            plan: PlanId([0; 32]),
            after: layer.after.iter().map(|edge| edge.layer.clone()).collect(),
            entries,
        };
        (Some(book(ahead)), Some(book(settled)))
    }
}

/// Returns the hooks that run and go when they fail.
fn failing_hooks(layer: &LayerChange, groups: &[Group]) -> Vec<(Site, ObjectId)> {
    let running = groups.iter().filter(|group| matches!(group.role, Role::Hook { .. })).flat_map(Group::writes);
    let goes = |change: &&ObjectChange| layer.hooks.get(&change.object).is_some_and(|hook| hook.goes_failed);
    running.filter(goes).map(|change| (change.site, change.object.clone())).collect()
}

/// Returns the hooks of a moment, those of one weight together, lower weights first.
fn by_weight(layer: &LayerChange, moment: HookMoment, hooks: &[ObjectChange]) -> Vec<(Role, Vec<ObjectChange>)> {
    let mut groups: BTreeMap<i32, Vec<ObjectChange>> = BTreeMap::new();
    for object in hooks {
        if let Some(hook) = layer.hooks.get(&object.object).filter(|hook| hook.moment == Some(moment)) {
            groups.entry(hook.weight).or_default().push(object.clone());
        }
    }
    groups.into_iter().map(|(weight, objects)| (Role::Hook { weight }, objects)).collect()
}

/// Whether anything of a layer is wanted.
pub(super) fn is_present(layer: &LayerChange) -> bool {
    layer.objects.iter().any(|object| object.manifest.is_some())
}
