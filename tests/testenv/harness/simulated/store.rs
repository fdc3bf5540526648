//! In: reads and writes of one cluster's objects. Out: the objects, their versions, and what changed since a version.
//! Guarantee: one moment at a time: each write has a version of its own, greater than all before it, and is told to
//! watches in that order. What changed long ago is forgotten, as in the real server.
use super::kinds::{KINDS, NAMESPACE, Place, api_version};
use super::refusal::Refusal;
use super::status::with_status;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The time of everything: nobody reads another one.
pub(super) const TIME: &str = "2026-01-01T00:00:00Z";

/// How many changes are remembered: more than any watch is behind.
const CHANGES_MAX: usize = 1000;

/// An object as it was at a version.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) place: Key,
    pub(super) version: u64,
    pub(super) uid: String,
    labels: BTreeMap<String, String>,
    /// The object.
    pub(super) text: Bytes,
    /// Its metadata, as a `PartialObjectMetadata`.
    pub(super) metadata: Bytes,
}

impl Stored {
    /// Returns the object.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.text).expect("it was written here")
    }

    /// Whether its labels are as asked.
    pub(super) fn has(&self, selector: &[Wanted]) -> bool {
        selector.iter().all(|wanted| {
            let value = self.labels.get(&wanted.key);
            wanted.value.as_ref().map_or(value.is_some(), |wanted| value == Some(wanted))
        })
    }
}

/// A label that an object must have.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    key: String,
    /// None where any will do.
    value: Option<String>,
}

/// Reads a selector of labels: `a=b,c`.
pub(super) fn selector(text: &str) -> Result<Vec<Wanted>, Refusal> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let wanted = parts.map(|part| {
        if part.contains(['!', '(', ' ']) {
            return Err(Refusal::malformed(&format!("the selector `{part}` is not simulated")));
        }
        Ok(match part.split_once('=') {
            Some((key, value)) => Wanted { key: key.into(), value: Some(value.trim_start_matches('=').into()) },
            None => Wanted { key: part.into(), value: None },
        })
    });
    wanted.collect()
}

/// Where an object is: kind, namespace and name.
pub(super) type Key = (usize, String, String);

/// A write.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    /// The object before; none where it was made.
    pub(super) before: Option<Arc<Stored>>,
    /// The object after; none where it was deleted. Its version is then that of the deletion.
    pub(super) after: Option<Arc<Stored>>,
}

/// The objects of one cluster.
pub(super) struct Store {
    version: u64,
    uids: u64,
    /// Tells the UIDs of one cluster from another's.
    cluster: u64,
    objects: BTreeMap<Key, Arc<Stored>>,
    changes: VecDeque<Change>,
}

impl Store {
    /// Returns a cluster that has its namespaces and nothing else.
    pub(super) fn new(cluster: u64) -> Self {
        let mut store = Self { version: 1, uids: 0, cluster, objects: BTreeMap::new(), changes: VecDeque::new() };
        for name in ["default", "kube-system"] {
            let place = Place { kind: NAMESPACE, namespace: String::new(), name: name.into() };
            let made = store.put(&place, json!({ "metadata": {} }), false);
            made.expect("a namespace needs nothing");
        }
        store
    }

    /// Returns the version of the last write.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Returns an object.
    pub(super) fn get(&self, place: &Place) -> Option<&Arc<Stored>> {
        self.objects.get(&key(place))
    }

    /// Returns the objects of a kind and a namespace, or of all namespaces, from a key on.
    pub(super) fn list<'a>(&'a self, place: &'a Place, from: Option<&Key>) -> impl Iterator<Item = &'a Arc<Stored>> {
        let first = (place.kind, place.namespace.clone(), String::new());
        let begin = from.cloned().unwrap_or(first);
        let is_there = |stored: &&Arc<Stored>| place.namespace.is_empty() || stored.place.1 == place.namespace;
        self.objects.range(begin..).map(|(_, it)| it).take_while(|it| it.place.0 == place.kind).filter(is_there)
    }

    /// Returns what changed since a version; none where that is forgotten.
    pub(super) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let is_whole =
            self.changes.len() < CHANGES_MAX || self.changes.front().is_some_and(|it| it.version <= version + 1);
        is_whole.then(|| {
            let at = self.changes.partition_point(|change| change.version <= version);
            self.changes.range(at..)
        })
    }

    /// Makes or replaces an object; a trial keeps nothing. What is as it was keeps its version.
    pub(super) fn put(&mut self, place: &Place, mut object: Value, is_trial: bool) -> Result<Arc<Stored>, Refusal> {
        let kind = &KINDS[place.kind];
        let before = self.get(place).cloned();
        if before.is_none() && kind.is_namespaced {
            let of = Place { kind: NAMESPACE, namespace: String::new(), name: place.namespace.clone() };
            self.get(&of).ok_or_else(|| Refusal::absent(&of))?;
        }
        let was = before.as_ref().map(|before| before.json());
        object["apiVersion"] = json!(api_version(kind));
        object["kind"] = json!(kind.name);
        let uid = match &before {
            Some(before) => before.uid.clone(),
            None => format!("00000000-0000-4000-{:04x}-{:012x}", self.cluster, self.uids + 1),
        };
        let metadata = object["metadata"].as_object_mut().ok_or_else(|| Refusal::malformed(&"it has no metadata"))?;
        metadata.insert("name".into(), json!(place.name));
        if kind.is_namespaced {
            metadata.insert("namespace".into(), json!(place.namespace));
        }
        metadata.insert("uid".into(), json!(uid));
        metadata.insert("creationTimestamp".into(), json!(TIME));
        object = whole_secret(place, object);
        if object["data"].as_object().is_some_and(serde_json::Map::is_empty) {
            object.as_object_mut().map(|object| object.remove("data"));
        }
        with_status(kind, was.as_ref(), &mut object);
        if let (Some(before), Some(was)) = (&before, &was) {
            object["metadata"]["resourceVersion"] = was["metadata"]["resourceVersion"].clone();
            if object == *was {
                return Ok(before.clone());
            }
        }
        let version = self.version + 1;
        // A trial shows the version over which it was made; nothing has one that is not there.
        match &before {
            Some(before) if is_trial => object["metadata"]["resourceVersion"] = json!(before.version.to_string()),
            None if is_trial => drop(object["metadata"].as_object_mut().map(|it| it.remove("resourceVersion"))),
            _ => object["metadata"]["resourceVersion"] = json!(version.to_string()),
        }
        let stored = Arc::new(stored(place, version, uid, &object));
        if !is_trial {
            self.uids += u64::from(before.is_none());
            self.objects.insert(key(place), stored.clone());
            self.changed(Change { version, before, after: Some(stored.clone()) });
        }
        Ok(stored)
    }

    /// Deletes an object; a namespace goes with all that is in it.
    pub(super) fn delete(&mut self, place: &Place) {
        if place.kind == NAMESPACE {
            let within: Vec<Key> = self.objects.keys().filter(|key| key.1 == place.name).cloned().collect();
            for key in &within {
                self.forget(key);
            }
        }
        self.forget(&key(place));
    }

    fn forget(&mut self, key: &Key) {
        let Some(before) = self.objects.remove(key) else { return };
        let version = self.version + 1;
        self.changed(Change { version, before: Some(before), after: None });
    }

    fn changed(&mut self, change: Change) {
        self.version = change.version;
        self.changes.push_back(change);
        if self.changes.len() > CHANGES_MAX {
            self.changes.pop_front();
        }
    }
}

fn key(place: &Place) -> Key {
    (place.kind, place.namespace.clone(), place.name.clone())
}

fn stored(place: &Place, version: u64, uid: String, object: &Value) -> Stored {
    let labels = object["metadata"]["labels"].as_object();
    let label = |(key, value): (&String, &Value)| (key.clone(), value.as_str().unwrap_or_default().to_owned());
    let metadata = json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    });
    Stored {
        place: key(place),
        version,
        uid,
        labels: labels.into_iter().flatten().map(label).collect(),
        text: Bytes::from(object.to_string()),
        metadata: Bytes::from(metadata.to_string()),
    }
}

/// Returns a Secret as the server takes it: its texts are kept as its data, and it has a type.
pub(super) fn whole_secret(place: &Place, mut object: Value) -> Value {
    if KINDS[place.kind].name == "Secret" {
        let texts = object.as_object_mut().and_then(|object| object.remove("stringData"));
        for (key, text) in texts.as_ref().and_then(Value::as_object).into_iter().flatten() {
            object["data"][key] = json!(STANDARD.encode(text.as_str().unwrap_or_default()));
        }
        if object["type"].is_null() {
            object["type"] = json!("Opaque");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        let kind = KINDS.iter().position(|kind| kind.name == "ConfigMap").expect("it is served");
        Place { kind, namespace: "default".into(), name: name.into() }
    }

    #[test]
    fn a_write_has_a_version_of_its_own_and_one_that_changes_nothing_has_none() {
        let mut store = Store::new(1);
        let object = json!({ "metadata": { "labels": { "a": "b" } }, "data": { "key": "1" } });
        let first = store.put(&place("a"), object.clone(), false).expect("its namespace is there");
        let again = store.put(&place("a"), first.json(), false).expect("it is there");
        assert_eq!(first.version, again.version, "nothing changed");
        let trial = store.put(&place("b"), object, true).expect("its namespace is there");
        assert!(store.get(&place("b")).is_none() && trial.json()["metadata"]["resourceVersion"].is_null(), "a trial");
        store.delete(&place("a"));
        let told: Vec<bool> =
            store.since(first.version - 1).expect("it is remembered").map(|it| it.after.is_some()).collect();
        assert_eq!(told, [true, false], "it came and went");
        assert!(first.has(&selector("a=b").expect("it is simulated")), "its label");
        assert!(!first.has(&selector("a=c").expect("it is simulated")), "another value");
    }

    #[test]
    fn what_changed_long_ago_is_forgotten() {
        let mut store = Store::new(1);
        for nth in 0..=CHANGES_MAX {
            let object = json!({ "metadata": {}, "data": { "key": nth.to_string() } });
            store.put(&place("a"), object, false).expect("its namespace is there");
        }
        assert!(store.since(1).is_none(), "the first are gone");
        assert!(store.since(store.version() - 1).is_some(), "the last are there");
    }
}
