//! In: what layers are made from. Out: the key of each, by which it is known that it is what it was.
//! Guarantee: layers of equal keys, whose placeholders name layers of equal keys, are resolved to the same.
use super::super::composition::shape::{Shaped, Step};
use super::super::full::{HealthRule, ManifestFile, ResolvedSource};
use super::super::palette::fleet_macros;
use super::super::part::Part;
use super::super::placeholder::scope::{Roots, cluster_value};
use super::super::resolve::Sketch;
use super::source::{Made, Source, word};
use crate::decide::document::{Placeholders, Texts};
use crate::decide::value::{Digest, Domain, Hasher, Value, digest_of};
use crate::name::{BlobId, LayerName};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What the order and the digest of a full profile ask of a layer that was resolved before.
#[derive(Clone, Debug)]
pub struct Known {
    /// The digest of the layer.
    pub digest: Digest,
    /// The digest of its document.
    pub document: Digest,
    /// Its namespace.
    pub namespace: Option<Arc<str>>,
    /// Its priority.
    pub priority: i64,
    /// How long its gate may take to open.
    pub timeout: Duration,
    /// What it says of the health of kinds.
    pub health: Vec<HealthRule>,
}

/// The layers that a layer's placeholders name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    /// These, whether or not they are there.
    These(BTreeSet<LayerName>),
    /// Which ones is computed.
    All,
}

impl Names {
    /// Returns the layers that paths name.
    pub(in crate::decide::profile) fn of<'a>(paths: impl IntoIterator<Item = &'a Vec<Arc<str>>>) -> Self {
        let mut these = BTreeSet::new();
        for path in paths.into_iter().filter(|path| path.first().is_some_and(|root| &**root == "layers")) {
            match path.get(1).map(|name| LayerName::new(name)) {
                Some(Ok(name)) => drop(these.insert(name)),
                // No layer can bear it, which is told where it stands.
                Some(Err(_)) => {}
                None => return Self::All,
            }
        }
        Self::These(these)
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::These(names) if names.is_empty())
    }

    /// Whether it names one that is `like`.
    pub fn any(&self, like: impl Fn(&LayerName) -> bool) -> bool {
        match self {
            Self::These(names) => names.iter().any(like),
            Self::All => true,
        }
    }

    /// Names what either of two names.
    #[must_use]
    pub(in crate::decide::profile) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::These(mut these), Self::These(others)) => {
                these.extend(others);
                Self::These(these)
            }
            _ => Self::All,
        }
    }
}

/// Returns what the templates of a layer name; what cannot be read is told when it is rendered.
pub(in crate::decide::profile) fn read_by_templates<'a>(
    source: &'a Source,
    texts: &'a Texts,
) -> impl Iterator<Item = &'a Vec<Arc<str>>> {
    let templates = source.manifests.iter().filter(|file| file.template);
    let blobs = templates.filter_map(|file| texts.get(file.blob));
    blobs.flat_map(|blob| blob.placeholders()).flat_map(|found: &Placeholders| &found.paths)
}

/// Adds what paths read of the roots; `values` and `layer` are parts of the layer's document.
pub(in crate::decide::profile) fn reads_into<'a>(
    roots: &Roots,
    paths: impl IntoIterator<Item = &'a Vec<Arc<str>>>,
    hasher: &mut Hasher,
) {
    for path in paths {
        if path.first().is_some_and(|root| matches!(&**root, "values" | "layer")) {
            continue;
        }
        for key in path {
            hasher.bytes(key.as_bytes());
        }
        match roots.find(path) {
            Some(value) => hasher.value(value),
            // No value has this text.
            None => hasher.bytes(b"absent"),
        };
    }
}

impl Sketch {
    /// Returns the name and the key of each layer, in the order in which they are written.
    pub fn keys(&self) -> Vec<(LayerName, Digest)> {
        let cluster = self.cluster_digest();
        let variables: Vec<Digest> = self.variables.by_profile.iter().map(variables_digest).collect();
        let shared = variables_digest(&self.variables.shared);
        let key = |(layer, source): &(Shaped, Source)| {
            let of_profile = layer.profile.as_ref().and_then(|(_, at)| variables.get(*at));
            let mut hasher = Hasher::new(Domain("layer-key/2"));
            hasher.bytes(&cluster.0).bytes(&of_profile.unwrap_or(&shared).0);
            let (mut text, mut steps) = (Vec::new(), layer.steps.as_slice());
            if let Some(declared) = &layer.declared {
                part(&declared.digest.0, &mut text);
                steps = steps.get(1..).unwrap_or_default();
            } else {
                head(layer, &mut text);
                made_from(source, &mut text);
            }
            written(&layer.kept, &mut text);
            written(steps, &mut text);
            values_from(source, &mut text);
            hasher.bytes(&text);
            (layer.name.clone(), hasher.finish())
        };
        self.layers.iter().map(key).collect()
    }

    /// The digest of what all layers may name of their cluster.
    fn cluster_digest(&self) -> Digest {
        let kubernetes = self.kubernetes_version();
        let selection = &self.selection;
        let mut hasher = Hasher::new(Domain("cluster-key/1"));
        hasher.bytes(selection.fleet_name.as_bytes()).bytes(selection.environment.name.as_str().as_bytes());
        hasher.value(&cluster_value(&selection.cluster, kubernetes.as_deref()));
        let mut macros = Vec::new();
        if let Some(part) = fleet_macros(&selection.head) {
            part.content_into(&mut macros);
        }
        hasher.bytes(&macros);
        if let Some(management) = &selection.cluster.management {
            hasher.bytes(management.namespace.as_bytes());
        }
        for version in &selection.cluster.api_versions {
            hasher.bytes(b"api").bytes(version.as_bytes());
        }
        hasher.finish()
    }
}

fn variables_digest(variables: &Value) -> Digest {
    digest_of(Domain("variables/1"), variables)
}

/// Returns the digest of a layer of which nothing but its declaration is written.
pub(in crate::decide::profile) fn declared_digest(layer: &Shaped, made: &Made) -> Digest {
    let mut text = Vec::new();
    head(layer, &mut text);
    written(&layer.steps, &mut text);
    made_from(made, &mut text);
    let mut hasher = Hasher::new(Domain("declared-layer/1"));
    hasher.bytes(&text);
    hasher.finish()
}

/// Adds what a layer is, wherever that is written.
fn head(layer: &Shaped, text: &mut Vec<u8>) {
    let profile = layer.profile.as_ref().map_or("", |(name, _)| name.as_str());
    for word in [layer.name.as_str(), word(layer.role), profile] {
        part(word.as_bytes(), text);
    }
}

/// Adds all that is written of a layer, whatever is read of it.
fn written(steps: &[Step], text: &mut Vec<u8>) {
    number(steps.len(), text);
    for step in steps {
        step.part.content_into(text);
    }
}

/// Adds all that a layer is made from beside what is written of it.
fn made_from(source: &Made, text: &mut Vec<u8>) {
    if let ResolvedSource::Pack { name, version, folder, digest } = &source.resolved {
        for word in [&**name, &**version, folder.as_str()] {
            part(word.as_bytes(), text);
        }
        part(digest.as_ref().map_or(&[], |digest| &digest.0), text);
    }
    let blob = |blob: Option<BlobId>, text: &mut Vec<u8>| part(blob.as_ref().map_or(&[], |blob| &blob.0), text);
    // The presets that were chosen stand in the pack's document, and are named where the layer is written.
    blob(source.pack.as_ref().map(|pack| pack.file.blob), text);
    blob(source.defaults.as_ref().map(|found| found.blob), text);
    blob(source.schema.as_ref().map(|(found, _)| found.blob), text);
    if let Some(package) = &source.zarf {
        package.blobs().into_iter().for_each(|content| blob(Some(content), text));
        package.part.content_into(text);
        package.kustomizations.values().flatten().for_each(|tree| part(&tree.digest.0, text));
    }
    for preset in &source.presets {
        part(preset.name.as_bytes(), text);
        // Of a pack of Palette they stand in a file of their own.
        let file = preset.add.as_ref().or(preset.remove.first()).map(|part| part.file.blob);
        blob(file, text);
    }
    number(source.manifests.len(), text);
    for ManifestFile { path, blob: content, template, origin: _ } in source.manifests.iter() {
        part(path.as_str().as_bytes(), text);
        blob(Some(*content), text);
        text.push(u8::from(*template));
    }
    number(source.parts.len(), text);
    for Part { what, release, namespace, values, given: _, renderer, finish: _, at: _ } in source.parts.iter() {
        part(&what.digest().0, text);
        part(format!("{release:?} {namespace:?} {values:?} {renderer:?}").as_bytes(), text);
    }
}

/// Adds the values files of a layer.
fn values_from(source: &Source, text: &mut Vec<u8>) {
    for files in source.values_files.iter().chain(&source.secrets_files) {
        number(files.len(), text);
        for found in files {
            part(&found.blob.0, text);
        }
    }
}

fn part(bytes: &[u8], text: &mut Vec<u8>) {
    number(bytes.len(), text);
    text.extend_from_slice(bytes);
}

fn number(number: usize, text: &mut Vec<u8>) {
    text.extend_from_slice(&(number as u64).to_le_bytes());
}

/// What is left of the document of a layer that is known: what its place in the order asks for.
pub(in crate::decide::profile) fn stub(layer: &Shaped, known: &Known) -> Value {
    let entries = [("name", Value::string(layer.name.as_str())), ("priority", Value::Integer(known.priority))];
    entries.into_iter().collect::<crate::decide::value::Map>().into()
}
