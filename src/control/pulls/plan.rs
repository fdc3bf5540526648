//! In: a merge of a pull request. Out: what it would change in each cluster that it touches.
//! Guarantee: by the functions that plan commits, and no further; from a fork no cluster is looked at.
use super::super::as_if_applied::as_if_applied;
use super::super::prepare::{Prepared, Summary, prepare_all, prepare_one, waits};
use super::super::sync::{Applied, between, change, resolve};
use super::super::world::{Sources, Target};
use super::world::World;
use crate::decide::document::{Commits, Revision};
use crate::decide::fleet::{Fleet, Touched};
use crate::decide::plan::{self, ChangeKind, ClusterState, Operation};
use crate::decide::profile::Record;
use crate::decide::report::{Review, held};
use crate::decide::value::{Fault, Warnings};
use crate::name::{ClusterName, CommitId};
use std::sync::Arc;

/// The base and the head of a pull request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) base: CommitId,
    pub(super) head: CommitId,
}

/// Plans what merging gives, in each cluster that it touches.
pub(super) async fn plan(world: Arc<World>, sides: Sides, is_fork: bool) -> Result<Vec<Prepared>, Fault> {
    let before = world.outside.fleet(sides.base).await?;
    let revision = Revision::Merge { base: sides.base, head: sides.head };
    let (outside, merge) = (&world.outside, world.merge);
    let (fleet, touched) = outside.moments().merged(outside.mirrors(), &*world.pulls, &before, revision, merge)?;
    let Touched { clusters, .. } = touched;
    if !is_fork {
        let all = Box::pin(prepare_all(world.clone(), fleet.clone(), clusters)).await;
        let mut prepared = all.prepared;
        // A pull request has time: each that is late is waited for as long as its server's deadlines have it.
        for cluster in all.late {
            prepared.extend(Box::pin(prepare_one(&*world, &fleet, &cluster)).await);
        }
        return Ok(prepared);
    }
    let mut prepared = Vec::new();
    for cluster in clusters {
        let Some(environment) = fleet.index.environment_of(&cluster) else { continue };
        let change = partial(&world, &before, &fleet, &cluster).await;
        prepared.push(Prepared { cluster, environment, change });
    }
    Ok(prepared)
}

/// Compares both sides as Git has them.
async fn partial(world: &World, before: &Fleet, fleet: &Fleet, cluster: &ClusterName) -> Result<Summary, Fault> {
    let mut warnings = Warnings::default();
    let wanted = resolve(world, fleet, cluster, &mut warnings).await?;
    let applied = match before.index.environment_of(cluster) {
        None => Applied::Nothing,
        Some(_) => match resolve(&*world.outside, before, cluster, &mut Warnings::default()).await {
            Ok(had) => Applied::Known(Box::new(had.layers)),
            Err(fault) => Applied::Unknown(plan::Unknown::unread(fault.to_string())),
        },
    };
    let between = between(world, &wanted.sketch, &applied).await?;
    let change = change(&applied, &wanted.layers, &between);
    let layers = change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged).count();
    let goes = |operation: &Operation| matches!(operation, Operation::Prune | Operation::Recreate);
    let objects = change.layers.iter().flat_map(|layer| &layer.objects);
    let deletions = objects.filter(|object| goes(&object.operation)).count();
    // What would be asked of the real one is: the rest is not known.
    let (profile, uid) = (&wanted.profile, plan::Uid("".into()));
    let record = Record::unborn(profile.fleet.clone(), profile.cluster.clone());
    let facts = ClusterState { uid, record, inventory: as_if_applied(&applied) };
    let draft = warnings.keep(plan::draft(change.clone(), &facts, &world.ruling(profile, Commits::default())))?;
    let drafted = draft.untried();
    let held = (!drafted.holds.is_empty()).then(|| held(&drafted));
    let waits = waits(held.as_ref());
    let mut lines = plan::view::change_lines(&change);
    lines.extend(waits.iter().map(|why| format!("  ! needs approval: {why}")));
    let review = Review { id: change.id, layers, deletions, disruption: change.disruption, waits, lines };
    let (id, digest) = (change.id, change.digest);
    let (repairs, note, review) = (0, None, Some(review));
    Ok(Summary { id, digest, layers, deletions, repairs, held, note, warnings: warnings.0, review })
}
