//! In: an API server of a cluster. Out: facts, verdicts and answers.
//! Guarantee: all that matters is in the server; what is kept here is only what was read since the last look at its facts.
use super::super::release::Released;
use super::binding::Binding;
use super::connections::Both;
use super::{Release, answered, released};
use crate::act::apply::kubernetes as apply;
use crate::client::kubernetes::Server;
use crate::decide::document::Site;
use crate::decide::health::Suspects;
use crate::decide::plan::secret::{Book, Place};
use crate::decide::plan::{
    ClusterState, Group, Inventory, LayerInventory, LayerPlan, Plan, Probe, Role, Uid, Verdict, Why,
};
use crate::decide::profile::Record;
use crate::decide::render::{Layer, Layers, Object};
use crate::decide::rollout::Answer;
use crate::decide::value::{Fault, Live};
use crate::name::{ClusterName, CommitId, LayerName, ObjectId};
use crate::observe::cluster::kubernetes as observe;
use crate::settings::{Kubernetes, Settings};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A cluster, on one API server: its own, or the one that makes it.
pub(super) struct Cluster {
    side: apply::Target,
    stability: Duration,
    /// The server that the target's name stands for; none where it comes and goes with the cluster.
    binding: Option<Binding>,
    session: Mutex<Session>,
}

/// What a cluster has on one API server.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// Which server it is.
    pub(super) site: Site,
    /// The name of its target.
    pub(super) name: Arc<str>,
    /// How it is reached.
    pub(super) target: Kubernetes,
    /// The cluster.
    pub(super) cluster: ClusterName,
    /// Where the books are.
    pub(super) place: Place,
}

impl Seat {
    /// Returns the seat of a cluster on its own server.
    pub(super) fn own(name: &Arc<str>, target: &Kubernetes, fleet: &Arc<str>, cluster: &ClusterName) -> Self {
        let place = Place { namespace: target.namespace.clone(), fleet: fleet.clone(), cluster: None };
        let (name, target, cluster) = (name.clone(), target.clone(), cluster.clone());
        Self { site: Site::Workload, name, target, cluster, place }
    }

    /// Returns the seat of a cluster on the server that makes it, and others.
    pub(super) fn hosted(name: &Arc<str>, target: &Kubernetes, fleet: &Arc<str>, cluster: &ClusterName) -> Self {
        let own = Self::own(name, target, fleet, cluster);
        Self { site: Site::Management, place: Place { cluster: Some(cluster.clone()), ..own.place }, ..own }
    }
}

/// What was read, and written since.
#[derive(Default)]
struct Session {
    /// Each Secret of ours, by name.
    books: BTreeMap<String, Book>,
    /// What was seen of objects that were not written since.
    seen: BTreeMap<ObjectId, Live>,
}

impl Cluster {
    /// Reads the facts of a cluster on a server; `fence` is where its record is, if not here.
    pub(super) async fn open(
        settings: &Settings,
        both: Both,
        seat: &Seat,
        fence: Option<(Server, Place)>,
        wanted: Option<&Layers>,
    ) -> Result<(Self, ClusterState), Fault> {
        let Seat { site, name, target, cluster, place } = seat;
        let Both { keeper, server } = both;
        let uid: Uid = observe::uid(&keeper).await?;
        let books = observe::books(&keeper, place).await?;
        let binding = match fence {
            None => Some(Binding::check(settings, name, target, &uid, books.record.as_ref())?),
            Some(_) => None,
        };
        let record = books.record.unwrap_or_else(|| Record::unborn(place.fleet.clone(), cluster.clone()));
        let side = apply::Target {
            fence: fence.unwrap_or_else(|| (keeper.clone(), place.clone())),
            keeper,
            server,
            place: place.clone(),
            site: *site,
            cluster: cluster.clone(),
            uids: Arc::new(uids(&books.inventory, *site)),
        };
        let mut facts = ClusterState { uid, record, inventory: books.inventory };
        let mut session = Session { books: books.secrets, seen: BTreeMap::new() };
        if let Some(layers) = wanted {
            let wanted = wanted_of(layers, *site);
            let labels = labels(place);
            session.seen = observe::mark_drift(&side.server, place, *site, &labels, &wanted, &mut facts).await;
        }
        Ok((Self { side, stability: target.stability, binding, session: Mutex::new(session) }, facts))
    }

    /// Returns where its record is, if this is the server that keeps it.
    pub(super) fn fence(&self) -> (Server, Place) {
        (self.side.keeper.clone(), self.side.place.clone())
    }

    pub(super) fn stability(&self) -> Duration {
        self.stability
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn probe(&self, plan: &Plan, probes: &[Probe]) -> Vec<Verdict> {
        apply::probe(&self.side, plan, probes).await
    }

    /// Returns the Secret of the record, as it was read or written last.
    pub(super) fn record_book(&self) -> Option<Book> {
        self.session().books.get(&self.side.place.record_name()).cloned()
    }

    pub(super) async fn record(&self, record: &Record) -> Answer {
        let record = match &self.binding {
            None => record.clone(),
            Some(binding) => match binding.keep() {
                Ok(()) => binding.sign(record),
                Err(fault) => return Answer::Refused(Why::Unavailable(fault.to_string())),
            },
        };
        let over = self.record_book();
        let (answer, book) = apply::write_record(&self.side, &record, over.as_ref()).await;
        self.keep(self.side.place.record_name(), book);
        answer
    }

    pub(super) async fn inventory(&self, inventory: &LayerInventory) -> Answer {
        let name = self.side.place.layer_name(&inventory.layer);
        let over = self.session().books.get(&name).cloned();
        let (answer, book) = apply::write_inventory(&self.side, inventory, over.as_ref()).await;
        self.keep(name, book);
        answer
    }

    fn keep(&self, key: String, book: Option<Book>) {
        let mut session = self.session();
        match book {
            Some(book) => drop(session.books.insert(key, book)),
            None => drop(session.books.remove(&key)),
        }
    }

    /// Writes a group under the record that stands now.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        layer: &LayerPlan,
        group: &Group,
        record: Option<&Book>,
    ) -> Vec<Answer> {
        for change in group.writes() {
            self.session().seen.remove(&change.object);
        }
        apply::write(&self.side, plan, &layer.layer, group, record).await
    }

    /// What was not written was seen when the facts were read, and is not read again the first time.
    pub(super) async fn look(&self, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Live)> {
        let is_unchanged = group.writes().next().is_none();
        let mut known = BTreeMap::new();
        if is_unchanged {
            let mut session = self.session();
            for change in &group.objects {
                known.extend(session.seen.remove(&change.object).map(|live| (change.object.clone(), live)));
            }
        }
        let ends = group.role == Role::Prune;
        let owned = |object: &ObjectId| observe::Owned {
            object: object.clone(),
            uid: self.side.uids.get(&(layer.layer.clone(), object.clone())).filter(|_| ends).cloned(),
        };
        let unknown = group.objects.iter().filter(|change| !known.contains_key(&change.object));
        let unknown: Vec<observe::Owned> = unknown.map(|change| owned(&change.object)).collect();
        let unserved = if ends { observe::Unserved::Gone } else { observe::Unserved::Unread };
        let seen = observe::look(&self.side.server, &unknown, &labels(&self.side.place), unserved).await;
        let seen = unknown.into_iter().map(|owned| owned.object).zip(seen);
        known.into_iter().chain(seen).map(|(object, live)| ((layer.site, object), live)).collect()
    }

    /// Reads pods that may say why an object is not well.
    pub(super) async fn pods(&self, suspects: &Suspects) -> Vec<Live> {
        observe::pods(&self.side.server, suspects).await
    }
}

/// Writes into the record on a server that no document describes its cluster any longer.
pub(super) async fn release(
    settings: &Settings,
    both: Both,
    seat: &Seat,
    gone: &Released,
    head: CommitId,
) -> Result<Release, Fault> {
    let (cluster, facts) = Cluster::open(settings, both, seat, None, None).await?;
    if cluster.record_book().is_none() {
        return Ok(Release::Nothing);
    }
    match released(facts.record, gone, head) {
        Ok(record) => Ok(answered(&cluster.record(&record).await)),
        Err(release) => Ok(release),
    }
}

/// Returns what selects all objects of the cluster, where the server is shared, else of the fleet.
fn labels(place: &Place) -> String {
    let cluster = place.cluster.as_ref().map(|cluster| format!(",stratify.dev/cluster={cluster}"));
    format!("stratify.dev/fleet={}{}", place.fleet, cluster.unwrap_or_default())
}

/// Returns the UIDs that inventories list, by layer and object.
fn uids(inventory: &Inventory, site: Site) -> BTreeMap<(LayerName, ObjectId), Arc<str>> {
    let layers = inventory.layers.values();
    let entries = layers.flat_map(|layer| layer.entries.iter().map(|(key, entry)| (&layer.layer, key, entry)));
    let of_site = entries.filter(|(_, (at, _), _)| *at == site);
    of_site
        .filter_map(|(layer, (_, object), entry)| Some(((layer.clone(), object.clone()), entry.uid.clone()?)))
        .collect()
}

/// Returns what is wanted of a site.
fn wanted_of(layers: &Layers, site: Site) -> observe::Wanted {
    let of_site = layers.layers.iter().filter(|layer| layer.site == site);
    let objects = of_site.flat_map(|layer| layer.objects.iter().map(move |object| (layer, object)));
    let wanted = |layer: &Layer, object: &Object| {
        (object.id.clone(), (layer.name.clone(), object.manifest.value().clone(), layer.options.ignore.clone()))
    };
    objects.map(|(layer, object)| wanted(layer, object)).collect()
}
