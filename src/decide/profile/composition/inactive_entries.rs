//! In: an entry of an overlay that names what is not there. Out: a warning where the head knows it and the pin does not;
//! an error otherwise.
//! Guarantee: an entry takes effect once the pin reaches what it names; what nobody knows is misspelt.
use super::super::codes;
use super::overlays::Selection;
use super::shape::Shaped;
use crate::decide::document::{Fragment, nearest};
use crate::decide::value::Diagnostic;
use crate::name::LayerName;

/// What the head knows and the pinned revision does not is inactive until the pin reaches it.
pub(in crate::decide::profile) fn unknown(
    selection: &mut Selection,
    layers: &[Shaped],
    name: &LayerName,
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
) {
    let at = part.get("name").unwrap_or_else(|| part.clone()).span();
    if knows_layer(selection, name) {
        selection.warnings.push(
            Diagnostic::warning(
                codes::INACTIVE,
                format!("the pinned revision has no layer `{name}`; this entry is inactive"),
            )
            .at(at)
            .hint("it becomes active once the revision of its profile reaches the layer"),
        );
        return;
    }
    let near = nearest(name.as_str(), layers.iter().map(|layer| layer.name.as_str()));
    errors.push(
        Diagnostic::error(codes::NO_LAYER, format!("the cluster {} has no layer `{name}`", selection.cluster.name))
            .at(at)
            .expected("a layer of its profiles, or a source (pack or manifests) to add one")
            .nearest(near),
    );
}

fn knows_layer(selection: &Selection, name: &LayerName) -> bool {
    let head = selection.pinned().filter_map(|profile| selection.head.profile(&profile.name).ok().flatten());
    head.flat_map(|profile| &profile.layers).any(|(other, _)| other == name)
}

/// Returns what is told of a variable that the head declares and the pin does not.
pub(in crate::decide::profile) fn inactive_variable(key: &Fragment) -> Diagnostic {
    let message = format!("the pinned revision has no variable `{}`; this entry is inactive", key.text());
    Diagnostic::warning(codes::INACTIVE, message)
        .at(key.span())
        .hint("it becomes active once the pin reaches the variable")
}
