//! In: profiles and overlays. Out: the layers of a cluster, each with all that was written of it, in order.
//! Guarantee: what a replacement discards is never read again; each layer's name stands once.
use super::super::layer::declared::Declared;
use super::deliver_to::site;
use super::layer_entries::overlaid;
use super::overlays::Selection;
use super::rules::{check_renames, check_roles, in_two_profiles, wrong_role};
use crate::decide::document::{Fragment, LayerRole, Profile, Site, role_of};
use crate::decide::value::{Diagnostic, Span};
use crate::name::{LayerName, ProfileName};
use std::sync::Arc;

/// A layer as it was written, step by step.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Shaped {
    pub(in crate::decide::profile) name: LayerName,
    pub(in crate::decide::profile) role: LayerRole,
    /// Where its objects go; known once all is written.
    pub(in crate::decide::profile) site: Site,
    /// The profile that declares it, by its place among the cluster's profiles.
    pub(in crate::decide::profile) profile: Option<(ProfileName, usize)>,
    /// What a replacement left of earlier steps: role, namespace, priority and dependsOn alone are read there.
    pub(in crate::decide::profile) kept: Vec<Step>,
    /// What counts, in order.
    pub(in crate::decide::profile) steps: Vec<Step>,
    /// What its profile declares, where all else writes only values.
    pub(in crate::decide::profile) declared: Option<Arc<Declared>>,
}

/// One writer of a layer.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Step {
    pub(in crate::decide::profile) part: Fragment,
    /// The profile whose revision its files are of, by its place; none for those of the head.
    pub(in crate::decide::profile) profile: Option<usize>,
    /// Which overlay it comes from; none for the profile.
    pub(in crate::decide::profile) overlay: Option<usize>,
}

/// The fields that outlast a replacement.
const KEPT: [&str; 4] = ["role", "namespace", "priority", "dependsOn"];

impl Shaped {
    /// Returns the last value written of a field.
    pub(in crate::decide::profile) fn field(&self, key: &str) -> Option<Fragment> {
        let last = |steps: &[Step]| steps.iter().rev().find_map(|step| step.part.get(key));
        last(&self.steps).or_else(|| if KEPT.contains(&key) { last(&self.kept) } else { None })
    }

    /// Returns the last value written of a field of its health; each is written by itself, as maps are merged.
    pub(in crate::decide::profile) fn health(&self, key: &str) -> Option<Fragment> {
        self.steps.iter().rev().find_map(|step| step.part.get("health")?.get(key))
    }

    /// Returns the name that it had.
    pub(in crate::decide::profile) fn renamed_from(&self) -> Option<LayerName> {
        match &self.declared {
            Some(declared) => declared.renamed_from.clone(),
            None => self.field("renamedFrom").and_then(|part| LayerName::new(part.text()).ok()),
        }
    }

    /// Returns the layers that it names under `dependsOn`, each with its place.
    pub(in crate::decide::profile) fn depends_on(&self) -> Vec<(LayerName, Span)> {
        if let Some(declared) = &self.declared {
            return declared.depends_on.clone();
        }
        let name = |part: Fragment| Some((LayerName::new(part.text()).ok()?, part.span()));
        self.field("dependsOn").iter().flat_map(Fragment::items).filter_map(name).collect()
    }

    /// Returns where its priority is written, if it is.
    pub(in crate::decide::profile) fn priority_at(&self) -> Option<Span> {
        match &self.declared {
            Some(declared) => declared.priority_at.clone(),
            None => self.field("priority").map(|part| part.span()),
        }
    }

    /// Returns where it is written first.
    pub(in crate::decide::profile) fn at(&self) -> Span {
        if let Some(declared) = &self.declared {
            return declared.at.clone();
        }
        let first = self.kept.first().or(self.steps.first());
        let name = first.map(|step| step.part.get("name").unwrap_or_else(|| step.part.clone()));
        name.map(|part| part.span()).expect("a layer has at least one writer")
    }
}

/// Returns the layers of a cluster, in the order in which they are written; what is wrong goes to `errors`.
pub(in crate::decide::profile) fn shape(selection: &mut Selection, errors: &mut Vec<Diagnostic>) -> Vec<Shaped> {
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
    errors.extend(check_renames(&layers));
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
            errors.extend(wrong_role(profile, layer_role, span));
            let step = Step { part: part.clone(), profile: Some(at), overlay: None };
            match layers.iter().find(|other| other.name == *name) {
                Some(other) => errors.push(in_two_profiles(name, part, other)),
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
