//! In: a cluster that no document describes any longer, or that has another target now. Out: a record in the target that
//! it had which says so, and what people are told.
//! Guarantee: nothing is deleted; what goes on under another name is not released.
use super::world::Target;
use crate::decide::fleet::Fleet;
use crate::decide::profile::Management;
use crate::decide::report::{Condition, Report, Standing, failed};
use crate::decide::value::{Digest, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use std::fmt;
use std::sync::Arc;

/// A cluster that no document describes any longer, as the last one did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The fleet.
    pub fleet: Arc<str>,
    /// Its target in the settings.
    pub target: Arc<str>,
    /// The server that makes it, where there is one.
    pub management: Option<Management>,
    /// The target that it has now, where a document describes it still.
    pub goes_to: Option<Arc<str>>,
}

impl Released {
    /// Returns what the documents before said of a cluster; of one that could not be read, what is so by default.
    pub fn of(before: &Fleet, cluster: &ClusterName) -> Option<Self> {
        let document = before.index.cluster(cluster);
        let management = document.as_ref().ok().and_then(|document| document.management.as_ref());
        let management = management.map(|it| Management { target: it.target.clone(), namespace: it.namespace.clone() });
        let target = document.map(|document| document.target.clone());
        Some(Self {
            cluster: cluster.clone(),
            environment: before.index.environment_of(cluster)?,
            fleet: before.index.fleet().ok()?.name.clone(),
            management,
            goes_to: None,
            target: target.unwrap_or_else(|_| cluster.as_str().into()),
        })
    }

    /// Returns what the target that a cluster had is released of, where its document names another one now.
    pub fn from_target(before: &Fleet, after: &Fleet, cluster: &ClusterName) -> Option<Self> {
        let place = |fleet: &Fleet| {
            let document = fleet.index.cluster(cluster).ok()?;
            let management = document.management.as_ref().map(|it| (it.target.clone(), it.namespace.clone()));
            Some((document.target.clone(), management))
        };
        let (old, new) = (place(before)?, place(after)?);
        let gone = if old == new { None } else { Self::of(before, cluster) };
        gone.map(|gone| Self { goes_to: Some(new.0), ..gone })
    }
}

/// Returns the targets that a sync will release because their clusters have others now.
pub fn released_targets(before: &Fleet, after: &Fleet) -> Vec<Released> {
    let is_free = |released: &Released| after.index.clusters_of(&released.target).next().is_none();
    let clusters = after.index.cluster_names();
    clusters.filter_map(|cluster| Released::from_target(before, after, cluster)).filter(is_free).collect()
}

/// Says what stays where a cluster has another target now.
fn stays_behind(gone: &Released, new: &str) -> String {
    format!(
        "its target is {new} now: what it has in {} stays there, released, and nothing of it is deleted",
        gone.target
    )
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.goes_to {
            Some(new) => write!(f, "{}: {}", self.cluster, stays_behind(self, new)),
            None => write!(f, "{}: no document describes it any longer", self.cluster),
        }
    }
}

/// Releases a cluster at a head; tells nothing where it goes on under another name.
pub async fn release<W: Target>(
    world: &W,
    fleet: &Fleet,
    gone: &Released,
    head: CommitId,
    now: Timestamp,
) -> Option<Report> {
    if fleet.index.clusters_of(&gone.target).next().is_some() {
        return None;
    }
    let told = |lines| Report {
        cluster: gone.cluster.clone(),
        environment: gone.environment.clone(),
        commit: head,
        standing: Standing {
            cluster: gone.cluster.clone(),
            wanted: Digest([0; 32]),
            condition: Condition::Released,
            since: now,
            note: None,
        },
        change: None,
        numbers: None,
        spurious: false,
        lines,
        diagnostics: Vec::new(),
    };
    Some(match world.release(gone, head).await {
        Ok(true) if gone.goes_to.is_some() => {
            let new = gone.goes_to.as_deref().unwrap_or_default();
            told(vec![
                stays_behind(gone, new),
                format!("delete it there by hand, or write `target: {}` again: it goes on there", gone.target),
            ])
        }
        Ok(false) if gone.goes_to.is_some() => return None,
        Ok(true) => told(vec![
            format!("released: no document describes it any longer; its objects stay in the target {}", gone.target),
            format!("if another cluster is the same, give it `target: {}`: it goes on there", gone.target),
        ]),
        Ok(false) => told(vec!["released: nothing of it was ever applied".into()]),
        Err(fault) => {
            let report = failed(&gone.cluster, &gone.environment, head, None, fault, now);
            let lines =
                std::iter::once("released: no document describes it any longer; its record does not say so".into());
            Report { lines: lines.chain(report.lines).collect(), ..told(Vec::new()) }
        }
    })
}
