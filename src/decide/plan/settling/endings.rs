//! In: what is listed and wanted by nobody where it is. Out: its deletions, in the reverse of the order of writing.
//! Guarantee: those that others stand on end last, custom resources before their definition; what is paused, held or moved
//! ends nowhere.
use super::super::inventory::{Entry, LayerInventory};
use super::super::model::{Expected, Gate, Group, LayerChange, LayerPlan, ObjectChange, Operation, Role};
use super::object_order;
use super::settler::{Settler, is_present};
use crate::decide::document::Site;
use crate::decide::value::Pointer;
use crate::name::{LayerName, ObjectId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether what moves from a layer to another one is already there when the layer's objects end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Come,
    Over,
}

/// A layer of which something may end.
pub(super) struct Ending<'a> {
    name: LayerName,
    layer: Option<&'a LayerChange>,
    site: Site,
}

impl<'a> Settler<'a> {
    /// Plans the end of a layer that is removed before its replacement is there.
    pub(super) fn end_first(&mut self, name: LayerName, layer: &'a LayerChange) {
        let ending = Ending { name, layer: Some(layer), site: layer.site };
        self.prune(&ending, Moves::Come, |settler, site, object| !settler.is_needed_to_end(&ending.name, site, object));
    }

    /// Returns the layers of which something may end, those that others stand on last.
    pub(super) fn endings(&self) -> Vec<Ending<'a>> {
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
    pub(super) fn end(&mut self, endings: &[Ending<'a>]) {
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
            after_failure: None,
        });
    }

    /// Plans the end of a hook that goes when it fails, of a layer that is written at a place; `listed` is what it lists then.
    pub(super) fn end_failed(
        &mut self,
        layer: &LayerChange,
        at: usize,
        hook: (Site, ObjectId),
        listed: Option<&LayerInventory>,
    ) {
        let Some(mut settled) = listed.cloned() else { return };
        let end = ObjectChange { operation: Operation::Prune, ..end_of(&hook, settled.entries.get(&hook), None) };
        settled.entries.remove(&hook);
        let gate = Gate::Gone { within: layer.timeout };
        self.plans.push(LayerPlan {
            layer: layer.layer.clone(),
            site: layer.site,
            deferred: None,
            version: None,
            groups: vec![Group { role: Role::Hook { weight: 0 }, objects: vec![end], gate }],
            needs: Vec::new(),
            ahead: None,
            settled: Some(settled),
            after_failure: Some((at, hook.1)),
        });
    }

    /// Plans the end of hooks that go once all is well.
    pub(super) fn sweep(&mut self, layer: &LayerChange) {
        let Some(book) = self.settled_book(&layer.layer).filter(|_| !layer.options.paused).cloned() else { return };
        let goes = |object: &&ObjectId| layer.hooks.get(*object).is_some_and(|hook| hook.goes);
        let keys: Vec<(Site, ObjectId)> = book.entries.keys().filter(|(_, object)| goes(&object)).cloned().collect();
        if keys.is_empty() {
            return;
        }
        let end = |key| ObjectChange { operation: Operation::Prune, ..end_of(key, book.entries.get(key), None) };
        let objects = keys.iter().map(end).collect();
        let gate = Gate::Gone { within: layer.timeout };
        let mut settled = book;
        settled.entries.retain(|key, _| !keys.contains(key));
        self.plans.push(LayerPlan {
            layer: layer.layer.clone(),
            site: layer.site,
            deferred: None,
            version: None,
            groups: vec![Group { role: Role::Hook { weight: 0 }, objects, gate }],
            needs: (0..self.plans.len()).collect(),
            ahead: None,
            settled: Some(settled),
            after_failure: None,
        });
    }
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
        at: None,
    };
    of_change.cloned().map_or_else(ended, |change| ObjectChange { expected: Expected::Any, ..change })
}
