//! In: a server and whose objects are written. Out: what all writes of one cluster and site have in common.
//! Guarantee: an object's path follows from what the server serves; a kind that it does not serve is told, not guessed.
use crate::client::kubernetes::{Kinds, ObjectPath, Server};
use crate::decide::document::Site;
use crate::decide::drift::Tried;
use crate::decide::plan::book_secrets::Place;
use crate::decide::plan::{Plan, Version, Why};
use crate::decide::profile::LayerOptions;
use crate::decide::value::Value;
use crate::name::{ClusterName, LayerName, ObjectId};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// How many requests are under way at once: more make an API server no faster.
pub(super) const CONCURRENT: usize = 8;

/// What all writes of one cluster and site have in common.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server, as the identity that writes objects.
    pub server: Server,
    /// The same, as the identity that keeps the books.
    pub keeper: Server,
    /// Where the books are.
    pub place: Place,
    /// Where the record is under which all is written: another server's, where that one makes the cluster.
    pub fence: (Server, Place),
    /// The site.
    pub site: Site,
    /// The cluster.
    pub cluster: ClusterName,
    /// The UIDs that the inventories list, by layer.
    pub uids: Arc<BTreeMap<(LayerName, ObjectId), Arc<str>>>,
    /// When this process read the books.
    pub read_at: Instant,
    /// What was tried already, when the facts were read.
    pub tried: Arc<BTreeMap<ObjectId, Tried>>,
}

/// What a write has to know of its layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// The layer.
    pub(super) layer: &'a LayerName,
    /// How it is written and removed.
    pub(super) options: &'a LayerOptions,
}

impl<'a> Owner<'a> {
    /// Returns a layer of a plan; one that no document names any more has the options that are safe.
    pub(super) fn of(plan: &'a Plan, layer: &'a LayerName) -> Self {
        static SAFE: LazyLock<LayerOptions> = LazyLock::new(LayerOptions::default);
        let change = plan.change.layers.iter().find(|change| change.layer == *layer);
        Self { layer, options: change.map_or(&*SAFE, |change| &change.options) }
    }
}

/// Why an object has no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pathless {
    /// The server serves no such kind, or not at this version.
    Unserved(String),
    /// What the server has of its group is not known now.
    Incomplete(String),
    /// The kind has a namespace, or none, other than the object says.
    Scope(String),
}

impl Target {
    /// Returns the UID under which an object stands in a layer's inventory.
    pub(super) fn uid(&self, layer: &LayerName, object: &ObjectId) -> Option<&Arc<str>> {
        self.uids.get(&(layer.clone(), object.clone()))
    }

    /// Whether a live object bears our mark: of this fleet, and of this cluster where the server is shared by several.
    pub(super) fn is_marked(&self, live: &Value) -> bool {
        let label = |key: &str| live.get("metadata")?.get("labels")?.get(key)?.as_str();
        let fleet = label("stratify.dev/fleet") == Some(&*self.place.fleet);
        let cluster = match &self.place.cluster {
            Some(cluster) => label("stratify.dev/cluster") == Some(cluster.as_str()),
            None => label("stratify.dev/cluster").is_some(),
        };
        fleet && cluster
    }
}

/// Returns where an object is; without a manifest, at the version that the server prefers.
pub(super) fn path_of(kinds: &Kinds, object: &ObjectId, manifest: Option<&Value>) -> Result<ObjectPath, Pathless> {
    let (group, name) = (&*object.group, &*object.kind);
    let Some(kind) = kinds.get(group, name) else {
        return Err(if kinds.is_complete(group) {
            Pathless::Unserved(format!("the server serves no kind {name} of group `{group}`"))
        } else {
            Pathless::Incomplete(format!("the backend of group `{group}` does not answer"))
        });
    };
    let stated = manifest.and_then(|manifest| manifest.get("apiVersion")).and_then(Value::as_str);
    let version = stated.map_or(&*kind.version, |stated| stated.rsplit('/').next().unwrap_or_default());
    if !kind.versions.iter().any(|served| **served == *version) {
        let served = kind.versions.iter().map(|version| &**version).collect::<Vec<_>>().join(", ");
        return Err(Pathless::Unserved(format!("the server serves {name} at {served}, not at {version}")));
    }
    match (kind.is_namespaced, &object.namespace) {
        (true, Some(_)) | (false, None) => {}
        (true, None) => return Err(Pathless::Scope(format!("the kind {name} needs a namespace"))),
        (false, Some(_)) => return Err(Pathless::Scope(format!("the kind {name} has no namespace"))),
    }
    Ok(ObjectPath::object(kind, version, object.namespace.as_deref(), &object.name))
}

/// Returns the version of a live object, as plans hold it.
pub(super) fn version_of(live: &Value) -> Version {
    Version(format!("{}/{}", text(live, "uid"), text(live, "resourceVersion")).into())
}

/// Takes a version apart: the UID and the resourceVersion.
pub(super) fn parts(version: &Version) -> (&str, &str) {
    version.0.split_once('/').unwrap_or_default()
}

/// Returns a text of an object's metadata; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// Returns who manages an object, as its managedFields say.
pub(super) fn managers(object: &Value) -> String {
    let fields = object.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    let fields = fields.and_then(Value::as_list).unwrap_or_default();
    let mut names: Vec<&str> = fields.iter().filter_map(|it| it.get("manager")?.as_str()).collect();
    names.dedup();
    if names.is_empty() { "nobody known".into() } else { names.join(", ") }
}

impl From<Pathless> for Why {
    fn from(pathless: Pathless) -> Self {
        match pathless {
            Pathless::Unserved(why) | Pathless::Scope(why) => Self::Invalid(why),
            Pathless::Incomplete(why) => Self::Unavailable(why),
        }
    }
}
