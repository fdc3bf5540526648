//! In: the layers of the last sync, the record. Out: the same, with layers that were paused then as they had been applied.
//! Guarantee: what was left while a layer was paused is a change once it goes on; how it goes is asked of the last sync.
use super::sync::rendered;
use super::world::Sources;
use crate::decide::plan::Unknown;
use crate::decide::profile::Record;
use crate::decide::render::{Layer, Layers};

/// Puts layers that were paused back to what they had been applied as: what was left then is a change when it is done.
pub(super) async fn as_left<W: Sources>(world: &W, record: &Record, mut layers: Layers) -> Result<Layers, Unknown> {
    for (name, moment) in &record.paused {
        let Some(at) = layers.layers.iter().position(|layer| layer.name == *name) else { continue };
        let left = match moment {
            None => None,
            Some(moment) => {
                let names = [Some(name), layers.layers.get(at).and_then(|layer| layer.renamed_from.as_ref())];
                let before = rendered(world, record, moment).await?;
                let is_it = |layer: &Layer| names.contains(&Some(&layer.name));
                before.layers.into_iter().find(is_it)
            }
        };
        match (left, layers.layers.get_mut(at)) {
            // How it goes, and that it was paused, is asked of the layer as it was synced last.
            (Some(left), Some(layer)) => *layer = Layer { options: layer.options.clone(), ..left },
            _ => drop(layers.layers.remove(at)),
        }
    }
    Ok(layers)
}
