//! In: writes of a sync, edits by others, the time. Out: records, inventories and objects, with health that comes later.
//! Guarantee: as an API server, or as a directory with a file for each layer's object: versions move with each write, what is deleted may linger, marks say whose an object is.
use std::collections::BTreeMap;
use std::sync::Arc;
use stratify::decide::document::Site;
use stratify::decide::plan::inventory::OTHER;
use stratify::decide::plan::{Expected, LayerInventory, ObjectChange, Operation, Version, Why, object_digest};
use stratify::decide::profile::Record;
use stratify::decide::rollout::Answer;
use stratify::decide::value::{Absence, Digest, Live, Map, Timestamp, Value};
use stratify::name::{LayerName, ObjectId};

/// Where an object is, and which.
pub(crate) type Place = (Site, ObjectId);

/// Where one object or one file stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// The layer's folder, in a directory.
    pub(crate) folder: Option<LayerName>,
    /// The object.
    pub(crate) place: Place,
}

/// A cluster in memory.
pub(crate) struct Cluster {
    /// Its record, if it has one.
    pub(crate) record: Record,
    /// Its inventories.
    pub(crate) inventories: BTreeMap<LayerName, LayerInventory>,
    /// Its objects.
    pub(crate) objects: BTreeMap<Spot, Stored>,
    /// Whether it is a directory, where each layer has a folder.
    pub(crate) has_folders: bool,
    /// How long objects take to be well after a write, by `Kind/name`, in seconds; none are never.
    pub(crate) healthy_after: BTreeMap<String, Option<u64>>,
    /// How long objects linger when they are deleted, by `Kind/name`, in seconds.
    pub(crate) lingers: BTreeMap<String, u64>,
    /// What went with its definition and bore our mark.
    pub(crate) lost: Vec<String>,
    versions: u64,
}

/// An object of a cluster.
pub(crate) struct Stored {
    /// As it was written last, by us or by others.
    pub(crate) manifest: Value,
    version: u64,
    written: Timestamp,
    gone: Option<Timestamp>,
}

/// Returns `Kind/name`.
pub(crate) fn short(object: &ObjectId) -> String {
    format!("{}/{}", object.kind, object.name)
}

/// Returns what the mark of a layer says.
pub(crate) fn mark(manifest: &Value) -> Option<&str> {
    manifest.get("metadata")?.get("labels")?.get("stratify.dev/layer")?.as_str()
}

impl Cluster {
    /// Returns a cluster where nothing was ever applied.
    pub(crate) fn new(record: Record) -> Self {
        Self {
            record,
            inventories: BTreeMap::new(),
            objects: BTreeMap::new(),
            has_folders: false,
            healthy_after: BTreeMap::new(),
            lingers: BTreeMap::new(),
            lost: Vec::new(),
            versions: 0,
        }
    }

    /// Writes a record by compare-and-swap.
    pub(crate) fn write_record(&mut self, record: &Record) -> Answer {
        if record.generation != self.record.generation + 1 {
            return Answer::Refused(Why::Conflict(format!("the record is at generation {}", self.record.generation)));
        }
        self.record = record.clone();
        self.written()
    }

    /// Writes an inventory; one without entries is removed.
    pub(crate) fn write_inventory(&mut self, inventory: &LayerInventory) -> Answer {
        if inventory.entries.is_empty() {
            self.inventories.remove(&inventory.layer);
        } else {
            self.inventories.insert(inventory.layer.clone(), inventory.clone());
        }
        self.written()
    }

    /// Writes an object.
    pub(crate) fn write(&mut self, layer: &LayerName, change: &ObjectChange, now: Timestamp) -> Answer {
        self.pass(now);
        let spot = self.spot(layer, change.site, &change.object);
        if let Err(why) = self.takes(layer, change) {
            return Answer::Refused(why);
        }
        match (&change.operation, self.objects.get_mut(&spot)) {
            (Operation::Prune, Some(stored)) => {
                let lingers = self.lingers.get(&short(&change.object)).copied().unwrap_or(0);
                stored.gone = Some(Timestamp(now.0 + lingers * 1000));
            }
            (Operation::Keep, Some(stored)) => {
                stored.manifest.make_map().get_mut("metadata").map(|metadata| metadata.make_map().remove("labels"));
            }
            (Operation::Prune | Operation::Keep | Operation::Unchanged, _) => {}
            _ => {
                let manifest = change.manifest.clone().expect("what is written has a manifest");
                self.put(spot.clone(), manifest.value().clone(), now);
            }
        }
        if let Operation::Move { from } = &change.operation {
            let old = self.spot(from, change.site, &change.object);
            self.objects.retain(|other, _| *other == spot || *other != old);
        }
        self.pass(now);
        self.written()
    }

    /// Returns where an object of a layer stands.
    pub(crate) fn spot(&self, layer: &LayerName, site: Site, object: &ObjectId) -> Spot {
        Spot { folder: self.has_folders.then(|| layer.clone()), place: (site, object.clone()) }
    }

    /// Whether an object is of a kind that nobody has defined here; a directory takes all kinds.
    pub(crate) fn lacks_kind(&self, object: &ObjectId) -> bool {
        !self.has_folders && is_custom(object) && !self.objects.keys().any(|spot| defines(&spot.place.1, object))
    }

    /// Whether a write would be taken.
    pub(crate) fn takes(&self, layer: &LayerName, change: &ObjectChange) -> Result<(), Why> {
        if change.manifest.is_some() && self.lacks_kind(&change.object) {
            return Err(Why::Invalid(format!("there is no kind {}", change.object.kind)));
        }
        let there = self.objects.get(&self.spot(layer, change.site, &change.object));
        let fits = match (&change.expected, &there) {
            (Expected::Absent, Some(_)) | (Expected::Version(_), None) => false,
            (Expected::Version(version), Some(stored)) => *version.0 == *stored.version.to_string(),
            (Expected::Any, Some(stored))
                if mark(&stored.manifest).is_none() && change.operation != Operation::Keep =>
            {
                return Err(Why::Unmarked("it does not bear our mark".into()));
            }
            (Expected::Any, _) | (Expected::Absent, None) => true,
        };
        if fits { Ok(()) } else { Err(Why::Conflict("another one is there".into())) }
    }

    /// Puts an object there, as others may, too.
    pub(crate) fn put(&mut self, spot: Spot, manifest: Value, now: Timestamp) {
        self.versions += 1;
        // What is being deleted takes changes, and goes all the same.
        let gone = self.objects.get(&spot).and_then(|stored| stored.gone);
        self.objects.insert(spot, Stored { manifest, version: self.versions, written: now, gone });
    }

    /// Returns what a look shows of an object.
    pub(crate) fn look(&mut self, layer: &LayerName, place: &Place, now: Timestamp) -> Live {
        self.pass(now);
        let Some(stored) = self.objects.get(&self.spot(layer, place.0, &place.1)) else {
            return Live::Absent(Absence::Gone);
        };
        let mut object = stored.manifest.clone();
        let default = if matches!(&*place.1.kind, "Deployment" | "DaemonSet") { 2 } else { 0 };
        let after = self.healthy_after.get(&short(&place.1)).copied().unwrap_or(Some(default));
        let is_well = after.is_some_and(|after| now.0 >= stored.written.0 + after * 1000);
        let map = object.make_map();
        if let Some(metadata) = map.get_mut("metadata").map(Value::make_map) {
            metadata.insert("generation".into(), Value::Integer(1));
            if stored.gone.is_some() {
                metadata.insert("deletionTimestamp".into(), Value::string("now"));
            }
        }
        map.insert("status".into(), status(&place.1, is_well));
        Live::Present { object, version: stored.version.to_string().into() }
    }

    /// Returns the inventories, with what is not as it was written listed as not applied.
    pub(crate) fn books(&mut self, now: Timestamp) -> BTreeMap<LayerName, LayerInventory> {
        self.pass(now);
        let mut books = self.inventories.clone();
        for book in books.values_mut() {
            for ((site, object), entry) in &mut book.entries {
                let spot = self.spot(&book.layer, *site, object);
                let there: Option<Digest> = self.objects.get(&spot).map(|stored| object_digest(&stored.manifest));
                if there.is_none() || there != entry.applied {
                    entry.intended = entry.intended.or(entry.applied);
                    entry.applied = entry.applied.and(there).map(|_| OTHER);
                }
            }
        }
        books
    }

    fn pass(&mut self, now: Timestamp) {
        let is_gone = |stored: &Stored| stored.gone.is_some_and(|gone| gone <= now);
        let gone: Vec<ObjectId> =
            self.objects.iter().filter(|(_, stored)| is_gone(stored)).map(|(spot, _)| spot.place.1.clone()).collect();
        self.objects.retain(|_, stored| !is_gone(stored));
        if self.has_folders {
            return;
        }
        // With its definition, each object of a kind goes.
        let (objects, lost) = (&mut self.objects, &mut self.lost);
        objects.retain(|spot, stored| {
            let goes = gone.iter().any(|definition| defines(definition, &spot.place.1));
            if goes && mark(&stored.manifest).is_some() {
                lost.push(short(&spot.place.1));
            }
            !goes
        });
    }

    fn written(&mut self) -> Answer {
        let uid: Arc<str> = "uid".into();
        Answer::Written { version: Version(self.versions.to_string().into()), uid: Some(uid) }
    }
}

/// Whether an object is of a kind that servers do not have by themselves.
fn is_custom(object: &ObjectId) -> bool {
    object.group.ends_with("example.org")
}

/// Whether an object is the definition of another one's kind: `gears.example.org` is that of `Gear`.
pub(crate) fn defines(definition: &ObjectId, object: &ObjectId) -> bool {
    let name = format!("{}s.{}", object.kind.to_lowercase(), object.group);
    is_custom(object) && &*definition.kind == "CustomResourceDefinition" && *definition.name == *name
}

/// The status of an object of any kind with a controller.
fn status(object: &ObjectId, is_well: bool) -> Value {
    let count = Value::Integer(i64::from(is_well));
    let names = [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "currentNumberScheduled",
        "updatedNumberScheduled",
        "numberReady",
        "numberAvailable",
    ];
    let mut status: Map = names.into_iter().map(|name| (name, count.clone())).collect();
    status.insert("observedGeneration".into(), Value::Integer(1));
    status.insert("desiredNumberScheduled".into(), Value::Integer(1));
    if &*object.kind == "CustomResourceDefinition" {
        let is = if is_well { "True" } else { "False" };
        let condition = |kind: &str| Map::from_iter([("type", Value::from(kind)), ("status", is.into())]).into();
        status.insert("conditions".into(), Value::list(["NamesAccepted", "Established"].map(condition).into()));
    }
    status.into()
}
