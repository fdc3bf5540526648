//! In: a cluster, its head, its record, and what is remembered of it. Out: its full profile and layers at two moments.
//! Guarantee: ids, digests and operations are those of what is made as a whole; what memory does not fit is made so.
//!
//! Why: what a head changes is asked of all clusters that it concerns, and nearly all their layers are as they were.
//! Values and manifests of a layer that is the same on both sides are not there, so nothing can be written from this.
use super::chart_texts::read_charts;
use super::expansion::expanded;
use super::registry_packs::{sketched, texts};
use super::sync::{Applied, Wanted, applied, whole};
use super::world::Sources;
use crate::decide::fleet::Fleet;
use crate::decide::plan::Unknown;
use crate::decide::profile::{Declarations, Record, Sketch};
use crate::decide::render::{self, Recalled, recall, remember};
use crate::decide::value::{Digest, Fault, Warnings};
use crate::name::{BlobId, ClusterName, LayerName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A cluster, made from as little as it takes.
pub(super) struct Outlined {
    pub(super) wanted: Wanted,
    pub(super) warnings: Warnings,
    keys: Vec<(LayerName, Digest)>,
    /// What was remembered and still holds.
    recalled: Recalled,
    memory: Arc<Recalled>,
}

/// A cluster at a head, of which it is known what has to be read.
pub(super) struct Begun {
    sketch: Sketch,
    keys: Vec<(LayerName, Digest)>,
    recalled: Recalled,
    memory: Arc<Recalled>,
}

/// Settles what has to be read of a cluster at a head.
pub(super) async fn begin<W: Sources>(
    world: &W,
    declarations: &mut Declarations,
    fleet: &Fleet,
    cluster: &ClusterName,
) -> Result<Begun, Fault> {
    let sketch = sketched(world, declarations, fleet, cluster).await?;
    let keys = sketch.keys();
    let memory = world.remembered(cluster).unwrap_or_default();
    let recalled = recall(&memory, &[&keys]);
    Ok(Begun { sketch, keys, recalled, memory })
}

impl Begun {
    /// Returns the blobs that outlining it reads.
    pub(super) fn needs(&self) -> BTreeSet<BlobId> {
        self.sketch.needs_but(&render::known(&self.sketch, &self.recalled))
    }

    /// Outlines the cluster, and remembers it.
    pub(super) async fn outline<W: Sources>(self, world: &W, cluster: &ClusterName) -> Result<Outlined, Fault> {
        let Self { sketch, keys, recalled, memory } = self;
        let outlined = Outlined::make(world, sketch, keys, recalled, memory).await?;
        outlined.learn(world, cluster);
        Ok(outlined)
    }
}

/// Outlines what the record says was applied last, under the name that the cluster had then, and what is wanted with as much as both have in common.
pub(super) async fn outline_applied<W: Sources>(
    world: &W,
    declarations: &mut Declarations,
    record: &Record,
    wanted: Outlined,
) -> Result<(Applied, Outlined), Fault> {
    let Some(moment) = &record.applied else { return Ok((Applied::Nothing, wanted)) };
    if !record.paused.is_empty() {
        // Layers of older syncs stand beside those of the last one: both sides are made as a whole.
        return Ok((applied(world, record).await, wanted.again(world, Recalled::new()).await?));
    }
    let Outlined { memory, keys, .. } = &wanted;
    let made = async {
        let fleet = world.fleet(moment.head).await?;
        let sketch = sketched(world, declarations, &fleet.past(), &record.cluster).await?;
        let old_keys = sketch.keys();
        let recalled = recall(memory, &[&old_keys, keys]);
        Outlined::make(world, sketch, old_keys, recalled, memory.clone()).await
    };
    let applied = match made.await {
        Ok(applied) if applied.wanted.profile.digest == moment.digest => applied,
        Ok(_) => {
            let why = format!("commit {} gives another full profile now", moment.head);
            return Ok((Applied::Unknown(Unknown::otherwise(why)), wanted));
        }
        Err(fault) => {
            let why = format!("commit {} cannot be read: {fault}", moment.head);
            return Ok((Applied::Unknown(Unknown::unread(why)), wanted));
        }
    };
    let (applied, wanted) = together(world, applied, wanted).await?;
    Ok((Applied::Known(Box::new(applied.wanted.layers)), wanted))
}

/// Makes both sides with the same layers recalled: of what one side has only digests, the other needs no more.
async fn together<W: Sources>(world: &W, applied: Outlined, wanted: Outlined) -> Result<(Outlined, Outlined), Fault> {
    let names = |side: &Outlined| side.recalled.keys().cloned().collect::<Vec<_>>();
    if names(&applied) == names(&wanted) {
        return Ok((applied, wanted));
    }
    let wanted = wanted.again(world, applied.recalled.clone()).await?;
    if names(&applied) == names(&wanted) {
        return Ok((applied, wanted));
    }
    Ok((applied.again(world, Recalled::new()).await?, wanted.again(world, Recalled::new()).await?))
}

impl Outlined {
    async fn make<W: Sources>(
        world: &W,
        sketch: Sketch,
        keys: Vec<(LayerName, Digest)>,
        recalled: Recalled,
        memory: Arc<Recalled>,
    ) -> Result<Self, Fault> {
        if !recalled.is_empty() {
            let known = render::known(&sketch, &recalled);
            let mut texts = texts(world, sketch.needs_but(&known)).await?;
            world.expansions().unpack(sketch.packages_but(&known, &texts), &mut texts).await?;
            read_charts(world, sketch.charts_but(&known), &mut texts).await?;
            world.expansions().open(&sketch.sealed(&texts), &mut texts, world.seal())?;
            if let Some(profile) = render::resolve_outline(&sketch, &recalled, &texts, world.seal()) {
                let packs = expanded(world, &profile, &recalled, &texts).await?;
                if let Some(layers) = render::outline(&profile, &recalled, &texts, &packs, world.seal()) {
                    let warnings = Warnings(sketch.warnings().to_vec());
                    return Ok(Self { wanted: Wanted { sketch, profile, layers }, warnings, keys, recalled, memory });
                }
            }
        }
        let mut warnings = Warnings::default();
        let wanted = whole(world, sketch, &mut warnings).await?;
        Ok(Self { wanted, warnings, keys, recalled: Recalled::new(), memory })
    }

    async fn again<W: Sources>(self, world: &W, recalled: Recalled) -> Result<Self, Fault> {
        Self::make(world, self.wanted.sketch, self.keys, recalled, self.memory).await
    }

    fn learn<W: Sources>(&self, world: &W, cluster: &ClusterName) {
        let is_known = self.recalled.len() == self.keys.len() && self.recalled.len() == self.memory.len();
        if is_known {
            return;
        }
        let told = self.warnings.0.get(self.wanted.sketch.warnings().len()..).unwrap_or_default();
        let Wanted { profile, layers, .. } = &self.wanted;
        world.remember(cluster, remember(&self.keys, profile, layers, &self.recalled, told));
    }
}
