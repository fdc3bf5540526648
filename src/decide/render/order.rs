//! In: rendered layers. Out: the same, with an edge from each custom resource's layer to that of its definition.
//! Guarantee: no edge contradicts another one; what is defined by a layer that is after for other reasons is deferred.
use super::deferred_objects::defer;
use super::model::{Layer, Object};
use crate::decide::document::Site;
use crate::decide::profile::{Edge, EdgeReason};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The layer that defines a kind, by API server, group and kind.
pub(super) type Definers = BTreeMap<(Site, Arc<str>, Arc<str>), usize>;

/// Orders layers by the kinds that they define and use.
pub(super) fn order_by_kinds(layers: &mut [Layer]) {
    let mut definers = Definers::new();
    for (at, layer) in layers.iter().enumerate() {
        let kinds = layer.defines.iter().map(|defined| (layer.site, defined.group.clone(), defined.kind.clone()));
        definers.extend(kinds.map(|kind| (kind, at)));
    }
    if definers.is_empty() {
        return;
    }
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        for definer in layer.objects.iter().filter_map(|object| definer(&definers, (at, layer), object)) {
            if !edges.contains(&(definer, at)) && !comes_after(layers, definer, at) {
                edges.push((definer, at));
            }
        }
    }
    for (definer, at) in edges {
        // Two layers that use each other's kinds stay as they are after the first edge.
        if !comes_after(layers, definer, at) && !comes_after(layers, at, definer) {
            add_edge(layers, definer, at);
        }
    }
    defer(layers, &definers);
    layers.sort_by_key(|layer| layer.wave);
}

/// Returns the other layer that defines an object's kind.
pub(super) fn definer(definers: &Definers, (at, layer): (usize, &Layer), object: &Object) -> Option<usize> {
    let kind = (layer.site, object.id.group.clone(), object.id.kind.clone());
    definers.get(&kind).copied().filter(|definer| *definer != at)
}

/// Whether edges lead from a layer back to another one.
pub(super) fn comes_after(layers: &[Layer], after: usize, before: usize) -> bool {
    let (mut open, mut met) = (vec![after], BTreeSet::new());
    while let Some(at) = open.pop() {
        let Some(layer) = layers.get(at).filter(|_| met.insert(at)) else { continue };
        let reached =
            layers.iter().enumerate().filter(|(_, other)| layer.after.iter().any(|edge| edge.layer == other.name));
        open.extend(reached.map(|(at, _)| at));
        if open.contains(&before) {
            return true;
        }
    }
    false
}

fn add_edge(layers: &mut [Layer], before: usize, after: usize) {
    let Some((name, wave)) = layers.get(before).map(|layer| (layer.name.clone(), layer.wave)) else { return };
    let Some(layer) = layers.get_mut(after) else { return };
    if layer.after.iter().any(|edge| edge.layer == name) {
        return;
    }
    layer.after.push(Edge { layer: name, why: EdgeReason::Kinds });
    raise(layers, after, wave + 1);
}

/// No profile has as many layers in a row; a circle of kinds over old edges ends here.
const WAVES_MAX: u32 = 1024;

/// Raises a layer's wave and, with it, the waves of those after it.
fn raise(layers: &mut [Layer], at: usize, wave: u32) {
    let Some(layer) = layers.get_mut(at) else { return };
    if layer.wave >= wave || wave > WAVES_MAX {
        return;
    }
    layer.wave = wave;
    let name = layer.name.clone();
    let followers: Vec<usize> = layers
        .iter()
        .enumerate()
        .filter(|(_, other)| other.after.iter().any(|edge| edge.layer == name))
        .map(|(at, _)| at)
        .collect();
    for follower in followers {
        raise(layers, follower, wave + 1);
    }
}
