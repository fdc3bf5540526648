//! In: a pack of Palette, its folder. Out: its charts and manifests as parts, its presets, its schema.
//! Guarantee: each file that the pack names is there; what is never run is refused before anything is planned.
use super::super::codes;
use super::super::part::{Archive, Content, Part, What};
use crate::decide::document::{Fragment, Pack, Palette, Preset, read_presets};
use crate::decide::fleet::{Found, Index};
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::sync::Arc;

/// What a pack of Palette is made from, beside its values.
pub(in crate::decide::profile) struct PaletteSource {
    pub(in crate::decide::profile) parts: Vec<Part>,
    pub(in crate::decide::profile) schema: Option<(Found, Fragment)>,
}

/// Finds what a pack of Palette is made from.
pub(in crate::decide::profile) fn palette_source(
    index: &Index,
    pack: &Pack,
    palette: &Palette,
    folder: &RepoPath,
    renderer: Option<&Arc<str>>,
    errors: &mut Vec<Diagnostic>,
) -> PaletteSource {
    if let Some(roles) = &palette.roles {
        let message = format!("the pack `{}` has Ansible roles, which are never run", pack.name);
        errors.push(Diagnostic::error(codes::PACK_REFUSED, message).at(roles.span()).hint("use another pack"));
    }
    let part = |what: What, part: &Fragment| {
        let (release, namespace, values, given, renderer) = (None, None, None, None, renderer.cloned());
        Part { what, release, namespace, values, given, renderer, finish: None, at: part.span() }
    };
    let mut parts = Vec::new();
    for named in &palette.charts {
        parts.extend(file(index, named, errors).map(|file| part(What::Chart(Content::Archive(file)), named)));
    }
    for named in &palette.manifests {
        let manifest = |file| What::Manifest { pack: pack.name.clone(), file, filled: None };
        parts.extend(file(index, named, errors).map(|file| part(manifest(file), named)));
    }
    let beside = |name: &str| RepoPath::new(&format!("{folder}/{name}")).ok();
    let schema = beside("schema.yaml").and_then(|path| index.try_file(&path));
    let whole = pack.file.part(pack.file.root());
    PaletteSource { parts, schema: schema.map(|found| (found, whole)) }
}

/// Returns the presets of a pack; without a file of presets, it has none.
pub(in crate::decide::profile) fn presets_of(
    index: &Index,
    pack: &Pack,
    folder: &RepoPath,
) -> Result<Vec<Preset>, Vec<Diagnostic>> {
    if pack.palette.is_none() {
        return Ok(pack.presets.clone());
    }
    let path = RepoPath::new(&format!("{folder}/presets.yaml")).ok();
    match path.and_then(|path| index.descriptor(&path)) {
        Some(read) => Ok(read_presets(&read?)?.0),
        None => Ok(Vec::new()),
    }
}

fn file(index: &Index, part: &Fragment, errors: &mut Vec<Diagnostic>) -> Option<Archive> {
    let found =
        index.file(part).map_err(|error| errors.push(error.hint("the pack's own folder has to hold it"))).ok()?;
    Some(Archive { path: found.path, blob: found.blob, origin: found.origin, is_named: false })
}
