//! In: a folder of a fleet, a revision or the working tree. Out: documents, profiles, layers and plans, without effect.
//! Guarantee: the same functions as a sync; nothing is written, not even a mirror.
use super::moments::{Moments, Repositories};
use super::outside::now;
use super::sync::{Applied, Wanted, applied, change, resolve};
use super::target::Targets;
use super::views::Views;
use super::world::Sources;
use crate::client::git::Limits;
use crate::decide::document::{Commits, Texts};
use crate::decide::fleet::Fleet;
use crate::decide::plan::{self, ClusterState, Plan, Ruling};
use crate::decide::render::Recalled;
use crate::decide::report::Standing;
use crate::decide::value::{Fault, Seal, Warnings};
use crate::name::{BlobId, ClusterName, CommitId};
use crate::observe::worktree::{Local, Worktree};
use crate::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A fleet on this machine, to be looked at.
pub struct Preview {
    worktree: Worktree,
    views: Views,
    moments: Moments,
    seal: Seal,
    settings: Settings,
    targets: Targets,
}

impl Preview {
    /// Opens the fleet at a folder.
    pub fn open(root: &Path, settings: Settings, seal: Seal) -> Result<Self, Fault> {
        let worktree = Worktree::open(root)?;
        let local = Local::try_discover(root)?;
        let targets = Targets::new(settings.clone(), None);
        let views = Views::open(local, &settings)?;
        Ok(Self { worktree, views, moments: Moments::default(), seal, settings, targets })
    }

    /// Returns the repository around, if there is one.
    pub fn local(&self) -> Option<&Local> {
        self.views.local()
    }

    /// Returns the limits of what is read.
    pub fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Returns the documents of a revision; without one, of the working tree.
    pub fn fleet(&self, revision: Option<&str>) -> Result<Arc<Fleet>, Fault> {
        match (revision, self.local()) {
            (Some(revision), Some(local)) => self.moments.fleet(&self.views, local.resolve(revision)?),
            (Some(_), None) => {
                Err(Local::discover(self.worktree.root()).err().unwrap_or_else(|| Fault::bug("no repository")))
            }
            (None, _) => {
                let head = self.local().map(Local::try_head).transpose()?.flatten();
                let change = self.worktree.list()?;
                self.moments.worktree(&self.views, head, &change, |blobs| self.worktree.read(blobs))
            }
        }
    }

    /// Resolves and renders a cluster.
    pub async fn wanted(&self, fleet: &Fleet, cluster: &ClusterName, warnings: &mut Warnings) -> Result<Wanted, Fault> {
        resolve(self, fleet, cluster, warnings).await
    }

    /// Returns what the target remembers and has.
    pub async fn facts(&self, wanted: &Wanted) -> Result<ClusterState, Fault> {
        self.targets.facts(&wanted.profile, Some(&wanted.layers)).await
    }

    /// Plans a cluster: against a revision, else against what is recorded as applied, else against nothing.
    pub async fn plan(
        &self,
        fleet: &Fleet,
        from: Option<&Fleet>,
        cluster: &ClusterName,
        warnings: &mut Warnings,
    ) -> Result<Plan, Fault> {
        let wanted = self.wanted(fleet, cluster, warnings).await?;
        let mut facts = self.facts(&wanted).await?;
        let before = match from {
            None => applied(self, cluster, &facts.record).await,
            Some(from) if from.index.environment_of(cluster).is_none() => Applied::Nothing,
            Some(from) => {
                Applied::Known(Box::new(self.wanted(&from.past(), cluster, &mut Warnings::default()).await?.layers))
            }
        };
        let change = change(&before, &wanted.layers);
        if from.is_some() {
            facts.inventory = as_if_applied(&before);
        }
        let mut policy = self.settings.floor.stricter(&wanted.profile.policy);
        if let Applied::Known(before) = &before {
            policy = policy.stricter(&before.policy);
        }
        let ruling = Ruling {
            policy,
            commits: Commits::default(),
            change_set: None,
            other_deletions: 0,
            reference: format!("refs/heads/{}", self.settings.branch()).into(),
            lifecycle: wanted.profile.lifecycle,
        };
        let draft = warnings.keep(plan::draft(change, &facts, &ruling))?;
        // Nothing is tried: a preview has no effect and no rights.
        let verdicts = draft.probes().iter().map(|_| plan::Verdict::SchemaChecked).collect();
        Ok(warnings.keep(draft.settle(verdicts))?)
    }

    /// Returns the commit whose documents a record says were applied.
    pub async fn standing(&self, wanted: &Wanted) -> Result<Option<Standing>, Fault> {
        let facts = self.targets.facts(&wanted.profile, None).await?;
        Ok(facts.record.applied.map(|moment| Standing {
            cluster: wanted.profile.cluster.clone(),
            wanted: wanted.profile.digest,
            condition: crate::decide::report::Condition::Synced { digest: moment.digest, commit: moment.head },
            since: now(),
        }))
    }
}

/// Returns the inventory of a cluster that has exactly these layers.
fn as_if_applied(before: &Applied) -> plan::Inventory {
    let Applied::Known(layers) = before else { return plan::Inventory::default() };
    let book = |layer: &crate::decide::render::Layer| {
        let entry = |object: &crate::decide::render::Object| {
            let digest = object.manifest.digest();
            ((layer.site, object.id.clone()), plan::Entry { applied: Some(digest), intended: None, uid: None })
        };
        plan::LayerInventory {
            layer: layer.name.clone(),
            plan: crate::name::PlanId([0; 32]),
            after: layer.after.iter().map(|edge| edge.layer.clone()).collect(),
            entries: layer.objects.iter().map(entry).collect::<BTreeMap<_, _>>(),
        }
    };
    plan::Inventory { layers: layers.layers.iter().map(|layer| (layer.name.clone(), book(layer))).collect() }
}

impl Sources for Preview {
    async fn fleet(&self, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        self.moments.fleet(&self.views, commit)
    }

    async fn texts(&self, blobs: BTreeSet<BlobId>) -> Result<Texts, Fault> {
        // A blob of the working tree may not be in a repository yet, and one of a pin not in the working tree.
        let mut texts = Texts::default();
        let mut elsewhere = BTreeSet::new();
        for blob in blobs {
            match self.worktree.read(&[blob]) {
                Ok(read) => read.into_iter().for_each(|(blob, content)| texts.insert(blob, content)),
                Err(fault) if self.local().is_none() && self.views.others().is_empty() => return Err(fault),
                Err(_) => drop(elsewhere.insert(blob)),
            }
        }
        if !elsewhere.is_empty() {
            let read = self.moments.texts(&self.views, &elsewhere)?;
            elsewhere.iter().filter_map(|blob| read.get(*blob)).for_each(|blob| texts.share(blob.clone()));
        }
        Ok(texts)
    }

    async fn commits(&self, from: Option<CommitId>, to: CommitId) -> Result<Commits, Fault> {
        match self.local() {
            Some(local) => local.objects().commits(from, to),
            None => Ok(Commits::default()),
        }
    }

    async fn follows(&self, commit: CommitId, head: CommitId) -> Result<bool, Fault> {
        match self.local() {
            Some(local) => local.objects().descends(commit, head),
            None => Ok(true),
        }
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    /// A command looks once and ends.
    fn remembered(&self, _: &ClusterName) -> Option<Arc<Recalled>> {
        None
    }

    fn remember(&self, _: &ClusterName, _: Option<Recalled>) {}
}
