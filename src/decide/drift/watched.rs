//! In: what watches show of a cluster's objects, and what was read and written of them. Out: who differs, and who does not.
//! Guarantee: an object counts as unchanged only while its watch is whole and shows no version newer than the one that
//! was seen; in doubt it is read.
//!
//! Why: versions of one server are compared as numbers, as Kubernetes says since 1.35 that they may be; where they are no
//! numbers, each other one counts as newer. A row has no text, so that ten thousand objects take two megabytes.
use crate::decide::plan::Version;
use crate::decide::value::{Digest, Domain, Hasher, Value};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Marks versions that are no numbers: numbers of servers count writes, and stay below it.
const NO_NUMBER: u64 = 1 << 63;

/// What of the metadata counts as a change of an object, beside its generation.
const MARKS: [&str; 5] = ["labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp"];

/// Which objects one watch is about: group and kind.
pub type Kind = (Arc<str>, Arc<str>);

/// Which object of its kind, as a digest: two share one as seldom as two commits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// Returns the key of an object.
    pub fn of(object: &ObjectId) -> Self {
        Self::named(object.namespace.as_deref().unwrap_or_default(), &object.name)
    }

    /// Returns the key of a name in a namespace; empty for what has none.
    pub fn named(namespace: &str, name: &str) -> Self {
        let mut hasher = Hasher::new(Domain("watched/1"));
        hasher.bytes(namespace.as_bytes()).bytes(name.as_bytes());
        Self(half(hasher.finish()))
    }
}

/// One version of an object, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    uid: u64,
    version: u64,
    /// Zero where the kind counts none, or it is not known.
    generation: u64,
    marks: [u8; 16],
}

impl Sighting {
    /// Reads an object, or its metadata alone.
    pub fn of(object: &Value) -> Self {
        let metadata = object.get("metadata").cloned().unwrap_or_default();
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
        let generation = metadata.get("generation").and_then(Value::as_i64);
        let mut hasher = Hasher::new(Domain("marks/1"));
        for key in MARKS {
            hasher.value(metadata.get(key).unwrap_or(&Value::Null));
        }
        Self {
            uid: short(text("uid")),
            version: number(text("resourceVersion")),
            generation: generation.and_then(|it| u64::try_from(it).ok()).unwrap_or_default(),
            marks: half(hasher.finish()),
        }
    }

    /// Returns what is known of an object by the answer to its write.
    pub fn written(version: &Version) -> Self {
        let (uid, version) = version.0.split_once('/').unwrap_or_default();
        Self::at(uid, version)
    }

    /// Returns a version of which nothing else is known.
    pub fn at(uid: &str, version: &str) -> Self {
        Self { uid: short(uid), version: number(version), generation: 0, marks: [0; 16] }
    }

    /// Whether it is the same version of the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.uid, self.version) == (other.uid, other.version)
    }

    /// Whether only the status can differ.
    pub fn differs_in_status(&self, other: &Self) -> bool {
        let all = |it: &Self| (it.uid, it.generation, it.marks);
        self.generation > 0 && all(self) == all(other)
    }
}

/// How much may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// How an object fares.
    Status,
    /// What it is, or whether it is there.
    Changed,
}

/// Whether an object has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No: it is as it was when it was last seen as wanted, and well.
    AsSeen,
    /// It is there; how it is, is not known.
    There,
    /// Nothing is known.
    Unknown,
}

/// What a watch shows of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    /// Nothing yet.
    #[default]
    Nothing,
    At(Sighting),
    /// It was gone at this version of the server.
    Gone(u64),
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    shown: Shown,
    /// What was read or written last.
    known: Option<Sighting>,
    /// Under which wishes that version was seen as wanted, and well.
    trusted: Option<[u8; 16]>,
}

/// All objects of one kind.
#[derive(Clone, Debug, Default)]
struct Table {
    rows: BTreeMap<Key, Row>,
    /// Whether all that there is was shown, and what comes will be.
    is_whole: bool,
    /// Whether all that there is is ours to know.
    is_closed: bool,
}

/// What is known of the objects of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    tables: BTreeMap<Kind, Table>,
    /// Whether a sync of ours runs: what it writes is shown before it is known.
    is_running: bool,
    /// What was shown since it began.
    dirty: BTreeSet<(Kind, Key)>,
    /// What was told since the last sync began.
    told: Option<Disturbance>,
}

impl Watched {
    /// Forgets all kinds: another server is watched.
    pub fn clear(&mut self) {
        self.tables.clear();
        self.dirty.clear();
    }

    /// Begins a kind; of a closed one, an object that nobody knows is a change.
    pub fn begin_kind(&mut self, kind: &Kind, is_closed: bool) {
        let table = self.tables.entry(kind.clone()).or_default();
        (table.is_whole, table.is_closed) = (false, is_closed);
    }

    /// Forgets a kind.
    pub fn forget_kind(&mut self, kind: &Kind) {
        self.tables.remove(kind);
    }

    /// Takes all objects of a kind as they are at a version of the server; returns what is to be told.
    pub fn listed(&mut self, kind: &Kind, version: &str, objects: Vec<(Key, Sighting)>) -> Option<Disturbance> {
        let table = self.tables.get_mut(kind)?;
        for row in table.rows.values_mut() {
            row.shown = Shown::Gone(number(version));
        }
        for (key, sighting) in objects {
            table.rows.entry(key).or_default().shown = Shown::At(sighting);
        }
        table.rows.retain(|_, row| row.known.is_some() || matches!(row.shown, Shown::At(_)));
        table.is_whole = true;
        let keys: Vec<Key> = table.rows.keys().copied().collect();
        keys.into_iter().filter_map(|key| self.note(kind, key)).max()
    }

    /// Takes a version that a watch shows; returns what is to be told.
    pub fn put(&mut self, kind: &Kind, key: Key, sighting: Sighting) -> Option<Disturbance> {
        self.tables.get_mut(kind)?.rows.entry(key).or_default().shown = Shown::At(sighting);
        self.note(kind, key)
    }

    /// Takes that an object is gone, with its last version; returns what is to be told.
    pub fn gone(&mut self, kind: &Kind, key: Key, last: Sighting) -> Option<Disturbance> {
        let table = self.tables.get_mut(kind)?;
        table.rows.entry(key).or_default().shown = Shown::Gone(last.version);
        let told = self.note(kind, key);
        let is_known = |row: &Row| row.known.is_some();
        self.tables.get_mut(kind)?.rows.retain(|other, row| *other != key || is_known(row));
        told
    }

    /// Takes that a watch goes on, or that it is cut off and may miss something until then.
    pub fn set_whole(&mut self, kind: &Kind, is_whole: bool) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.is_whole = is_whole;
        }
    }

    /// Takes a version that was read or written.
    pub fn know(&mut self, kind: &Kind, key: Key, sighting: Sighting) {
        let Some(table) = self.tables.get_mut(kind) else { return };
        let row = table.rows.entry(key).or_default();
        match row.known {
            Some(known) if !known.is_same(&sighting) => row.trusted = None,
            // Of the same version more may be known already.
            Some(_) if sighting.marks == [0; 16] => return,
            _ => {}
        }
        row.known = Some(sighting);
    }

    /// Takes that an object is ours no longer, or that we deleted it.
    pub fn forget(&mut self, kind: &Kind, key: Key) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.rows.remove(&key);
        }
    }

    /// Takes that the version that is known is as `wishes` want it, and well.
    pub fn trust(&mut self, kind: &Kind, key: Key, wishes: Digest) {
        let row = self.tables.get_mut(kind).and_then(|table| table.rows.get_mut(&key));
        if let Some(row) = row.filter(|row| row.known.is_some()) {
            row.trusted = Some(half(wishes));
        }
    }

    /// Returns whether an object has to be read to know whether it is as `wishes` want it, and well.
    pub fn standing(&self, kind: &Kind, key: Key, wishes: Digest) -> Standing {
        let row = self.tables.get(kind).filter(|table| table.is_whole).and_then(|table| table.rows.get(&key));
        let Some((row, Shown::At(shown))) = row.map(|row| (row, row.shown)) else { return Standing::Unknown };
        match row.known {
            Some(known) if shown.uid != known.uid => Standing::Unknown,
            Some(known) if row.trusted == Some(half(wishes)) && !is_newer(shown.version, known.version) => {
                Standing::AsSeen
            }
            _ => Standing::There,
        }
    }

    /// Whether all objects of a closed kind are the versions that are known.
    pub fn is_as_known(&self, kind: &Kind) -> bool {
        self.tables
            .get(kind)
            .is_some_and(|table| table.is_whole && table.rows.values().all(|row| table.compare(row).is_none()))
    }

    /// Begins a sync: until it ends nothing is told.
    pub fn begin(&mut self) {
        (self.is_running, self.told) = (true, None);
        self.dirty.clear();
    }

    /// Ends a sync; returns what changed meanwhile and was not its doing.
    pub fn end(&mut self) -> Option<Disturbance> {
        self.is_running = false;
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().filter_map(|(kind, key)| self.note(&kind, key)).max()
    }

    fn note(&mut self, kind: &Kind, key: Key) -> Option<Disturbance> {
        if self.is_running {
            self.dirty.insert((kind.clone(), key));
            return None;
        }
        let table = self.tables.get(kind)?;
        let found = table.rows.get(&key).and_then(|row| table.compare(row));
        if found <= self.told {
            return None;
        }
        self.told = found;
        found
    }
}

impl Table {
    /// Returns how what is shown of an object differs from what is known of it.
    fn compare(&self, row: &Row) -> Option<Disturbance> {
        match (row.shown, row.known) {
            (Shown::At(_), None) => self.is_closed.then_some(Disturbance::Changed),
            (Shown::Nothing, _) | (_, None) => None,
            (Shown::Gone(at), Some(known)) => is_newer(at, known.version).then_some(Disturbance::Changed),
            (Shown::At(shown), Some(known)) if shown.uid == known.uid && !is_newer(shown.version, known.version) => {
                None
            }
            (Shown::At(shown), Some(known)) if shown.differs_in_status(&known) => Some(Disturbance::Status),
            (Shown::At(_), Some(_)) => Some(Disturbance::Changed),
        }
    }
}

/// Returns the digest of what is wanted of an object: its manifest, and the rules of its layer in words.
pub fn wishes(manifest: Digest, rules: &str) -> Digest {
    let mut hasher = Hasher::new(Domain("wishes/1"));
    hasher.bytes(&manifest.0).bytes(rules.as_bytes());
    hasher.finish()
}

/// Whether a version came after another one; where that is not known, it did.
fn is_newer(version: u64, than: u64) -> bool {
    if version.max(than) >= NO_NUMBER { version != than } else { version > than }
}

fn number(version: &str) -> u64 {
    version.parse().ok().filter(|number| *number < NO_NUMBER).unwrap_or_else(|| short(version) | NO_NUMBER)
}

fn short(text: &str) -> u64 {
    let mut hasher = Hasher::new(Domain("watched-text/1"));
    hasher.bytes(text.as_bytes());
    let Digest(digest) = hasher.finish();
    digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn half(Digest(digest): Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Kind {
        ("apps".into(), "Deployment".into())
    }

    fn key() -> Key {
        Key::named("shop", "web")
    }

    /// A version; the label is what somebody else would change.
    fn at(version: u32, generation: u32, label: &str) -> Sighting {
        let text = format!(
            r#"{{"metadata":{{"uid":"u","resourceVersion":"{version}","generation":{generation},"labels":{{"a":"{label}"}}}}}}"#
        );
        Sighting::of(&Value::from_json(text.as_bytes()).expect("it is JSON"))
    }

    const WISHES: Digest = Digest([1; 32]);

    /// A whole watch that shows version 5, which was seen as wanted.
    fn settled() -> Watched {
        let mut watched = Watched::default();
        watched.begin_kind(&kind(), false);
        watched.listed(&kind(), "6", vec![(key(), at(5, 1, ""))]);
        watched.know(&kind(), key(), at(5, 1, ""));
        watched.trust(&kind(), key(), WISHES);
        watched
    }

    #[test]
    fn what_was_seen_and_is_shown_so_is_not_read_again() {
        let mut watched = settled();
        assert_eq!(watched.standing(&kind(), key(), WISHES), Standing::AsSeen);
        assert_eq!(watched.standing(&kind(), key(), Digest([2; 32])), Standing::There, "something else is wanted now");
        watched.set_whole(&kind(), false);
        assert_eq!(watched.standing(&kind(), key(), WISHES), Standing::Unknown, "the watch was cut off");
        watched.set_whole(&kind(), true);
        assert_eq!(watched.put(&kind(), key(), at(7, 2, "")), Some(Disturbance::Changed), "another generation");
        assert_eq!(watched.standing(&kind(), key(), WISHES), Standing::There, "it is another version");
        assert_eq!(watched.put(&kind(), key(), at(8, 3, "")), None, "it was told, and nobody has looked yet");
    }

    #[test]
    fn a_status_is_told_as_one_and_a_label_as_a_change() {
        assert_eq!(settled().put(&kind(), key(), at(7, 1, "")), Some(Disturbance::Status));
        assert_eq!(settled().put(&kind(), key(), at(7, 1, "x")), Some(Disturbance::Changed));
        assert_eq!(settled().gone(&kind(), key(), at(7, 1, "")), Some(Disturbance::Changed), "it is gone");
        assert_eq!(settled().put(&kind(), Key::named("shop", "other"), at(7, 1, "")), None, "it is not ours");
    }

    #[test]
    fn what_we_wrote_ourselves_wakes_nobody() {
        let mut watched = settled();
        watched.begin();
        assert_eq!(watched.put(&kind(), key(), at(7, 2, "")), None, "a sync runs");
        watched.know(&kind(), key(), Sighting::at("u", "9"));
        assert_eq!(watched.end(), None, "the watch shows what was written before");
        assert_eq!(watched.put(&kind(), key(), at(9, 3, "")), None, "it is what was written");
        assert_eq!(watched.put(&kind(), key(), at(10, 4, "")), Some(Disturbance::Changed), "it is not");
        watched.begin();
        watched.put(&kind(), key(), at(11, 5, ""));
        assert_eq!(watched.end(), Some(Disturbance::Changed), "somebody else wrote while the sync ran");
    }

    #[test]
    fn a_list_after_a_gap_shows_what_went_meanwhile() {
        let mut watched = settled();
        assert_eq!(watched.listed(&kind(), "9", Vec::new()), Some(Disturbance::Changed), "it is gone");
        watched.begin();
        watched.know(&kind(), key(), Sighting::at("u", "12"));
        watched.end();
        assert_eq!(watched.listed(&kind(), "11", Vec::new()), None, "it was made after the list");
    }

    #[test]
    fn of_a_closed_kind_an_unknown_object_is_a_change() {
        let mut watched = Watched::default();
        watched.begin_kind(&kind(), true);
        watched.listed(&kind(), "6", Vec::new());
        assert!(watched.is_as_known(&kind()), "there is nothing, and nothing is known");
        assert_eq!(watched.put(&kind(), key(), at(7, 0, "")), Some(Disturbance::Changed), "whose is it?");
        assert!(!watched.is_as_known(&kind()), "it has to be read");
    }
}
