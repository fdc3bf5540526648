//! In: settings, a cluster's profile, plans. Out: what its target has and takes, whatever kind of target it is.
//! Guarantee: one writer a cluster; connections live on threads of their own, so that `decide` delays no answer.
mod server_identity;
mod observe_or_correct;
mod connections;
mod directory;
mod examine;
mod kubernetes;
mod managed;
mod memory;
mod recorded;
mod session;
mod watching;
mod wishes;

use super::released_clusters::Released;
use crate::client::clock::now;
use crate::decide::document::Site;
use crate::decide::drift::{Disturbance, Found};
use crate::decide::health::Suspects;
use crate::decide::plan::{ClusterState, Draft, GroupId, LayerInventory, Plan, Probe, Verdict, Why};
use crate::decide::profile::{FullProfile, Management, Record};
use crate::decide::render::Layers;
use crate::decide::rollout::{Answer, Outcome, Rollout};
use crate::decide::value::{Fault, Live, Owner, Source, Value};
use crate::name::{ClusterName, CommitId, LayerName, ObjectId};
use crate::settings::{Kubernetes, Settings, Target};
use connections::{Servers, on_connections};
pub use examine::{Examined, Missing, Need, Needs};
use kubernetes::Seat;
use managed::{Managed, Way};
use memory::{Memory, Tell};
use observe_or_correct::observes;
use session::Sought;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// How often the record of a cluster that is released is written: a sync that is cut off writes it twice at most.
const RELEASES_MAX: u32 = 4;

/// What became of a release.
enum Release {
    /// Nothing of the cluster was ever applied.
    Nothing,
    /// The record says so.
    Done,
    /// Another writer was there first.
    Overtaken,
}

/// Returns the record of a cluster that is released; none where there is nothing to be done, and what that means.
fn released(record: Record, gone: &Released, head: CommitId) -> Result<Record, Release> {
    if record.cluster != gone.cluster || record.head().is_none() {
        return Err(Release::Nothing);
    }
    if record.released.is_some() {
        return Err(Release::Done);
    }
    Ok(Record { generation: record.generation + 1, released: Some(head), ..record })
}

/// Returns what the answer to the record of a release means.
fn answered(answer: &Answer) -> Release {
    if matches!(answer, Answer::Written { .. }) { Release::Done } else { Release::Overtaken }
}

/// Returns the names that a plan's cluster had before.
fn formerly(plan: &Plan) -> &[ClusterName] {
    plan.begin.as_ref().map_or(&[], |record| &record.formerly)
}

/// An object, with the layer in whose folder it stands.
pub(super) type Placed = (LayerName, Site, ObjectId);

/// All targets of the settings.
pub(super) struct Targets {
    settings: Arc<Settings>,
    servers: Arc<Servers>,
    open: Mutex<BTreeMap<ClusterName, Arc<Open>>>,
    memories: Mutex<Memories>,
    /// None where requests run on the thread that asks for them.
    connections: Option<Handle>,
}

/// What is remembered of clusters.
#[derive(Default)]
struct Memories {
    /// By cluster and by its server.
    of: BTreeMap<(ClusterName, Site), Arc<Memory>>,
    /// The clusters whose sync runs.
    running: BTreeSet<ClusterName>,
    /// Told of changes; none where nothing is watched.
    tell: Option<Tell>,
}

impl Memories {
    fn of<'a>(&'a self, cluster: &'a ClusterName) -> impl Iterator<Item = &'a Arc<Memory>> {
        let sites = [Site::Management, Site::Workload];
        sites.into_iter().filter_map(|site| self.of.get(&(cluster.clone(), site)))
    }
}

/// The target of a cluster, as the last look at its facts found it.
enum Open {
    Directory(directory::Folder),
    Kubernetes(Box<kubernetes::Cluster>),
    Managed(Box<Managed>),
}

impl Targets {
    /// Takes the settings, and the threads on which connections live.
    pub(super) fn new(settings: Settings, connections: Option<Handle>) -> Self {
        Self {
            settings: Arc::new(settings),
            servers: Arc::default(),
            open: Mutex::default(),
            memories: Mutex::default(),
            connections,
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<ClusterName, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memories(&self) -> MutexGuard<'_, Memories> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self, cluster: &ClusterName, site: Site) -> Arc<Memory> {
        let Memories { of, running, tell } = &mut *self.memories();
        let is_running = running.contains(cluster);
        let begin = || {
            let watch = tell.clone().zip(self.connections.clone());
            Arc::new(Memory::new(cluster, watch, is_running))
        };
        of.entry((cluster.clone(), site)).or_insert_with(begin).clone()
    }

    /// Watches all targets from now on, as they are looked at, and tells what others change.
    pub(super) fn watch(&self, tell: Tell) {
        self.memories().tell = Some(tell);
    }

    /// Begins a sync of a cluster: its own writes are not told.
    pub(super) fn begin(&self, cluster: &ClusterName) {
        let mut memories = self.memories();
        memories.running.insert(cluster.clone());
        memories.of(cluster).for_each(|memory| memory.begin());
    }

    /// Ends a sync; returns what others changed meanwhile.
    pub(super) fn end(&self, cluster: &ClusterName) -> Option<Disturbance> {
        let mut memories = self.memories();
        memories.running.remove(cluster);
        memories.of(cluster).filter_map(|memory| memory.end()).max()
    }

    /// Forgets a cluster, and ends its watches.
    pub(super) fn forget(&self, cluster: &ClusterName) {
        self.memories().of.retain(|(other, _), _| other != cluster);
        self.open().remove(cluster);
    }

    /// Forgets who fights over a cluster's objects: a person asks for another try.
    pub(super) fn forgive(&self, cluster: &ClusterName) {
        self.memories().of(cluster).for_each(|memory| memory.forgive());
    }

    /// Returns what the last look found that is not as it was applied.
    pub(super) fn found(&self, cluster: &ClusterName) -> Vec<Found> {
        self.memories().of(cluster).flat_map(|memory| memory.found()).collect()
    }

    /// Takes how a plan ended.
    pub(super) async fn settled(&self, plan: &Plan, outcome: &Outcome) {
        let runtime = self.connections.as_ref();
        match self.of(plan).as_deref() {
            Ok(Open::Kubernetes(cluster)) => on_connections(runtime, cluster.settled(plan, outcome)).await,
            Ok(Open::Managed(cluster)) => on_connections(runtime, cluster.settled(plan, outcome)).await,
            _ => {}
        }
    }

    /// Reads what a cluster is and remembers; with the wanted layers, also which of its objects are not as applied.
    pub(super) async fn facts(&self, profile: &FullProfile, wanted: Option<&Layers>) -> Result<ClusterState, Fault> {
        let way = |target: Kubernetes| Way {
            servers: self.servers.clone(),
            settings: self.settings.clone(),
            seat: Seat::own(&profile.target, &target, &profile.fleet, &profile.cluster),
            memory: self.memory(&profile.cluster, Site::Workload),
        };
        let sought = wanted.map(|layers| Sought { layers, observes: observes(&self.settings, profile) });
        let runtime = self.connections.as_ref();
        match self.targets(&profile.target, profile.management.as_ref())? {
            (Target::Directory(folder), _) => {
                // What a cut-off writer left is cleared, and a writer that was overtaken is opened anew.
                let folder = directory::Folder::new(folder, &profile.fleet, &profile.cluster);
                let (facts, found) = folder.facts(sought)?;
                if sought.is_some() {
                    self.memory(&profile.cluster, Site::Workload).set_found(found, |_| true, now());
                }
                self.keep(profile, wanted, Open::Directory(folder));
                Ok(facts)
            }
            (Target::Kubernetes(target), None) => {
                let work = async {
                    let both = self.servers.get(&self.settings, &profile.target, &target).await?;
                    let seat = Seat::own(&profile.target, &target, &profile.fleet, &profile.cluster);
                    let memory = self.memory(&profile.cluster, Site::Workload);
                    kubernetes::Cluster::open(&self.settings, both, &seat, None, sought, memory).await
                };
                let (cluster, facts) = on_connections(runtime, work).await?;
                self.keep(profile, wanted, Open::Kubernetes(Box::new(cluster)));
                Ok(facts)
            }
            (Target::Kubernetes(target), Some(management)) => {
                let memory = self.memory(&profile.cluster, Site::Management);
                let work = Managed::open(way(target), (&management, memory), profile, sought);
                let (cluster, facts) = on_connections(runtime, work).await?;
                self.keep(profile, wanted, Open::Managed(Box::new(cluster)));
                Ok(facts)
            }
        }
    }

    fn targets(&self, name: &Arc<str>, management: Option<&Management>) -> Result<(Target, Option<Kubernetes>), Fault> {
        match management {
            Some(management) => self.settings.managed_target(name, &management.target, &management.namespace),
            None => Ok((self.settings.target(name)?, None)),
        }
    }

    /// Writes into a record that no document describes its cluster any longer; returns whether anything was applied.
    pub(super) async fn release(&self, gone: &Released, head: CommitId) -> Result<bool, Fault> {
        let (target, management) = self.targets(&gone.target, gone.management.as_ref())?;
        for _ in 0..RELEASES_MAX {
            let released = match &target {
                Target::Directory(folder) => directory::release(folder, gone, head)?,
                Target::Kubernetes(target) => {
                    let hosted = management.as_ref().zip(gone.management.as_ref());
                    let seat = match hosted {
                        Some((target, of)) => Seat::hosted(&of.target, target, &gone.fleet, &gone.cluster),
                        None => Seat::own(&gone.target, target, &gone.fleet, &gone.cluster),
                    };
                    let work = async {
                        let both = self.servers.get(&self.settings, &seat.name, &seat.target).await?;
                        // What watches know of it is forgotten with it.
                        let memory = Arc::new(Memory::new(&gone.cluster, None, true));
                        kubernetes::release(&self.settings, both, &seat, gone, head, memory).await
                    };
                    on_connections(self.connections.as_ref(), work).await?
                }
            };
            match released {
                Release::Nothing => return Ok(false),
                Release::Done => return Ok(true),
                Release::Overtaken => {}
            }
        }
        Err(Fault {
            owner: Owner::Outside,
            spurious: true,
            hint: Some("another process writes there: let one of them end".into()),
            source: Source::Error(format!("could not write the record of {}", gone.cluster).into()),
        })
    }

    /// Who only asks what is remembered must not come between a sync and its target.
    fn keep(&self, profile: &FullProfile, wanted: Option<&Layers>, open: Open) {
        if wanted.is_some() {
            self.open().insert(profile.cluster.clone(), Arc::new(open));
        }
    }

    /// Returns the target whose facts the plan was made from.
    fn of(&self, plan: &Plan) -> Result<Arc<Open>, Why> {
        let open = self.open().get(&plan.change.cluster).cloned();
        open.ok_or_else(|| Why::Unavailable("the target is not known".into()))
    }

    /// Tries each write without effect, in their order.
    pub(super) async fn probe(&self, plan: &Plan, probes: Vec<Probe>) -> Vec<Verdict> {
        match self.of(plan).as_deref() {
            Ok(Open::Directory(folder)) => folder.probe(plan, probes),
            Ok(Open::Kubernetes(cluster)) => {
                on_connections(self.connections.as_ref(), cluster.probe(plan, &probes)).await
            }
            Ok(Open::Managed(cluster)) => on_connections(self.connections.as_ref(), cluster.probe(plan, probes)).await,
            Err(why) => vec![Verdict::Refused(why.clone()); probes.len()],
        }
    }

    /// Returns the verdicts of a plan that is not about to be carried out; of a folder alone, where they cost no request.
    pub(super) fn foreseen(&self, profile: &FullProfile, draft: &Draft) -> Option<Vec<Verdict>> {
        match self.targets(&profile.target, profile.management.as_ref()) {
            Ok((Target::Directory(folder), _)) => {
                let folder = directory::Folder::new(folder, &profile.fleet, &profile.cluster);
                Some(folder.probe(draft.plan(), draft.probes()))
            }
            _ => None,
        }
    }

    /// Writes a record over the generation before it.
    pub(super) async fn record(&self, plan: &Plan, record: &Record) -> Answer {
        match self.of(plan).as_deref() {
            Ok(Open::Directory(folder)) => folder.with_writer(plan, |writer| writer.write_record(record)),
            Ok(Open::Kubernetes(cluster)) => on_connections(self.connections.as_ref(), cluster.record(record)).await,
            Ok(Open::Managed(cluster)) => on_connections(self.connections.as_ref(), cluster.record(record)).await,
            Err(why) => Answer::Refused(why.clone()),
        }
    }

    /// Writes the inventory of a layer.
    pub(super) async fn inventory(&self, plan: &Plan, inventory: &LayerInventory) -> Answer {
        match self.of(plan).as_deref() {
            Ok(Open::Directory(folder)) => folder.with_writer(plan, |writer| writer.write_inventory(inventory)),
            Ok(Open::Kubernetes(cluster)) => {
                on_connections(self.connections.as_ref(), cluster.inventory(inventory)).await
            }
            Ok(Open::Managed(cluster)) => {
                let site = plan.layers.iter().find(|layer| layer.layer == inventory.layer).map(|layer| layer.site);
                let work = cluster.inventory(site.unwrap_or(Site::Workload), inventory);
                on_connections(self.connections.as_ref(), work).await
            }
            Err(why) => Answer::Refused(why.clone()),
        }
    }

    /// Writes what a group writes.
    pub(super) async fn write(&self, plan: &Plan, id: GroupId) -> Vec<Answer> {
        let Some((layer, group)) = plan.layers.get(id.layer).zip(plan.try_find_group(id)) else { return Vec::new() };
        match self.of(plan).as_deref() {
            Ok(Open::Directory(folder)) => {
                let write = |change| folder.with_writer(plan, |writer| writer.write(&layer.layer, change));
                group.writes().map(write).collect()
            }
            Ok(Open::Kubernetes(cluster)) => {
                let record = cluster.record_book();
                let work = cluster.write(plan, layer, group, record.as_ref());
                on_connections(self.connections.as_ref(), work).await
            }
            Ok(Open::Managed(cluster)) => {
                on_connections(self.connections.as_ref(), cluster.write(plan, layer, group)).await
            }
            Err(why) => group.writes().map(|_| Answer::Refused(why.clone())).collect(),
        }
    }

    /// Reads a group's objects.
    pub(super) async fn look(&self, plan: &Plan, id: GroupId) -> Vec<((Site, ObjectId), Live)> {
        let Some((layer, group)) = plan.layers.get(id.layer).zip(plan.try_find_group(id)) else { return Vec::new() };
        match self.of(plan).as_deref() {
            Ok(Open::Directory(folder)) => folder.look(layer, group),
            Ok(Open::Kubernetes(cluster)) => {
                on_connections(self.connections.as_ref(), cluster.look(plan, layer, group)).await
            }
            Ok(Open::Managed(cluster)) => {
                on_connections(self.connections.as_ref(), cluster.look(plan, layer, group)).await
            }
            Err(_) => Vec::new(),
        }
    }

    /// Reads what a group's objects hold, as far as they can be read, to be compared with what is wanted.
    pub(super) async fn content(&self, plan: &Plan, id: GroupId) -> Vec<((Site, ObjectId), Value)> {
        let place = plan.layers.get(id.layer).zip(plan.try_find_group(id));
        if let (Some((layer, group)), Ok(Open::Directory(folder))) = (place, self.of(plan).as_deref()) {
            return folder.content(layer, group);
        }
        let present = |(id, live)| match live {
            Live::Present { object, .. } => Some((id, object)),
            Live::AsSeen | Live::Absent(_) => None,
        };
        self.look(plan, id).await.into_iter().filter_map(present).collect()
    }

    /// Reads what objects of a cluster hold, as its facts were looked at last; each with the layer in whose folder it is.
    pub(super) async fn read(&self, cluster: &ClusterName, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let open = self.open().get(cluster).cloned();
        match open.as_deref() {
            Some(Open::Directory(folder)) => folder.read(objects),
            Some(Open::Kubernetes(side)) => on_connections(self.connections.as_ref(), side.read(objects)).await,
            Some(Open::Managed(sides)) => on_connections(self.connections.as_ref(), sides.read(objects)).await,
            None => Vec::new(),
        }
    }

    /// Reads pods that may say why an object is not well; a directory has none.
    pub(super) async fn pods(&self, plan: &Plan, site: Site, suspects: &Suspects) -> Vec<Live> {
        match self.of(plan).as_deref() {
            Ok(Open::Kubernetes(cluster)) => on_connections(self.connections.as_ref(), cluster.pods(suspects)).await,
            Ok(Open::Managed(cluster)) => on_connections(self.connections.as_ref(), cluster.pods(site, suspects)).await,
            _ => Vec::new(),
        }
    }

    /// Begins the machine that says what comes next, as the plan's target needs it.
    pub(super) fn rollout(&self, plan: Plan) -> Rollout {
        match self.of(&plan).as_deref() {
            Ok(Open::Kubernetes(cluster)) => Rollout::with_stability(plan, cluster.stability()),
            Ok(Open::Managed(cluster)) => Rollout::with_stability(plan, cluster.stability()),
            _ => Rollout::for_directory(plan),
        }
    }
}
