//! In: the `chart` of a layer, the index. Out: the chart's files, its name and version, its own values and their schema.
//! Guarantee: what `helm` would refuse before it renders anything is told at its line of the chart.
use super::super::codes;
use super::super::composition::overlays::Selection;
use super::super::composition::shape::{Shaped, Step};
use super::super::full::ResolvedSource;
use super::super::part::{Archive, Content, Part, Remote, Tree, TreeFile, What};
use super::source::{Made, index_of};
use crate::decide::document::{File, Fragment, LockedChart};
use crate::decide::fleet::{CHART, Found, Index, name_in};
use crate::decide::lock::is_in;
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::sync::Arc;

/// Helm names a release's own objects with it, and keeps ten characters of a name for itself.
const RELEASE_CHARS_MAX: usize = 53;

/// Finds a chart that a layer names.
pub(super) fn chart_source(
    selection: &Selection,
    layer: &Shaped,
    step: &Step,
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
) -> Option<Made> {
    let made = find(index_of(selection, step), layer, part);
    made.map_err(|said| errors.extend(said)).ok()
}

fn find(index: &Index, layer: &Shaped, part: &Fragment) -> Result<Made, Vec<Diagnostic>> {
    release(layer)?;
    match (part.get("path"), part.get("repo"), part.get("oci")) {
        (Some(named), None, None) => in_repository(index, &named),
        (None, Some(_), None) => elsewhere(index, layer, part, "repo"),
        (None, None, Some(_)) => elsewhere(index, layer, part, "oci"),
        (path, repo, oci) => {
            let is_twice = [path, repo, oci].iter().any(Option::is_some);
            let message =
                format!("the chart of layer `{}` is {}", layer.name, if is_twice { "twice" } else { "nowhere" });
            let said = Diagnostic::error(codes::SOURCE, message).at(part.span());
            Err(vec![said.expected("either `path`, or `repo`, `name` and `version`, or `oci` and `version`")])
        }
    }
}

/// Finds a chart of the repository: a folder, or an archive.
fn in_repository(index: &Index, named: &Fragment) -> Result<Made, Vec<Diagnostic>> {
    let path = index.path(named).map_err(|said| vec![said])?;
    if let Some(Found { path, blob, origin }) = index.try_file(&path) {
        let about = about_archive(&path, named)?;
        return Ok(made(index, about, Content::Archive(Archive { path, blob, origin, is_named: true }), named));
    }
    let file = description(index, &path, named)?;
    let about = about(&file, named)?;
    let files = index.folder(named, &path)?;
    let beside = |name: &str| RepoPath::new(&format!("{path}/{name}")).ok().and_then(|path| index.try_file(&path));
    let (defaults, schema) = (beside("values.yaml"), beside("values.schema.json"));
    let schema = schema.map(|found| (found, named.clone()));
    Ok(Made { defaults, schema, ..made(index, about, Content::Tree(tree(path.clone(), files)), named) })
}

/// Finds what the lock says of a chart of another server.
fn elsewhere(index: &Index, layer: &Shaped, part: &Fragment, place: &str) -> Result<Made, Vec<Diagnostic>> {
    let text = |key: &str| {
        part.get(key).ok_or_else(|| {
            let said = Diagnostic::error(codes::SOURCE, format!("the chart of layer `{}` has no `{key}`", layer.name));
            vec![said.at(part.span()).expected(format!("`{key}` beside `{place}`"))]
        })
    };
    let (repo, wanted) = (text(place)?, text("version")?);
    let name = match (place, part.get("name")) {
        ("oci", Some(name)) => {
            let message = format!("the chart of layer `{}` has a `name` beside `oci`", layer.name);
            let said = Diagnostic::error(codes::SOURCE, message).at(name.span());
            return Err(vec![said.expected("the name as the last part of `oci`")]);
        }
        ("oci", None) => name_in(repo.text()).to_owned(),
        _ => text("name")?.text().to_owned(),
    };
    let mut locked = index.lock().into_iter().flat_map(|lock| &lock.charts);
    let is_it = |it: &&LockedChart| (&*it.repo, &*it.name, &*it.wanted) == (repo.text(), &*name, wanted.text());
    let Some(found) = locked.find(is_it) else {
        let message = format!("the chart `{name}` of {} at `{}` is not in fleet.lock", repo.text(), wanted.text());
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(wanted.span());
        return Err(index.not_locked(said.hint("run `stratify lock` and commit fleet.lock: a sync resolves nothing")));
    };
    if !is_in(&found.version, wanted.text()) {
        let message = format!(
            "fleet.lock has `{}` of the chart `{}`, which is not `{}`",
            found.version, found.name, found.wanted
        );
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(wanted.span());
        return Err(vec![said.hint(format!("fleet.lock was edited by hand: run `stratify lock --update {name}`"))]);
    }
    let LockedChart { name, version, url, digest, .. } = found;
    let (called, entry) = (format!("{name}-{version}").into(), name.clone());
    let remote = Remote { name: called, entry, url: url.clone(), digest: *digest };
    Ok(made(index, (name.clone(), version.clone()), Content::Remote(remote), part))
}

fn made(index: &Index, (name, version): (Arc<str>, Arc<str>), content: Content, named: &Fragment) -> Made {
    let what = What::Chart(content);
    let renderer = index.lock().and_then(|lock| lock.renderers.get("helm")).cloned();
    let part = Part {
        what,
        release: None,
        namespace: None,
        values: None,
        given: None,
        renderer,
        finish: None,
        at: named.span(),
    };
    Made {
        resolved: ResolvedSource::Chart { name, version },
        pack: None,
        presets: Vec::new(),
        defaults: None,
        schema: None,
        manifests: Arc::default(),
        parts: vec![part].into(),
        zarf: None,
    }
}

/// Returns the name and the version that an archive's name states, as `helm package` writes it.
fn about_archive(path: &RepoPath, named: &Fragment) -> Result<(Arc<str>, Arc<str>), Vec<Diagnostic>> {
    let file = path.as_str().rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".tgz");
    let split = stem.and_then(|stem| {
        let dashes = stem.match_indices('-').map(|(at, _)| at);
        dashes.filter_map(|at| Some((stem.get(..at)?, stem.get(at + 1..)?))).find(|(_, version)| is_version(version))
    });
    split.map(|(name, version)| (name.into(), version.into())).ok_or_else(|| {
        let said = Diagnostic::error(codes::CHART, format!("`{path}` does not have the name of a chart's archive"));
        vec![said.at(named.span()).expected("NAME-VERSION.tgz, as `helm package` writes it, or a folder")]
    })
}

fn is_version(text: &str) -> bool {
    semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).is_ok()
}

/// Returns files as a tree.
pub(super) fn tree(root: RepoPath, files: Vec<Found>) -> Tree {
    let origin = files.first().and_then(|found| found.origin.clone());
    let files = files.into_iter().map(|Found { path, blob, .. }| TreeFile { path, blob }).collect();
    Tree::new(root, files, origin)
}

fn description(index: &Index, folder: &RepoPath, named: &Fragment) -> Result<Arc<File>, Vec<Diagnostic>> {
    let found = RepoPath::new(&format!("{folder}/{CHART}")).ok().and_then(|path| index.descriptor(&path));
    found.unwrap_or_else(|| {
        let said = Diagnostic::error(codes::CHART, format!("there is no chart in `{folder}`")).at(named.span());
        Err(vec![said.expected(format!("the file `{folder}/{CHART}`"))])
    })
}

/// Returns the name and the version that a chart states.
fn about(file: &Arc<File>, named: &Fragment) -> Result<(Arc<str>, Arc<str>), Vec<Diagnostic>> {
    let root = file.part(file.root());
    let mut wrong = Vec::new();
    let mut say = |part: &Fragment, message: String, expected: &str| {
        let said =
            Diagnostic::error(codes::CHART, message).at(part.span()).also(named.span(), "the chart is named here");
        wrong.push(said.expected(expected));
    };
    let mut text = |key: &str, expected: &str, is_good: &dyn Fn(&str) -> bool| match root.get(key) {
        Some(part) if is_good(part.text()) => Arc::<str>::from(part.text()),
        Some(part) => {
            say(&part, format!("the chart has a `{key}` that it cannot have"), expected);
            Arc::default()
        }
        None => {
            say(&root, format!("the chart has no `{key}`"), expected);
            Arc::default()
        }
    };
    text("apiVersion", "v1 or v2", &|text| matches!(text, "v1" | "v2"));
    let name = text("name", "a name", &|text| !text.is_empty() && !text.contains(['/', '\\']));
    let version = text("version", "a semantic version", &is_version);
    if let Some(kind) = root.get("type").filter(|kind| kind.text() == "library") {
        say(&kind, "a library chart renders to nothing by itself".into(), "a chart of type application");
    }
    if wrong.is_empty() { Ok((name, version)) } else { Err(wrong) }
}

/// Checks the name of a layer's release, wherever it comes from.
fn release(layer: &Shaped) -> Result<(), Vec<Diagnostic>> {
    let part = layer.field("releaseName").or_else(|| layer.field("renamedFrom"));
    let name = part.as_ref().map_or(layer.name.as_str(), Fragment::text);
    if name.len() <= RELEASE_CHARS_MAX {
        return Ok(());
    }
    let at = part.as_ref().map_or_else(|| layer.at(), Fragment::span);
    let message = format!("the release `{name}` has a name of {} characters", name.len());
    let said = Diagnostic::error(codes::FIELD, message).at(at);
    Err(vec![said.expected(format!("at most {RELEASE_CHARS_MAX} characters")).hint("give the layer a `releaseName`")])
}
