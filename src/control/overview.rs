//! In: a fleet, its settings' targets. Out: where each cluster is, as its target itself tells: what is applied, how well it
//! is, what others changed, since when.
//! Guarantee: nothing is written; a target that does not answer in time is told as such, and hides no other.
use super::due_hooks::{Hooks, due};
use super::last_applied::LastApplied;
use super::preview::Preview;
use super::released_clusters::Released;
use super::sync::Wanted;
use super::target::Placed;
use super::whose_record::own;
use crate::decide::document::Site;
use crate::decide::drift::Found;
use crate::decide::fleet::Fleet;
use crate::decide::health::{Health, Reporting};
use crate::decide::plan::{ClusterState, LayerInventory};
use crate::decide::profile::{HealthRule, Lifecycle, Record};
use crate::decide::render::{Layer, Object};
use crate::decide::rollout::{health_as_seen, health_words};
use crate::decide::value::{Diagnostic, Digest, Fault, Live, Owner, Source, Timestamp, Warnings};
use crate::name::{ClusterName, CommitId, EnvironmentName, LayerName, ObjectId};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How many clusters are asked at once: nearly all of the time is that of their servers.
const AT_ONCE: usize = 32;

/// How long a target may take for one of its answers. A connection is given up after 10 s, so that this ends only what was
/// taken and is not answered; a person waits for it.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Where a cluster is.
#[derive(Debug)]
pub struct Overview {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its target in the settings.
    pub target: Arc<str>,
    /// What shall become of it; none where its documents do not say so.
    pub lifecycle: Option<Lifecycle>,
    /// What its target tells, or why it does not.
    pub told: Result<Told, Fault>,
}

/// What a target tells of its cluster.
#[derive(Debug)]
pub struct Told {
    /// What it remembers.
    pub record: Record,
    /// When that was written last, by the clock of who keeps it, and how long ago that is.
    pub written: Option<(Timestamp, Duration)>,
    /// Its layers: those that are wanted in their order, then others that are there still.
    pub layers: Vec<Seen>,
    /// Why it is not known what is wanted, if it is not: one thing a line.
    pub unwanted: Option<Vec<String>>,
}

/// A layer, as the target has it.
#[derive(Debug)]
pub struct Seen {
    /// The layer.
    pub layer: LayerName,
    /// Where its objects are.
    pub site: Site,
    /// How it stands to what is wanted.
    pub place: Standing,
    /// The pack that was applied and its version; none of plain manifests, and where that is not known.
    pub pack: Option<(Arc<str>, Arc<str>)>,
    /// The commit that it was applied by.
    pub commit: Option<CommitId>,
    /// The digest of its document and files, as they were applied.
    pub digest: Option<Digest>,
    /// How many objects its inventory lists.
    pub objects: usize,
    /// Those of them that are not well, and how they are.
    pub ill: Vec<(ObjectId, Health)>,
    /// What is not as it was applied.
    pub drift: Vec<Found>,
}

/// How a layer of a target stands to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was applied as it is wanted.
    Synced,
    /// Something else was applied, or not all of it.
    Behind,
    /// It was not applied.
    Absent,
    /// It is paused.
    Paused,
    /// No document wants it.
    Unwanted,
    /// It is not known what is wanted.
    Unknown,
}

impl Told {
    /// Returns how many of the layers that are wanted are applied so, and how many are wanted.
    pub fn synced(&self) -> (usize, usize) {
        let wanted = self.layers.iter().filter(|layer| layer.place != Standing::Unwanted);
        let synced = self.layers.iter().filter(|layer| layer.place == Standing::Synced);
        (synced.count(), wanted.count())
    }
}

/// Asks the targets of clusters, many at once.
pub async fn overview(preview: &Preview, fleet: &Fleet, clusters: &[ClusterName]) -> Vec<Overview> {
    let mut left = clusters.iter();
    let asked = at_once(|| left.next().map(|cluster| asked(preview, fleet, cluster))).await;
    asked.into_iter().flatten().collect()
}

/// Waits for many answers at once, and returns them in the order of their questions; each is asked once another has ended.
pub(super) async fn at_once<'a, T>(mut next: impl FnMut() -> Option<BoxFuture<'a, T>>) -> Vec<T> {
    let (mut open, mut done) = (FuturesOrdered::new(), Vec::new());
    loop {
        while open.len() < AT_ONCE
            && let Some(question) = next()
        {
            open.push_back(question);
        }
        match open.next().await {
            Some(answer) => done.push(answer),
            None => return done,
        }
    }
}

fn asked<'a>(preview: &'a Preview, fleet: &'a Fleet, cluster: &'a ClusterName) -> BoxFuture<'a, Option<Overview>> {
    Box::pin(of_cluster(preview, fleet, cluster))
}

async fn of_cluster(preview: &Preview, fleet: &Fleet, cluster: &ClusterName) -> Option<Overview> {
    let place = Released::of(fleet, cluster)?;
    let wanted = preview.wanted(fleet, cluster, &mut Warnings::default()).await;
    let lifecycle = wanted.as_ref().ok().map(|wanted| wanted.profile.lifecycle);
    let told = Box::pin(told(preview, fleet, &place, wanted)).await;
    let (environment, target) = (place.environment, place.target);
    Some(Overview { cluster: place.cluster, environment, target, lifecycle, told })
}

/// Waits for an answer, no longer than a person would.
pub(super) async fn in_time<T>(target: &str, answer: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(ANSWER_MAX, answer).await.map_err(|_| Fault {
        owner: Owner::Outside,
        spurious: true,
        hint: Some("see whether its API server is well".into()),
        source: Source::Error(format!("the target {target} gave no answer for {} s", ANSWER_MAX.as_secs()).into()),
    })
}

async fn told(
    preview: &Preview,
    fleet: &Fleet,
    place: &Released,
    wanted: Result<Wanted, Fault>,
) -> Result<Told, Fault> {
    let facts = in_time(&place.target, preview.targets().recorded(place)).await??;
    own(fleet, &place.cluster, &facts.record)?;
    let applied = LastApplied::of(preview, &facts.record, wanted.as_ref().ok()).await;
    // What was applied is what the target is compared with; before the first time, it is what is being applied.
    let Some(known) = applied.other().or(wanted.as_ref().ok()) else {
        let unwanted = wanted.err().map(|fault| why(&fault));
        let layers = facts.inventory.layers.values().map(|book| Seen::of(book, &facts.record)).collect();
        return Ok(Told { record: facts.record, written: None, layers, unwanted });
    };
    let mut profile = known.profile.clone();
    profile.cluster = place.cluster.clone();
    (profile.target, profile.management) = (place.target.clone(), place.management.clone());
    let targets = preview.targets();
    let facts = in_time(&place.target, targets.facts(&profile, Some(&known.layers))).await??;
    let objects = |book: &LayerInventory| -> Vec<Placed> {
        book.entries.keys().map(|(site, object)| (book.layer.clone(), *site, object.clone())).collect()
    };
    let objects: Vec<Placed> = facts.inventory.layers.values().flat_map(objects).collect();
    let shown = in_time(&place.target, targets.shown(&place.cluster, &objects)).await?;
    let sight = Sight {
        facts: &facts,
        known,
        applied: applied.other(),
        due: wanted.as_ref().map(|wanted| due(&wanted.layers, applied.layers(&wanted.layers))).unwrap_or_default(),
        live: shown.into_iter().collect(),
        found: targets.found(&place.cluster),
        reporting: targets.reporting(&place.cluster),
    };
    let layers = sight.layers(wanted.as_ref().ok());
    let unwanted = wanted.err().map(|fault| why(&fault));
    Ok(Told { layers, written: targets.written(&place.cluster), record: facts.record, unwanted })
}

/// Returns all that is wrong, each with its place and its hint.
fn why(fault: &Fault) -> Vec<String> {
    let Source::Documents(said) = &fault.source else {
        let hint = fault.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        return vec![format!("{fault}{hint}")];
    };
    let line = |said: &Diagnostic| {
        let at = said.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
        let hint = said.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{at}{} {}{hint}", said.code, said.message)
    };
    said.iter().filter(|said| said.is_error()).map(line).collect()
}

/// What was read of one cluster.
struct Sight<'a> {
    facts: &'a ClusterState,
    /// What it was compared with.
    known: &'a Wanted,
    /// What was applied, where that is another profile than is wanted.
    applied: Option<&'a Wanted>,
    /// The hooks that the next sync runs.
    due: Hooks<'a>,
    live: BTreeMap<(Site, ObjectId), Live>,
    found: Vec<Found>,
    reporting: Reporting,
}

impl Sight<'_> {
    /// Returns all layers; without what is wanted, those that are there.
    fn layers(&self, wanted: Option<&Wanted>) -> Vec<Seen> {
        let wanted_layers = wanted.map_or(&[][..], |wanted| &wanted.layers.layers);
        let mut layers = Vec::new();
        for layer in wanted_layers {
            let mut book = [Some(&layer.name), layer.renamed_from.as_ref()].into_iter().flatten();
            let book = book.find_map(|name| self.facts.inventory.layers.get(name));
            layers.push(match book {
                Some(book) => Seen { layer: layer.name.clone(), place: self.place(layer, book), ..self.seen(book) },
                None => Seen { place: self.absent(layer), ..Seen::none(layer) },
            });
        }
        let is_wanted = |book: &&LayerInventory| {
            wanted_layers.iter().any(|it| it.name == book.layer || it.renamed_from.as_ref() == Some(&book.layer))
        };
        for book in self.facts.inventory.layers.values().filter(|book| !is_wanted(book)) {
            let place = if wanted.is_some() { Standing::Unwanted } else { Standing::Unknown };
            layers.push(Seen { place, ..self.seen(book) });
        }
        layers
    }

    /// Says how a layer stands to what is wanted; what others changed since is another matter.
    fn place(&self, layer: &Layer, book: &LayerInventory) -> Standing {
        let drifted: BTreeSet<&ObjectId> = self.found.iter().map(|found| &found.object).collect();
        let known = self.known.layers.layers.iter().flat_map(|layer| &layer.objects);
        let known: BTreeMap<&ObjectId, Digest> = known.map(|it| (&it.id, it.manifest.digest())).collect();
        let is_applied = |object: &Object| {
            let digest = object.manifest.digest();
            let entry = book.entries.get(&(layer.site, object.id.clone()));
            if object.hook.is_some() {
                // It ran, and may be gone or of an earlier run.
                return !self.due.contains(&(layer.site, &object.id)) && entry.is_none_or(|it| it.intended.is_none());
            }
            entry.is_some_and(|entry| {
                (entry.applied == Some(digest) && entry.intended.is_none())
                    || (drifted.contains(&object.id) && known.get(&object.id) == Some(&digest))
            })
        };
        let is_wanted = |object: &ObjectId| layer.objects.iter().any(|wanted| wanted.id == *object);
        if layer.options.paused {
            Standing::Paused
        } else if book.entries.keys().all(|(_, object)| is_wanted(object)) && layer.objects.iter().all(is_applied) {
            Standing::Synced
        } else {
            Standing::Behind
        }
    }

    /// A layer without objects, or of hooks alone that ran and went, has no inventory, and nothing to be applied.
    fn absent(&self, layer: &Layer) -> Standing {
        let has_run = |object: &Object| object.hook.is_some() && !self.due.contains(&(layer.site, &object.id));
        match (layer.options.paused, layer.objects.iter().all(has_run)) {
            (true, _) => Standing::Paused,
            (false, true) => Standing::Synced,
            (false, false) => Standing::Absent,
        }
    }

    fn seen(&self, book: &LayerInventory) -> Seen {
        let of = |wanted: &'_ Wanted| {
            let layers = &wanted.layers.layers;
            layers
                .iter()
                .find(|layer| layer.name == book.layer || layer.renamed_from.as_ref() == Some(&book.layer))
                .cloned()
        };
        // A layer that came since is known by what is wanted now.
        let layer = self.applied.and_then(of).or_else(|| of(self.known));
        let rules = layer.clone().map(|layer| layer.options.health).unwrap_or_default();
        // What stands of a layer that was paused is of an earlier sync, whatever the last one wanted.
        let layer = layer.filter(|_| !self.facts.record.paused.contains_key(&book.layer));
        let drift = self.found.iter().filter(|found| found.layer == book.layer).cloned().collect();
        let named = layer.as_ref().and_then(|layer| layer.source.named());
        let pack = named.map(|(name, version)| (name.clone(), version.clone()));
        let ill = self.ill(book, layer.as_ref(), &rules);
        Seen {
            pack,
            digest: layer.as_ref().map(|layer| layer.digest),
            ill,
            drift,
            ..Seen::of(book, &self.facts.record)
        }
    }

    /// Returns the objects that are not well; what is not written yet is on its way.
    fn ill(&self, book: &LayerInventory, layer: Option<&Layer>, rules: &[HealthRule]) -> Vec<(ObjectId, Health)> {
        let mut ill = Vec::new();
        for ((site, object), entry) in &book.entries {
            let wanted = layer.and_then(|layer| layer.objects.iter().find(|it| it.id == *object));
            if wanted.is_some_and(|wanted| wanted.hook.is_some()) && entry.intended.is_none() {
                // It was well when it ran, and nothing of its layer waits for it.
                continue;
            }
            let health = match self.live.get(&(*site, object.clone())) {
                Some(live) => health_as_seen(object, wanted.map(|it| &it.manifest), live, rules, self.reporting),
                None => Health::Unknown("it was not looked at".into()),
            };
            let is_drift = self.found.iter().any(|found| found.object == *object);
            match health {
                Health::Current => {}
                Health::NotFound if entry.applied.is_none() && !is_drift => {
                    ill.push((object.clone(), Health::InProgress("it is not written yet".into())));
                }
                health => ill.push((object.clone(), health)),
            }
        }
        ill
    }
}

impl Seen {
    /// Returns what an inventory alone tells of a layer.
    fn of(book: &LayerInventory, record: &Record) -> Self {
        let (applied, applying) = (record.applied.as_ref(), record.applying.as_ref());
        let moment = match record.paused.get(&book.layer) {
            Some(left) => left.as_ref(),
            None => applying.filter(|moment| moment.plan == book.plan).or(applied),
        };
        Self {
            layer: book.layer.clone(),
            site: book.entries.keys().next().map_or(Site::Workload, |(site, _)| *site),
            place: Standing::Unknown,
            pack: None,
            commit: moment.map(|moment| moment.head),
            digest: None,
            objects: book.entries.len(),
            ill: Vec::new(),
            drift: Vec::new(),
        }
    }

    /// Returns a layer of which nothing is there.
    fn none(layer: &Layer) -> Self {
        let (layer, site, place) = (layer.name.clone(), layer.site, Standing::Absent);
        let (ill, drift) = (Vec::new(), Vec::new());
        Self { layer, site, place, pack: None, commit: None, digest: None, objects: 0, ill, drift }
    }

    /// Returns how it is: the gravest of its objects; none where it has none.
    pub fn health(&self) -> Option<Wellness> {
        let worst = self.ill.iter().map(|(_, health)| Wellness::of(health)).max();
        (self.objects > 0).then(|| worst.unwrap_or(Wellness::Healthy))
    }
}

/// How something is, least grave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wellness {
    /// It works.
    Healthy,
    /// It is on its way.
    Progressing,
    /// It could not be read, or not judged.
    Unknown,
    /// It does not work, or is gone.
    Failed,
}

impl Wellness {
    fn of(health: &Health) -> Self {
        match health {
            Health::Current => Self::Healthy,
            Health::InProgress(_) | Health::Terminating(_) => Self::Progressing,
            Health::Unknown(_) => Self::Unknown,
            Health::Failed(_) | Health::Ended(_) | Health::NotFound => Self::Failed,
        }
    }

    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Progressing => "progressing",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }
}

impl Standing {
    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Behind => "behind",
            Self::Absent => "absent",
            Self::Paused => "paused",
            Self::Unwanted => "to go",
            Self::Unknown => "unknown",
        }
    }
}

/// Returns what a health says, in words.
pub fn words(health: &Health) -> String {
    health_words(health.clone())
}
