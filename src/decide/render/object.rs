//! In: documents of manifests. Out: objects with their ids, or what is wrong with each.
//! Guarantee: an object has an id of its own before anything is done with it; lists of objects are taken apart.
use super::codes;
use super::hook::Hook;
use super::kinds::is_cluster_scoped;
use super::model::{Defined, Outlives};
use super::namespaces::namespace_filled;
use crate::decide::value::{Diagnostic, Map, Pointer, Span, Value};
use crate::name::ObjectId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An object on its way: its place, and whatever it holds so far.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) manifest: Value,
    pub(super) at: Span,
    /// Whether others wrote it, as of a chart: what Kubernetes overlooks is overlooked.
    pub(super) is_foreign: bool,
    /// Whether it runs, and when.
    pub(super) hook: Option<Hook>,
    /// The namespace that fills it; none for the layer's own.
    pub(super) namespace: Option<Arc<str>>,
    /// Whether it outlives its layer.
    pub(super) kept: Outlives,
    /// What of it was made up.
    pub(super) unstable: Vec<Pointer>,
}

/// Takes lists of objects apart.
pub(super) fn flatten(manifest: Value, at: &Span, drafts: &mut Vec<Draft>) {
    let is_list = manifest.get("apiVersion").and_then(Value::as_str) == Some("v1")
        && manifest.get("kind").and_then(Value::as_str) == Some("List");
    match manifest.get("items").and_then(Value::as_list) {
        Some(items) if is_list => items.iter().for_each(|item| flatten(item.clone(), at, drafts)),
        _ => drafts.push(Draft {
            manifest,
            at: at.clone(),
            is_foreign: false,
            hook: None,
            namespace: None,
            kept: Outlives::No,
            unstable: Vec::new(),
        }),
    }
}

/// Returns the group and the kind that a manifest states.
pub(super) fn group_and_kind(manifest: &Value) -> Option<(&str, &str)> {
    let version = manifest.get("apiVersion")?.as_str()?;
    let kind = manifest.get("kind")?.as_str()?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    (!version.is_empty() && !kind.is_empty()).then_some((group, kind))
}

/// Returns the kind that a manifest defines, if it is a definition.
pub(super) fn defined_kind(manifest: &Value) -> Option<Defined> {
    if group_and_kind(manifest)? != ("apiextensions.k8s.io", "CustomResourceDefinition") {
        return None;
    }
    let spec = manifest.get("spec")?;
    let kind = spec.get("names")?.get("kind")?.as_str()?;
    let is_cluster_scoped = spec.get("scope").and_then(Value::as_str) == Some("Cluster");
    let versions = spec.get("versions").and_then(Value::as_list).unwrap_or_default();
    let served = versions.iter().filter(|version| version.get("served").and_then(Value::as_bool) != Some(false));
    let versions = served.filter_map(|version| version.get("name")?.as_str()).map(Arc::from).collect();
    Some(Defined { group: spec.get("group")?.as_str()?.into(), kind: kind.into(), is_cluster_scoped, versions })
}

/// Checks a manifest and fills its namespace; `custom` are the kinds that manifests define without namespace.
pub(super) fn identify(
    draft: &mut Draft,
    namespace: Option<&Arc<str>>,
    custom: &BTreeSet<Defined>,
) -> Result<ObjectId, Diagnostic> {
    let wrong = |code, message: &str| Diagnostic::error(code, message).at(draft.at.clone());
    let Some((group, kind)) = group_and_kind(&draft.manifest) else {
        return Err(wrong(codes::NOT_AN_OBJECT, "the document is no object of Kubernetes")
            .expected("a map with apiVersion, kind and metadata.name"));
    };
    let (group, kind): (Arc<str>, Arc<str>) = (group.into(), kind.into());
    let metadata = draft.manifest.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name")).and_then(Value::as_str).map(Arc::<str>::from);
    let Some(name) = name.filter(|name| is_name(name)) else {
        let generated = metadata.is_some_and(|metadata| metadata.get("generateName").is_some());
        return Err(if generated {
            wrong(codes::GENERATE_NAME, "`generateName` gives another object at each write").expected("metadata.name")
        } else {
            wrong(codes::NOT_AN_OBJECT, "the object has no name")
                .expected("metadata.name, at most 253 characters without `/`")
        });
    };
    let stated = metadata.and_then(|metadata| metadata.get("namespace")).and_then(Value::as_str).map(Arc::<str>::from);
    let is_custom = |custom: &&Defined| custom.group == group && custom.kind == kind;
    let is_cluster_scoped = is_cluster_scoped(&group, &kind) || custom.iter().any(|custom| is_custom(&custom));
    let stated = if is_cluster_scoped && draft.is_foreign {
        metadata_of(&mut draft.manifest).remove("namespace");
        None
    } else {
        stated
    };
    let Ok(namespace) = namespace_filled(is_cluster_scoped, stated, namespace) else {
        let said = wrong(codes::NAMESPACE, &format!("the kind {kind} has no namespace"));
        return Err(said.hint("remove metadata.namespace"));
    };
    if let Some(namespace) = &namespace {
        *metadata_of(&mut draft.manifest).entry_of("namespace") = Value::String(namespace.clone());
    }
    if let Some(twice) = twice_in_a_list(&draft.manifest) {
        return Err(wrong(codes::TWO_KEYS, &format!("two items of one list have the name `{twice}`"))
            .hint("a list of containers, volumes or variables is keyed by name"));
    }
    Ok(ObjectId { group, kind, namespace, name })
}

/// Marks an object as ours; other labels stay.
pub(super) fn mark(manifest: &mut Value, marks: &[(Arc<str>, Arc<str>)]) {
    let labels = metadata_of(manifest).entry_of("labels").make_map();
    for (key, value) in marks {
        labels.insert(key.clone(), Value::String(value.clone()));
    }
}

fn metadata_of(manifest: &mut Value) -> &mut Map {
    manifest.make_map().entry_of("metadata").make_map()
}

/// Names of Kubernetes are at most 253 bytes and stand in URLs.
fn is_name(name: &str) -> bool {
    (1..=253).contains(&name.len()) && !name.contains(['/', '%']) && name != "." && name != ".."
}

/// The lists that server-side apply keys by `name`.
const KEYED: [&str; 5] = ["containers", "initContainers", "ephemeralContainers", "volumes", "env"];

fn twice_in_a_list(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Map(map) => map.iter().find_map(|(key, value)| {
            let items = value.as_list().filter(|items| items.len() > 1 && KEYED.contains(&&**key)).unwrap_or_default();
            let mut seen = BTreeSet::new();
            let names = items.iter().filter_map(|item| item.get("name").and_then(Value::as_str));
            let twice = names.into_iter().find(|name| !seen.insert(*name)).map(Arc::from);
            twice.or_else(|| twice_in_a_list(value))
        }),
        Value::List(items) => items.iter().find_map(twice_in_a_list),
        _ => None,
    }
}
