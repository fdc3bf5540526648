//! In: a cluster that no document describes any longer. Out: a record that says so, and what people are told.
//! Guarantee: nothing is deleted; what goes on under another name is not released.
use super::world::Target;
use crate::decide::fleet::Fleet;
use crate::decide::profile::Management;
use crate::decide::report::{Condition, Report, Standing, failed};
use crate::decide::value::{Digest, Timestamp};
use crate::name::{ClusterName, CommitId, EnvironmentName};
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
            target: target.unwrap_or_else(|_| cluster.as_str().into()),
        })
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
