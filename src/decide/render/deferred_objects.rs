//! In: rendered layers in their order, the layer that defines each kind. Out: the objects that wait for a later layer.
//! Guarantee: only what is defined by a layer that comes after its own for other reasons is deferred.
//!
//! Why: roles, priorities and what people wrote stand above kinds. Where the layer of a definition comes after that of a
//! custom resource by them, turning the two around would take with it all that is between them; so only the object
//! waits. It holds up nobody but who comes after both layers anyway.
use super::model::Layer;
use super::order::{Definers, comes_after, definer};
use crate::name::LayerName;

/// Marks what is defined by a later layer of the same API server.
pub(super) fn defer(layers: &mut [Layer], definers: &Definers) {
    let mut deferred: Vec<(usize, usize, LayerName)> = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        for (nth, object) in layer.objects.iter().enumerate() {
            let definer = definer(definers, (at, layer), object);
            let Some(definer) = definer.filter(|definer| comes_after(layers, *definer, at)) else { continue };
            deferred.extend(layers.get(definer).map(|other| (at, nth, other.name.clone())));
        }
    }
    for (at, nth, until) in deferred {
        if let Some(object) = layers.get_mut(at).and_then(|layer| layer.objects.get_mut(nth)) {
            object.deferred = Some(until);
        }
    }
}
