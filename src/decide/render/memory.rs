//! In: full profiles and their layers, as they were rendered. Out: what is remembered of them, and what of it still holds.
//! Guarantee: a layer from memory has the digests and objects that it would have if it were made anew.
//!
//! Why: of a change of one layer of ten thousand clusters, all but one part in twelve is as it was. Values and manifests
//! of all are too many to be kept, and to see that nothing differs only their digests are needed. All that is remembered
//! of one cluster was true at one moment; whatever does not fit, or has something to tell, is made as a whole.
use super::expanded::ExpandedPacks;
use super::expansion::apis_before;
use super::hook::Hook;
use super::layers::outlined;
use super::model::{Defined, Layer, Layers, Outlives};
use crate::decide::document::Texts;
use crate::decide::profile::{FullProfile, HealthRule, Known, Lifecycle, Names, ProfileLayer, Sketch};
use crate::decide::value::{Diagnostic, Digest, Seal, Value};
use crate::name::{ClusterName, LayerName, ObjectId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What is remembered of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// What it was made from.
    key: Digest,
    /// The digest of the layer.
    digest: Digest,
    /// The digest of its document.
    document: Digest,
    /// The digests of its objects.
    objects: Box<[Digest]>,
    /// What it says of the health of kinds.
    health: Arc<[HealthRule]>,
    shape: Arc<Shape>,
}

/// What layers of many clusters have in common: all but digests.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    namespace: Option<Arc<str>>,
    priority: i64,
    timeout: Duration,
    names: Names,
    /// The kinds without namespace that manifests of the whole cluster define.
    pub(super) custom: BTreeSet<Defined>,
    /// The API versions that layers before it define, where it asks for them.
    pub(super) apis: BTreeSet<Arc<str>>,
    pub(super) defines: Vec<Defined>,
    /// The objects, each with whether it outlives its layer.
    pub(super) objects: Vec<(ObjectId, Outlives)>,
    /// Those of them that run.
    pub(super) hooks: BTreeMap<ObjectId, Hook>,
    /// What people should know of it who read a plan.
    pub(super) notes: Arc<[Arc<str>]>,
}

impl Shape {
    /// Returns the namespaces that its manifests make.
    pub(super) fn makes(&self) -> impl Iterator<Item = &Arc<str>> {
        let is_made = |id: &ObjectId, kept: Outlives| {
            kept != Outlives::Brought && id.group.is_empty() && &*id.kind == "Namespace"
        };
        let made = self.objects.iter().filter(move |(id, kept)| is_made(id, *kept));
        made.map(|(id, _)| &id.name)
    }

    /// Whether it brings its namespace along.
    pub(super) fn brings_namespace(&self) -> bool {
        self.objects.iter().any(|(_, kept)| *kept == Outlives::Brought)
    }
}

impl Remembered {
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn digests(&self) -> &[Digest] {
        &self.objects
    }

    fn known(&self) -> Known {
        Known {
            digest: self.digest,
            document: self.document,
            namespace: self.shape.namespace.clone(),
            priority: self.shape.priority,
            timeout: self.shape.timeout,
            health: self.health.to_vec(),
        }
    }
}

/// What is remembered of one cluster: its layers, sorted by name; a row, since trees of so few take twice the memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recalled(Box<[(LayerName, Arc<Remembered>)]>);

impl Recalled {
    /// Returns that nothing is remembered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what is remembered of a layer.
    pub fn get(&self, name: &LayerName) -> Option<&Arc<Remembered>> {
        let at = self.0.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        self.0.get(at).map(|(_, layer)| layer)
    }

    /// Whether a layer is remembered.
    pub fn contains_key(&self, name: &LayerName) -> bool {
        self.get(name).is_some()
    }

    /// Returns the layers with what is remembered of each.
    pub fn iter(&self) -> impl Iterator<Item = (&LayerName, &Arc<Remembered>)> {
        self.0.iter().map(|(name, layer)| (name, layer))
    }

    /// Returns the names of the layers.
    pub fn keys(&self) -> impl Iterator<Item = &LayerName> {
        self.iter().map(|(name, _)| name)
    }

    /// Returns what is remembered of each layer.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Remembered>> {
        self.iter().map(|(_, layer)| layer)
    }

    /// Returns how many layers are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no layer is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(LayerName, Arc<Remembered>)> for Recalled {
    fn from_iter<I: IntoIterator<Item = (LayerName, Arc<Remembered>)>>(layers: I) -> Self {
        let mut layers: Vec<_> = layers.into_iter().collect();
        layers.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self(layers.into())
    }
}

/// What is remembered of all clusters: some 32 bytes an object, and 180 a layer.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    clusters: BTreeMap<ClusterName, Arc<Recalled>>,
    shapes: BTreeSet<Arc<Shape>>,
}

impl Memory {
    /// Returns what is remembered of a cluster.
    pub fn of(&self, cluster: &ClusterName) -> Option<Arc<Recalled>> {
        self.clusters.get(cluster).cloned()
    }

    /// Takes in how a cluster is now.
    pub fn learn(&mut self, cluster: &ClusterName, mut layers: Recalled) {
        for (_, layer) in &mut layers.0 {
            match self.shapes.get(&layer.shape) {
                Some(known) if Arc::ptr_eq(known, &layer.shape) => {}
                Some(known) => Arc::make_mut(layer).shape = known.clone(),
                None => drop(self.shapes.insert(layer.shape.clone())),
            }
        }
        self.clusters.insert(cluster.clone(), Arc::new(layers));
    }

    /// Forgets a cluster.
    pub fn forget(&mut self, cluster: &ClusterName) {
        self.clusters.remove(cluster);
    }

    /// Returns how many clusters it remembers.
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }
}

/// The names and keys of a cluster's layers.
pub type Keys = [(LayerName, Digest)];

/// Returns what still holds on all sides: what is made from the same, and names only such layers.
pub fn recall(memory: &Recalled, sides: &[&Keys]) -> Recalled {
    let has = |side: &&Keys, name: &LayerName, key: Digest| side.iter().any(|(other, is)| other == name && *is == key);
    let holds = |(name, layer): &(&LayerName, &Arc<Remembered>)| sides.iter().all(|side| has(side, name, layer.key));
    let mut held: BTreeSet<&LayerName> = memory.iter().filter(holds).map(|(name, _)| name).collect();
    let is_anywhere =
        |name: &LayerName| memory.contains_key(name) || sides.iter().any(|side| side.iter().any(|(is, _)| is == name));
    let all = || memory.keys().chain(sides.iter().flat_map(|side| side.iter().map(|(name, _)| name)));
    loop {
        let is_broken = |name: &&&LayerName| match memory.get(name).map(|layer| &layer.shape.names) {
            Some(Names::These(names)) => names.iter().any(|name| is_anywhere(name) && !held.contains(name)),
            Some(Names::All) | None => all().any(|name| !held.contains(name)),
        };
        let broken: Vec<&LayerName> = held.iter().filter(is_broken).copied().collect();
        if broken.is_empty() {
            break;
        }
        held.retain(|name| !broken.contains(name));
    }
    held.into_iter().filter_map(|name| Some((name.clone(), memory.get(name)?.clone()))).collect()
}

/// Returns what [`outline`] asks of a sketch's layers, in their order.
pub fn known(sketch: &Sketch, recalled: &Recalled) -> Vec<Option<Known>> {
    sketch.layer_names().map(|name| recalled.get(name).map(|layer| layer.known())).collect()
}

/// Renders a profile of [`resolve_outline`]; what is recalled has digests in the place of values and manifests. Nothing
/// where that cannot be done, or where there is anything to tell: then the whole is to be made.
pub fn outline(
    profile: &FullProfile,
    recalled: &Recalled,
    texts: &Texts,
    packs: &ExpandedPacks,
    seal: &Seal,
) -> Option<Layers> {
    outlined(profile, recalled, texts, packs, seal)
}

/// Resolves a cluster with what is recalled; nothing where that cannot be done.
pub fn resolve_outline(sketch: &Sketch, recalled: &Recalled, texts: &Texts, seal: &Seal) -> Option<FullProfile> {
    let profile = sketch.outline(&known(sketch, recalled), texts, seal)?;
    (!concerns_all(&profile)).then_some(profile)
}

/// Returns what is to be remembered of a cluster that was made as a whole, or with what was `recalled`; nothing where it
/// had anything to tell, which would be lost. `told` is what was told of values and manifests.
pub fn remember(
    keys: &Keys,
    profile: &FullProfile,
    layers: &Layers,
    recalled: &Recalled,
    told: &[Diagnostic],
) -> Option<Recalled> {
    // Which namespaces a pack asks for is in its values, which are not remembered.
    let asks = profile.layers.iter().any(|layer| !layer.namespaces.is_empty());
    if !told.is_empty() || asks || concerns_all(profile) {
        return None;
    }
    let defined = layers.layers.iter().flat_map(|layer| &layer.defines);
    let custom: BTreeSet<Defined> = defined.filter(|defined| defined.is_cluster_scoped).cloned().collect();
    let rendered = || {
        let of = |resolved: &ProfileLayer| layers.layers.iter().find(|layer| layer.name == resolved.name);
        profile.layers.iter().filter_map(move |resolved| Some((resolved, of(resolved)?.defines.as_slice())))
    };
    let find = |name: &LayerName| {
        let layer = layers.layers.iter().find(|layer| layer.name == *name)?;
        Some((profile.layers.iter().find(|layer| layer.name == *name)?, layer))
    };
    let one = |(name, key): &(LayerName, Digest)| {
        let remembered = match recalled.get(name) {
            Some(known) => known.clone(),
            None => find(name).map(|(resolved, layer)| {
                let apis = apis_before(resolved, rendered());
                Arc::new(made(*key, resolved, layer, (custom.clone(), apis)))
            })?,
        };
        Some((name.clone(), remembered))
    };
    keys.iter().map(one).collect()
}

/// Whether manifests of all layers are needed: for patches of objects, for a cluster that is to go, and where machine
/// templates have the names that their content gives, which other layers refer to.
fn concerns_all(profile: &FullProfile) -> bool {
    !profile.object_patches.is_empty() || profile.lifecycle == Lifecycle::Delete || profile.management.is_some()
}

fn made(
    key: Digest,
    resolved: &ProfileLayer,
    layer: &Layer,
    (custom, apis): (BTreeSet<Defined>, BTreeSet<Arc<str>>),
) -> Remembered {
    let shape = Shape {
        namespace: resolved.namespace.clone(),
        priority: resolved.document.get("priority").and_then(Value::as_i64).unwrap_or_default(),
        timeout: resolved.timeout,
        names: resolved.names.clone(),
        custom,
        apis,
        defines: layer.defines.clone(),
        objects: layer.objects.iter().map(|object| (object.id.clone(), object.kept)).collect(),
        hooks: layer.objects.iter().filter_map(|object| Some((object.id.clone(), object.hook.clone()?))).collect(),
        notes: layer.notes.clone(),
    };
    Remembered {
        key,
        digest: layer.digest,
        document: layer.document.digest(),
        objects: layer.objects.iter().map(|object| object.manifest.digest()).collect(),
        health: resolved.options.health.as_slice().into(),
        shape: Arc::new(shape),
    }
}
