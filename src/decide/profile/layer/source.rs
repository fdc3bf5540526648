//! In: a shaped layer and the index. Out: what it is made from: its pack, its manifests, its files.
//! Guarantee: exactly one source; a pack that must not be used here is refused before anything is planned.
use super::super::codes;
use super::super::composition::overlays::{Home, Selection};
use super::super::composition::shape::{Shaped, Step};
use super::super::full::{ManifestFile, ResolvedSource};
use super::super::part::Part;
use super::super::zarf::{Package, zarf_source};
use super::chart::chart_source;
use super::kustomization::kustomize_source;
use super::manifest_files::take_files;
use super::pack_lifecycle::check_pack;
use super::pack_source::{of_registry, pack_source};
use crate::decide::document::{Fragment, LayerRole, Pack, Preset};
use crate::decide::fleet::{Found, Index};
use crate::decide::value::{Diagnostic, Nulls};
use std::ops::Deref;
use std::sync::Arc;

/// What a layer is made from.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Source {
    made: Arc<Made>,
    /// The values files of each step, in order.
    pub(in crate::decide::profile) values_files: Vec<Vec<Found>>,
    /// The sealed files of each step, in order.
    pub(in crate::decide::profile) secrets_files: Vec<Vec<Found>>,
}

/// What a layer is made from beside its values files.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Made {
    pub(in crate::decide::profile) resolved: ResolvedSource,
    pub(in crate::decide::profile) pack: Option<Arc<Pack>>,
    pub(in crate::decide::profile) presets: Vec<Preset>,
    /// The pack's `values.yaml`.
    pub(in crate::decide::profile) defaults: Option<Found>,
    /// The pack's schema of values, and where the pack names it.
    pub(in crate::decide::profile) schema: Option<(Found, Fragment)>,
    pub(in crate::decide::profile) manifests: Arc<[ManifestFile]>,
    /// What of it is rendered outside.
    pub(in crate::decide::profile) parts: Arc<[Part]>,
    /// The Zarf package, whose parts are known once it is read.
    pub(in crate::decide::profile) zarf: Option<Arc<Package>>,
}

impl Made {
    /// Returns what becomes of a null in its values: charts are given it, since it deletes a default of theirs.
    pub(in crate::decide::profile) fn nulls(&self) -> Nulls {
        if self.parts.iter().any(|part| part.what.is_chart()) { Nulls::Keep } else { Nulls::Drop }
    }
}

impl Made {
    /// Whether it is a pack in Palette's own format.
    pub(in crate::decide::profile) fn is_palette(&self) -> bool {
        self.pack.as_ref().is_some_and(|pack| pack.palette.is_some())
    }
}

impl Deref for Source {
    type Target = Made;

    fn deref(&self) -> &Made {
        &self.made
    }
}

/// Finds what a layer is made from; errors go to `errors`, warnings to `warnings`.
pub(in crate::decide::profile) fn source(
    selection: &Selection,
    layer: &Shaped,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Source> {
    let before = errors.len();
    let made = match &layer.declared {
        Some(declared) => {
            if let (Some(pack), Some(part)) = (&declared.made.pack, &declared.pack_part) {
                check_pack(selection, layer, pack, part, errors, warnings);
            }
            declared.made.clone()
        }
        None => Arc::new(made(selection, layer, errors, warnings)?),
    };
    let mut files = Vec::with_capacity(layer.steps.len());
    for (at, step) in layer.steps.iter().enumerate() {
        files.push(match layer.declared.as_ref().filter(|_| at == 0) {
            Some(declared) => declared.files.clone(),
            None => values_files(selection, step, "valuesFiles", errors),
        });
    }
    let secrets_files = secrets_files(selection, layer, errors);
    (errors.len() == before).then_some(Source { made, values_files: files, secrets_files })
}

/// Finds the values files that a step names.
pub(in crate::decide::profile) fn values_files(
    selection: &Selection,
    step: &Step,
    key: &str,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Found> {
    let mut files = Vec::new();
    for part in step.part.get(key).iter().flat_map(Fragment::items) {
        match index_of(selection, step).file(&part) {
            Ok(found) => files.push(found),
            Err(error) => errors.push(error),
        }
    }
    files
}

/// Finds the sealed files of each step; what is only declared has none.
fn secrets_files(selection: &Selection, layer: &Shaped, errors: &mut Vec<Diagnostic>) -> Vec<Vec<Found>> {
    layer.steps.iter().map(|step| values_files(selection, step, "secretsFiles", errors)).collect()
}

/// Does the same with another version of the layer's pack.
pub(in crate::decide::profile) fn source_at(
    selection: &Selection,
    layer: &Shaped,
    version: &Arc<str>,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Source> {
    let before = errors.len();
    let made = Arc::new(made_at(selection, layer, Some(version), errors, warnings)?);
    let values_files = layer.steps.iter().map(|step| values_files(selection, step, "valuesFiles", errors)).collect();
    let secrets_files = secrets_files(selection, layer, errors);
    (errors.len() == before).then_some(Source { made, values_files, secrets_files })
}

/// Returns the versions of a pack that are locked where the layer's pack is read.
pub(in crate::decide::profile) fn locked<'a>(
    selection: &'a Selection,
    layer: &Shaped,
    pack: &'a str,
) -> impl Iterator<Item = &'a Arc<str>> {
    // What registries have of other versions is in no lock.
    let found = layer.source().ok().filter(|(_, _, part)| of_registry(part).is_none());
    let home = found.map(|(step, ..)| pack_index(selection, step));
    let lock = home.and_then(Index::lock);
    let packs = lock.into_iter().flat_map(|lock| &lock.packs);
    packs.filter(move |locked| *locked.name == *pack).map(|locked| &locked.version)
}

/// What an overlay names is of the environment's packs, whoever's layer it is for.
pub(super) fn pack_index<'a>(selection: &'a Selection, step: &Step) -> &'a Index {
    home_of(selection, step).map_or(&*selection.shared, |home| &*home.index)
}

/// Finds what a layer is made from beside its values files; nothing only after an error.
pub(in crate::decide::profile) fn made(
    selection: &Selection,
    layer: &Shaped,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Made> {
    made_at(selection, layer, None, errors, warnings)
}

fn made_at(
    selection: &Selection,
    layer: &Shaped,
    version: Option<&Arc<str>>,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Made> {
    let (step, kind, part) = match layer.source() {
        Ok(found) => found,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let mut manifests = Vec::new();
    let mut made = match kind {
        "pack" => pack_source(selection, layer, step, (&part, version), &mut manifests, errors, warnings)?,
        "chart" => chart_source(selection, layer, step, &part, errors)?,
        "kustomize" => kustomize_source(selection, step, &part, errors)?,
        "zarf" => zarf_source(index_of(selection, step), &part).map_err(|said| errors.extend(said)).ok()?,
        _ => {
            for pattern in part.items() {
                take_files(index_of(selection, step), &pattern, &mut manifests, errors);
            }
            Made {
                resolved: ResolvedSource::Manifests,
                pack: None,
                presets: Vec::new(),
                defaults: None,
                schema: None,
                manifests: Arc::default(),
                parts: Arc::default(),
                zarf: None,
            }
        }
    };
    errors.extend(ignored_values(layer, kind));
    if let (None, Some(presets)) = (&made.pack, layer.field("presets")) {
        errors.push(
            Diagnostic::error(codes::FIELD, format!("the layer `{}` has presets and no pack", layer.name))
                .at(presets.span()),
        );
    }
    if let Some((step, attached)) = layer.steps.iter().rev().find_map(|step| Some((step, step.part.get("attached")?))) {
        for pattern in attached.items() {
            take_files(index_of(selection, step), &pattern, &mut manifests, errors);
        }
    }
    made.manifests = manifests.into();
    Some(made)
}

/// A kustomization is given no values: those that stand there would do nothing.
fn ignored_values(layer: &Shaped, kind: &str) -> Option<Diagnostic> {
    let keys = ["values", "valuesFiles"];
    let written = || layer.steps.iter().find_map(|step| keys.iter().find_map(|key| Some((*key, step.part.get(key)?))));
    let (key, part) = written().filter(|_| kind == "kustomize" && layer.field("attached").is_none())?;
    let message = format!("the layer `{}` has `{key}`, and a kustomization takes none", layer.name);
    let said = Diagnostic::error(codes::FIELD, message).at(part.span());
    Some(said.hint("change the kustomization, or its objects by `objectPatches`"))
}

/// Returns the index of the revision that holds a step's document, and so the files that it names.
pub(super) fn index_of<'a>(selection: &'a Selection, step: &Step) -> &'a Index {
    home_of(selection, step).map_or(&selection.head, |home| &home.index)
}

pub(super) fn home_of<'a>(selection: &'a Selection, step: &Step) -> Option<&'a Home> {
    step.profile.and_then(|at| selection.homes.get(at))
}

/// Returns a role as the format has it.
pub fn word(role: LayerRole) -> &'static str {
    match role {
        LayerRole::Os => "os",
        LayerRole::Kubernetes => "kubernetes",
        LayerRole::Network => "network",
        LayerRole::Storage => "storage",
        LayerRole::AddOn => "add-on",
    }
}
