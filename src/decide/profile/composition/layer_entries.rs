//! In: an entry of an overlay's `layers`. Out: the cluster's layers with it: one added, removed, replaced or written over.
//! Guarantee: `replaceWith` discards what was written before, but for role, namespace, priority and dependsOn; a layer
//! that is there gets another source only so; `remove: true` stands alone.
use super::super::codes;
use super::inactive_entries::unknown;
use super::overlays::Selection;
use super::shape::{Shaped, Step};
use crate::decide::document::kind::SOURCES;
use crate::decide::document::{Fragment, LayerRole, Site, role_of};
use crate::decide::value::Diagnostic;
use crate::name::LayerName;

pub(in crate::decide::profile) fn overlaid(
    selection: &mut Selection,
    layers: &mut Vec<Shaped>,
    name: &LayerName,
    part: &Fragment,
    overlay: usize,
    errors: &mut Vec<Diagnostic>,
) {
    let is_true = |key: &str| part.get(key).is_some_and(|part| part.value().as_bool() == Some(true));
    let step = |part: Fragment| Step { part, profile: None, overlay: Some(overlay) };
    let adds = SOURCES.iter().any(|key| part.get(key).is_some()) && !is_true("remove");
    let known = layers.iter().position(|layer| layer.name == *name);
    let known = known.or_else(|| if adds { None } else { formerly(selection, layers, name, part) });
    let Some(layer) = known.and_then(|at| layers.get_mut(at)) else {
        if adds {
            let role = part.get("role").and_then(|part| role_of(part.text())).unwrap_or(LayerRole::AddOn);
            let steps = vec![step(part.clone())];
            let (site, kept, declared) = (Site::Workload, Vec::new(), None);
            layers.push(Shaped { name: name.clone(), role, site, profile: None, kept, steps, declared });
        } else {
            unknown(selection, layers, name, part, errors);
        }
        return;
    };
    if is_true("remove") {
        errors.extend(said_of_removed(name, part));
        let name = layer.name.clone();
        layers.retain(|layer| layer.name != name);
        return;
    }
    if let Some(role) = part.get("role").filter(|role| role_of(role.text()) != Some(layer.role)) {
        errors.push(
            Diagnostic::error(codes::FIELD, format!("an overlay cannot change the role of the layer `{name}`"))
                .at(role.span())
                .also(layer.at(), "its role is given here"),
        );
    }
    if let Some(replacement) = part.get("replaceWith") {
        errors.extend(beside_replacement(name, part));
        let discarded = std::mem::take(&mut layer.steps);
        layer.kept.extend(discarded);
        layer.steps.push(step(replacement));
    } else if let Some(said) = another_source(layer, part) {
        errors.push(said);
    }
    layer.steps.push(step(part.clone()));
}

/// Returns the layer that an entry means by another of its names: the one that it had before; at a pin, the one that it
/// has at the head.
fn formerly(selection: &mut Selection, layers: &[Shaped], name: &LayerName, part: &Fragment) -> Option<usize> {
    let was = |layer: &Fragment, other: &str| layer.get("renamedFrom").is_some_and(|old| old.text() == other);
    if let Some(at) = layers.iter().position(|layer| layer.steps.iter().any(|step| was(&step.part, name.as_str()))) {
        let layer = layers.get(at)?;
        selection.warnings.push(
            Diagnostic::warning(codes::RENAMED, format!("the layer `{name}` is named `{}` now", layer.name))
                .at(part.get("name").unwrap_or_else(|| part.clone()).span())
                .also(layer.at(), "declared here")
                .hint("the entry is carried over; write the new name"),
        );
        return Some(at);
    }
    let head = selection.pinned().filter_map(|profile| selection.head.profile(&profile.name).ok().flatten());
    let mut declared = head.flat_map(|profile| profile.layers.iter().map(move |layer| (&profile.name, layer)));
    declared.find_map(|(profile, (new, declared))| {
        let is_it = |layer: &Shaped| {
            layer.profile.as_ref().is_some_and(|(of, _)| of == profile) && was(declared, layer.name.as_str())
        };
        if new == name { layers.iter().position(is_it) } else { None }
    })
}

/// How the objects of a layer go is asked of the layer that is there, not of the entry that takes it away.
fn said_of_removed(name: &LayerName, part: &Fragment) -> Vec<Diagnostic> {
    let others = part.entries().filter(|(key, _)| !matches!(key.text(), "name" | "remove"));
    let said = |(key, _): (Fragment, Fragment)| {
        let message = format!("the layer `{name}` is removed: its `{}` has no effect here", key.text());
        Diagnostic::error(codes::FIELD, message)
            .at(key.span())
            .expected("`remove: true` alone")
            .hint("what becomes of its objects is asked of the layer as it was synced last: set it there, sync, then remove it")
    };
    others.map(said).collect()
}

/// A layer that is added under a name that is there would take its place without a word.
fn another_source(layer: &Shaped, part: &Fragment) -> Option<Diagnostic> {
    let (key, new) = SOURCES.iter().find_map(|key| Some((*key, part.get(key)?)))?;
    let (_, old_key, old) = layer.source().ok()?;
    let pack = |part: &Fragment| match part.get("name") {
        Some(name) => name.text().to_owned(),
        None => part.text().split('@').next().unwrap_or_default().to_owned(),
    };
    if (key, old_key) == ("pack", "pack") && pack(&old) == pack(&new) {
        return None;
    }
    Some(
        Diagnostic::error(codes::SOURCE, format!("the layer `{}` is there already, with another source", layer.name))
            .at(new.span())
            .also(old.span(), "its source")
            .expected("a further version of its pack, or `replaceWith`")
            .hint("`replaceWith` swaps the layer; a layer to be added needs another name"),
    )
}

/// Of two sources in one entry one would do nothing.
fn beside_replacement(name: &LayerName, part: &Fragment) -> Option<Diagnostic> {
    let (key, source) = SOURCES.iter().find_map(|key| Some((*key, part.get(key)?)))?;
    let message = format!("the layer `{name}` is replaced: `{key}` beside `replaceWith` has no effect");
    Some(
        Diagnostic::error(codes::FIELD, message)
            .at(source.span())
            .expected("the source within `replaceWith` alone")
            .hint("without `replaceWith`, the entry names another version of the same pack"),
    )
}
