//! In: a full profile, what is recalled of it, what was rendered outside already. Out: what has still to be rendered.
//! Guarantee: equal requests have equal answers; asked again until nothing is left, since charts see the kinds of others.
//!
//! Why: a chart may ask which kinds there are. Those of layers that come before it by role, priority and what people wrote
//! are there when it is applied, so it sees those, and no others: an order by kinds is found only after it was rendered.
use super::expanded::{Expanded, ExpandedPacks};
use super::memory::Recalled;
use super::model::Defined;
use super::object::{Draft, defined_kind, flatten};
use crate::decide::document::Texts;
use crate::decide::fleet::Capabilities;
use crate::decide::profile::{FullProfile, ManifestFile, Part, ProfileLayer, Templates, What};
use crate::decide::value::{Digest, Domain, Hasher, Seal, Span, Value};
use crate::name::ClusterName;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// What has to be rendered outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is rendered.
    pub what: What,
    /// With which values.
    pub values: Value,
    /// Under which release name; empty where it takes none.
    pub release: Arc<str>,
    /// In which namespace; empty where it takes none.
    pub namespace: Arc<str>,
    /// What it may ask about the API server.
    pub capabilities: Capabilities,
    /// The version of the program that the lock names; none for any.
    pub renderer: Option<Arc<str>>,
    /// For which cluster alone: what is made up is each one's own. None: for all.
    pub whose: Option<ClusterName>,
    /// The digest of all that.
    pub digest: Digest,
}

/// Returns what has to be rendered outside before this profile can be; what is recalled needs nothing.
pub fn expansion(
    profile: &FullProfile,
    recalled: &Recalled,
    texts: &Texts,
    known: &ExpandedPacks,
    seal: &Seal,
) -> Vec<Request> {
    let expansion = Expansion::new(profile, recalled, texts, known, seal);
    let mut needed: Vec<Request> = Vec::new();
    for layer in profile.layers.iter().filter(|layer| !recalled.contains_key(&layer.name)) {
        for request in layer.parts.iter().filter_map(|part| expansion.request(layer, part)) {
            if !known.contains_key(&request.digest) && !needed.iter().any(|other| other.digest == request.digest) {
                needed.push(request);
            }
        }
    }
    needed
}

/// What requests are made from.
pub(super) struct Expansion<'a> {
    profile: &'a FullProfile,
    recalled: &'a Recalled,
    texts: &'a Texts,
    known: &'a ExpandedPacks,
    seal: &'a Seal,
    /// The kinds that each layer defines; nothing where that is not known yet.
    defines: Vec<OnceLock<Option<Vec<Defined>>>>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(
        profile: &'a FullProfile,
        recalled: &'a Recalled,
        texts: &'a Texts,
        known: &'a ExpandedPacks,
        seal: &'a Seal,
    ) -> Self {
        let defines = profile.layers.iter().map(|_| OnceLock::new()).collect();
        Self { profile, recalled, texts, known, seal, defines }
    }

    /// Returns what a part of a layer asks for; nothing where other parts have to be rendered before.
    pub(super) fn request(&self, layer: &ProfileLayer, part: &Part) -> Option<Request> {
        let what = part.what.clone();
        let mut request = Request {
            what,
            values: Value::Null,
            release: Arc::default(),
            namespace: Arc::default(),
            capabilities: Capabilities::default(),
            renderer: part.renderer.clone(),
            whose: (!layer.generated.is_empty()).then(|| self.profile.cluster.clone()),
            digest: Digest([0; 32]),
        };
        if request.what.is_chart() {
            request.values = match &part.values {
                _ if part.given.is_some() => part.given.clone().unwrap_or_default(),
                Some(pointer) => pointer.get(&layer.values).cloned().unwrap_or_default(),
                None => layer.values.clone(),
            };
            request.release = part.release.as_ref().unwrap_or(&layer.release_name).clone();
            let namespace = part.namespace.as_ref().or(layer.namespace.as_ref());
            request.namespace = namespace.cloned().unwrap_or_else(|| "default".into());
            request.capabilities = self.capabilities(layer)?;
        }
        request.digest = digest(&request);
        Some(request)
    }

    /// Returns what was rendered of a part, if it was.
    pub(super) fn expanded(&self, layer: &ProfileLayer, part: &Part) -> Option<(Request, &'a Arc<Expanded>)> {
        let request = self.request(layer, part)?;
        let expanded = self.known.get(&request.digest)?;
        Some((request, expanded))
    }

    fn capabilities(&self, layer: &ProfileLayer) -> Option<Capabilities> {
        let Capabilities { kubernetes, mut apis } = self.profile.capabilities.clone();
        for (at, other) in self.profile.layers.iter().enumerate() {
            if is_before(other, layer) {
                let defined = self.defines.get(at)?.get_or_init(|| self.defined(other)).as_ref()?;
                apis.extend(defined.iter().flat_map(Defined::apis));
            }
        }
        Some(Capabilities { kubernetes, apis })
    }

    /// Returns the kinds that a layer defines; nothing where something of it has to be rendered before.
    fn defined(&self, layer: &ProfileLayer) -> Option<Vec<Defined>> {
        if let Some(remembered) = self.recalled.get(&layer.name) {
            return Some(remembered.shape().defines.clone());
        }
        let mut defined = Vec::new();
        for part in layer.parts.iter() {
            let (_, expanded) = self.expanded(layer, part)?;
            if let Expanded::Objects(objects) = &**expanded {
                defined.extend(objects.iter().flat_map(|object| kinds(object.manifest.clone(), &part.at)));
            }
        }
        for file in layer.manifests.iter() {
            self.defined_in(layer, file, &mut defined);
        }
        Some(defined)
    }

    /// Adds the kinds that a file defines; what is wrong with it is told where it is rendered.
    fn defined_in(&self, layer: &ProfileLayer, file: &ManifestFile, defined: &mut Vec<Defined>) {
        let Some(blob) = self.texts.get(file.blob) else { return };
        for (at, value) in blob.values().iter().enumerate() {
            let kind = value.get("kind").and_then(Value::as_str);
            if !kind.is_some_and(|kind| ["CustomResourceDefinition", "List"].contains(&kind)) {
                continue;
            }
            let mut value = value.clone();
            let found = blob.placeholders().get(at).filter(|found| file.template && !found.is_empty());
            if let Some(templates) = found.and_then(|found| Templates::of(found, &|_| None).ok()) {
                let _ = templates.fill(&mut value, &layer.roots.scope(self.seal), &|_| None);
            }
            defined.extend(kinds(value, &layer.at));
        }
    }
}

/// Whether a layer is there before another one, by what does not depend on rendering.
fn is_before(other: &ProfileLayer, layer: &ProfileLayer) -> bool {
    other.site == layer.site && other.wave < layer.wave
}

/// Returns the API versions that the layers before another one define, as they were rendered.
pub(super) fn apis_before<'a>(
    layer: &ProfileLayer,
    all: impl Iterator<Item = (&'a ProfileLayer, &'a [Defined])>,
) -> BTreeSet<Arc<str>> {
    let is_asked = layer.parts.iter().any(|part| part.what.is_chart());
    let before = all.filter(|(other, _)| is_asked && is_before(other, layer));
    before.flat_map(|(_, defined)| defined.iter().flat_map(Defined::apis)).collect()
}

fn kinds(manifest: Value, at: &Span) -> Vec<Defined> {
    let mut drafts: Vec<Draft> = Vec::new();
    flatten(manifest, at, &mut drafts);
    drafts.iter().filter_map(|draft| defined_kind(&draft.manifest)).collect()
}

fn digest(request: &Request) -> Digest {
    let Request { what, values, release, namespace, capabilities, renderer, whose, digest: _ } = request;
    let mut hasher = Hasher::new(Domain("expansion/1"));
    hasher.bytes(&what.digest().0).value(values).bytes(release.as_bytes()).bytes(namespace.as_bytes());
    hasher.bytes(capabilities.kubernetes.as_bytes()).bytes(renderer.as_deref().unwrap_or_default().as_bytes());
    for api in &capabilities.apis {
        hasher.bytes(api.as_bytes());
    }
    if let Some(cluster) = whose {
        hasher.bytes(b"whose").bytes(cluster.as_str().as_bytes());
    }
    hasher.finish()
}
