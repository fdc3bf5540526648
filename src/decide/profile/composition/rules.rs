//! In: the profiles and the layers of a cluster. Out: how they break the rules of composition.
//! Guarantee: one infrastructure or full profile with each of os, kubernetes, network and storage once, or an imported
//! cluster with none; every profile is for the cluster's cloud.
use super::super::codes;
use super::overlays::Selection;
use super::shape::Shaped;
use crate::decide::document::{Cluster, Fragment, LayerRole, Profile, ProfileReference, ProfileType};
use crate::decide::value::{Diagnostic, Span};
use crate::name::{LayerName, ProfileName};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(in crate::decide::profile) fn check_types(
    profiles: &[Arc<Profile>],
    references: &[ProfileReference],
    cluster: &Cluster,
) -> Vec<Diagnostic> {
    let place = |name: &ProfileName| {
        references.iter().find(|reference| reference.name == *name).map(|reference| reference.part.span())
    };
    let place = |name| place(name).unwrap_or_else(|| cluster.name_span());
    let mut errors = Vec::new();
    let bases: Vec<&Arc<Profile>> = profiles.iter().filter(|profile| profile.kind != ProfileType::AddOn).collect();
    match (bases.as_slice(), cluster.imported) {
        ([_], false) | ([], true) => {}
        ([], false) => errors.push(
            Diagnostic::error(
                codes::INFRASTRUCTURE,
                format!("the cluster {} has no infrastructure profile", cluster.name),
            )
            .at(cluster.name_span())
            .expected("exactly one profile of type infrastructure or full")
            .hint("name one in the environment or the cluster, or set `imported: true`"),
        ),
        (bases, true) => errors.extend(bases.iter().map(|profile| {
            Diagnostic::error(codes::INFRASTRUCTURE, "an imported cluster has only add-on profiles")
                .at(place(&profile.name))
                .expected("profiles of type add-on")
        })),
        ([first, rest @ ..], false) => errors.extend(rest.iter().map(|profile| {
            let message = format!("the cluster {} has more than one infrastructure profile", cluster.name);
            Diagnostic::error(codes::INFRASTRUCTURE, message)
                .at(place(&profile.name))
                .also(place(&first.name), "the first one")
                .expected("exactly one profile of type infrastructure or full")
                .hint("remove one of them with `remove: true`")
        })),
    }
    for profile in
        profiles.iter().filter(|profile| !profile.clouds.is_empty() && !profile.clouds.contains(&cluster.cloud))
    {
        errors.push(
            Diagnostic::error(
                codes::CLOUD,
                format!("the profile `{}` is not for the cloud `{}`", profile.name, cluster.cloud),
            )
            .at(place(&profile.name))
            .expected(format!("one of: {}", profile.clouds.join(", "))),
        );
    }
    errors
}

pub(in crate::decide::profile) fn check_roles(selection: &Selection, layers: &[Shaped], errors: &mut Vec<Diagnostic>) {
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

/// Returns why a layer may not stand in its profile, if it may not.
pub(in crate::decide::profile) fn wrong_role(
    profile: &Profile,
    role: LayerRole,
    at: impl Fn() -> Span,
) -> Option<Diagnostic> {
    let said = |kind: &str, what: &str| {
        Diagnostic::error(codes::ROLE, format!("the {kind} profile `{}` has an {what} layer", profile.name)).at(at())
    };
    match (profile.kind, role) {
        (ProfileType::AddOn, LayerRole::AddOn) => None,
        (ProfileType::AddOn, _) => Some(
            said("add-on", "infrastructure")
                .expected("role: add-on")
                .hint("move the layer to an infrastructure or full profile"),
        ),
        (ProfileType::Infrastructure, LayerRole::AddOn) => Some(
            said("infrastructure", "add-on")
                .expected("one of: os, kubernetes, network, storage")
                .hint("give it a role, move it to an add-on profile, or make the profile `type: full`"),
        ),
        _ => None,
    }
}

/// Layer names are unique over the whole cluster.
pub(in crate::decide::profile) fn in_two_profiles(name: &LayerName, part: &Fragment, other: &Shaped) -> Diagnostic {
    Diagnostic::error(codes::TWO_LAYERS, format!("the layer `{name}` stands in two profiles of this cluster"))
        .at(part.get("name").unwrap_or_else(|| part.clone()).span())
        .also(other.at(), "first here")
        .hint("rename one of them: layer names are unique over the whole cluster")
}

/// Of two layers that had one name, one would take over the other's release and objects.
pub(in crate::decide::profile) fn check_renames(layers: &[Shaped]) -> Vec<Diagnostic> {
    let mut had: BTreeMap<LayerName, &Shaped> = BTreeMap::new();
    let mut errors = Vec::new();
    for layer in layers {
        let Some(old) = layer.renamed_from() else { continue };
        if let Some(first) = had.get(&old) {
            let message =
                format!("the layers `{}` and `{}` both say that they were named `{old}`", first.name, layer.name);
            errors.push(
                Diagnostic::error(codes::TWO_LAYERS, message)
                    .at(layer.at())
                    .also(first.at(), "the other one")
                    .expected("one layer that continues what another one was"),
            );
        }
        had.entry(old).or_insert(layer);
    }
    errors
}
