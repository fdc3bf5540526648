//! In: profiles and overlays. Out: the layers of a cluster, each with all that was written of it, in order.
//! Guarantee: what a replacement discards is never read again; each layer's name stands once.
use super::codes;
use super::composition::check_roles;
use super::declared::Declared;
use super::deliver_to::site;
use super::overlay_entries::overlaid;
use super::overlays::Selection;
use crate::decide::document::{Fragment, LayerRole, Profile, ProfileType, Site, role_of};
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
