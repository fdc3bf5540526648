//! In: a head and the clusters that it concerns. Out: what it would change in each, from Git alone.
//! Guarantee: nothing is written; what is told is small, whatever the plans are.
use super::outline::{Begun, Outlined, begin, outline_applied};
use super::sync::{between, change, own, ruling};
use super::world::{Sources, Target};
use crate::decide::document::Revision;
use crate::decide::fleet::Fleet;
use crate::decide::plan::{self, ChangeKind};
use crate::decide::profile::Declarations;
use crate::decide::report::{Condition, Review, held, note};
use crate::decide::value::{Diagnostic, Digest, Fault};
use crate::name::{ChangeId, ChangeSetId, ClusterName, EnvironmentName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// Looks at each cluster on all threads of the pool; a panic is a fault of its cluster alone.
pub async fn prepare_all<W: Sources + Target + Send + Sync + 'static>(
    world: Arc<W>,
    fleet: Arc<Fleet>,
    clusters: BTreeSet<ClusterName>,
) -> Vec<Prepared> {
    let clusters: Vec<ClusterName> = clusters.into_iter().collect();
    let start = |part: &[ClusterName]| {
        let (world, fleet, part) = (world.clone(), fleet.clone(), part.iter().cloned().collect());
        tokio::spawn(async move { prepare(&*world, &fleet, &part).await })
    };
    let running: Vec<_> = clusters.chunks(AT_ONCE).map(|part| (part, start(part))).collect();
    let mut prepared = Vec::new();
    for (part, task) in running {
        if let Ok(found) = task.await {
            prepared.extend(found);
            continue;
        }
        for cluster in part {
            match start(std::slice::from_ref(cluster)).await {
                Ok(found) => prepared.extend(found),
                Err(_) => prepared.extend(fleet.index.environment_of(cluster).map(|environment| Prepared {
                    cluster: cluster.clone(),
                    environment,
                    change: Err(Fault::bug("the plan did not come to its end")),
                })),
            }
        }
    }
    prepared
}

/// Looks at each cluster.
pub async fn prepare<W: Sources + Target>(world: &W, fleet: &Fleet, clusters: &BTreeSet<ClusterName>) -> Vec<Prepared> {
    let (mut prepared, mut declarations) = (Vec::new(), Declarations::default());
    let begun: Vec<_> =
        clusters.iter().map(|cluster| (cluster, begin(world, &mut declarations, fleet, cluster))).collect();
    // Read at once, since neighbours are packed as differences of each other. What cannot be read is told of its cluster.
    let needs = begun.iter().filter_map(|(_, begun)| begun.as_ref().ok()).flat_map(Begun::needs).collect();
    let ahead = world.texts(needs).await;
    for (cluster, begun) in begun {
        let Some(environment) = fleet.index.environment_of(cluster) else { continue };
        let change = match begun {
            Ok(begun) => summary(world, &mut declarations, fleet, cluster, begun).await,
            Err(fault) => Err(fault),
        };
        prepared.push(Prepared { cluster: cluster.clone(), environment, change });
    }
    drop(ahead);
    prepared
}

async fn summary<W: Sources + Target>(
    world: &W,
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
    begun: Begun,
) -> Result<Summary, Fault> {
    let outlined = begun.outline(world, cluster).await?;
    let facts = world.facts(&outlined.wanted.profile, None).await?;
    own(fleet, cluster, &facts.record)?;
    let (before, outlined) = outline_applied(world, declarations, &facts.record, outlined).await?;
    let Outlined { wanted, mut warnings, .. } = outlined;
    let between = between(world, &wanted.sketch, &before).await?;
    let change = change(&before, &wanted.layers, &between);
    let (Revision::Commit(head) | Revision::Merge { head, .. }) = fleet.head;
    let ruling = ruling(world, &wanted, &before, &facts, head).await?;
    let draft = warnings.keep(plan::draft(change.clone(), &facts, &ruling))?;
    let plan = draft.plan();
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
    Ok(Summary { id: change.id, digest: change.digest, layers, deletions, repairs, held, note, warnings: warnings.0, review })
}

/// Returns why a plan waits for approval, if it does.
fn waits(held: Option<&Condition>) -> Option<String> {
    if let Some(Condition::Held(why, _)) = held { Some(why.to_string()) } else { None }
}
