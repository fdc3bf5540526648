//! In: the `pack` of a layer, the index, the packs of registries that were read. Out: what the layer is made from.
//! Guarantee: a pack of a registry is the one that the lock says, of the revision with the document that names it; one that
//! was not read yet is told as missing, and never taken for one that is not there.
use super::super::codes;
use super::super::composition::overlays::{Home, Selection};
use super::super::composition::shape::{Shaped, Step};
use super::super::full::{ManifestFile, ResolvedSource};
use super::super::palette::{PaletteSource, palette_source, presets_of};
use super::super::part::Remote;
use super::manifest_files::take_files;
use super::pack_lifecycle::check_pack;
use super::presets::presets;
use super::source::{Made, home_of, index_of, pack_index};
use crate::decide::document::kind::is_semver;
use crate::decide::document::{Fragment, LockedRegistryPack, OTHER_VERSION, Pack, nearest};
use crate::decide::fleet::{Found, Index, PackReference};
use crate::decide::lock::is_in;
use crate::decide::value::{Diagnostic, Span};
use crate::name::RepoPath;
use std::sync::Arc;

/// A pack of a registry that has to be read before a cluster can be resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct MissingPack {
    /// Its name.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// Where it is.
    pub remote: Remote,
    /// Where it is named.
    pub at: Span,
}

/// Returns how a pack of a registry is named; nothing of one of the repository.
pub(super) fn of_registry(part: &Fragment) -> Option<PackReference> {
    PackReference::read(part.clone())
}

/// Returns the packs of registries that layers name and that were not read yet.
pub(in crate::decide::profile) fn missing(selection: &Selection, layers: &[Shaped]) -> Vec<MissingPack> {
    let mut found: Vec<MissingPack> = Vec::new();
    for layer in layers {
        let Ok((step, "pack", part)) = layer.source() else { continue };
        let Some(reference) = of_registry(&part) else { continue };
        let Ok(LockedRegistryPack { name, version, oci, digest, .. }) = locked(index_of(selection, step), &reference)
        else {
            continue;
        };
        let (called, url) = (format!("{name}-{version}").into(), format!("{oci}@sha256:{digest}").into());
        let remote = Remote { name: called, entry: name.clone(), url, digest: *digest };
        let missing = MissingPack { name: name.clone(), version: version.clone(), remote, at: part.span() };
        let is_known = found.iter().any(|known| known.remote == missing.remote);
        if selection.packs.get(*digest).is_none() && !is_known {
            found.push(missing);
        }
    }
    found
}

/// Returns what the lock has of a pack of a registry.
fn locked<'a>(index: &'a Index, reference: &PackReference) -> Result<&'a LockedRegistryPack, Vec<Diagnostic>> {
    let PackReference { registry, name, wanted, part } = reference;
    let at = part.get("version").unwrap_or_else(|| part.clone()).span();
    let mut locked = index.lock().into_iter().flat_map(|lock| &lock.registry_packs);
    let is_it = |it: &&LockedRegistryPack| (&it.registry, &it.name, &it.wanted) == (registry, name, wanted);
    let Some(found) = locked.find(is_it) else {
        let message = format!("the pack `{name}` of {registry} at `{wanted}` is not in fleet.lock");
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(at);
        return Err(index.not_locked(said.hint("run `stratify lock` and commit fleet.lock: a sync resolves nothing")));
    };
    if !is_in(&found.version, wanted) {
        let message = format!("fleet.lock has `{}` of the pack `{name}`, which is not `{wanted}`", found.version);
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(at);
        return Err(vec![said.hint(format!("fleet.lock was edited by hand: run `stratify lock --update {name}`"))]);
    }
    Ok(found)
}

/// A pack that was found, with what it is read from.
struct Placed<'a> {
    index: &'a Index,
    pack: Arc<Pack>,
    /// What the lock has of it, if it is of a registry.
    locked: Option<&'a LockedRegistryPack>,
}

pub(super) fn pack_source(
    selection: &Selection,
    layer: &Shaped,
    step: &Step,
    (part, other_version): (&Fragment, Option<&Arc<str>>),
    manifests: &mut Vec<ManifestFile>,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Made> {
    let found = match of_registry(part) {
        Some(reference) => in_registry(selection, step, &reference),
        None => in_repository(selection, step, part, other_version),
    };
    let Placed { index, pack, locked } = found.map_err(|said| errors.extend(said)).ok()?;
    check_pack(selection, layer, &pack, part, errors, warnings);
    let folder = pack.file.path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = RepoPath::new(folder).expect("a pack's document stands in its folder");
    let known = presets_of(index, &pack, &folder).map_err(|said| errors.extend(said)).ok()?;
    let presets = presets(layer, &pack, &known, errors);
    let defaults = RepoPath::new(&format!("{folder}/values.yaml")).ok().and_then(|path| index.try_file(&path));
    // What renders is pinned where the layer is written.
    let home = if locked.is_some() { index_of(selection, step) } else { index };
    let renderer = home.lock().and_then(|lock| lock.renderers.get("helm"));
    let PaletteSource { parts, schema } = match &pack.palette {
        Some(palette) => palette_source(index, &pack, palette, &folder, renderer, errors),
        None => PaletteSource { parts: Vec::new(), schema: schema_of(index, &pack, errors) },
    };
    pack.manifests.iter().for_each(|pattern| take_files(index, pattern, manifests, errors));
    let digest = locked.map(|locked| locked.digest);
    let resolved = ResolvedSource::Pack { name: pack.name.clone(), version: pack.version.clone(), folder, digest };
    let (manifests, parts) = (Arc::default(), parts.into());
    Some(Made { resolved, presets, defaults, schema, manifests, parts, zarf: None, pack: Some(pack) })
}

/// Finds a pack of the repository.
fn in_repository<'a>(
    selection: &'a Selection,
    step: &Step,
    part: &Fragment,
    other_version: Option<&Arc<str>>,
) -> Result<Placed<'a>, Vec<Diagnostic>> {
    let (name, version) = match part.as_str() {
        Some(text) => text.split_once('@').map(|(name, version)| (Arc::<str>::from(name), Arc::<str>::from(version))),
        None => part.get("name").zip(part.get("version")).map(|(name, it)| (name.text().into(), it.text().into())),
    }
    .ok_or_else(Vec::new)?;
    let version = other_version.cloned().unwrap_or(version);
    let index = pack_index(selection, step);
    let found = index.pack(&name, &version)?;
    let none = || vec![no_pack(home_of(selection, step), index, part, &name, &version)];
    Ok(Placed { index, pack: found.ok_or_else(none)?.clone(), locked: None })
}

/// Finds a pack of a registry among those that were read.
fn in_registry<'a>(
    selection: &'a Selection,
    step: &Step,
    reference: &PackReference,
) -> Result<Placed<'a>, Vec<Diagnostic>> {
    let locked = locked(index_of(selection, step), reference)?;
    let LockedRegistryPack { name, version, oci, digest, .. } = locked;
    let place = reference.part.span();
    let wrong = |why: &str| {
        let message = format!("the pack `{name}@{version}` of {oci} cannot be used: {why}");
        vec![Diagnostic::error(codes::NO_PACK, message).at(place.clone())]
    };
    let index = match selection.packs.get(*digest) {
        Some(Ok(index)) => index,
        Some(Err(why)) => return Err(wrong(why)),
        None => return Err(wrong("it was not read")),
    };
    // Nobody renames a folder of a registry: the lock has the digest of another version.
    let mended = |said: Diagnostic| {
        if said.message != OTHER_VERSION {
            return said;
        }
        let hint = format!(
            "fleet.lock has the digest of another version, as where it was edited by hand: run `stratify lock --update {name}`"
        );
        said.hint(hint)
    };
    let named = |said: Vec<Diagnostic>| -> Vec<Diagnostic> {
        said.into_iter().map(|said| mended(said).also(place.clone(), "the pack is named here")).collect()
    };
    let pack = index.pack(name, version).map_err(named)?.ok_or_else(|| wrong("it holds another one"))?;
    Ok(Placed { index, pack: pack.clone(), locked: Some(locked) })
}

fn schema_of(index: &Index, pack: &Pack, errors: &mut Vec<Diagnostic>) -> Option<(Found, Fragment)> {
    let part = pack.values_schema.as_ref()?;
    let found = index.file(part).map_err(|error| errors.push(error)).ok()?;
    Some((found, part.clone()))
}

fn no_pack(home: Option<&Home>, index: &Index, part: &Fragment, name: &str, version: &str) -> Diagnostic {
    let versions: Vec<&str> =
        index.pack_names().filter(|(other, _)| &**other == name).map(|(_, version)| &**version).collect();
    let place = match home.and_then(|home| home.repository.as_ref()) {
        Some(repository) => format!("of the repository `{repository}` at the profile's revision"),
        None => "at the revision of the environment".to_owned(),
    };
    let said = Diagnostic::error(codes::NO_PACK, format!("there is no pack `{name}@{version}`"))
        .at(part.span())
        .expected(format!("`packs/{name}/{version}/pack.yaml` or `pack.json` {place}"));
    if part.as_str().is_none() && !is_semver(version) {
        return said.hint("a range is for a pack of a registry: name that by `registry`");
    }
    if versions.is_empty() {
        let known = index.pack_names().map(|(name, _)| &**name);
        return said.nearest(nearest(name, known));
    }
    let exact = if is_semver(version) { "" } else { "a pack of a repository has one exact version, as in its path; " };
    said.hint(format!("{exact}versions of this pack: {}", versions.join(", ")))
}
