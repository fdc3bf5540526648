//! In: a `cluster.yaml`. Out: a Cluster: what it is, and what it lays over its profiles.
//! Guarantee: name and environment are those of its folders.
use super::folder_names::check_environment;
use super::overlay::Overlay;
use super::{check_name, checked, is_true, texts};
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::value::{Checked, Diagnostic, Span, Value};
use crate::name::{ClusterName, EnvironmentName};
use std::sync::Arc;

/// A Cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its labels: a map of texts.
    pub labels: Value,
    /// Where it is.
    pub cloud: Arc<str>,
    /// Its target's name.
    pub target: Arc<str>,
    /// Where its target is named.
    pub target_part: Option<Fragment>,
    /// The server that makes it, where there is one.
    pub management: Option<Management>,
    /// Its nodes: a map, empty where nothing is said.
    pub nodes: Value,
    /// Whether it has only add-on profiles.
    pub imported: bool,
    /// The Kubernetes version of an imported cluster.
    pub kubernetes_version: Option<Arc<str>>,
    /// API versions that charts may find.
    pub api_versions: Vec<Arc<str>>,
    /// What shall become of it: `active`, `paused`, `delete`.
    pub lifecycle: Arc<str>,
    /// What it lays over its profiles.
    pub overlay: Arc<Overlay>,
}

/// The place of a cluster on the server that makes it.
#[derive(Clone, Debug)]
pub struct Management {
    /// The server's target.
    pub target: Arc<str>,
    /// The cluster's own namespace there.
    pub namespace: Arc<str>,
    /// Where it is written.
    pub part: Fragment,
}

impl Management {
    fn of(part: Fragment) -> Option<Self> {
        let text = |key: &str| part.get(key).map(|part| Arc::<str>::from(part.text()));
        Some(Self { target: text("target")?, namespace: text("namespace")?, part })
    }
}

impl Cluster {
    /// Reads a Cluster.
    pub fn read(file: Arc<File>, environment: &EnvironmentName, name: &ClusterName) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Cluster)?;
        let metadata = file.root().get("metadata").map(|part| file.part(part));
        let spec = file.root().get("spec").map_or_else(|| file.part(file.root()), |spec| file.part(spec));
        let overlay = Overlay::of(&spec);
        let mut errors = mistakes(&file, &spec, environment, name);
        errors.extend(overlay.mistakes());
        if !errors.is_empty() {
            return Err(errors);
        }
        let text = |key: &str| spec.get(key).map(|part| Arc::<str>::from(part.text()));
        let map = |part: Option<Fragment>| {
            part.map_or_else(|| Value::map(crate::decide::value::Map::default()), |part| part.value())
        };
        let cluster = Self {
            name: name.clone(),
            environment: environment.clone(),
            labels: map(metadata.and_then(|part| part.get("labels"))),
            cloud: text("cloud").unwrap_or_default(),
            target: text("target").unwrap_or_else(|| name.as_str().into()),
            target_part: spec.get("target"),
            management: spec.get("management").and_then(Management::of),
            nodes: map(spec.get("nodes")),
            imported: is_true(spec.get("imported")),
            kubernetes_version: text("kubernetesVersion"),
            api_versions: texts(spec.get("apiVersions")),
            lifecycle: text("lifecycle").unwrap_or_else(|| "active".into()),
            overlay: Arc::new(overlay),
            file,
        };
        Ok((cluster, warnings))
    }

    /// Returns the places that are its own alone: its target, and its namespace on the server that makes it.
    pub fn places(&self) -> impl Iterator<Item = Arc<str>> {
        // No name of a target holds a slash.
        let management = self.management.iter().map(|it| format!("{}/{}", it.target, it.namespace).into());
        std::iter::once(self.target.clone()).chain(management)
    }

    /// Returns where its name stands, for what concerns it as a whole.
    pub fn name_span(&self) -> Span {
        let name = self.file.root().get("metadata").and_then(|metadata| metadata.get("name"));
        self.file.span(name.unwrap_or(self.file.root()))
    }
}

fn mistakes(file: &Arc<File>, spec: &Fragment, environment: &EnvironmentName, name: &ClusterName) -> Vec<Diagnostic> {
    let mut errors: Vec<Diagnostic> = check_name(file, name.as_str()).into_iter().collect();
    errors.extend(check_environment(spec, environment));
    if is_true(spec.get("imported")) && spec.get("kubernetesVersion").is_none() {
        errors.push(
            Diagnostic::error(codes::MISSING_FIELD, "an imported cluster does not say its Kubernetes version")
                .at(spec.get("imported").map_or_else(|| spec.span(), |part| part.span()))
                .expected("`kubernetesVersion` beside `imported`"),
        );
    }
    errors
}
