//! In: the name of a parent Secret, the objects of its layer. Out: the labels and annotations of KEP-3659.
//! Guarantee: the id follows from group, kind, namespace and name, so that a copied Secret is no parent.
use super::books::Place;
use crate::decide::plan::LayerInventory;
use crate::decide::value::{Map, Value};
use crate::name::{LayerName, ObjectId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The label of a parent that holds its id.
pub(super) const ID: &str = "applyset.kubernetes.io/id";
/// The label of a member that holds its parent's id.
const PART_OF: &str = "applyset.kubernetes.io/part-of";
/// The annotation of a parent that names who writes it.
pub(super) const TOOLING: &str = "applyset.kubernetes.io/tooling";
/// The annotation of a parent that lists the kinds of its members.
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// The annotation of a parent that lists its members' namespaces but its own.
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";

/// What is written as the tool; kubectl refuses a set whose tool has another name.
pub(super) const TOOL: &str = concat!("stratify/v", env!("CARGO_PKG_VERSION"));

/// The id of an `ApplySet`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetId(pub Arc<str>);

impl SetId {
    /// Returns the id of the set whose parent is a Secret.
    pub(super) fn of(name: &str, namespace: &str) -> Self {
        let digest = Sha256::digest(format!("{name}.{namespace}.Secret."));
        Self(format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest)).into())
    }
}

/// Returns the id of the set that an object bears, if it bears one.
pub fn part_of(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("labels")?.get(PART_OF)?.as_str()
}

/// Returns a manifest as it is applied: a member of its layer's set.
pub fn with_marks(manifest: &Value, place: &Place, layer: &LayerName) -> Value {
    let mut marked = manifest.clone();
    let metadata = marked.make_map().entry(&"metadata".into()).make_map();
    let labels = metadata.entry(&"labels".into()).make_map();
    labels.insert(PART_OF.into(), Value::String(place.set(layer).0));
    marked
}

/// Returns the annotations of a parent: the kinds and namespaces of all that its inventory lists.
pub(super) fn annotations(inventory: &LayerInventory, own_namespace: &str) -> Map {
    let objects = || inventory.entries.keys().map(|(_, object)| object);
    let kind = |object: &ObjectId| match &*object.group {
        "" => object.kind.to_string(),
        group => format!("{}.{group}", object.kind),
    };
    let kinds: BTreeSet<String> = objects().map(kind).collect();
    let namespaces: BTreeSet<&str> = objects()
        .filter_map(|object| object.namespace.as_deref())
        .filter(|namespace| *namespace != own_namespace)
        .collect();
    let joined = |texts: Vec<&str>| Value::string(&texts.join(","));
    [
        (TOOLING, Value::string(TOOL)),
        (KINDS, joined(kinds.iter().map(String::as_str).collect())),
        (NAMESPACES, joined(namespaces.into_iter().collect())),
    ]
    .into_iter()
    .collect()
}
