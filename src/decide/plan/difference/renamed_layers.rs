//! In: a wanted layer, the layers of the old side. Out: the one that it continues.
//! Guarantee: the layer of its name; else the one of `renamedFrom`, where no wanted layer has that name.
use crate::decide::render::Layer;
use crate::name::LayerName;

/// Returns the layer of the old side that a layer continues: of its name, else of the name it had.
pub(in crate::decide::plan) fn predecessor<'a>(layer: &Layer, old: &'a [Layer], new: &[Layer]) -> Option<&'a Layer> {
    let of = |name: &LayerName| old.iter().find(|other| other.name == *name);
    let is_free = |name: &&LayerName| !new.iter().any(|other| other.name == **name);
    of(&layer.name).or_else(|| layer.renamed_from.as_ref().filter(is_free).and_then(of))
}
