//! In: what was read of a cluster's server and written to it, what watches show. Out: what need not be read again.
//! Guarantee: it is the memory of this process alone; what a watch does not vouch for is read. One lock, never held over a request.
use super::connections::Both;
use super::watching::{Meaning, Watchers, Wish};
use crate::decide::drift::{Disturbance, Fate, Found, Heat, Key, Kind, Sighting, Standing, Watched, What};
use crate::decide::plan::book_secrets::{Book, Place};
use crate::decide::plan::{Inventory, LayerInventory, Uid, Version};
use crate::decide::profile::Record;
use crate::decide::value::{Digest, Timestamp, Value};
use crate::name::{ClusterName, ObjectId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// For so long it is not asked anew which cluster is behind a connection: between the plan of a head and its sync, which
/// come together, nobody puts another one there.
const UID_FRESH: Duration = Duration::from_secs(10);

/// Told whenever somebody else changed something of a cluster.
pub(super) type Tell = Arc<dyn Fn(&ClusterName, Disturbance) + Send + Sync>;

/// What is remembered of one cluster.
pub(super) struct Memory {
    cluster: ClusterName,
    /// Whom to tell, and where watches live; none where nothing is watched.
    watch: Option<(Tell, Handle)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The server of which all this is.
    reached: Option<(Both, Place)>,
    /// Which cluster it is, and when that was read.
    uid: Option<(Uid, Instant)>,
    watchers: Watchers,
    watched: Watched,
    kept: Option<Kept>,
    heats: BTreeMap<ObjectId, Heat>,
    found: Vec<Found>,
}

/// The books as they were read, and written since.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Which cluster it is.
    pub(super) uid: Uid,
    /// The record, if there is one.
    pub(super) record: Option<Record>,
    /// The inventories.
    pub(super) inventory: Inventory,
    /// Each Secret, by name.
    pub(super) secrets: BTreeMap<String, Book>,
    /// When they were read.
    pub(super) read_at: Instant,
}

/// The kind under which the Secrets of the books stand, apart from those of profiles.
pub(super) fn books() -> Kind {
    ("".into(), "stratify.dev/book".into())
}

/// Returns the kind of an object.
fn kind_of(object: &ObjectId) -> Kind {
    (object.group.clone(), object.kind.clone())
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({})", self.cluster)
    }
}

impl Memory {
    /// Begins without any memory; a sync may be running already.
    pub(super) fn new(cluster: &ClusterName, watch: Option<(Tell, Handle)>, is_running: bool) -> Self {
        let memory = Self { cluster: cluster.clone(), watch, state: Mutex::default() };
        if is_running {
            memory.begin();
        }
        memory
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything is watched.
    pub(super) fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Takes through which connection the cluster is reached now; what was remembered of another one is forgotten.
    pub(super) fn reach(&self, both: &Both, place: &Place) {
        let mut state = self.state();
        let is_same = |(known, at): &(Both, Place)| {
            known.keeper.is_same(&both.keeper) && known.server.is_same(&both.server) && at == place
        };
        if !state.reached.as_ref().is_some_and(is_same) {
            state.watchers = Watchers::default();
            state.watched.clear();
            state.kept = None;
            state.uid = None;
            state.reached = Some((both.clone(), place.clone()));
        }
    }

    /// Watches what is wished; where it is `all`, nothing else.
    pub(super) fn watch(self: &Arc<Self>, wishes: Vec<Wish>, all: bool) {
        let Some((_, runtime)) = &self.watch else { return };
        let State { reached, watchers, watched, .. } = &mut *self.state();
        let Some((both, _)) = reached else { return };
        if all {
            watchers.retain(&wishes.iter().map(|wish| wish.kind.clone()).collect(), watched);
        }
        for wish in wishes {
            let server = if wish.meaning == Meaning::Books { &both.keeper } else { &both.server };
            watchers.begin(runtime, server, wish, watched, self);
        }
    }

    /// Returns the books, where they are known to be as they were read or written.
    pub(super) fn kept(&self) -> Option<Kept> {
        let state = self.state();
        state.kept.clone().filter(|_| state.watched.is_as_known(&books()))
    }

    /// Returns which cluster it is, where that was read a moment ago.
    pub(super) fn uid(&self) -> Option<Uid> {
        let known = self.state().uid.clone();
        known.filter(|(_, read)| read.elapsed() < UID_FRESH).map(|(uid, _)| uid)
    }

    /// Remembers which cluster it is.
    pub(super) fn know_uid(&self, uid: &Uid) {
        self.state().uid = Some((uid.clone(), Instant::now()));
    }

    /// Remembers books that were read.
    pub(super) fn keep(&self, kept: &Kept) {
        if !self.is_watching() {
            return;
        }
        let mut state = self.state();
        for (name, book) in &kept.secrets {
            state.watched.know(&books(), Key::named("", name), Sighting::at(&book.uid, &book.version));
        }
        state.kept = Some(kept.clone());
    }

    /// Remembers a record that was written; without its Secret nobody knows how that ended.
    pub(super) fn wrote_record(&self, name: &str, record: &Record, book: Option<&Book>) {
        self.wrote_book(name, book, |kept| kept.record = Some(record.clone()));
    }

    /// Remembers an inventory that was written, or removed.
    pub(super) fn wrote_inventory(&self, name: &str, inventory: &LayerInventory, book: Option<&Book>) {
        self.wrote_book(name, book, |kept| {
            if inventory.entries.is_empty() {
                kept.inventory.layers.remove(&inventory.layer);
            } else {
                kept.inventory.layers.insert(inventory.layer.clone(), inventory.clone());
            }
        });
    }

    fn wrote_book(&self, name: &str, book: Option<&Book>, change: impl FnOnce(&mut Kept)) {
        let state = &mut *self.state();
        let Some(kept) = &mut state.kept else { return };
        let key = Key::named("", name);
        if let Some(book) = book {
            kept.secrets.insert(name.to_owned(), book.clone());
            state.watched.know(&books(), key, Sighting::at(&book.uid, &book.version));
        } else {
            kept.secrets.remove(name);
            state.watched.forget(&books(), key);
        }
        change(kept);
    }

    /// Forgets the books: they are read again before they are used.
    pub(super) fn forget_books(&self) {
        self.state().kept = None;
    }

    /// Returns what has to be read of an object to know whether it is as it is wanted.
    pub(super) fn standing(&self, object: &ObjectId, wishes: Digest) -> Standing {
        self.state().watched.standing(&kind_of(object), Key::of(object), wishes)
    }

    /// Takes a version of an object that was read or written.
    pub(super) fn know(&self, object: &ObjectId, sighting: Sighting) {
        self.state().watched.know(&kind_of(object), Key::of(object), sighting);
    }

    /// Takes that the version that is known is as it is wanted, and well.
    pub(super) fn trust(&self, object: &ObjectId, wishes: Digest) {
        self.state().watched.trust(&kind_of(object), Key::of(object), wishes);
    }

    /// Takes that an object is ours no longer.
    pub(super) fn forget(&self, object: &ObjectId) {
        let mut state = self.state();
        state.watched.forget(&kind_of(object), Key::of(object));
        state.heats.remove(object);
    }

    /// Begins a sync: nothing is told until it ends.
    pub(super) fn begin(&self) {
        self.state().watched.begin();
    }

    /// Ends a sync; returns what others changed meanwhile.
    pub(super) fn end(&self) -> Option<Disturbance> {
        self.state().watched.end()
    }

    /// Returns what is done about an object that is to be corrected: nothing, once somebody fights over it.
    pub(super) fn fate(&self, object: &ObjectId) -> Fate {
        let fight = self.state().heats.get(object).and_then(Heat::fight);
        fight.map_or(Fate::Corrected, Fate::Fought)
    }

    /// Takes that an object was written: where it had drifted, that was a correction; else a commit wanted it, and who
    /// fought over it fights over something else.
    pub(super) fn wrote(&self, object: &ObjectId, version: &Version, now: Timestamp) {
        let state = &mut *self.state();
        state.watched.know(&kind_of(object), Key::of(object), Sighting::written(version));
        match state.found.iter().find(|found| found.object == *object && !found.stays()) {
            Some(found) => {
                let fields = if let What::Changed(fields) = &found.what { &fields[..] } else { &[] };
                state.heats.entry(object.clone()).or_default().corrected(fields, now);
            }
            None => drop(state.heats.remove(object)),
        }
    }

    /// Takes what the last look found that is not as it was applied; who fought over what `is_well` gave in.
    pub(super) fn set_found(&self, found: Vec<Found>, is_well: impl Fn(&ObjectId) -> bool, now: Timestamp) {
        let state = &mut *self.state();
        state.found = found;
        state.heats.retain(|object, heat| !(is_well(object) && heat.fight().is_some() || heat.is_cold(now)));
    }

    /// Forgets who fought: a person asks for another try.
    pub(super) fn forgive(&self) {
        self.state().heats.clear();
    }

    /// Returns what the last look found that is not as it was applied.
    pub(super) fn found(&self) -> Vec<Found> {
        self.state().found.clone()
    }

    /// Takes all that is there of a kind.
    pub(super) fn listed(&self, kind: &Kind, version: &str, objects: Vec<(Key, Sighting)>) {
        let told = self.state().watched.listed(kind, version, objects);
        self.say(told);
    }

    /// Takes a version that a watch shows.
    pub(super) fn put(&self, kind: &Kind, key: Key, object: &Value) {
        let told = self.state().watched.put(kind, key, Sighting::of(object));
        self.say(told);
    }

    /// Takes that a watch shows that an object is gone.
    pub(super) fn gone(&self, kind: &Kind, key: Key, object: &Value) {
        let told = self.state().watched.gone(kind, key, Sighting::of(object));
        self.say(told);
    }

    /// Takes whether a watch misses nothing.
    pub(super) fn set_whole(&self, kind: &Kind, is_whole: bool) {
        self.state().watched.set_whole(kind, is_whole);
    }

    /// Tells that nobody knows what was missed.
    pub(super) fn missed(&self) {
        self.say(Some(Disturbance::Status));
    }

    fn say(&self, told: Option<Disturbance>) {
        if let (Some(told), Some((tell, _))) = (told, &self.watch) {
            tell(&self.cluster, told);
        }
    }
}
