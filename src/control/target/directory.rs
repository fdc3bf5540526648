//! In: the folder of a target. Out: facts, verdicts and answers.
//! Guarantee: one writer, opened at the first write.
use super::super::released_clusters::Released;
use super::session::Sought;
use super::{Placed, Release, answered, formerly, released};
use crate::act::apply::directory::{Writer, probe};
use crate::decide::document::Site;
use crate::decide::drift::Found;
use crate::decide::plan::layout::RECORD;
use crate::decide::plan::{ClusterState, Group, LayerPlan, Plan, Probe, Verdict, Why};
use crate::decide::rollout::Answer;
use crate::decide::value::{Fault, Live, Timestamp, Value};
use crate::name::{ClusterName, CommitId, LayerName, ObjectId};
use crate::observe::cluster::directory;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A target that is a folder.
pub(super) struct Folder {
    path: PathBuf,
    fleet: Arc<str>,
    cluster: ClusterName,
    writer: Mutex<Option<Writer>>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, fleet: &Arc<str>, cluster: &ClusterName) -> Self {
        Self { path, fleet: fleet.clone(), cluster: cluster.clone(), writer: Mutex::default() }
    }

    /// Reads what is known; with what is wanted, also what is not as it was written, and whether that is only observed.
    pub(super) fn facts(&self, sought: Option<Sought<'_>>) -> Result<(ClusterState, Vec<Found>), Fault> {
        let mut facts = directory::facts(&self.path, &self.fleet, &self.cluster)?;
        let found = match sought {
            Some(Sought { layers, observes }) => directory::mark_drift(&self.path, layers, observes, &mut facts),
            None => Vec::new(),
        };
        Ok((facts, found))
    }

    pub(super) fn probe(&self, plan: &Plan, probes: Vec<Probe>) -> Vec<Verdict> {
        let layer_of = |object: &ObjectId, site: Site| {
            let holds = |layer: &&LayerPlan| {
                let mut changes = layer.groups.iter().flat_map(|group| &group.objects);
                changes.any(|change| change.object == *object && change.site == site)
            };
            plan.layers.iter().find(holds).map(|layer| layer.layer.clone())
        };
        let verdict = |probed: Probe| match layer_of(&probed.change.object, probed.change.site) {
            Some(layer) => probe(&self.path, plan, &layer, &probed.change),
            None => Verdict::Unverified("its layer is not in the plan".into()),
        };
        probes.into_iter().map(verdict).collect()
    }

    /// Runs `act` with the one writer; a folder that cannot be opened refuses.
    pub(super) fn with_writer(&self, plan: &Plan, act: impl FnOnce(&mut Writer) -> Answer) -> Answer {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            match Writer::open(&self.path, &self.fleet, &self.cluster, formerly(plan)) {
                Ok(opened) => *writer = Some(opened),
                Err(fault) => return Answer::Refused(Why::Unavailable(fault.to_string())),
            }
        }
        act(writer.as_mut().expect("it was just opened"))
    }

    pub(super) fn look(&self, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Live)> {
        directory::look(&self.path, &places(layer, group))
    }

    pub(super) fn content(&self, layer: &LayerPlan, group: &Group) -> Vec<((Site, ObjectId), Value)> {
        directory::content(&self.path, &places(layer, group))
    }

    /// Looks at objects, each by the first line of its file.
    pub(super) fn shown(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        directory::look(&self.path, objects)
    }

    /// Returns when the record was written last.
    pub(super) fn written(&self) -> Option<Timestamp> {
        let at = std::fs::metadata(self.path.join(RECORD)).and_then(|record| record.modified()).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok().map(Timestamp)
    }

    /// Reads what objects hold; one whose file is no YAML any more holds nothing.
    pub(super) fn read(&self, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        let content: BTreeMap<(Site, ObjectId), Value> = directory::content(&self.path, objects).into_iter().collect();
        let shown = directory::look(&self.path, objects).into_iter().map(|(id, live)| match live {
            Live::Present { version, .. } => {
                let object = content.get(&id).cloned().unwrap_or_default();
                (id, Live::Present { object, version })
            }
            live => (id, live),
        });
        shown.collect()
    }
}

/// Returns a group's objects, each with the layer in whose folder it stands.
fn places(layer: &LayerPlan, group: &Group) -> Vec<(LayerName, Site, ObjectId)> {
    group.objects.iter().map(|change| (layer.layer.clone(), change.site, change.object.clone())).collect()
}

/// Writes into the record of a folder that no document describes its cluster any longer.
pub(super) fn release(folder: &Path, gone: &Released, head: CommitId) -> Result<Release, Fault> {
    let record = directory::facts(folder, &gone.fleet, &gone.cluster)?.record;
    let record = match released(record, gone, head) {
        Ok(record) => record,
        Err(release) => return Ok(release),
    };
    let mut writer = Writer::open(folder, &gone.fleet, &gone.cluster, &[])?;
    Ok(answered(&writer.write_record(&record)))
}
