//! In: a package, its files, the values of its layer. Out: its charts as parts, its manifests as objects, its namespaces.
//! Guarantee: in the order of the package; a file that it names is there; all that a secret went into is sensitive.
use super::super::codes;
use super::super::full::{Inline, NamespaceWish};
use super::super::part::{Archive, Content, Packed, Part, Tree, TreeFile, What};
use super::chosen::chosen;
use super::files::{Files, inside};
use super::finish::Finish;
use super::source::Package;
use super::variables::Variables;
use crate::decide::document::yaml::{Limits, read};
use crate::decide::document::{Fragment, Texts};
use crate::decide::fleet::name_in;
use crate::decide::value::{Diagnostic, Digest, Domain, Hasher, Map, Nulls, Seal, Span, Text, Value, merge};
use std::sync::Arc;

/// What a package comes to.
#[derive(Clone, Debug, Default)]
pub(in crate::decide::profile) struct Expanded {
    pub(in crate::decide::profile) parts: Vec<Part>,
    pub(in crate::decide::profile) inline: Vec<Inline>,
    pub(in crate::decide::profile) namespaces: Vec<NamespaceWish>,
    pub(in crate::decide::profile) warnings: Vec<Diagnostic>,
    /// The images that its components name.
    pub(in crate::decide::profile) images: Vec<Arc<str>>,
}

/// Expands the package of a layer; `at` finds where a value of it is written.
pub(in crate::decide::profile) fn expanded(
    package: &Package,
    values: &Value,
    texts: &Texts,
    seal: &Seal,
    at: &dyn Fn(&str) -> Span,
) -> Result<Expanded, Vec<Diagnostic>> {
    let files = Files::new(package, texts);
    let file = files.about()?;
    let root = file.part(file.root());
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    if root.get("kind").is_none_or(|kind| kind.text() != "ZarfPackageConfig") {
        let said = Diagnostic::error(codes::PACKAGE, "the package is none that is deployed").at(root.span());
        return Err(vec![said.expected("kind: ZarfPackageConfig")]);
    }
    errors.extend(other_version(package, &root));
    let components = chosen(&root, &package.part, &mut errors, &mut warnings);
    let variables = Variables::read(&root, values, at).map_err(|said| errors.extend(said));
    let Ok(mut variables) = variables else { return Err(errors) };
    let registry = text(&package.part, "registry");
    if let Some(registry) = &registry {
        variables.set_registry(registry);
    }
    let variables = Arc::new(variables);
    let finish = Arc::new(Finish::new(Some(variables.clone()), registry.clone()));
    let of_charts = Arc::new(Finish::new(None, registry));
    let mut taking = Taking {
        files: &files,
        package,
        variables: &variables,
        finish,
        of_charts,
        seal,
        values: Value::Null,
        expanded: Expanded { warnings, ..Expanded::default() },
        errors,
    };
    match taking.values(&root) {
        Ok(values) => taking.values = values,
        Err(said) => taking.errors.push(said),
    }
    for component in &components {
        taking.component(component);
    }
    let Taking { expanded, errors, .. } = taking;
    if errors.is_empty() { Ok(expanded) } else { Err(errors) }
}

/// What a package states of itself is what the lock says, as registries write it.
fn other_version(package: &Package, root: &Fragment) -> Option<Diagnostic> {
    let locked = package.locked.as_deref()?;
    let part = root.get("metadata")?.get("version")?;
    let stated = part.text();
    let stated = semver::Version::parse(&stated.strip_prefix('v').unwrap_or(stated).replace('_', "+")).ok()?;
    if stated.to_string() == locked {
        return None;
    }
    let message = format!("fleet.lock has `{locked}` of the package, which states that it is `{stated}`");
    let said = Diagnostic::error(codes::NOT_LOCKED, message).at(package.part.span()).also(part.span(), "here");
    let name = package.part.get("oci").map(|oci| name_in(oci.text()).to_owned()).unwrap_or_default();
    Some(said.hint(format!("fleet.lock was edited by hand: run `stratify lock --update {name}`")))
}

struct Taking<'a> {
    files: &'a Files<'a>,
    package: &'a Package,
    variables: &'a Variables,
    finish: Arc<Finish>,
    of_charts: Arc<Finish>,
    seal: &'a Seal,
    /// The values of the package itself.
    values: Value,
    expanded: Expanded,
    errors: Vec<Diagnostic>,
}

fn text(part: &Fragment, key: &str) -> Option<Arc<str>> {
    part.get(key).map(|part| part.text().into())
}

fn wrong(part: &Fragment, message: String) -> Diagnostic {
    Diagnostic::error(codes::PACKAGE, message).at(part.span())
}

fn items(part: &Fragment, key: &str) -> Vec<Fragment> {
    part.get(key).map(|part| part.items().collect()).unwrap_or_default()
}

impl Taking<'_> {
    fn component(&mut self, component: &Fragment) {
        let name = text(component, "name").unwrap_or_default();
        self.expanded.images.extend(items(component, "images").iter().map(|image| Arc::<str>::from(image.text())));
        for chart in items(component, "charts") {
            if let Err(said) = self.chart(&name, &chart) {
                self.errors.push(said);
            }
        }
        for manifest in items(component, "manifests") {
            self.manifest(&name, &manifest);
        }
    }

    /// Returns the text of a file with its variables filled.
    fn filled(&self, path: &str, part: &Fragment) -> Result<String, Diagnostic> {
        let absent = || wrong(part, format!("the package does not hold the file `{path}`"));
        let bytes = self.files.get(path).ok_or_else(absent)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong(part, format!("the file `{path}` is not UTF-8")))?;
        self.variables.fill(text).map_err(|why| wrong(part, format!("the file `{path}` cannot be filled: {why}")))
    }

    /// Reads the documents of a text, with what nobody may see sealed.
    fn documents(&self, path: &str, text: String, part: &Fragment) -> Result<Vec<Value>, Diagnostic> {
        let text = Text(text.into());
        let stream = read(&text, &Limits::default()).map_err(|error| {
            let before = text.0.get(..error.bytes.start as usize).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            wrong(
                part,
                format!("the file `{path}`, with its variables filled, is no YAML at line {line}: {}", error.message),
            )
        })?;
        Ok(stream.documents.iter().map(|tree| self.sealed(&tree.root().value())).collect())
    }

    fn sealed(&self, value: &Value) -> Value {
        if self.variables.sensitive.is_empty() {
            return value.clone();
        }
        match value {
            Value::String(text) if self.variables.is_in(text) => self.seal.seal(value.clone()),
            Value::List(items) => Value::list(items.iter().map(|item| self.sealed(item)).collect()),
            Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), self.sealed(value))).collect::<Map>().into(),
            value => value.clone(),
        }
    }

    fn chart(&mut self, component: &str, chart: &Fragment) -> Result<(), Diagnostic> {
        let name = text(chart, "name").unwrap_or_default();
        let version = text(chart, "version").unwrap_or_default();
        let namespace = text(chart, "namespace");
        let content = self.content(component, chart, &name, &version)?;
        let mut values = Value::map(Map::default());
        for (at, file) in items(chart, "valuesFiles").iter().enumerate() {
            let packed = format!("components/{component}/values/{name}-{version}-{at}");
            let path = if self.files.is_archive() { packed.as_str() } else { file.text() };
            let filled = self.filled(path, file)?;
            for document in self.documents(path, filled, file)? {
                merge(&mut values, &document, Nulls::Keep);
            }
        }
        for variable in items(chart, "variables") {
            let value = text(&variable, "name").and_then(|name| self.variables.get(&name).cloned());
            let path = text(&variable, "path").unwrap_or_default();
            let value = value
                .ok_or_else(|| wrong(&variable, "the chart names a variable that the package does not have".into()))?;
            let value = self.sealed(&Value::String(value));
            put(&mut values, &path.split('.').collect::<Vec<_>>(), value);
        }
        for mapping in items(chart, "values") {
            self.mapped(&mapping, &mut values)?;
        }
        self.wish(namespace.as_ref());
        self.expanded.parts.push(Part {
            what: What::Chart(content),
            release: Some(text(chart, "releaseName").unwrap_or(name)),
            namespace,
            values: None,
            given: Some(values),
            renderer: self.package.renderer.clone(),
            finish: Some(self.of_charts.clone()),
            at: chart.span(),
        });
        Ok(())
    }

    /// Copies a part of the package's values into those of a chart.
    fn mapped(&self, mapping: &Fragment, values: &mut Value) -> Result<(), Diagnostic> {
        let steps = |key: &str| -> Vec<String> {
            let path = text(mapping, key).unwrap_or_default();
            path.trim_start_matches('.').split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect()
        };
        let (source, target) = (steps("sourcePath"), steps("targetPath"));
        let found = source.iter().try_fold(&self.values, |value, step| value.get(step));
        if let Some(part) = mapping.get("excludePaths") {
            return Err(wrong(&part, "paths that are excluded from values are not supported yet".into()));
        }
        let Some(found) = found.cloned() else {
            let message = format!("the values of the package do not have `.{}`", source.join("."));
            return Err(wrong(mapping, message).expected("a path into the files of `values` of the package"));
        };
        let mut part = Value::map(Map::default());
        put(&mut part, &target.iter().map(String::as_str).collect::<Vec<_>>(), found);
        merge(values, &part, Nulls::Keep);
        Ok(())
    }

    /// Reads the values of the package itself.
    fn values(&self, root: &Fragment) -> Result<Value, Diagnostic> {
        let mut values = Value::map(Map::default());
        let Some(part) = root.get("values") else { return Ok(values) };
        let files = items(&part, "files");
        // An archive holds them in one.
        let named = files.iter().map(|file| (file.text().to_owned(), file));
        let paths: Vec<(String, &Fragment)> = match files.first() {
            Some(first) if self.files.is_archive() => vec![("values.yaml".to_owned(), first)],
            _ => named.collect(),
        };
        for (path, file) in paths {
            let absent = || wrong(file, format!("the package does not hold the file `{path}`"));
            let bytes = self.files.get(&path).ok_or_else(absent)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for document in self.documents(&path, text, file)? {
                merge(&mut values, &document, Nulls::Keep);
            }
        }
        Ok(values)
    }

    fn content(&self, component: &str, chart: &Fragment, name: &str, version: &str) -> Result<Content, Diagnostic> {
        let Some(tree) = self.files.tree() else {
            let path = format!("components/{component}/charts/{name}-{version}.tgz");
            let absent = || wrong(chart, format!("the package does not hold the chart `{path}`"));
            let bytes = self.files.get(&path).ok_or_else(absent)?;
            let mut hasher = Hasher::new(Domain("packed/1"));
            hasher.bytes(&bytes);
            return Ok(Content::Packed(Packed {
                name: format!("{name}-{version}").into(),
                digest: hasher.finish(),
                bytes,
            }));
        };
        let Some(local) = chart.get("localPath") else {
            let said = wrong(chart, format!("the chart `{name}` is fetched when the package is made"));
            return Err(said
                .hint("make an archive of it by `zarf package create`, which takes it in, or name it by `localPath`"));
        };
        let absent = || wrong(&local, format!("there is no chart at `{}`", local.text()));
        let path = inside(tree.root.as_str(), local.text()).ok_or_else(absent)?;
        if let Some(file) = tree.files.iter().find(|file| file.path == path) {
            let TreeFile { path, blob } = file.clone();
            return Ok(Content::Archive(Archive { path, blob, origin: tree.origin.clone(), is_named: false }));
        }
        let prefix = format!("{path}/");
        let files: Vec<TreeFile> =
            tree.files.iter().filter(|file| file.path.as_str().starts_with(&prefix)).cloned().collect();
        if files.is_empty() { Err(absent()) } else { Ok(Content::Tree(Tree::new(path, files, tree.origin.clone()))) }
    }

    fn manifest(&mut self, component: &str, manifest: &Fragment) {
        let name = text(manifest, "name").unwrap_or_default();
        let namespace = text(manifest, "namespace");
        let is_archive = self.files.is_archive();
        let mut paths: Vec<(String, Fragment)> = Vec::new();
        for (at, file) in items(manifest, "files").into_iter().enumerate() {
            let packed = format!("components/{component}/manifests/{name}-{at}.yaml");
            paths.push((if is_archive { packed } else { file.text().to_owned() }, file));
        }
        for (at, root) in items(manifest, "kustomizations").into_iter().enumerate() {
            if is_archive {
                paths.push((format!("components/{component}/manifests/kustomization-{name}-{at}.yaml"), root));
            } else {
                self.kustomization(&root, namespace.as_ref());
            }
        }
        self.wish(namespace.as_ref());
        for (path, part) in paths {
            match self.filled(&path, &part).and_then(|text| self.documents(&path, text, &part)) {
                Ok(documents) => {
                    let documents = documents.into_iter().filter(|document| !document.is_null());
                    let finish = self.finish.clone();
                    let inline =
                        |value| Inline { namespace: namespace.clone(), value: finish.mirrored(value), at: part.span() };
                    self.expanded.inline.extend(documents.map(inline));
                }
                Err(said) => self.errors.push(said),
            }
        }
    }

    /// Has a kustomization of a folder built, which an archive holds built.
    fn kustomization(&mut self, root: &Fragment, namespace: Option<&Arc<str>>) {
        match self.package.kustomizations.get(root.text()) {
            Some(Ok(tree)) => self.expanded.parts.push(Part {
                what: What::Kustomization(tree.clone()),
                release: None,
                namespace: namespace.cloned(),
                values: None,
                given: None,
                renderer: self.package.kustomize.clone(),
                finish: Some(self.finish.clone()),
                at: root.span(),
            }),
            Some(Err(said)) => self.errors.extend(said.iter().cloned()),
            None => self.errors.push(wrong(root, format!("there is no kustomization at `{}`", root.text()))),
        }
    }

    /// Zarf makes the namespaces of charts and manifests.
    fn wish(&mut self, namespace: Option<&Arc<str>>) {
        let Some(name) = namespace else { return };
        if !self.expanded.namespaces.iter().any(|wish| wish.name == *name) {
            self.expanded.namespaces.push(NamespaceWish { name: name.clone(), ..NamespaceWish::default() });
        }
    }
}

fn put(values: &mut Value, path: &[&str], value: Value) {
    match path {
        [] => *values = value,
        [first, rest @ ..] => put(values.make_map().entry(&Arc::from(*first)), rest, value),
    }
}

impl Expanded {
    /// Returns the digest of all of it.
    pub(in crate::decide::profile) fn digest(&self, seal: &Seal) -> Digest {
        let mut hasher = Hasher::new(Domain("zarf/1"));
        for part in &self.parts {
            hasher.bytes(&part.what.digest().0).value(part.given.as_ref().unwrap_or(&Value::Null));
            for text in [&part.release, &part.namespace] {
                hasher.bytes(text.as_deref().unwrap_or_default().as_bytes());
            }
            if let Some(finish) = &part.finish {
                hasher.value(&finish.value(seal));
            }
        }
        for inline in &self.inline {
            hasher.value(&inline.value).bytes(inline.namespace.as_deref().unwrap_or_default().as_bytes());
        }
        hasher.finish()
    }
}
