//! In: an API server of a cluster. Out: facts, verdicts and answers.
//! Guarantee: all that matters is in the server; what is kept here is only what was read since the last look at its facts.
use super::super::released_clusters::Released;
use super::connections::Both;
use super::memory::{Kept, Memory};
use super::server_identity::Binding;
use super::session::{Session, Sought, wishes_of};
use super::{Placed, Release, answered, released, wishes};
use crate::act::apply::kubernetes as apply;
use crate::client::clock::now;
use crate::client::kubernetes::{ObjectPath, Server};
use crate::decide::document::Site;
use crate::decide::drift::{Sighting, Standing};
use crate::decide::health::Suspects;
use crate::decide::plan::book_secrets::{Book, Books, Place};
use crate::decide::plan::{
    ClusterState, Gate, Group, Inventory, LayerChange, LayerInventory, LayerPlan, ObjectChange, Operation, Plan, Probe,
    Role, Uid, Verdict, Version, Why,
};
use crate::decide::profile::Record;
use crate::decide::rollout::{Answer, Outcome};
use crate::decide::value::{Fault, Live, Value};
use crate::name::{ClusterName, CommitId, LayerName, ObjectId};
use crate::observe::cluster::kubernetes as observe;
use crate::settings::{Kubernetes, Settings};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A cluster, on one API server: its own, or the one that makes it.
pub(super) struct Cluster {
    side: apply::Target,
    stability: Duration,
    /// The server that the target's name stands for; none where it comes and goes with the cluster.
    binding: Option<Binding>,
    session: Mutex<Session>,
    memory: Arc<Memory>,
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

impl Cluster {
    /// Reads the facts of a cluster on a server, but for what is known to be as it was; `fence` is where its record is, if
    /// not here.
    pub(super) async fn open(
        settings: &Settings,
        both: Both,
        seat: &Seat,
        fence: Option<(Server, Place)>,
        sought: Option<Sought<'_>>,
        memory: Arc<Memory>,
    ) -> Result<(Self, ClusterState), Fault> {
        let Seat { site, name, target, cluster, place } = seat;
        memory.reach(&both, place);
        memory.watch(vec![wishes::of_books(place)], false);
        let Both { keeper, server } = both;
        let Kept { uid, record, inventory, secrets, read_at } = match memory.kept() {
            Some(kept) => kept,
            None => read(&keeper, place, &memory).await?,
        };
        let binding = match fence {
            None => Some(Binding::check(settings, name, target, &uid, record.as_ref())?),
            Some(_) => None,
        };
        let record = record.unwrap_or_else(|| Record::unborn(place.fleet.clone(), cluster.clone()));
        let mut side = apply::Target {
            fence: fence.unwrap_or_else(|| (keeper.clone(), place.clone())),
            keeper,
            server,
            place: place.clone(),
            site: *site,
            cluster: cluster.clone(),
            uids: Arc::new(uids(&inventory, *site)),
            read_at,
            tried: Arc::default(),
        };
        let mut facts = ClusterState { uid, record, inventory };
        let mut session = Session { books: secrets, ..Session::default() };
        if let Some(sought) = sought {
            let of_site = sought.layers.layers.iter().filter(|layer| layer.site == *site);
            let wanted = of_site.flat_map(|layer| &layer.objects).map(|object| &object.id);
            let listed = facts.inventory.layers.values().flat_map(|layer| layer.entries.keys());
            watch(&memory, &side, wanted.chain(listed.map(|(_, object)| object))).await;
            side.tried = Arc::new(session.survey(&side, &memory, sought, &mut facts).await);
        }
        Ok((Self { side, stability: target.stability, binding, session: Mutex::new(session), memory }, facts))
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
        match &answer {
            Answer::Written { .. } => {
                self.memory.wrote_record(&self.side.place.record_name(), &record, book.as_ref());
            }
            _ => self.memory.forget_books(),
        }
        self.keep(self.side.place.record_name(), book);
        answer
    }

    pub(super) async fn inventory(&self, inventory: &LayerInventory) -> Answer {
        let name = self.side.place.layer_name(&inventory.layer);
        let over = self.session().books.get(&name).cloned();
        let (answer, book) = apply::write_inventory(&self.side, inventory, over.as_ref()).await;
        match &answer {
            Answer::Written { .. } => self.memory.wrote_inventory(&name, inventory, book.as_ref()),
            _ => self.memory.forget_books(),
        }
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
        let answers = apply::write(&self.side, plan, &layer.layer, group, record).await;
        for (change, answer) in group.writes().zip(&answers) {
            self.wrote(change, answer);
        }
        answers
    }

    fn wrote(&self, change: &ObjectChange, answer: &Answer) {
        match answer {
            Answer::Written { .. } if matches!(change.operation, Operation::Prune | Operation::Keep) => {
                self.memory.forget(&change.object);
            }
            Answer::Written { version, .. } => {
                self.memory.wrote(&change.object, version, now());
                self.session().fine.insert(change.object.clone(), version.0.clone());
            }
            Answer::Refused(_) | Answer::Unknown => drop(self.session().fine.remove(&change.object)),
        }
    }

    /// What was not written was seen when the facts were read, and is not read again the first time.
    pub(super) async fn look(&self, plan: &Plan, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Live)> {
        let of_change = plan.change.layers.iter().find(|change| change.layer == layer.layer);
        let mut known = self.known(of_change, group);
        let unknown: Vec<&ObjectChange> =
            group.objects.iter().filter(|change| !known.contains_key(&change.object)).collect();
        let ends = group.role == Role::Prune || matches!(group.gate, Gate::Gone { .. });
        let owned = |change: &&ObjectChange| observe::Owned {
            object: change.object.clone(),
            uid: self.side.uids.get(&(layer.layer.clone(), change.object.clone())).filter(|_| ends).cloned(),
        };
        let owned: Vec<observe::Owned> = unknown.iter().map(owned).collect();
        let unserved = if ends { observe::Unserved::Gone } else { observe::Unserved::Unread };
        let seen = observe::look(&self.side.server, &owned, &labels(&self.side.place), unserved).await;
        for (change, live) in unknown.into_iter().zip(seen) {
            if !ends {
                let is_fine = self.session().saw(&self.side.place, of_change, change, &live);
                // What somebody changed between our write and this look is for the watch to tell: who knew it already would
                // be told of it as little as of what we wrote ourselves.
                if let Live::Present { object, .. } = &live
                    && is_fine
                {
                    self.memory.know(&change.object, Sighting::of(object));
                }
            }
            known.insert(change.object.clone(), live);
        }
        known.into_iter().map(|(object, live)| ((layer.site, object), live)).collect()
    }

    /// Reads objects as they stand now; one whose kind is not served is gone.
    pub(super) async fn read(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let owned = |(_, _, object): &Placed| observe::Owned { object: object.clone(), uid: None };
        let owned: Vec<observe::Owned> = objects.iter().map(owned).collect();
        let (server, labels) = (&self.side.server, labels(&self.side.place));
        let seen = observe::look(server, &owned, &labels, observe::Unserved::Gone).await;
        objects.iter().map(|(_, site, object)| (*site, object.clone())).zip(seen).collect()
    }

    /// Returns the names of Secrets, by labels; none where they may not be listed.
    pub(super) async fn secrets(&self, namespace: &str, labels: &str) -> Vec<String> {
        let mut names = Vec::new();
        let name = |secret: &Value| secret.get("metadata")?.get("name")?.as_str().map(str::to_owned);
        let listed = self
            .side
            .server
            .list_metadata(&ObjectPath::secret(namespace, ""), labels, |secret| names.extend(name(secret)))
            .await;
        if listed.is_ok() { names } else { Vec::new() }
    }

    /// Returns what the look at the facts showed of objects, and reads those that it did not show.
    pub(super) async fn shown(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let (mut shown, mut unseen) = (Vec::new(), Vec::new());
        for placed in objects {
            let (_, site, object) = placed;
            let live = self.session().seen.get(object).cloned();
            match live {
                Some(live) => shown.push(((*site, object.clone()), live)),
                None => unseen.push(placed.clone()),
            }
        }
        if !unseen.is_empty() {
            shown.extend(self.read(&unseen).await);
        }
        shown
    }

    /// Returns what need not be read of a group that is looked at.
    fn known(&self, layer: Option<&LayerChange>, group: &Group) -> BTreeMap<ObjectId, Live> {
        let is_unchanged = group.writes().next().is_none();
        let mut known = BTreeMap::new();
        for change in &group.objects {
            if is_unchanged && let Some(live) = self.session().seen.remove(&change.object) {
                known.insert(change.object.clone(), live);
            } else if let (Operation::Unchanged, Some(layer), Some(manifest)) =
                (&change.operation, layer, &change.manifest)
                && self.memory.standing(&change.object, wishes_of(manifest.digest(), &layer.options))
                    == Standing::AsSeen
            {
                known.insert(change.object.clone(), Live::AsSeen);
            }
        }
        known
    }

    /// Takes how a plan ended: what was seen as it is wanted and well is not read again until it changes.
    pub(super) async fn settled(&self, plan: &Plan, outcome: &Outcome) {
        let Outcome::Synced { ill } = outcome else { return };
        let wanted = plan.change.layers.iter().flat_map(|layer| layer.objects.iter().map(move |it| (layer, it)));
        let wanted: Vec<_> =
            wanted.filter(|(_, change)| change.site == self.side.site && change.manifest.is_some()).collect();
        // Kinds that came with the plan are watched from now on.
        watch(&self.memory, &self.side, wanted.iter().map(|(_, change)| &change.object)).await;
        let session = std::mem::take(&mut *self.session());
        for (layer, change) in wanted.iter().filter(|(layer, _)| !ill.contains(&layer.layer)) {
            if let (Some(version), Some(manifest)) = (session.fine.get(&change.object), &change.manifest) {
                self.memory.know(&change.object, Sighting::written(&Version(version.clone())));
                self.memory.trust(&change.object, wishes_of(manifest.digest(), &layer.options));
            }
        }
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
    memory: Arc<Memory>,
) -> Result<Release, Fault> {
    let (cluster, facts) = Cluster::open(settings, both, seat, None, None, memory).await?;
    if cluster.record_book().is_none() {
        return Ok(Release::Nothing);
    }
    match released(facts.record, gone, head) {
        Ok(record) => Ok(answered(&cluster.record(&record).await)),
        Err(release) => Ok(release),
    }
}

/// Reads which cluster it is, and its books.
async fn read(server: &Server, place: &Place, memory: &Memory) -> Result<Kept, Fault> {
    let uid: Uid = if let Some(uid) = memory.uid() {
        uid
    } else {
        let uid = observe::uid(server).await?;
        memory.know_uid(&uid);
        uid
    };
    let Books { record, inventory, secrets } = observe::books(server, place).await?;
    let kept = Kept { uid, record, inventory, secrets, read_at: Instant::now() };
    memory.keep(&kept);
    Ok(kept)
}

/// Watches the kinds of these objects, and no others; a server that does not say what it serves is asked the next time.
async fn watch<'a>(memory: &Arc<Memory>, side: &apply::Target, objects: impl Iterator<Item = &'a ObjectId>) {
    if memory.is_watching()
        && let Ok(kinds) = side.server.kinds().await
    {
        memory.watch(wishes::all(&side.place, &kinds, objects), true);
    }
}

/// Returns what selects all objects of the cluster, where the server is shared, else of the fleet.
pub(super) fn labels(place: &Place) -> String {
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
