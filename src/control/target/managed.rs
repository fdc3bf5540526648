//! In: the server that makes a cluster, and the way to the cluster's own. Out: facts, verdicts and answers of both.
//! Guarantee: the record is kept where the cluster is made; its own server may be born while a plan is carried out.
//!
//! ```text
//!                      record   inventories of       is there
//! management server    here     management layers    always
//! the cluster's own    -        workload layers      once Cluster API has written its kubeconfig
//! ```
//! Why: what makes a cluster has to be known when there is no cluster yet, and when it is gone again. Until its own
//! server is there, nothing is known to be on it; what goes there is tried before its group's first write. The same holds
//! while it cannot be reached, if what makes it has changed: that may be what mends it. Nothing is written to a server
//! whose books were not read: once it is reached and has books, the sync ends, and the next one reads them.
use super::Placed;
use super::connections::Servers;
use super::kubernetes::{Cluster, Seat};
use super::memory::Memory;
use super::session::Sought;
use crate::decide::document::Site;
use crate::decide::health::Suspects;
use crate::decide::plan::secret::Book;
use crate::decide::plan::{ClusterState, Group, LayerInventory, LayerPlan, Plan, Probe, Verdict, Why};
use crate::decide::profile::{FullProfile, Lifecycle, Record};
use crate::decide::render::{Layer, Layers};
use crate::decide::rollout::{Answer, Outcome};
use crate::decide::value::{Absence, Fault, Live, Owner, Source};
use crate::name::{LayerName, ObjectId};
use crate::settings::{Kubernetes, Settings};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long a server that should be born is waited for, and the pause between two tries: its control plane says that it
/// is available some seconds before all of it answers. After that the sync ends, and the next one goes on.
const BIRTH_MAX: Duration = Duration::from_secs(30);
const BIRTH_PAUSE: Duration = Duration::from_secs(1);

/// The way to a cluster's own server.
#[derive(Clone)]
pub(super) struct Way {
    /// All connections.
    pub(super) servers: Arc<Servers>,
    /// The settings.
    pub(super) settings: Arc<Settings>,
    /// What it has there.
    pub(super) seat: Seat,
    /// What is remembered of it.
    pub(super) memory: Arc<Memory>,
}

/// A cluster that another one makes.
pub(super) struct Managed {
    management: Cluster,
    own: OnceCell<Cluster>,
    /// Why nothing of its own server was read.
    absence: String,
    /// How long it is waited for.
    patience: Duration,
    way: Way,
}

impl Managed {
    /// Reads the facts of both servers.
    pub(super) async fn open(
        way: Way,
        management: (&Kubernetes, Arc<Memory>),
        profile: &FullProfile,
        sought: Option<Sought<'_>>,
    ) -> Result<(Self, ClusterState), Fault> {
        let Some(place) = &profile.management else { return Err(Fault::bug("the cluster has no management")) };
        let (management, memory) = management;
        let both = way.servers.get(&way.settings, &place.target, management).await?;
        let seat = Seat::hosted(&place.target, management, &profile.fleet, &profile.cluster);
        let (management, mut facts) = Cluster::open(&way.settings, both, &seat, None, sought, memory).await?;
        let absence = "its server is not there yet".to_owned();
        let mut managed = Self { management, own: OnceCell::new(), absence, patience: BIRTH_MAX, way };
        match managed.reach(sought).await {
            Ok(Some((own, there))) => {
                stays(profile, &there)?;
                facts.inventory.layers.extend(there.inventory.layers);
                drop(managed.own.set(own));
            }
            Ok(None) => {}
            Err(fault) if fault.spurious && goes_on(profile, sought.map(|sought| sought.layers), &facts) => {
                managed.absence = fault.to_string();
                // What was there before may be away for long.
                if facts.record.applied.is_some() {
                    managed.patience = Duration::ZERO;
                }
            }
            Err(fault) => return Err(fault),
        }
        Ok((managed, facts))
    }

    /// Reads the facts of its own server; nothing where there is none.
    async fn reach(&self, sought: Option<Sought<'_>>) -> Result<Option<(Cluster, ClusterState)>, Fault> {
        let Way { servers, settings, seat, memory } = &self.way;
        let Some(both) = servers.try_get(settings, &seat.name, &seat.target).await? else { return Ok(None) };
        let fence = Some(self.management.fence());
        Cluster::open(settings, both, seat, fence, sought, memory.clone()).await.map(Some)
    }

    /// Returns the cluster's own side, which may have been born meanwhile.
    async fn born(&self) -> Result<&Cluster, Why> {
        self.own.get_or_try_init(|| self.wait_for_birth()).await
    }

    async fn wait_for_birth(&self) -> Result<Cluster, Why> {
        let begun = Instant::now();
        loop {
            let why = match self.reach(None).await {
                Ok(Some((own, facts))) if facts.inventory.layers.is_empty() => return Ok(own),
                Ok(Some(_)) => {
                    return Err(Why::Conflict("it has books that were not read when this was planned".into()));
                }
                Ok(None) => format!("the server of {} is not there yet", self.way.seat.name),
                Err(fault) => fault.to_string(),
            };
            if begun.elapsed() >= self.patience {
                return Err(Why::Unavailable(why));
            }
            tokio::time::sleep(BIRTH_PAUSE).await;
        }
    }

    async fn side(&self, site: Site) -> Result<&Cluster, Why> {
        match site {
            Site::Management => Ok(&self.management),
            Site::Workload => self.born().await,
        }
    }

    /// Reads objects of both servers; while its own is not there, nothing is known of what is to be there.
    pub(super) async fn read(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let (management, workload) = by_site(objects);
        let mut seen = self.management.read(&management).await;
        match self.own.get() {
            Some(own) => seen.extend(own.read(&workload).await),
            None => seen.extend(self.unread(workload)),
        }
        seen
    }

    /// Returns what the look at the facts showed of objects of both servers, and reads those that it did not show.
    pub(super) async fn shown(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let (management, workload) = by_site(objects);
        let mut shown = self.management.shown(&management).await;
        match self.own.get() {
            Some(own) => shown.extend(own.shown(&workload).await),
            None => shown.extend(self.unread(workload)),
        }
        shown
    }

    fn unread(&self, objects: Vec<Placed>) -> impl Iterator<Item = ((Site, ObjectId), Live)> {
        let source = Source::Error(self.absence.clone().into());
        let fault = Arc::new(Fault { owner: Owner::Outside, spurious: true, hint: None, source });
        let unread = move |(_, site, object)| ((site, object), Live::Absent(Absence::NotRead(fault.clone())));
        objects.into_iter().map(unread)
    }

    /// Returns the Secret of the record.
    pub(super) fn record_book(&self) -> Option<Book> {
        self.management.record_book()
    }

    pub(super) fn stability(&self) -> Duration {
        self.management.stability().max(self.way.seat.target.stability)
    }

    pub(super) async fn probe(&self, plan: &Plan, probes: Vec<Probe>) -> Vec<Verdict> {
        let absent = || Verdict::Unverified(self.absence.clone());
        let mut verdicts: Vec<Verdict> = probes.iter().map(|_| absent()).collect();
        let sides = [(Site::Management, Some(&self.management)), (Site::Workload, self.own.get())];
        for (site, side) in sides {
            let Some(side) = side else { continue };
            let of_site = (0..).zip(&probes).filter(|(_, probe)| probe.change.site == site);
            let (places, of_site): (Vec<usize>, Vec<Probe>) = of_site.map(|(at, probe)| (at, probe.clone())).unzip();
            for (at, verdict) in places.into_iter().zip(side.probe(plan, &of_site).await) {
                if let Some(place) = verdicts.get_mut(at) {
                    *place = verdict;
                }
            }
        }
        verdicts
    }

    pub(super) async fn record(&self, record: &Record) -> Answer {
        self.management.record(record).await
    }

    pub(super) async fn inventory(&self, site: Site, inventory: &LayerInventory) -> Answer {
        match self.side(site).await {
            Ok(side) => side.inventory(inventory).await,
            Err(why) => Answer::Refused(why),
        }
    }

    pub(super) async fn write(&self, plan: &Plan, layer: &LayerPlan, group: &Group) -> Vec<Answer> {
        let record = self.management.record_book();
        match self.side(layer.site).await {
            Ok(side) => side.write(plan, layer, group, record.as_ref()).await,
            Err(why) => group.writes().map(|_| Answer::Refused(why.clone())).collect(),
        }
    }

    pub(super) async fn look(&self, plan: &Plan, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Live)> {
        match self.side(layer.site).await {
            Ok(side) => side.look(plan, layer, group).await,
            Err(_) => Vec::new(),
        }
    }

    /// Takes how a plan ended.
    pub(super) async fn settled(&self, plan: &Plan, outcome: &Outcome) {
        for side in std::iter::once(&self.management).chain(self.own.get()) {
            side.settled(plan, outcome).await;
        }
    }

    pub(super) async fn pods(&self, site: Site, suspects: &Suspects) -> Vec<Live> {
        match self.side(site).await {
            Ok(side) => side.pods(suspects).await,
            Err(_) => Vec::new(),
        }
    }
}

/// Returns the objects of the management server, and those of the cluster's own.
fn by_site(objects: &[Placed]) -> (Vec<Placed>, Vec<Placed>) {
    objects.iter().cloned().partition(|(_, site, _)| *site == Site::Management)
}

/// Whether there is something to do before the cluster's own server can be reached: until all was there once, it may be
/// on its way up; later, what makes it may be what has to be mended. A cluster that is to go is not lost by this.
fn goes_on(profile: &FullProfile, wanted: Option<&Layers>, facts: &ClusterState) -> bool {
    let is_made = |layers: &Layers| {
        let of_site = || layers.layers.iter().filter(|layer| layer.site == Site::Management);
        let is_applied = |layer: &Layer| {
            let entries = facts.inventory.layers.get(&layer.name).map(|book| &book.entries);
            let entries = entries.filter(|entries| entries.len() == layer.objects.len());
            entries.is_some_and(|entries| {
                layer.objects.iter().all(|object| {
                    let entry = entries.get(&(Site::Management, object.id.clone()));
                    entry.is_some_and(|it| it.applied == Some(object.manifest.digest()) && it.intended.is_none())
                })
            })
        };
        of_site().all(is_applied) && of_site().count() == facts.inventory.layers.len()
    };
    profile.lifecycle == Lifecycle::Active
        && (facts.record.applied.is_none() || wanted.is_some_and(|layers| !is_made(layers)))
}

/// A layer has its objects on one server, and stays there.
fn stays(profile: &FullProfile, own: &ClusterState) -> Result<(), Fault> {
    let moved = |layer: &LayerName| {
        profile.layers.iter().any(|wanted| wanted.name == *layer && wanted.site == Site::Management)
    };
    let Some(layer) = own.inventory.layers.keys().find(|layer| moved(layer)) else { return Ok(()) };
    let text = format!("the layer {layer} shall go to the management server, but has objects on the cluster's own");
    Err(Fault {
        owner: Owner::Author,
        spurious: false,
        hint: Some("give it another name: what it had is removed there, and made here".into()),
        source: Source::Error(text.into()),
    })
}
