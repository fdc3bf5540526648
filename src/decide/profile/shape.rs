//! In: profiles and overlays. Out: the layers of a cluster, each with all that was written of it, in order.
//! Guarantee: what a replacement discards is never read again; each layer's name stands once.
use super::codes;
use super::declared::Declared;
use super::deliver_to::site;
use super::overlays::Selection;
use crate::decide::document::{Fragment, LayerRole, Profile, ProfileType, Site, nearest, role_of};
use crate::decide::value::{Diagnostic, Span};
use crate::name::{LayerName, ProfileName};
use std::sync::Arc;

/// A layer as it was written, step by step.
#[derive(Clone, Debug)]
pub(super) struct Shaped {
    pub(super) name: LayerName,
    pub(super) role: LayerRole,
    /// Where its objects go; known once all is written.
    pub(super) site: Site,
    /// The profile that declares it, by its place among the cluster's profiles.
    pub(super) profile: Option<(ProfileName, usize)>,
    /// What a replacement left of earlier steps: role, namespace, priority and dependsOn alone are read there.
    pub(super) kept: Vec<Step>,
    /// What counts, in order.
    pub(super) steps: Vec<Step>,
    /// What its profile declares, where all else writes only values.
    pub(super) declared: Option<Arc<Declared>>,
}

/// One writer of a layer.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) part: Fragment,
    /// The profile whose revision its files are of, by its place; none for those of the head.
    pub(super) profile: Option<usize>,
    /// Which overlay it comes from; none for the profile.
    pub(super) overlay: Option<usize>,
}

/// The fields that outlast a replacement.
const KEPT: [&str; 4] = ["role", "namespace", "priority", "dependsOn"];

/// The fields of which exactly one names the source.
pub(super) const SOURCES: [&str; 2] = ["pack", "manifests"];

impl Shaped {
    /// Returns the last value written of a field.
    pub(super) fn field(&self, key: &str) -> Option<Fragment> {
        let last = |steps: &[Step]| steps.iter().rev().find_map(|step| step.part.get(key));
        last(&self.steps).or_else(|| if KEPT.contains(&key) { last(&self.kept) } else { None })
    }

    /// Returns the last value written of a field of its health; each is written by itself, as maps are merged.
    pub(super) fn health(&self, key: &str) -> Option<Fragment> {
        self.steps.iter().rev().find_map(|step| step.part.get("health")?.get(key))
    }

    /// Returns the name that it had.
    pub(super) fn renamed_from(&self) -> Option<LayerName> {
        match &self.declared {
            Some(declared) => declared.renamed_from.clone(),
            None => self.field("renamedFrom").and_then(|part| LayerName::new(part.text()).ok()),
        }
    }

    /// Returns the layers that it names under `dependsOn`, each with its place.
    pub(super) fn depends_on(&self) -> Vec<(LayerName, Span)> {
        if let Some(declared) = &self.declared {
            return declared.depends_on.clone();
        }
        let name = |part: Fragment| Some((LayerName::new(part.text()).ok()?, part.span()));
        self.field("dependsOn").iter().flat_map(Fragment::items).filter_map(name).collect()
    }

    /// Returns where its priority is written, if it is.
    pub(super) fn priority_at(&self) -> Option<Span> {
        match &self.declared {
            Some(declared) => declared.priority_at.clone(),
            None => self.field("priority").map(|part| part.span()),
        }
    }

    /// Returns where it is written first.
    pub(super) fn at(&self) -> Span {
        if let Some(declared) = &self.declared {
            return declared.at.clone();
        }
        let first = self.kept.first().or(self.steps.first());
        let name = first.map(|step| step.part.get("name").unwrap_or_else(|| step.part.clone()));
        name.map(|part| part.span()).expect("a layer has at least one writer")
    }

    /// Returns the last step that names a source, and the source's field.
    pub(super) fn source(&self) -> Result<(&Step, &'static str, Fragment), Diagnostic> {
        for step in self.steps.iter().rev() {
            let mut named = SOURCES.iter().filter_map(|key| Some((*key, step.part.get(key)?)));
            match (named.next(), named.next()) {
                (Some((key, part)), None) => return Ok((step, key, part)),
                (Some((_, first)), Some((_, second))) => {
                    return Err(Diagnostic::error(codes::SOURCE, format!("the layer `{}` has two sources", self.name))
                        .at(second.span())
                        .also(first.span(), "the other one")
                        .expected("exactly one of: pack, manifests"));
                }
                (None, _) => {}
            }
        }
        Err(Diagnostic::error(codes::SOURCE, format!("the layer `{}` has no source", self.name))
            .at(self.at())
            .expected("exactly one of: pack, manifests"))
    }
}

/// Returns the layers of a cluster, in the order in which they are written; what is wrong goes to `errors`.
pub(super) fn shape(selection: &mut Selection, errors: &mut Vec<Diagnostic>) -> Vec<Shaped> {
    let mut layers = declared(&selection.profiles, errors);
    let overlays = selection.overlays.clone();
    for (at, overlay) in overlays.iter().enumerate() {
        for entry in &overlay.layers {
            overlaid(selection, &mut layers, &entry.name, &entry.part, at, errors);
        }
    }
    for layer in &mut layers {
        layer.site = site(&selection.cluster, layer);
    }
    check_roles(selection, &layers, errors);
    layers
}

fn declared(profiles: &[Arc<Profile>], errors: &mut Vec<Diagnostic>) -> Vec<Shaped> {
    let mut layers: Vec<Shaped> = Vec::new();
    for (at, profile) in profiles.iter().enumerate() {
        for (name, part) in &profile.layers {
            let role = part.get("role");
            let given = role.as_ref().and_then(|part| role_of(part.text()));
            let layer_role = given.unwrap_or(LayerRole::AddOn);
            let span = || role.clone().unwrap_or_else(|| part.clone()).span();
            if profile.kind == ProfileType::AddOn && layer_role != LayerRole::AddOn {
                errors.push(
                    Diagnostic::error(
                        codes::ROLE,
                        format!("the add-on profile `{}` has an infrastructure layer", profile.name),
                    )
                    .at(span())
                    .expected("role: add-on")
                    .hint("move the layer to an infrastructure or full profile"),
                );
            }
            if profile.kind == ProfileType::Infrastructure && layer_role == LayerRole::AddOn {
                errors.push(
                    Diagnostic::error(
                        codes::ROLE,
                        format!("the infrastructure profile `{}` has an add-on layer", profile.name),
                    )
                    .at(span())
                    .expected("one of: os, kubernetes, network, storage")
                    .hint("give it a role, move it to an add-on profile, or make the profile `type: full`"),
                );
            }
            let step = Step { part: part.clone(), profile: Some(at), overlay: None };
            match layers.iter().find(|other| other.name == *name) {
                Some(other) => errors.push(
                    Diagnostic::error(
                        codes::TWO_LAYERS,
                        format!("the layer `{name}` stands in two profiles of this cluster"),
                    )
                    .at(part.get("name").unwrap_or_else(|| part.clone()).span())
                    .also(other.at(), "first here")
                    .hint("rename one of them: layer names are unique over the whole cluster"),
                ),
                None => layers.push(Shaped {
                    name: name.clone(),
                    role: layer_role,
                    site: Site::Workload,
                    profile: Some((profile.name.clone(), at)),
                    kept: Vec::new(),
                    steps: vec![step],
                    declared: None,
                }),
            }
        }
    }
    layers
}

fn overlaid(
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

/// What the head knows and the pinned revision does not is inactive until the pin reaches it.
fn unknown(
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

fn check_roles(selection: &Selection, layers: &[Shaped], errors: &mut Vec<Diagnostic>) {
    if selection.cluster.imported {
        return;
    }
    let base = selection.profiles.iter().find(|profile| profile.kind != ProfileType::AddOn);
    let Some(base) = base else { return };
    let roles = [
        (LayerRole::Os, "os"),
        (LayerRole::Kubernetes, "kubernetes"),
        (LayerRole::Network, "network"),
        (LayerRole::Storage, "storage"),
    ];
    for (role, word) in roles {
        let mut of_role = layers.iter().filter(|layer| layer.role == role);
        match (of_role.next(), of_role.next()) {
            (Some(_), None) => {}
            (Some(first), Some(second)) => errors.push(
                Diagnostic::error(codes::TWO_LAYERS, format!("the cluster has two layers of role {word}"))
                    .at(second.at())
                    .also(first.at(), "first here")
                    .expected(format!("exactly one layer of role {word}")),
            ),
            (None, _) => errors.push(
                Diagnostic::error(
                    codes::MISSING_LAYER,
                    format!("the cluster {} has no {word} layer", selection.cluster.name),
                )
                .at(base.file.root().get("spec").map_or_else(
                    || base.file.span(base.file.root()),
                    |spec| base.file.span(spec.get("type").unwrap_or(spec)),
                ))
                .expected(format!("exactly one layer of role {word}"))
                .hint("add it to the profile; an infrastructure layer can be replaced, not removed"),
            ),
        }
    }
}
