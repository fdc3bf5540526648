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
use super::custom_resource_definitions::{Held, held};
use super::object_order;
use super::swap::removes_first;
use crate::decide::document::Site;
use crate::decide::value::{Diagnostic, Digested, Pointer};
use crate::name::{LayerName, ObjectId, PlanId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where each object that we own is listed; twice where a move was cut off.
type Listed<'a> = BTreeMap<(Site, &'a ObjectId), Vec<(&'a LayerName, &'a Entry)>>;

/// Whether what moves from a layer to another one is already there when the layer's objects end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Come,
    Over,
}

/// What settles the order of writes, and what becomes of each object.
pub(in crate::decide::plan) struct Settler<'a> {
    pub(in crate::decide::plan) change: &'a Change,
    pub(in crate::decide::plan) inventory: &'a Inventory,
    listed: Listed<'a>,
    pub(in crate::decide::plan) wanted: BTreeMap<(Site, &'a ObjectId), &'a LayerChange>,
    /// Definitions that nobody wants, and that objects still need.
    held: Held,
    /// The first version of a stair that is to be done.
    first: usize,
    plans: Vec<LayerPlan>,
    /// Layers of which custom resources end before the rest, since their definition does.
    early: BTreeSet<LayerName>,
}

/// A layer of which something may end.
struct Ending<'a> {
    name: LayerName,
    layer: Option<&'a LayerChange>,
    site: Site,
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
                let ending = Ending { name, layer: Some(layer), site: layer.site };
                self.prune(&ending, Moves::Come, |settler, site, object| {
                    !settler.is_needed_to_end(&ending.name, site, object)
                });
            }
            self.write_all(layer);
            for other in change.layers.iter().filter(|layer| is_present(layer)) {
                if other.deferred.values().any(|definer| *definer == layer.layer) {
                    self.write(other, Some(layer));
                }
            }
        }
        self.end(&self.endings());
        std::mem::take(&mut self.plans)
    }

    /// Returns the layers of which something may end, those that others stand on last.
    fn endings(&self) -> Vec<Ending<'a>> {
        let change = self.change;
        // Removals stand in reverse already; what present layers shed goes in reverse too.
        let removed = change.layers.iter().filter(|layer| !is_present(layer));
        let shed = change.layers.iter().filter(|layer| is_present(layer)).rev();
        let of = |layer: &'a LayerChange| Ending { name: layer.layer.clone(), layer: Some(layer), site: layer.site };
        let mut endings: Vec<Ending<'a>> = removed.chain(shed).map(of).collect();
        let done: BTreeSet<&LayerName> = change.layers.iter().map(|layer| &layer.layer).collect();
        for name in self.orphans(&done) {
            let layer = change.layers.iter().find(|layer| layer.renamed_from.as_ref() == Some(&name));
            let listed = self.inventory.layers.get(&name).and_then(|book| book.entries.keys().next());
            endings.push(Ending { name, layer, site: listed.map_or(Site::Workload, |(site, _)| *site) });
        }
        endings
    }

    /// Plans all ends. With its definition every custom resource of a kind is gone, whoever's it is and whatever has to
    /// be done before; so those that end do so first, whatever the order of their layers.
    fn end(&mut self, endings: &[Ending<'a>]) {
        for (at, ending) in endings.iter().enumerate() {
            let kinds: BTreeSet<(Site, Arc<str>)> = self.definitions_that_end(&ending.name).collect();
            for later in endings.iter().skip(at + 1).filter(|_| !kinds.is_empty()) {
                let before = self.plans.len();
                self.prune(later, Moves::Over, |settler, site, object| {
                    kinds.contains(&(site, object.group.clone())) && !settler.wanted.contains_key(&(site, object))
                });
                if self.plans.len() > before {
                    self.early.insert(later.name.clone());
                }
            }
            self.prune(ending, Moves::Over, |_, _, _| true);
        }
    }

    /// Returns the groups of kinds whose definitions are listed by a layer and wanted by nobody.
    fn definitions_that_end(&self, name: &LayerName) -> impl Iterator<Item = (Site, Arc<str>)> {
        let keys = self.settled_book(name).into_iter().flat_map(|book| book.entries.keys());
        let ends = keys.filter(|(site, object)| !self.wanted.contains_key(&(*site, object)));
        let ends = ends.filter(|key| !self.held.contains_key(key));
        ends.filter_map(|(site, object)| Some((*site, object_order::defined_group(object)?.into())))
    }

    /// Whether an object is a definition, and other layers list objects of its group that end later.
    fn is_needed_to_end(&self, name: &LayerName, site: Site, object: &ObjectId) -> bool {
        let Some(group) = object_order::defined_group(object) else { return false };
        let others = self.inventory.layers.values().filter(|book| book.layer != *name);
        let mut keys = others.flat_map(|book| book.entries.keys());
        keys.any(|(at, other)| *at == site && *other.group == *group && !self.wanted.contains_key(&(*at, other)))
    }

    /// Returns what is to be told of definitions that nobody wants and that do not end.
    pub(in crate::decide::plan) fn held(&self) -> Vec<Diagnostic> {
        self.held.values().cloned().collect()
    }

    /// Layers that only the inventory knows, those that depend on others first.
    fn orphans(&self, done: &BTreeSet<&LayerName>) -> Vec<LayerName> {
        let mut left: Vec<&LayerInventory> =
            self.inventory.layers.values().filter(|layer| !done.contains(&layer.layer)).collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let is_needed = |layer: &LayerInventory| {
                left.iter().any(|other| other.layer != layer.layer && other.after.contains(&layer.layer))
            };
            let at = left.iter().position(|layer| !is_needed(layer)).unwrap_or(0);
            order.push(left.remove(at).layer.clone());
        }
        order
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
        let (first, rest): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| object_order::comes_first(&object.object));
        let groups = [(Role::Crds, first), (Role::Main, rest)];
        let groups: Vec<Group> = groups
            .into_iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(role, objects)| Group { role, objects, gate })
            .collect();
        let (ahead, settled) = if writes { self.books(layer, &groups) } else { (None, None) };
        let needs = self.needs(layer, until);
        let deferred = until.cloned();
        let (layer, site) = (layer.layer.clone(), layer.site);
        self.plans.push(LayerPlan { layer, site, deferred, version, groups, needs, ahead, settled });
    }

    /// Returns the places of what has to be done before a layer, or before what of it waits for `until`.
    fn needs(&self, layer: &LayerChange, until: Option<&LayerName>) -> Vec<usize> {
        let is_before = |plan: &LayerPlan| {
            plan.layer == layer.layer
                || layer.renamed_from.as_ref() == Some(&plan.layer)
                || (plan.deferred.is_none() && until == Some(&plan.layer))
                || (layer.after.iter().any(|edge| edge.layer == plan.layer)
                    && plan.deferred.as_ref().is_none_or(|definer| self.comes_after(&layer.layer, definer)))
        };
        self.plans.iter().enumerate().filter(|(_, plan)| is_before(plan)).map(|(at, _)| at).collect()
    }

    /// Whether edges lead from a layer back to another one.
    fn comes_after(&self, layer: &LayerName, other: &LayerName) -> bool {
        let (mut open, mut met) = (vec![layer], BTreeSet::new());
        while let Some(name) = open.pop() {
            let Some(change) = self.change.layers.iter().find(|change| change.layer == *name) else { continue };
            if !met.insert(name) {
                continue;
            }
            if change.after.iter().any(|edge| edge.layer == *other) {
                return true;
            }
            open.extend(change.after.iter().map(|edge| &edge.layer));
        }
        false
    }

    fn settled_object(&self, layer: &LayerChange, object: &ObjectChange) -> ObjectChange {
        let mut object = object.clone();
        let digest = object.manifest.as_ref().map(Digested::digest);
        if layer.options.paused {
            object.operation = Operation::Unchanged;
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
    fn from(&self, site: Site, object: &ObjectId, layer: &LayerName) -> Option<(&'a LayerName, &'a Entry)> {
        self.listed.get(&(site, object))?.iter().find(|(other, _)| **other != *layer).copied()
    }

    /// Returns how the books of a layer stand after what is planned so far.
    fn settled_book(&self, layer: &LayerName) -> Option<&LayerInventory> {
        let planned =
            self.plans.iter().rev().filter(|plan| plan.layer == *layer).find_map(|plan| plan.settled.as_ref());
        planned.or_else(|| self.inventory.layers.get(layer))
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

    /// Plans the end of what a layer's inventory lists and nobody wants there, as far as `part` takes it.
    fn prune(&mut self, ending: &Ending<'_>, moves: Moves, part: impl Fn(&Self, Site, &ObjectId) -> bool) {
        let Ending { name, layer, site } = ending;
        // The books that what is planned before this has settled.
        let Some(old) = self.settled_book(name).cloned() else { return };
        let is_paused = layer.is_some_and(|layer| layer.options.paused);
        let leaves = |(site, object): &&(Site, ObjectId)| match self.wanted.get(&(*site, object)) {
            None => !is_paused && !self.held.contains_key(&(*site, object.clone())),
            // It leaves the books of the layer that it is moved from, and of no other one.
            Some(wants) if moves == Moves::Over && wants.layer != *name && !wants.options.paused => {
                self.from(*site, object, &wants.layer).is_some_and(|(from, _)| *from == *name)
            }
            Some(_) => false,
        };
        let leaving = old.entries.keys().filter(leaves).filter(|(site, object)| part(self, *site, object));
        let leaving: BTreeSet<&(Site, ObjectId)> = leaving.collect();
        if leaving.is_empty() && (!old.entries.is_empty() || self.early.contains(name)) {
            return;
        }
        let mut objects: Vec<ObjectChange> = leaving
            .iter()
            .filter(|(site, object)| !self.wanted.contains_key(&(*site, object)))
            .map(|key| end_of(key, old.entries.get(key), *layer))
            .collect();
        let stage = |change: &ObjectChange| object_order::stage(&change.object);
        objects.sort_by(|left, right| object_order::by_end(&left.object, &right.object));
        let within = layer.map_or(std::time::Duration::from_mins(10), |layer| layer.timeout);
        let gate = Gate::Gone { within };
        let group = |objects: &[ObjectChange]| Group { role: Role::Prune, objects: objects.to_vec(), gate };
        let groups = objects.chunk_by(|left, right| stage(left) == stage(right)).map(group).collect();
        let mut settled = old.clone();
        settled.entries.retain(|key, _| !leaving.contains(key));
        let needs = (0..self.plans.len())
            .filter(|at| self.plans.get(*at).is_some_and(|plan| plan.writes() || plan.settled.is_some()))
            .collect();
        let (layer, settled) = (name.clone(), Some(settled));
        self.plans.push(LayerPlan {
            layer,
            site: *site,
            deferred: None,
            version: None,
            groups,
            needs,
            ahead: None,
            settled,
        });
    }
}

/// Whether anything of a layer is wanted.
fn is_present(layer: &LayerChange) -> bool {
    layer.objects.iter().any(|object| object.manifest.is_some())
}

fn end_of((site, object): &(Site, ObjectId), entry: Option<&Entry>, layer: Option<&LayerChange>) -> ObjectChange {
    let site = *site;
    let is_kept = entry.is_some_and(|entry| entry.kept);
    let of_change =
        layer.and_then(|layer| layer.objects.iter().find(|other| other.site == site && other.object == *object));
    let ended = || ObjectChange {
        site,
        object: object.clone(),
        operation: if is_kept { Operation::Keep } else { Operation::Prune },
        patch: vec![crate::decide::value::PatchOperation::Remove(Pointer::default())],
        inverse: Vec::new(),
        manifest: None,
        expected: Expected::Any,
        admission: super::super::model::Admission::default(),
    };
    of_change.cloned().map_or_else(ended, |change| ObjectChange { expected: Expected::Any, ..change })
}
