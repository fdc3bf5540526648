//! In: a full profile, the texts of its files, expanded packs. Out: its layers, rendered.
//! Guarantee: nothing renders to nothing; each object stands once; patches are applied in their order.
use super::charts::{drafts_of, not_expanded};
use super::codes;
use super::duplicate_objects::two_objects;
use super::expanded::ExpandedPacks;
use super::expansion::{Expansion, apis_before};
use super::generated::settle;
use super::hook::{Hook, stamp};
use super::memory::{Recalled, Remembered, Shape};
use super::model::{Defined, Layer, Layers, OBJECT, Object, Outlives};
use super::namespaces::{Namespaces, namespace_made, namespaces_of};
use super::object::{Draft, defined_kind, flatten, identify, mark};
use super::object_patches::{no_target, patch_object};
use super::order::order_by_kinds;
use super::rotation::rotate;
use super::secret_data::{named_openly, seal_data};
use super::unmatched::unmatched;
use crate::decide::document::{File, Placeholders, Site, Texts, is_sealed, nothing_sealed};
use crate::decide::expression::Scope;
use crate::decide::profile::{FullProfile, Lifecycle, ProfileLayer, Templates};
use crate::decide::value::{Checked, Diagnostic, Digest, Digested, Pointer, Seal, Span, Value};
use crate::name::{LayerName, ObjectId, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The label that names the fleet of an object.
pub const FLEET: &str = "stratify.dev/fleet";
/// The label that names the cluster of an object.
pub const CLUSTER: &str = "stratify.dev/cluster";
/// The label that names the layer of an object.
pub const LAYER: &str = "stratify.dev/layer";

/// Renders the layers of a full profile; a cluster that is to go has none.
pub fn layers(profile: &FullProfile, texts: &Texts, packs: &ExpandedPacks, seal: &Seal) -> Checked<Layers> {
    let (layers, told) = rendered(profile, &Recalled::new(), texts, packs, seal);
    if told.errors.is_empty() { Ok((layers, told.warnings)) } else { Err(told.errors) }
}

/// Renders the layers that are not recalled; nothing where those that are do not fit, or there is anything to tell.
pub(super) fn outlined(
    profile: &FullProfile,
    recalled: &Recalled,
    texts: &Texts,
    packs: &ExpandedPacks,
    seal: &Seal,
) -> Option<Layers> {
    let (layers, told) = rendered(profile, recalled, texts, packs, seal);
    (told.errors.is_empty() && told.warnings.is_empty() && !told.is_stale).then_some(layers)
}

fn rendered(
    profile: &FullProfile,
    recalled: &Recalled,
    texts: &Texts,
    packs: &ExpandedPacks,
    seal: &Seal,
) -> (Layers, Told) {
    let expansion = Expansion::new(profile, recalled, texts, packs, seal);
    let mut renderer =
        Renderer { profile, recalled, texts, seal, expansion, notes: BTreeMap::new(), told: Told::default() };
    let mut layers = Vec::new();
    if profile.lifecycle != Lifecycle::Delete {
        let drafts: Vec<Vec<Draft>> = profile.layers.iter().map(|layer| renderer.drafts(layer)).collect();
        let mut objects = renderer.identified(drafts);
        renderer.patch(&mut objects);
        renderer.look_for_unmatched(&objects);
        renderer.settle_generated(&mut objects);
        objects.iter_mut().flatten().for_each(|object| seal_data(object, seal));
        rotate(&profile.layers, &mut objects);
        let layer = |(layer, objects): (&ProfileLayer, _)| match recalled.get(&layer.name) {
            Some(remembered) => recalled_layer(layer, remembered),
            None => whole_layer(layer, objects, renderer.notes.get(&layer.name).cloned().unwrap_or_default()),
        };
        layers = profile.layers.iter().zip(objects).map(layer).collect();
        order_by_kinds(&mut layers);
    }
    let told = renderer.told;
    let layers = Layers {
        cluster: profile.cluster.clone(),
        environment: profile.environment.clone(),
        fleet: profile.fleet.clone(),
        head: profile.head.clone(),
        pins: profile.pins.clone(),
        digest: profile.digest,
        lifecycle: profile.lifecycle,
        policy: profile.policy.clone(),
        layers,
    };
    (layers, told)
}

/// A file that was emptied by mistake takes its objects with it.
fn holds_nothing(layer: &ProfileLayer, path: &RepoPath) -> Diagnostic {
    Diagnostic::warning(codes::EMPTY_FILE, format!("the manifest `{path}` of layer `{}` holds no object", layer.name))
        .at(layer.at.clone())
        .hint("what it held before is deleted; remove the file if that is wanted")
}

/// What there is to tell of a rendering.
#[derive(Default)]
struct Told {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Whether what is recalled of some layer is not what it would be now.
    is_stale: bool,
}

struct Renderer<'a> {
    profile: &'a FullProfile,
    recalled: &'a Recalled,
    texts: &'a Texts,
    seal: &'a Seal,
    expansion: Expansion<'a>,
    notes: BTreeMap<LayerName, Arc<[Arc<str>]>>,
    told: Told,
}

impl Renderer<'_> {
    fn drafts(&mut self, layer: &ProfileLayer) -> Vec<Draft> {
        let mut drafts = Vec::new();
        if self.recalled.contains_key(&layer.name) {
            return drafts;
        }
        let (before, mut notes) = (self.told.errors.len(), Vec::new());
        let scope = layer.roots.scope(self.seal);
        for part in layer.parts.iter() {
            match self.expansion.expanded(layer, part) {
                Some((request, expanded)) => {
                    let said = drafts_of(layer, part, (&request, expanded), self.seal, (&mut drafts, &mut notes));
                    self.told.errors.extend(said);
                }
                None => self.told.errors.push(not_expanded(layer, part)),
            }
        }
        inline_drafts(layer, &mut drafts);
        for file in layer.manifests.iter() {
            let blob = match self.texts.find(&file.path, file.blob) {
                Ok(blob) => blob.clone(),
                Err(said) => {
                    self.told.errors.extend(said);
                    continue;
                }
            };
            let documents = match blob.documents(&file.path, file.origin.as_ref()) {
                Ok(documents) => documents,
                Err(said) => {
                    self.told.errors.extend(said);
                    continue;
                }
            };
            let drafted = drafts.len();
            self.told.warnings.extend(nothing_sealed(&documents));
            let values = if blob.values().iter().any(is_sealed) {
                match self.texts.opened(&file.path, file.blob) {
                    Ok(opened) => opened.iter().map(named_openly).collect(),
                    Err(said) => {
                        self.told.errors.extend(said);
                        continue;
                    }
                }
            } else {
                blob.values().to_vec()
            };
            for (at, (document, value)) in documents.iter().zip(&values).enumerate() {
                self.told.warnings.extend(document.duplicate_warnings());
                let mut value = value.clone();
                let found = if file.template { blob.placeholders().get(at) } else { None };
                if let Some(found) = found.filter(|found| !found.is_empty()) {
                    self.fill(document, found, &mut value, &scope);
                }
                flatten(value, &first_line(document), &mut drafts);
            }
            if drafts.len() == drafted {
                self.told.warnings.push(holds_nothing(layer, &file.path));
            }
        }
        if !notes.is_empty() {
            self.notes.insert(layer.name.clone(), notes.into());
        }
        if drafts.is_empty() && self.told.errors.len() == before {
            self.told.errors.push(
                Diagnostic::error(codes::EMPTY, format!("the layer `{}` renders to no object", layer.name))
                    .at(layer.at.clone())
                    .expected("at least one object")
                    .hint("an empty rendering never means remove: to remove the layer, say `remove: true`"),
            );
        }
        drafts
    }

    fn fill(&mut self, document: &Arc<File>, found: &Placeholders, value: &mut Value, scope: &Scope<'_>) {
        let place = |pointer: &Pointer| document.root().find(pointer.tokens()).map(|node| document.span(node));
        let filled = Templates::of(found, &place).and_then(|templates| templates.fill(value, scope, &place));
        self.told.errors.extend(filled.err().into_iter().flatten());
    }

    /// Returns the objects of each layer.
    fn identified(&mut self, drafts: Vec<Vec<Draft>>) -> Vec<Vec<Identified>> {
        let kinds = drafts.iter().flatten().filter_map(|draft| defined_kind(&draft.manifest));
        let recalled = self.recalled;
        let known = || recalled.values().map(|layer| layer.shape());
        let kinds = kinds.chain(known().flat_map(|shape| shape.defines.iter().cloned()));
        let custom: BTreeSet<Defined> = kinds.filter(|defined| defined.is_cluster_scoped).collect();
        let mut made: Namespaces = Namespaces::new();
        for (layer, drafts) in self.profile.layers.iter().zip(&drafts) {
            let made_there = drafts.iter().filter_map(|draft| namespace_made(&draft.manifest));
            let remembered = recalled.get(&layer.name).map(|layer| layer.shape());
            let made_there = made_there.chain(remembered.into_iter().flat_map(Shape::makes).cloned());
            made.extend(made_there.map(|name| (layer.site, name)));
        }
        self.told.is_stale |= self.asks_for_others(&drafts);
        let mut seen: BTreeMap<(Site, ObjectId), (LayerName, Span)> = BTreeMap::new();
        let mut wanted: Namespaces = made;
        let mut layers = Vec::new();
        for (layer, drafts) in self.profile.layers.iter().zip(drafts) {
            let mut objects: Vec<Identified> = namespaces_of(layer, &mut wanted, &mut self.told.warnings);
            if let Some(remembered) = recalled.get(&layer.name) {
                let shape = remembered.shape();
                self.told.is_stale |= custom != shape.custom || shape.brings_namespace() == objects.is_empty();
                layers.push(Vec::new());
                continue;
            }
            for mut draft in drafts {
                let namespace = draft.namespace.clone().or_else(|| layer.namespace.clone());
                match identify(&mut draft, namespace.as_ref(), &custom) {
                    Ok(id) => {
                        let place = (layer.name.clone(), draft.at.clone());
                        if let Some((other, at)) = seen.insert((layer.site, id.clone()), place) {
                            self.told.errors.push(two_objects(&id, &layer.name, &draft.at, &other, at));
                        }
                        let Draft { manifest, at, hook, kept, unstable, .. } = draft;
                        objects.push(Identified { id, manifest, at, kept, hook, unstable });
                    }
                    Err(error) => self.told.errors.push(error),
                }
            }
            let marks = [
                (FLEET.into(), self.profile.fleet.clone()),
                (CLUSTER.into(), self.profile.cluster.as_str().into()),
                (LAYER.into(), layer.name.as_str().into()),
            ];
            for object in &mut objects {
                mark(&mut object.manifest, &marks);
            }
            layers.push(objects);
        }
        // What is recalled was true at one moment, so that only what is made now can stand there too.
        let recalled_at = |site: Site| {
            let there = self.profile.layers.iter().filter(move |layer| layer.site == site);
            there.filter_map(|layer| recalled.get(&layer.name)).flat_map(|layer| &layer.shape().objects)
        };
        // By the name first, which nearly always differs.
        let is_it = |id: &ObjectId, object: &Identified| id.name == object.id.name && *id == object.id;
        let is_twice =
            |layer: &ProfileLayer, object: &Identified| recalled_at(layer.site).any(|(id, _)| is_it(id, object));
        let is_stale = self
            .profile
            .layers
            .iter()
            .zip(&layers)
            .any(|(layer, objects)| objects.iter().any(|object| is_twice(layer, object)));
        self.told.is_stale |= is_stale;
        layers
    }

    /// Whether a layer that is recalled was rendered with other kinds than those that the layers before it define now.
    fn asks_for_others(&self, drafts: &[Vec<Draft>]) -> bool {
        let recalled = || self.profile.layers.iter().filter_map(|layer| Some((layer, self.recalled.get(&layer.name)?)));
        if !recalled().any(|(layer, _)| !layer.parts.is_empty()) {
            return false;
        }
        let defined = |(layer, drafts): (&ProfileLayer, &Vec<Draft>)| match self.recalled.get(&layer.name) {
            Some(remembered) => remembered.shape().defines.clone(),
            None => drafts.iter().filter_map(|draft| defined_kind(&draft.manifest)).collect(),
        };
        let defined: Vec<Vec<Defined>> = self.profile.layers.iter().zip(drafts).map(defined).collect();
        let all = || self.profile.layers.iter().zip(defined.iter().map(Vec::as_slice));
        let mut recalled = recalled();
        recalled.any(|(layer, remembered)| apis_before(layer, all()) != remembered.shape().apis)
    }

    fn look_for_unmatched(&mut self, objects: &[Vec<Identified>]) {
        for (layer, objects) in self.profile.layers.iter().zip(objects).filter(|(layer, _)| !layer.about.is_empty()) {
            let remembered = self.recalled.get(&layer.name).into_iter().flat_map(|layer| &layer.shape().objects);
            let ids = objects.iter().map(|object| &object.id).chain(remembered.map(|(id, _)| id));
            self.told.warnings.extend(unmatched(layer, ids));
        }
    }

    /// What charts make up is listed by their layers, and sealed.
    fn settle_generated(&mut self, objects: &mut [Vec<Identified>]) {
        for (layer, objects) in self.profile.layers.iter().zip(objects) {
            if self.recalled.contains_key(&layer.name) {
                continue;
            }
            let said = settle(layer, objects, self.seal);
            self.told.errors.extend(said.errors);
            self.told.warnings.extend(said.warnings);
            if !said.notes.is_empty() {
                let known = self.notes.get(&layer.name).into_iter().flat_map(|notes| notes.iter().cloned());
                let notes: Vec<Arc<str>> = known.chain(said.notes).collect();
                self.notes.insert(layer.name.clone(), notes.into());
            }
        }
    }

    /// Patches run on all layers' objects, in their order; each has to match something.
    fn patch(&mut self, objects: &mut [Vec<Identified>]) {
        for patch in &self.profile.object_patches {
            let mut matched = false;
            for (layer, objects) in self.profile.layers.iter().zip(objects.iter_mut()) {
                for object in objects.iter_mut().filter(|object| patch.target.selects(&layer.name, &object.id)) {
                    matched = true;
                    patch_object(object, patch, &mut self.told.errors);
                }
            }
            if !matched {
                self.told.errors.push(no_target(patch, &self.profile.layers));
            }
        }
    }
}

/// Adds the objects that a layer's source holds.
fn inline_drafts(layer: &ProfileLayer, drafts: &mut Vec<Draft>) {
    for inline in layer.inline.iter() {
        let drafted = drafts.len();
        flatten(inline.value.clone(), &inline.at, drafts);
        for draft in drafts.iter_mut().skip(drafted) {
            draft.namespace.clone_from(&inline.namespace);
        }
    }
}

/// An object that knows which it is, and may still be patched.
pub(super) struct Identified {
    pub(super) id: ObjectId,
    pub(super) manifest: Value,
    pub(super) at: Span,
    pub(super) kept: Outlives,
    pub(super) hook: Option<Hook>,
    /// What of it was made up.
    pub(super) unstable: Vec<Pointer>,
}

fn first_line(document: &Arc<File>) -> Span {
    let mut span = document.span(document.root());
    span.bytes.end = span.bytes.start.saturating_add(1).min(span.bytes.end);
    span
}

fn whole_layer(layer: &ProfileLayer, objects: Vec<Identified>, notes: Arc<[Arc<str>]>) -> Layer {
    let defines = objects.iter().filter_map(|object| defined_kind(&object.manifest)).collect();
    let object = |Identified { id, mut manifest, at, kept, hook, .. }| {
        if hook.is_some() {
            stamp(&mut manifest, layer.document.digest());
        }
        let manifest = Digested::new(OBJECT, manifest);
        Object { id, manifest, kept, hook, deferred: None, at }
    };
    layer_of(layer, defines, objects.into_iter().map(object).collect(), notes)
}

fn recalled_layer(layer: &ProfileLayer, remembered: &Remembered) -> Layer {
    let shape = remembered.shape();
    let object = |((id, kept), digest): (&(ObjectId, Outlives), &Digest)| Object {
        id: id.clone(),
        manifest: Digested::remembered(*digest),
        kept: *kept,
        hook: shape.hooks.get(id).cloned(),
        deferred: None,
        at: layer.at.clone(),
    };
    let objects = shape.objects.iter().zip(remembered.digests()).map(object).collect();
    layer_of(layer, shape.defines.clone(), objects, shape.notes.clone())
}

fn layer_of(layer: &ProfileLayer, defines: Vec<Defined>, objects: Vec<Object>, notes: Arc<[Arc<str>]>) -> Layer {
    Layer {
        defines,
        notes,
        name: layer.name.clone(),
        renamed_from: layer.renamed_from.clone(),
        role: layer.role,
        site: layer.site,
        wave: layer.wave,
        after: layer.after.clone(),
        document: layer.document.clone(),
        digest: layer.digest,
        options: layer.options.clone(),
        timeout: layer.timeout,
        upgrades: layer.upgrades.clone(),
        flows: layer.flows.clone(),
        source: layer.source.clone(),
        objects,
        at: layer.at.clone(),
    }
}
