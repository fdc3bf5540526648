//! In: the namespace of a layer, the manifests of all. Out: the namespace of objects that state none; the Namespace that a
//! layer brings along.
//! Guarantee: a stated one stays; made by the first layer that needs it where no manifest makes it; never deleted; those
//! that every cluster has are not made.
use super::kinds::GIVEN_NAMESPACES;
use super::layers::Identified;
use super::object::group_and_kind;
use crate::decide::document::Site;
use crate::decide::profile::ProfileLayer;
use crate::decide::value::{Map, Value};
use crate::name::ObjectId;
use std::collections::BTreeSet;
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

/// The first layer in a namespace that no manifest makes brings it along.
pub(super) fn namespace_of(layer: &ProfileLayer, wanted: &mut Namespaces) -> Option<Identified> {
    let name = layer.namespace.as_ref().filter(|name| !GIVEN_NAMESPACES.contains(&&***name))?;
    if !wanted.insert((layer.site, name.clone())) {
        return None;
    }
    let metadata: Map = [("name", Value::String(name.clone()))].into_iter().collect();
    let entries = [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata.into())];
    let id = ObjectId { group: "".into(), kind: "Namespace".into(), namespace: None, name: name.clone() };
    Some(Identified {
        id,
        manifest: entries.into_iter().collect::<Map>().into(),
        at: layer.at.clone(),
        is_kept: true,
        hook: None,
    })
}

/// Namespaces that are there or come, each with its server.
pub(super) type Namespaces = BTreeSet<(Site, Arc<str>)>;
