//! In: a record, an inventory, where they are kept. Out: Secrets, and the books that a list of Secrets holds.
//! Guarantee: what was listed and cannot be read is an error; each Secret is written over the version that was read.
use super::applyset::{ID, SetId, TOOL, TOOLING, annotations};
use crate::decide::plan::inventory::BYTES_MAX;
use crate::decide::plan::{Inventory, LayerInventory};
use crate::decide::profile::Record;
use crate::decide::value::{Map, Value};
use crate::name::{ClusterName, LayerName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label that says what a Secret of ours is, and of which site.
const BOOK: &str = "stratify.dev/book";
/// The labels of fleet, cluster and layer, as objects bear them.
const FLEET: &str = "stratify.dev/fleet";
const CLUSTER: &str = "stratify.dev/cluster";
const LAYER: &str = "stratify.dev/layer";

/// Where the books of one cluster are kept on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The namespace of the Secrets.
    pub namespace: Arc<str>,
    /// The fleet.
    pub fleet: Arc<str>,
    /// The cluster, on a server that keeps the books of several; none on the cluster's own, so that a cluster that is
    /// renamed keeps its books.
    pub cluster: Option<ClusterName>,
}

impl Place {
    /// Returns the selector that finds all books of the cluster.
    pub fn selector(&self) -> String {
        match &self.cluster {
            None => format!("{BOOK}=own,{FLEET}={}", self.fleet),
            Some(cluster) => format!("{BOOK}=hosted,{FLEET}={},{CLUSTER}={cluster}", self.fleet),
        }
    }

    /// Returns the id of a layer's set.
    pub fn set(&self, layer: &LayerName) -> SetId {
        SetId::of(&self.layer_name(layer), &self.namespace)
    }

    fn labels(&self, cluster: &ClusterName) -> Map {
        let book = if self.cluster.is_some() { "hosted" } else { "own" };
        let labels = [
            (BOOK, Value::string(book)),
            (FLEET, Value::String(self.fleet.clone())),
            (CLUSTER, cluster.as_str().into()),
            ("app.kubernetes.io/managed-by", "stratify".into()),
        ];
        labels.into_iter().collect()
    }
}

/// A Secret as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Its UID.
    pub uid: Arc<str>,
    /// Its resourceVersion.
    pub version: Arc<str>,
    /// When it was written last, as the server says it, where it does.
    pub written: Option<Arc<str>>,
}

impl Book {
    /// Reads what is remembered of a Secret.
    pub fn of(secret: &Value) -> Self {
        let metadata = secret.get("metadata");
        let text = |key: &str| metadata.and_then(|it| it.get(key)).and_then(Value::as_str).unwrap_or_default().into();
        let managed = metadata.and_then(|it| it.get("managedFields")).and_then(Value::as_list).unwrap_or_default();
        // Times of one form, in UTC, stand in the order of their texts.
        let written = managed.iter().filter_map(|entry| entry.get("time")?.as_str()).max().map(Arc::from);
        Self { uid: text("uid"), version: text("resourceVersion"), written }
    }
}

/// The books of one cluster on one server.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// The record, if there is one.
    pub record: Option<Record>,
    /// The inventories.
    pub inventory: Inventory,
    /// Each Secret, by name.
    pub secrets: BTreeMap<String, Book>,
}

/// Returns the Secret of a record; `over` is the one that was read.
pub fn record_secret(place: &Place, record: &Record, over: Option<&Book>) -> Value {
    let data = [("record", encoded(&record.encode()))];
    secret(place, &place.record_name(), place.labels(&record.cluster), Map::default(), data.into_iter().collect(), over)
}

/// Returns the Secret of an inventory, which is the parent of the layer's set; `over` is the one that was read.
pub fn inventory_secret(
    place: &Place,
    cluster: &ClusterName,
    inventory: &LayerInventory,
    over: Option<&Book>,
) -> Value {
    let mut labels = place.labels(cluster);
    labels.insert(LAYER.into(), inventory.layer.as_str().into());
    labels.insert(ID.into(), Value::String(place.set(&inventory.layer).0));
    let data = [("inventory", encoded(&compressed(&inventory.encode())))];
    let annotations = annotations(inventory, &place.namespace);
    secret(place, &place.layer_name(&inventory.layer), labels, annotations, data.into_iter().collect(), over)
}

fn secret(place: &Place, name: &str, labels: Map, annotations: Map, data: Map, over: Option<&Book>) -> Value {
    let mut metadata: Map = [
        ("name", Value::string(name)),
        ("namespace", Value::String(place.namespace.clone())),
        ("labels", labels.into()),
        ("annotations", annotations.into()),
    ]
    .into_iter()
    .collect();
    if let Some(over) = over {
        metadata.insert("uid".into(), Value::String(over.uid.clone()));
        metadata.insert("resourceVersion".into(), Value::String(over.version.clone()));
    }
    let entries = [
        ("apiVersion", "v1".into()),
        ("kind", "Secret".into()),
        ("type", "stratify.dev/book".into()),
        ("metadata", metadata.into()),
        ("data", data.into()),
    ];
    entries.into_iter().collect::<Map>().into()
}

/// Reads the Secrets that the selector of `place` found; the error says what was expected of which.
pub fn read_books(place: &Place, secrets: &[Value]) -> Result<Books, String> {
    let mut books = Books::default();
    for secret in secrets {
        let metadata = secret.get("metadata").cloned().unwrap_or_default();
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = text("name");
        let fail = |why: String| format!("Secret {}/{name}: {why}", place.namespace);
        if name == place.record_name() {
            let record = Record::decode(&decoded(secret, "record").map_err(fail)?).map_err(fail)?;
            if record.fleet != place.fleet {
                return Err(fail(format!(
                    "expected the record of fleet {}, found that of {}",
                    place.fleet, record.fleet
                )));
            }
            books.record = Some(record);
        } else {
            let inventory = read_inventory(place, name, &metadata, secret).map_err(fail)?;
            books.inventory.layers.insert(inventory.layer.clone(), inventory);
        }
        books.secrets.insert(name.into(), Book::of(secret));
    }
    Ok(books)
}

fn read_inventory(place: &Place, name: &str, metadata: &Value, secret: &Value) -> Result<LayerInventory, String> {
    let inventory = LayerInventory::decode(&expanded(&decoded(secret, "inventory")?)?)?;
    let expected = place.layer_name(&inventory.layer);
    if name != expected {
        return Err(format!("expected the name {expected} for the inventory of layer {}", inventory.layer));
    }
    let mark = |kind: &str, key: &str| metadata.get(kind)?.get(key)?.as_str();
    if mark("labels", ID) != Some(&*place.set(&inventory.layer).0) {
        return Err(format!("expected the label {ID} as it follows from its name; it was copied or edited"));
    }
    let tool = |text: &str| text.split('/').next().unwrap_or_default().to_owned();
    match mark("annotations", TOOLING) {
        Some(tooling) if tool(tooling) == tool(TOOL) => Ok(inventory),
        tooling => Err(format!("expected the tool {}, found {}", tool(TOOL), tooling.unwrap_or("none"))),
    }
}

fn encoded(bytes: &[u8]) -> Value {
    Value::string(&STANDARD.encode(bytes))
}

fn decoded(secret: &Value, key: &str) -> Result<Vec<u8>, String> {
    let text = secret.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("expected the key `{key}` in its data"))?;
    STANDARD.decode(text).map_err(|_| format!("expected base64 under `{key}`"))
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    // Deflate adds 5 bytes a block of 16 KB at worst, and zlib 6 in all.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 1024 + 64);
    let mut deflate = Compress::new(Compression::default(), true);
    let status = deflate.compress_vec(bytes, &mut out, FlushCompress::Finish);
    assert_eq!(status.ok(), Some(Status::StreamEnd), "the buffer holds the worst case");
    out
}

/// Expands at most what an inventory may have.
fn expanded(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(BYTES_MAX);
    match Decompress::new(true).decompress_vec(bytes, &mut out, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) => Ok(out),
        Ok(_) => Err(format!("expected a whole inventory of at most {BYTES_MAX} bytes")),
        Err(_) => Err("expected a compressed inventory".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::document::Site;
    use crate::decide::plan::Entry;
    use crate::name::{ObjectId, PlanId};

    fn place() -> Place {
        Place { namespace: "stratify-system".into(), fleet: "acme".into(), cluster: None }
    }

    fn inventory() -> LayerInventory {
        let object = |kind: &str, group: &str| ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: "a".into(),
        };
        let entry = Entry { applied: None, intended: None, uid: Some("u".into()), kept: false };
        LayerInventory {
            layer: LayerName::new("cni").expect("it is a label"),
            plan: PlanId([1; 32]),
            after: Vec::new(),
            entries: [("Deployment", "apps"), ("ConfigMap", "")]
                .map(|(kind, group)| ((Site::Workload, object(kind, group)), entry.clone()))
                .into_iter()
                .collect(),
        }
    }

    fn stored(mut secret: Value) -> Value {
        let metadata = secret.make_map().entry(&"metadata".into()).make_map();
        metadata.insert("uid".into(), "uid-1".into());
        metadata.insert("resourceVersion".into(), "7".into());
        secret
    }

    #[test]
    fn books_are_read_as_they_were_written() {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let record = Record::unborn("acme".into(), cluster.clone());
        let secrets =
            [record_secret(&place(), &record, None), inventory_secret(&place(), &cluster, &inventory(), None)];
        let books = read_books(&place(), &secrets.map(stored)).expect("they are ours");
        assert_eq!(books.record, Some(record), "the record");
        assert_eq!(books.inventory.layers.into_values().collect::<Vec<_>>(), [inventory()], "the inventory");
        assert_eq!(books.secrets.get("layer.acme.cni").map(|book| &*book.version), Some("7"), "and their versions");
    }

    #[test]
    fn a_parent_says_what_kubectl_asks_of_it() {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let secret = inventory_secret(&place(), &cluster, &inventory(), None);
        let of = |kind: &str, key: &str| secret.get("metadata")?.get(kind)?.get(key)?.as_str();
        // sha256("layer.acme.cni.stratify-system.Secret."), base64url without padding.
        assert_eq!(of("labels", ID), Some(&*place().set(&LayerName::new("cni").expect("it is a label")).0));
        assert_eq!(of("annotations", "applyset.kubernetes.io/contains-group-kinds"), Some("ConfigMap,Deployment.apps"));
        assert_eq!(of("annotations", "applyset.kubernetes.io/additional-namespaces"), Some("shop"));
    }

    #[test]
    fn a_copied_parent_or_that_of_another_tool_is_refused() {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let mut secret = inventory_secret(&place(), &cluster, &inventory(), None);
        let other = Place { fleet: "other".into(), ..place() };
        assert!(read_books(&other, std::slice::from_ref(&secret)).is_err(), "its name is another fleet's");
        let metadata = secret.make_map().entry(&"metadata".into()).make_map();
        metadata.entry(&"annotations".into()).make_map().insert(TOOLING.into(), "kubectl/v1.33.0".into());
        let said = read_books(&place(), &[secret]).expect_err("it is another tool's");
        assert!(said.contains("kubectl/v1.33.0"), "it is named: {said}");
    }
}
