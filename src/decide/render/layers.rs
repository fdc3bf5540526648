//! In: a full profile, the texts of its files, expanded packs. Out: its layers, rendered.
//! Guarantee: nothing renders to nothing; each object stands once; patches are applied in their order.
use super::codes;
use super::expansion::ExpandedPacks;
use super::kinds::GIVEN_NAMESPACES;
use super::model::{Layer, Layers, Object};
use super::object::{Draft, defined_kind, flatten, group_and_kind, identify, mark};
use super::order::order_by_kinds;
use crate::decide::document::{File, Texts, nearest};
use crate::decide::profile::{FullProfile, Lifecycle, ObjectPatch, ProfileLayer, Templates, undone};
use crate::decide::value::{Checked, Diagnostic, Map, PatchOperation, Pointer, Seal, Span, Value, apply};
use crate::name::{LayerName, ObjectId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The label that names the fleet of an object.
pub const FLEET: &str = "stratify.dev/fleet";
/// The label that names the cluster of an object.
pub const CLUSTER: &str = "stratify.dev/cluster";
/// The label that names the layer of an object.
pub const LAYER: &str = "stratify.dev/layer";

/// Renders the layers of a full profile; a cluster that is to go has none.
pub fn layers(profile: &FullProfile, texts: &Texts, _packs: &ExpandedPacks, seal: &Seal) -> Checked<Layers> {
    let mut renderer = Renderer { profile, texts, seal, errors: Vec::new(), warnings: Vec::new() };
    let mut layers = Vec::new();
    if profile.lifecycle != Lifecycle::Delete {
        let drafts: Vec<Vec<Draft>> = profile.layers.iter().map(|layer| renderer.drafts(layer)).collect();
        layers = renderer.identified(drafts);
        renderer.patch(&mut layers);
        order_by_kinds(&mut layers, &mut renderer.warnings);
    }
    let Renderer { errors, warnings, .. } = renderer;
    if !errors.is_empty() {
        return Err(errors);
    }
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
    Ok((layers, warnings))
}

struct Renderer<'a> {
    profile: &'a FullProfile,
    texts: &'a Texts,
    seal: &'a Seal,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Renderer<'_> {
    fn drafts(&mut self, layer: &ProfileLayer) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let before = self.errors.len();
        for file in &layer.manifests {
            let blob = match self.texts.find(&file.path, file.blob) {
                Ok(blob) => blob.clone(),
                Err(said) => {
                    self.errors.extend(said);
                    continue;
                }
            };
            let documents = match blob.documents(&file.path, file.origin.as_ref()) {
                Ok(documents) => documents,
                Err(said) => {
                    self.errors.extend(said);
                    continue;
                }
            };
            for (document, value) in documents.iter().zip(blob.values()) {
                self.warnings.extend(document.duplicate_warnings());
                let mut value = value.clone();
                if file.template {
                    self.fill(document, &mut value, layer);
                }
                flatten(value, &first_line(document), &mut drafts);
            }
        }
        if drafts.is_empty() && self.errors.len() == before {
            self.errors.push(
                Diagnostic::error(codes::EMPTY, format!("the layer `{}` renders to no object", layer.name))
                    .at(layer.at.clone())
                    .expected("at least one object")
                    .hint("an empty rendering never means remove: to remove the layer, say `remove: true`"),
            );
        }
        drafts
    }

    fn fill(&mut self, document: &Arc<File>, value: &mut Value, layer: &ProfileLayer) {
        let place = |pointer: &Pointer| document.root().find(pointer.tokens()).map(|node| document.span(node));
        let filled = Templates::find(value, &place)
            .and_then(|templates| templates.fill(value, &layer.roots.scope(self.seal), &place));
        self.errors.extend(filled.err().into_iter().flatten());
    }

    fn identified(&mut self, drafts: Vec<Vec<Draft>>) -> Vec<Layer> {
        let kinds = drafts.iter().flatten().filter_map(|draft| defined_kind(&draft.manifest));
        let custom: BTreeSet<_> =
            kinds.filter(|(_, is_cluster_scoped)| *is_cluster_scoped).map(|(kind, _)| kind).collect();
        let made: BTreeSet<Arc<str>> =
            drafts.iter().flatten().filter_map(|draft| namespace_made(&draft.manifest)).collect();
        let mut seen: BTreeMap<ObjectId, (LayerName, Span)> = BTreeMap::new();
        let mut wanted: BTreeSet<Arc<str>> = made;
        let mut layers = Vec::new();
        for (layer, drafts) in self.profile.layers.iter().zip(drafts) {
            let mut objects: Vec<Object> = namespace_of(layer, &mut wanted).into_iter().collect();
            for mut draft in drafts {
                match identify(&mut draft, layer.namespace.as_ref(), &custom) {
                    Ok(id) => {
                        if let Some((other, at)) = seen.insert(id.clone(), (layer.name.clone(), draft.at.clone())) {
                            self.errors.push(two_objects(&id, &layer.name, &draft.at, &other, at));
                        }
                        objects.push(Object { id, manifest: draft.manifest, at: draft.at, is_kept: false });
                    }
                    Err(error) => self.errors.push(error),
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
            layers.push(rendered(layer, objects));
        }
        layers
    }

    /// Patches run on all layers' objects, in their order; each has to match something.
    fn patch(&mut self, layers: &mut [Layer]) {
        for patch in &self.profile.object_patches {
            let mut matched = false;
            for layer in layers.iter_mut() {
                let name = layer.name.clone();
                for object in layer.objects.iter_mut().filter(|object| patch.target.selects(&name, &object.id)) {
                    matched = true;
                    patch_object(object, patch, &mut self.errors);
                }
            }
            if !matched {
                self.errors.push(no_target(patch, layers));
            }
        }
    }
}

/// A layer that is not there is said as such: it is what people misspell.
fn no_target(patch: &ObjectPatch, layers: &[Layer]) -> Diagnostic {
    let unknown = patch.target.layer.as_ref().filter(|name| !layers.iter().any(|layer| layer.name == **name));
    let Some(name) = unknown else {
        return Diagnostic::error(codes::NO_TARGET, "the patch matches no object of the cluster")
            .at(patch.at.clone())
            .hint("look at `stratify render` for layers, kinds and names");
    };
    let message = format!("the patch is for the layer `{name}`, which the cluster does not have");
    let known = layers.iter().map(|layer| layer.name.as_str());
    Diagnostic::error(codes::NO_TARGET, message).at(patch.at.clone()).nearest(nearest(name.as_str(), known))
}

fn first_line(document: &Arc<File>) -> Span {
    let mut span = document.span(document.root());
    span.bytes.end = span.bytes.start.saturating_add(1).min(span.bytes.end);
    span
}

fn namespace_made(manifest: &Value) -> Option<Arc<str>> {
    (group_and_kind(manifest)? == ("", "Namespace"))
        .then(|| manifest.get("metadata")?.get("name")?.as_str().map(Arc::from))?
}

/// The first layer in a namespace that no manifest makes brings it along.
fn namespace_of(layer: &ProfileLayer, wanted: &mut BTreeSet<Arc<str>>) -> Option<Object> {
    let name = layer.namespace.as_ref().filter(|name| !GIVEN_NAMESPACES.contains(&&***name))?;
    if !wanted.insert(name.clone()) {
        return None;
    }
    let metadata: Map = [("name", Value::String(name.clone()))].into_iter().collect();
    let entries = [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata.into())];
    let id = ObjectId { group: "".into(), kind: "Namespace".into(), namespace: None, name: name.clone() };
    Some(Object { id, manifest: entries.into_iter().collect::<Map>().into(), at: layer.at.clone(), is_kept: true })
}

fn two_objects(id: &ObjectId, layer: &LayerName, at: &Span, other: &LayerName, first: Span) -> Diagnostic {
    let message = format!("the object {} {} stands twice: in layer `{other}` and in layer `{layer}`", id.kind, id.name);
    Diagnostic::error(codes::TWO_OBJECTS, message)
        .at(at.clone())
        .also(first, "first here")
        .hint("remove or rename one of them")
}

fn rendered(layer: &ProfileLayer, objects: Vec<Object>) -> Layer {
    Layer {
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
        flows: layer.flows.clone(),
        source: layer.source.clone(),
        objects,
        at: layer.at.clone(),
    }
}

/// Returns the part of an object's identity that an operation would change; `move` changes two places.
fn identity(operation: &PatchOperation) -> Option<&Pointer> {
    let changed = match operation {
        PatchOperation::Test(..) => [None, None],
        PatchOperation::Move(from, path) => [Some(from), Some(path)],
        _ => [Some(operation.path()), None],
    };
    let is_identity = |path: &&Pointer| {
        let text = path.to_string();
        ["", "/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace", "/metadata/labels"]
            .contains(&text.as_str())
            || text.starts_with("/metadata/labels/stratify.dev")
    };
    changed.into_iter().flatten().find(is_identity)
}

fn patch_object(object: &mut Object, patch: &ObjectPatch, errors: &mut Vec<Diagnostic>) {
    for (operation, at) in &patch.patch {
        if let Some(path) = identity(operation) {
            let said = Diagnostic::error(
                codes::IDENTITY,
                format!("a patch cannot change `{path}`: it would be another object"),
            );
            errors.push(said.at(at.clone()).hint("patch single labels, annotations or the specification"));
            return;
        }
        if let Err(error) = apply(&mut object.manifest, std::slice::from_ref(operation)) {
            errors.push(undone(&error.to_string(), operation, at).also(object.at.clone(), "the object"));
            return;
        }
    }
}
