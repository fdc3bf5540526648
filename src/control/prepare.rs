//! In: a head and the clusters that it concerns. Out: what it would change in each, from Git alone.
//! Guarantee: nothing is written; what is told is small, whatever the plans are.
//!
//! Why some are late: before the clusters of a head are looked at, none of them is synced, since what it deletes in all of
//! them together is bounded. A target that is far slower than the others, or dead, would hold them all; so it is left, and
//! looked at apart. What is deleted there counts for those that are synced after it is known, as for a cluster that comes back.
use super::outline::{Begun, Outlined, begin, outline_applied};
use super::registry_packs::texts;
use super::sync::{between, change, ruling};
use super::whose_record::own;
use super::world::{Sources, Target};
use crate::decide::document::Revision;
use crate::decide::fleet::Fleet;
use crate::decide::plan::{self, ChangeKind, ClusterState};
use crate::decide::profile::Declarations;
use crate::decide::report::{Condition, Review, held, note};
use crate::decide::value::{Diagnostic, Digest, Fault};
use crate::name::{ChangeId, ChangeSetId, ClusterName, EnvironmentName};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// What a head would change in one cluster.
#[derive(Debug)]
pub struct Prepared {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment, as its place says.
    pub environment: EnvironmentName,
    /// What would change, or why it cannot be told.
    pub change: Result<Summary, Fault>,
}

/// What a change is, in short.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its id.
    pub id: ChangeId,
    /// The digest of the wanted full profile.
    pub digest: Digest,
    /// How many layers it changes.
    pub layers: usize,
    /// How many objects it deletes.
    pub deletions: usize,
    /// How many objects are written or go though Git does not change them: a sync was cut off.
    pub repairs: usize,
    /// How the cluster will stand where its plan is held.
    pub held: Option<Condition>,
    /// What is to be told of its approval.
    pub note: Option<Arc<str>>,
    /// Warnings of the documents.
    pub warnings: Vec<Diagnostic>,
    /// The change as people review it; of a merge only.
    pub review: Option<Review>,
}

/// What holds for all clusters of one head.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// The ids of the changes of each environment together, by cluster.
    pub change_sets: BTreeMap<ClusterName, ChangeSetId>,
    /// How many objects the head deletes in each cluster.
    pub deletions: BTreeMap<ClusterName, usize>,
}

impl Round {
    /// Returns what holds, from what the head would change in each cluster: the changes of an environment that wait for
    /// approval have an id together.
    pub fn of<'a>(prepared: impl Iterator<Item = &'a Prepared> + Clone) -> Self {
        let mut round = Self::default();
        let mut sets: BTreeMap<&EnvironmentName, Vec<ChangeId>> = BTreeMap::new();
        for one in prepared.clone() {
            let Ok(change) = &one.change else { continue };
            round.deletions.insert(one.cluster.clone(), change.deletions);
            if matches!(change.held, Some(Condition::Held(..))) {
                sets.entry(&one.environment).or_default().push(change.id);
            }
        }
        let sets: BTreeMap<_, ChangeSetId> =
            sets.into_iter().map(|(environment, ids)| (environment, plan::change_set_id(&ids))).collect();
        for one in prepared {
            round.change_sets.extend(sets.get(&one.environment).map(|set| (one.cluster.clone(), *set)));
        }
        round
    }
}

/// How many clusters one task looks at: few enough that all threads end at one time.
const AT_ONCE: usize = 32;

/// How many such tasks there are at once: most of the time of one whose targets are far is spent waiting.
const TASKS: usize = 16;

/// A target that does not answer within this is late: a new connection and its first reads are four round trips.
const PATIENCE: Duration = Duration::from_secs(2);

/// Once three of four have answered, the others have three times as long as those took, and at least this.
const PATIENCE_MIN: Duration = Duration::from_millis(100);

/// What is known of clusters once most of them have answered.
#[derive(Debug, Default)]
pub struct Preparation {
    /// What the head would change.
    pub prepared: Vec<Prepared>,
    /// Those whose targets have not answered.
    pub late: BTreeSet<ClusterName>,
}

/// Looks at each cluster on all threads of the pool, but for those that are late; a panic is a fault of its cluster alone.
pub async fn prepare_all<W: Sources + Target + Send + Sync + 'static>(
    world: Arc<W>,
    fleet: Arc<Fleet>,
    clusters: BTreeSet<ClusterName>,
) -> Preparation {
    let clusters: Vec<ClusterName> = clusters.into_iter().collect();
    let parts: Vec<BTreeSet<ClusterName>> =
        clusters.chunks(AT_ONCE).map(|part| part.iter().cloned().collect()).collect();
    let (mut left, mut running, mut parts_of) = (parts.into_iter(), JoinSet::new(), HashMap::new());
    let mut all = Preparation::default();
    loop {
        while running.len() < TASKS
            && let Some(part) = left.next()
        {
            let (world, fleet, of) = (world.clone(), fleet.clone(), part.clone());
            let task = running.spawn(async move { prepare_within(&*world, &fleet, &of, Wait::Patiently).await });
            parts_of.insert(task.id(), part);
        }
        let Some(done) = running.join_next_with_id().await else { return all };
        match done {
            Ok((_, found)) => {
                all.prepared.extend(found.prepared);
                all.late.extend(found.late);
            }
            // Each of them alone then.
            Err(error) => {
                for cluster in parts_of.remove(&error.id()).unwrap_or_default() {
                    all.prepared.extend(prepare_one(&*world, &fleet, &cluster).await);
                }
            }
        }
    }
}

/// Looks at one cluster, however long that takes; a panic is its fault alone.
pub async fn prepare_one<W: Sources + Target>(world: &W, fleet: &Fleet, cluster: &ClusterName) -> Vec<Prepared> {
    let of = [cluster.clone()].into();
    let prepared = AssertUnwindSafe(prepare(world, fleet, &of)).catch_unwind().await;
    prepared.unwrap_or_else(|_| broken(fleet, cluster).into_iter().collect())
}

/// What is told of a cluster whose plan panicked.
fn broken(fleet: &Fleet, cluster: &ClusterName) -> Option<Prepared> {
    let environment = fleet.index.environment_of(cluster)?;
    let change = Err(Fault::bug("the plan did not come to its end"));
    Some(Prepared { cluster: cluster.clone(), environment, change })
}

/// Looks at each cluster.
pub async fn prepare<W: Sources + Target>(world: &W, fleet: &Fleet, clusters: &BTreeSet<ClusterName>) -> Vec<Prepared> {
    prepare_within(world, fleet, clusters, Wait::ForAll).await.prepared
}

/// How long targets are waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// As long as they take.
    ForAll,
    /// Until some are far slower than the others.
    Patiently,
}

async fn prepare_within<W: Sources + Target>(
    world: &W,
    fleet: &Fleet,
    clusters: &BTreeSet<ClusterName>,
    wait: Wait,
) -> Preparation {
    let mut declarations = Declarations::default();
    let mut begun = Vec::new();
    for cluster in clusters {
        begun.push((cluster, begin(world, &mut declarations, fleet, cluster).await));
    }
    // Read at once, since neighbours are packed as differences of each other. What cannot be read is told of its cluster.
    let needs = begun.iter().filter_map(|(_, begun)| begun.as_ref().ok()).flat_map(Begun::needs).collect();
    let ahead = texts(world, needs).await;
    let mut outlined = Vec::new();
    for (cluster, begun) in begun {
        outlined.push(match begun {
            Ok(begun) => begun.outline(world, cluster).await,
            Err(fault) => Err(fault),
        });
    }
    let facts = facts_of(world, &outlined, wait).await;
    let mut all = Preparation::default();
    for ((cluster, outlined), facts) in clusters.iter().zip(outlined).zip(facts) {
        let Some(environment) = fleet.index.environment_of(cluster) else { continue };
        let change = match (outlined, facts) {
            (Ok(outlined), Some(Ok(facts))) => {
                summary(world, &mut declarations, fleet, cluster, (outlined, facts)).await
            }
            (Ok(_), Some(Err(fault))) | (Err(fault), _) => Err(fault),
            (Ok(_), None) => {
                all.late.insert(cluster.clone());
                continue;
            }
        };
        all.prepared.push(Prepared { cluster: cluster.clone(), environment, change });
    }
    drop(ahead);
    all
}

/// Asks all targets at once; of one that is late, or is not asked, there is nothing.
async fn facts_of<W: Sources + Target>(
    world: &W,
    outlined: &[Result<Outlined, Fault>],
    wait: Wait,
) -> Vec<Option<Result<ClusterState, Fault>>> {
    let mut facts: Vec<_> = outlined.iter().map(|_| None).collect();
    let mut asked = FuturesUnordered::new();
    for (at, outlined) in outlined.iter().enumerate() {
        if let Ok(outlined) = outlined {
            asked.push(async move { (at, world.facts(&outlined.wanted.profile, None).await) });
        }
    }
    let (all, begin) = (asked.len(), Instant::now());
    let (mut deadline, mut answered) = (begin + PATIENCE, 0);
    loop {
        let next = match wait {
            Wait::ForAll => asked.next().await,
            Wait::Patiently => timeout_at(deadline, asked.next()).await.ok().flatten(),
        };
        let Some((at, answer)) = next else { return facts };
        if let Some(place) = facts.get_mut(at) {
            *place = Some(answer);
        }
        answered += 1;
        if answered * 4 == (all * 3).next_multiple_of(4) {
            deadline = deadline.min(Instant::now() + (begin.elapsed() * 3).max(PATIENCE_MIN));
        }
    }
}

async fn summary<W: Sources + Target>(
    world: &W,
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
    (outlined, facts): (Outlined, ClusterState),
) -> Result<Summary, Fault> {
    own(fleet, cluster, &facts.record)?;
    let (before, outlined) = outline_applied(world, declarations, &facts.record, outlined).await?;
    let Outlined { wanted, mut warnings, .. } = outlined;
    let between = between(world, &wanted.sketch, &before).await?;
    let change = change(&before, &wanted.layers, &between);
    let (Revision::Commit(head) | Revision::Merge { head, .. }) = fleet.head;
    let ruling = ruling(world, &wanted, &before, &facts, head).await?;
    let draft = warnings.keep(plan::draft(change.clone(), &facts, &ruling))?;
    let plan = match world.foreseen(&wanted.profile, &draft).await {
        Some(verdicts) => warnings.keep(draft.settle(verdicts))?,
        None => draft.untried(),
    };
    let plan = &plan;
    let held = (!plan.holds.is_empty()).then(|| held(plan));
    let layers = change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged).count();
    // What a sync that was cut off left goes, too.
    let deletions = plan::deletions(&plan.layers).len();
    let repairs = plan::view::repairs(plan).count();
    let review = matches!(fleet.head, Revision::Merge { .. }).then(|| Review {
        id: change.id,
        layers,
        deletions,
        disruption: change.disruption,
        waits: waits(held.as_ref()),
        lines: plan::view::lines(plan),
    });
    let note = note(plan);
    Ok(Summary {
        id: change.id,
        digest: change.digest,
        layers,
        deletions,
        repairs,
        held,
        note,
        warnings: warnings.0,
        review,
    })
}

/// Returns why a plan waits for approval, if it does.
pub(super) fn waits(held: Option<&Condition>) -> Option<String> {
    if let Some(Condition::Held(why, _)) = held { Some(why.to_string()) } else { None }
}
