//! In: the API servers of one cluster: its own, and the one that manages it. Out: facts, verdicts and answers.
//! Guarantee: all that matters is in the servers; what is kept here is only what was read since the last look at its facts.
use super::super::release::Released;
use super::binding::Binding;
use super::connections::{Both, Servers};
use super::{Release, answered, released};
use crate::act::apply::kubernetes as apply;
use crate::decide::document::Site;
use crate::decide::health::Suspects;
use crate::decide::plan::secret::{Book, Place};
use crate::decide::plan::{ClusterState, Group, Inventory, LayerInventory, LayerPlan, Plan, Probe, Uid, Verdict, Why};
use crate::decide::profile::{FullProfile, Record};
use crate::decide::render::{Layer, Layers, Object};
use crate::decide::rollout::Answer;
use crate::decide::value::{Fault, Live};
use crate::name::{ClusterName, CommitId, LayerName, ObjectId};
use crate::observe::cluster::kubernetes as observe;
use crate::settings::{Kubernetes, Settings};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The API servers of one cluster.
pub(super) struct Cluster {
    sides: BTreeMap<Site, apply::Target>,
    /// The site whose server has the record.
    keeps_record: Site,
    stability: Duration,
    binding: Binding,
    session: Mutex<Session>,
}

/// What was read, and written since.
#[derive(Default)]
struct Session {
    /// Each Secret of ours, by site and name.
    books: BTreeMap<(Site, String), Book>,
    /// What was seen of objects that were not written since.
    seen: BTreeMap<(Site, ObjectId), Live>,
}

impl Cluster {
    /// Connects to a cluster and reads its facts.
    pub(super) async fn open(
        servers: &Servers,
        settings: &Settings,
        target: &Kubernetes,
        profile: &FullProfile,
        wanted: Option<&Layers>,
    ) -> Result<(Self, ClusterState), Fault> {
        let both = servers.get(settings, &profile.target, target).await?;
        let place = Place { namespace: target.namespace.clone(), fleet: profile.fleet.clone(), cluster: None };
        let uid: Uid = observe::uid(&both.keeper).await?;
        let books = observe::books(&both.keeper, &place).await?;
        let binding = Binding::check(settings, &profile.target, target, &uid, books.record.as_ref())?;
        let record = books.record.unwrap_or_else(|| Record::unborn(profile.fleet.clone(), profile.cluster.clone()));
        let uids = uids(&books.inventory, Site::Workload);
        let side = side(both, place, &profile.cluster, uids);
        let mut facts = ClusterState { uid, record, inventory: books.inventory };
        let mut session = Session {
            books: books.secrets.into_iter().map(|(name, book)| ((Site::Workload, name), book)).collect(),
            seen: BTreeMap::new(),
        };
        let sides = BTreeMap::from([(Site::Workload, side)]);
        if let Some(layers) = wanted {
            for (site, side) in &sides {
                let wanted = wanted_of(layers, *site);
                let labels = labels(profile);
                let seen = observe::mark_drift(&side.server, &side.place, *site, &labels, &wanted, &mut facts).await;
                session.seen.extend(seen.into_iter().map(|(object, live)| ((*site, object), live)));
            }
        }
        let cluster = Self {
            sides,
            keeps_record: Site::Workload,
            stability: target.stability,
            binding,
            session: Mutex::new(session),
        };
        Ok((cluster, facts))
    }

    pub(super) fn stability(&self) -> Duration {
        self.stability
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn side(&self, site: Site) -> Result<&apply::Target, Why> {
        self.sides.get(&site).ok_or_else(|| Why::Unavailable("the cluster has no such site".into()))
    }

    pub(super) async fn probe(&self, plan: &Plan, probes: Vec<Probe>) -> Vec<Verdict> {
        let mut verdicts: Vec<Option<Verdict>> = vec![None; probes.len()];
        for (site, side) in &self.sides {
            let (places, of_site): (Vec<usize>, Vec<Probe>) = probes
                .iter()
                .enumerate()
                .filter(|(_, probe)| probe.change.site == *site)
                .map(|(at, probe)| (at, probe.clone()))
                .unzip();
            let tried = apply::probe(side, plan, &of_site).await;
            for (at, verdict) in places.into_iter().zip(tried) {
                if let Some(place) = verdicts.get_mut(at) {
                    *place = Some(verdict);
                }
            }
        }
        let missing = || Verdict::Unverified("its server is not there yet".into());
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(missing)).collect()
    }

    pub(super) async fn record(&self, record: &Record) -> Answer {
        let site = self.keeps_record;
        let side = match self.side(site) {
            Ok(side) => side,
            Err(why) => return Answer::Refused(why),
        };
        if let Err(fault) = self.binding.keep() {
            return Answer::Refused(Why::Unavailable(fault.to_string()));
        }
        let key = (site, side.place.record_name());
        let over = self.session().books.get(&key).cloned();
        let (answer, book) = apply::write_record(side, &self.binding.sign(record), over.as_ref()).await;
        self.keep(key, book);
        answer
    }

    pub(super) async fn inventory(&self, site: Site, inventory: &LayerInventory) -> Answer {
        let side = match self.side(site) {
            Ok(side) => side,
            Err(why) => return Answer::Refused(why),
        };
        let key = (site, side.place.layer_name(&inventory.layer));
        let over = self.session().books.get(&key).cloned();
        let (answer, book) = apply::write_inventory(side, inventory, over.as_ref()).await;
        self.keep(key, book);
        answer
    }

    fn keep(&self, key: (Site, String), book: Option<Book>) {
        let mut session = self.session();
        match book {
            Some(book) => drop(session.books.insert(key, book)),
            None => drop(session.books.remove(&key)),
        }
    }

    pub(super) async fn write(&self, plan: &Plan, layer: &LayerPlan, group: &Group) -> Vec<Answer> {
        let refused = |why: Why| group.writes().map(|_| Answer::Refused(why.clone())).collect();
        let side = match self.side(layer.site) {
            Ok(side) => side,
            Err(why) => return refused(why),
        };
        let record = match self.side(self.keeps_record) {
            Ok(keeper) => self.session().books.get(&(self.keeps_record, keeper.place.record_name())).cloned(),
            Err(why) => return refused(why),
        };
        for change in group.writes() {
            self.session().seen.remove(&(change.site, change.object.clone()));
        }
        apply::write(side, plan, &layer.layer, group, record.as_ref()).await
    }

    /// What was not written was seen when the facts were read, and is not read again the first time.
    pub(super) async fn look(&self, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Live)> {
        let Ok(side) = self.side(layer.site) else { return Vec::new() };
        let is_unchanged = group.writes().next().is_none();
        let mut known = BTreeMap::new();
        if is_unchanged {
            let mut session = self.session();
            for change in &group.objects {
                let key = (change.site, change.object.clone());
                known.extend(session.seen.remove(&key).map(|live| (key, live)));
            }
        }
        let owned = |object: &ObjectId| observe::Owned {
            object: object.clone(),
            uid: side.uids.get(&(layer.layer.clone(), object.clone())).cloned(),
        };
        let ends = group.role == crate::decide::plan::Role::Prune;
        let unknown: Vec<observe::Owned> = group
            .objects
            .iter()
            .filter(|change| !known.contains_key(&(change.site, change.object.clone())))
            .map(
                |change| {
                    if ends { owned(&change.object) } else { observe::Owned { uid: None, ..owned(&change.object) } }
                },
            )
            .collect();
        let labels = format!("stratify.dev/fleet={}", side.place.fleet);
        let unserved = if ends { observe::Unserved::Gone } else { observe::Unserved::Unread };
        let seen = observe::look(&side.server, &unknown, &labels, unserved).await;
        let seen = unknown.into_iter().map(|owned| (layer.site, owned.object)).zip(seen);
        known.into_iter().chain(seen).collect()
    }
}

impl Cluster {
    /// Reads pods that may say why an object is not well.
    pub(super) async fn pods(&self, site: Site, suspects: &Suspects) -> Vec<Live> {
        match self.side(site) {
            Ok(side) => observe::pods(&side.server, suspects).await,
            Err(_) => Vec::new(),
        }
    }
}

/// Writes into the record on a server that no document describes its cluster any longer.
pub(super) async fn release(
    servers: &Servers,
    settings: &Settings,
    target: &Kubernetes,
    gone: &Released,
    head: CommitId,
) -> Result<Release, Fault> {
    let both = servers.get(settings, &gone.target, target).await?;
    let place = Place { namespace: target.namespace.clone(), fleet: gone.fleet.clone(), cluster: None };
    let mut books = observe::books(&both.keeper, &place).await?;
    let uid = observe::uid(&both.keeper).await?;
    Binding::check(settings, &gone.target, target, &uid, books.record.as_ref())?;
    let record = books.record.take().map(|record| released(record, gone, head));
    let record = match record {
        Some(Ok(record)) => record,
        Some(Err(release)) => return Ok(release),
        None => return Ok(Release::Nothing),
    };
    let name = place.record_name();
    let over = books.secrets.into_iter().find(|(other, _)| *other == name).map(|(_, book)| book);
    let side = side(both, place, &gone.cluster, BTreeMap::new());
    let (answer, _) = apply::write_record(&side, &record, over.as_ref()).await;
    Ok(answered(&answer))
}

fn side(
    both: Both,
    place: Place,
    cluster: &ClusterName,
    uids: BTreeMap<(LayerName, ObjectId), Arc<str>>,
) -> apply::Target {
    let site = Site::Workload;
    apply::Target {
        server: both.server,
        keeper: both.keeper,
        place,
        site,
        cluster: cluster.clone(),
        uids: Arc::new(uids),
    }
}

fn labels(profile: &FullProfile) -> String {
    format!("stratify.dev/fleet={}", profile.fleet)
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
