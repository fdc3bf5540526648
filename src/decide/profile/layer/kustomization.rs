//! In: the `kustomize` of a layer, the index. Out: all files that the kustomization reads, over all that it is based on.
//! Guarantee: what leads out of the repository, runs a program or reads what its own folder does not hold is told at its
//! line, before any program is started; only the files that are named are given to it.
//!
//! Why: `kustomize` fetches what looks like an address and reads whatever it may. So it is told beforehand what it reads:
//! a folder that is named has to be a kustomization of this repository, and a file has to be below the one that names it.
use super::super::codes;
use super::super::composition::overlays::Selection;
use super::super::composition::shape::Step;
use super::super::full::ResolvedSource;
use super::super::part::{Part, Tree, What};
use super::chart::tree;
use super::source::{Made, index_of};
use crate::decide::document::{File, Fragment};
use crate::decide::fleet::{Found, Index, KUSTOMIZATIONS};
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most kustomizations under one another: deeper is a circle, or nobody understands it.
const DEPTH_MAX: usize = 32;

/// Fields that run programs or fetch something, each with what it would do.
const REFUSED: [(&str, &str); 6] = [
    ("generators", "it runs plugins"),
    ("transformers", "it runs plugins"),
    ("validators", "it runs plugins"),
    ("helmCharts", "it fetches charts and runs helm"),
    ("helmChartInflationGenerator", "it fetches charts and runs helm"),
    ("helmGlobals", "it fetches charts and runs helm"),
];

/// Fields whose items are files or folders of kustomizations.
const RESOURCES: [&str; 3] = ["resources", "components", "bases"];

/// Fields whose items are files, or what such files would hold.
const FILES: [&str; 3] = ["crds", "configurations", "patchesStrategicMerge"];

/// Finds a kustomization that a layer names.
pub(super) fn kustomize_source(
    selection: &Selection,
    step: &Step,
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
) -> Option<Made> {
    let named = part.get("path")?;
    let index = index_of(selection, step);
    let tree = kustomization(index, &named).map_err(|said| errors.extend(said)).ok()?;
    let renderer = index.lock().and_then(|lock| lock.renderers.get("kustomize")).cloned();
    Some(Made {
        resolved: ResolvedSource::Kustomize { root: tree.root.clone() },
        pack: None,
        presets: Vec::new(),
        defaults: None,
        schema: None,
        manifests: Arc::default(),
        parts: vec![Part {
            what: What::Kustomization(tree),
            release: None,
            namespace: None,
            values: None,
            given: None,
            renderer,
            finish: None,
            at: named.span(),
        }]
        .into(),
        zarf: None,
    })
}

/// Finds all files that a kustomization reads, whoever names it.
pub(in crate::decide::profile) fn kustomization(index: &Index, named: &Fragment) -> Result<Tree, Vec<Diagnostic>> {
    let folder = index.path(named).map_err(|said| vec![said])?;
    let mut walk = Walk { index, found: BTreeMap::new(), wrong: Vec::new() };
    walk.folder(&folder, named, &mut Vec::new());
    if walk.wrong.is_empty() { Ok(tree(folder, walk.found.into_values().collect())) } else { Err(walk.wrong) }
}

/// The way through kustomizations.
struct Walk<'a> {
    index: &'a Index,
    /// What is read, by its path.
    found: BTreeMap<RepoPath, Found>,
    wrong: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn say(&mut self, part: &Fragment, message: String, expected: &str) {
        self.wrong.push(Diagnostic::error(codes::KUSTOMIZATION, message).at(part.span()).expected(expected));
    }

    /// Takes the kustomization of a folder, which `named` names, and all that it reads.
    fn folder(&mut self, folder: &RepoPath, named: &Fragment, way: &mut Vec<RepoPath>) {
        let paths = KUSTOMIZATIONS.iter().filter_map(|name| RepoPath::new(&format!("{folder}/{name}")).ok());
        let all: Vec<RepoPath> = paths.filter(|path| self.index.descriptor(path).is_some()).collect();
        let [path] = all.as_slice() else {
            let message = match all.len() {
                0 => format!("there is no kustomization in `{folder}`"),
                _ => format!("there are {} kustomizations in `{folder}`", all.len()),
            };
            return self.say(named, message, "one file kustomization.yaml in that folder");
        };
        if way.contains(folder) || way.len() >= DEPTH_MAX {
            return self.say(
                named,
                format!("the kustomization `{folder}` leads back to itself"),
                "a base that does not",
            );
        }
        if self.found.contains_key(path) {
            return;
        }
        match self.index.descriptor(path) {
            Some(Ok(file)) => {
                self.take(path);
                way.push(folder.clone());
                self.file(&file, folder, way);
                way.pop();
            }
            Some(Err(said)) => self.wrong.extend(said),
            None => {}
        }
    }

    fn take(&mut self, path: &RepoPath) {
        if let Some(found) = self.index.try_file(path) {
            self.found.insert(path.clone(), found);
        }
    }

    fn file(&mut self, file: &Arc<File>, folder: &RepoPath, way: &mut Vec<RepoPath>) {
        let root = file.part(file.root());
        for (key, _) in root.entries() {
            if let Some((name, why)) = REFUSED.iter().find(|(name, _)| *name == key.text()) {
                self.say(
                    &key,
                    format!("`{name}` of a kustomization is refused: {why}"),
                    "resources, patches and generators of kustomize itself",
                );
            }
        }
        for item in RESOURCES.iter().filter_map(|key| root.get(key)).flat_map(|list| list.items().collect::<Vec<_>>()) {
            self.resource(&item, folder, way);
        }
        for item in FILES.iter().filter_map(|key| root.get(key)).flat_map(|list| list.items().collect::<Vec<_>>()) {
            // A patch may stand there itself.
            if item.as_str().is_some_and(|text| !text.contains('\n')) {
                self.plain(&item, folder);
            }
        }
        for key in ["patches", "patchesJson6902", "replacements"] {
            let items: Vec<Fragment> = root.get(key).iter().flat_map(Fragment::items).collect();
            items.iter().filter_map(|item| item.get("path")).for_each(|path| self.plain(&path, folder));
        }
        if let Some(path) = root.get("openapi").and_then(|openapi| openapi.get("path")) {
            self.plain(&path, folder);
        }
        for key in ["configMapGenerator", "secretGenerator"] {
            let items: Vec<Fragment> = root.get(key).iter().flat_map(Fragment::items).collect();
            for item in &items {
                self.generator(item, folder);
            }
        }
    }

    /// Takes the files that a generator reads: `files` may give each another key than its name.
    fn generator(&mut self, item: &Fragment, folder: &RepoPath) {
        for part in item.get("files").iter().flat_map(Fragment::items).collect::<Vec<_>>() {
            let path = part.text().split_once('=').map_or(part.text(), |(_, path)| path).to_owned();
            self.plain_at(&part, &path, folder);
        }
        let many: Vec<Fragment> = item.get("envs").iter().flat_map(Fragment::items).collect();
        many.iter().chain(item.get("env").iter()).for_each(|part| self.plain(part, folder));
    }

    /// Takes a file or another kustomization.
    fn resource(&mut self, part: &Fragment, folder: &RepoPath, way: &mut Vec<RepoPath>) {
        let text = part.text();
        if is_remote(text) {
            return self.say(
                part,
                format!("`{text}` is fetched from elsewhere, which is refused"),
                "a file or a folder of this repository",
            );
        }
        match self.index.path(part) {
            Ok(path) if self.index.is_folder(&path) => self.folder(&path, part, way),
            Ok(path) if below(folder, text).is_none() && self.index.try_file(&path).is_none() => {
                self.say(
                    part,
                    format!("there is no file and no folder `{path}`"),
                    "a file or a folder of this repository",
                );
            }
            Ok(_) => self.plain(part, folder),
            Err(said) => self.wrong.push(said),
        }
    }

    fn plain(&mut self, part: &Fragment, folder: &RepoPath) {
        let text = part.text().to_owned();
        self.plain_at(part, &text, folder);
    }

    /// Takes a file, which has to be below the folder that names it.
    fn plain_at(&mut self, part: &Fragment, text: &str, folder: &RepoPath) {
        if is_remote(text) {
            return self.say(
                part,
                format!("`{text}` is fetched from elsewhere, which is refused"),
                "a file below this folder",
            );
        }
        match below(folder, text) {
            Some(path) if self.index.try_file(&path).is_some() => self.take(&path),
            Some(path) if self.index.is_folder(&path) => {
                self.say(part, format!("`{path}` is a folder"), "a file below this folder");
            }
            Some(path) => self.say(part, format!("there is no file `{path}`"), "a file below this folder"),
            None => self.say(
                part,
                format!("`{text}` is not below the folder of its kustomization"),
                "a file below this folder, as `kustomize` itself demands",
            ),
        }
    }
}

/// Returns the path that a text names, where it stays below a folder.
fn below(folder: &RepoPath, text: &str) -> Option<RepoPath> {
    let mut parts: Vec<&str> = Vec::new();
    for step in text.split('/') {
        match step {
            "" if parts.is_empty() && text.starts_with('/') => return None,
            "" | "." => {}
            ".." => drop(parts.pop()?),
            step => parts.push(step),
        }
    }
    RepoPath::new(&format!("{folder}/{}", parts.join("/"))).ok()
}

/// Whether `kustomize` would take a text for an address: it has a scheme, a user, a host of Git or a revision.
fn is_remote(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_host = ["github.com", "gitlab.com", "bitbucket.org", "git@", "dev.azure.com"];
    lower.contains("://")
        || lower.contains("::")
        || text.contains("?ref=")
        || text.contains("?version=")
        || is_host.iter().any(|host| lower.starts_with(host))
        || (text.contains('@') && text.contains(':'))
}
