//! In: a cluster's place in the settings. Out: what its target remembers of it, and what a look there showed.
//! Guarantee: nothing is written, and nothing of this machine is asked but the settings.
use super::super::released_clusters::Released;
use super::connections::on_connections;
use super::kubernetes::{Cluster, Seat};
use super::{Open, Placed, Targets, directory};
use crate::client::clock::now;
use crate::decide::document::Site;
use crate::decide::health::Reporting;
use crate::decide::plan::ClusterState;
use crate::decide::value::{Fault, Live, Timestamp};
use crate::name::{ClusterName, ObjectId};
use crate::settings::Target;

impl Targets {
    /// Reads the record and the inventories of a cluster, where its record is kept.
    pub(in super::super) async fn recorded(&self, of: &Released) -> Result<ClusterState, Fault> {
        let (target, management) = self.targets(&of.target, of.management.as_ref())?;
        let target = match target {
            Target::Directory(folder) => {
                return Ok(directory::Folder::new(folder, &of.fleet, &of.cluster).facts(None)?.0);
            }
            Target::Kubernetes(target) => target,
        };
        let seat = match management.as_ref().zip(of.management.as_ref()) {
            Some((host, place)) => Seat::hosted(&place.target, host, &of.fleet, &of.cluster),
            None => Seat::own(&of.target, &target, &of.fleet, &of.cluster),
        };
        let work = async {
            let both = self.servers.get(&self.settings, &seat.name, &seat.target).await?;
            let memory = self.memory(&of.cluster, seat.site);
            Cluster::open(&self.settings, both, &seat, None, None, memory).await
        };
        Ok(on_connections(self.connections.as_ref(), work).await?.1)
    }

    /// Returns what the last look at the facts showed of objects, and reads those that it did not show.
    pub(in super::super) async fn shown(
        &self,
        cluster: &ClusterName,
        objects: &[Placed],
    ) -> Vec<((Site, ObjectId), Live)> {
        let open = self.open().get(cluster).cloned();
        match open.as_deref() {
            Some(Open::Directory(folder)) => folder.shown(objects),
            Some(Open::Kubernetes(side)) => on_connections(self.connections.as_ref(), side.shown(objects)).await,
            Some(Open::Managed(sides)) => on_connections(self.connections.as_ref(), sides.shown(objects)).await,
            None => Vec::new(),
        }
    }

    /// Returns who tells of a cluster's objects.
    pub(in super::super) fn reporting(&self, cluster: &ClusterName) -> Reporting {
        match self.open().get(cluster).map(|open| &**open) {
            Some(Open::Kubernetes(_) | Open::Managed(_)) => Reporting::Server,
            Some(Open::Directory(_)) | None => Reporting::Directory,
        }
    }

    /// Returns the names of the Secrets in which Helm keeps a release, as far as they may be listed.
    pub(in super::super) async fn releases(
        &self,
        cluster: &ClusterName,
        site: Site,
        namespace: &str,
        name: &str,
    ) -> Vec<String> {
        let open = self.open().get(cluster).cloned();
        let labels = format!("owner=helm,name={name}");
        match open.as_deref() {
            Some(Open::Kubernetes(side)) => {
                on_connections(self.connections.as_ref(), side.secrets(namespace, &labels)).await
            }
            Some(Open::Managed(sides)) => {
                on_connections(self.connections.as_ref(), sides.secrets(site, namespace, &labels)).await
            }
            Some(Open::Directory(_)) | None => Vec::new(),
        }
    }

    /// Returns when the record was written last, by the clock of who keeps it, and how long ago that is by ours.
    pub(in super::super) fn written(&self, cluster: &ClusterName) -> Option<(Timestamp, std::time::Duration)> {
        let open = self.open().get(cluster).cloned();
        let at = match open.as_deref()? {
            Open::Directory(folder) => folder.written()?,
            Open::Kubernetes(side) => timestamp(&side.record_book()?.written?)?,
            Open::Managed(sides) => timestamp(&sides.record_book()?.written?)?,
        };
        Some((at, std::time::Duration::from_millis(now().0.saturating_sub(at.0))))
    }
}

/// Reads a time as API servers write it.
fn timestamp(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp)
}
