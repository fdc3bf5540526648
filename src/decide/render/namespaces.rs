//! In: the namespace of a layer, the manifests of all. Out: the namespace of objects that state none; the Namespace that a
//! layer brings along.
//! Guarantee: a stated one stays; made by the first layer that needs it where no manifest makes it; never deleted; those
//! that every cluster has are not made.
use super::codes;
use super::kinds::GIVEN_NAMESPACES;
use super::layers::Identified;
use super::model::Outlives;
use super::object::group_and_kind;
use crate::decide::document::Site;
use crate::decide::profile::{NamespaceWish, ProfileLayer};
use crate::decide::value::{Diagnostic, Map, Value};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the namespace of an object: none of a kind that has none, else the stated one, else the layer's; or the one that
/// is stated for a kind that has none.
pub(super) fn namespace_filled(
    is_cluster_scoped: bool,
    stated: Option<Arc<str>>,
    of_layer: Option<&Arc<str>>,
) -> Result<Option<Arc<str>>, Arc<str>> {
    match (is_cluster_scoped, stated) {
        (true, Some(stated)) => Err(stated),
        (true, None) => Ok(None),
        (false, Some(stated)) => Ok(Some(stated)),
        (false, None) => Ok(Some(of_layer.cloned().unwrap_or_else(|| "default".into()))),
    }
}

pub(super) fn namespace_made(manifest: &Value) -> Option<Arc<str>> {
    (group_and_kind(manifest)? == ("", "Namespace"))
        .then(|| manifest.get("metadata")?.get("name")?.as_str().map(Arc::from))?
}

/// The first layer in a namespace that no manifest makes brings it along, and those that its pack asks for.
pub(super) fn namespaces_of(
    layer: &ProfileLayer,
    wanted: &mut Namespaces,
    told: &mut Vec<Diagnostic>,
) -> Vec<Identified> {
    let own = layer.namespace.iter().filter(|name| !layer.namespaces.iter().any(|wish| wish.name == **name));
    let own: Vec<NamespaceWish> =
        own.map(|name| NamespaceWish { name: name.clone(), is_own: true, ..NamespaceWish::default() }).collect();
    let mut brought = Vec::new();
    for wish in own.iter().chain(&layer.namespaces) {
        match namespace_of(layer, wish, wanted) {
            Some(namespace) => brought.push(namespace),
            None if wish.labels.is_empty() && wish.annotations.is_empty() => {}
            None => told.push(
                Diagnostic::warning(
                    codes::NAMESPACE_MARKS,
                    format!(
                        "the labels and annotations of layer `{}` for the namespace `{}` are not set",
                        layer.name, wish.name
                    ),
                )
                .at(layer.at.clone())
                .expected("a namespace that this layer makes")
                .hint("set them where the namespace is made"),
            ),
        }
    }
    brought
}

fn namespace_of(layer: &ProfileLayer, wish: &NamespaceWish, wanted: &mut Namespaces) -> Option<Identified> {
    let name = Some(&wish.name).filter(|name| !GIVEN_NAMESPACES.contains(&&***name))?;
    if !wanted.insert((layer.site, name.clone())) {
        return None;
    }
    let pairs = |pairs: &BTreeMap<Arc<str>, Arc<str>>| -> Option<Value> {
        let map: Map = pairs.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
        (!pairs.is_empty()).then(|| map.into())
    };
    let entries = [
        ("name", Some(Value::String(name.clone()))),
        ("labels", pairs(&wish.labels)),
        ("annotations", pairs(&wish.annotations)),
    ];
    let metadata: Map = entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let entries = [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata.into())];
    let id = ObjectId { group: "".into(), kind: "Namespace".into(), namespace: None, name: name.clone() };
    Some(Identified {
        id,
        manifest: entries.into_iter().collect::<Map>().into(),
        at: layer.at.clone(),
        kept: Outlives::Brought,
        hook: None,
        unstable: Vec::new(),
    })
}

/// Namespaces that are there or come, each with its server.
pub(super) type Namespaces = BTreeSet<(Site, Arc<str>)>;
