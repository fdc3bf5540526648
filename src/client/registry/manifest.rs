//! In: the bytes of a manifest. Out: what it names, by digest.
//! Guarantee: whatever a registry sends, what is read has digests; what is no manifest is told as what it is.
use super::digest_of;
use super::reference::is_digest;
use serde_json::Value;
use std::collections::BTreeMap;

/// The largest manifest: registries themselves take no larger one.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The manifests that are understood: of one thing, and of one thing for several architectures.
/// Source: the image manifest and image index of the OCI image specification v1.1, and what Docker named them before.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// What a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its own digest.
    pub digest: String,
    /// What it is.
    pub artifact: String,
    /// The media type of its configuration.
    pub config: String,
    /// Its parts, in order; none of an index.
    pub layers: Vec<Layer>,
    /// Of an index: the manifests for each architecture.
    pub platforms: Vec<Platform>,
}

/// A part of what stands in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its media type.
    pub kind: String,
    /// Its digest.
    pub digest: String,
    /// How many bytes it has.
    pub size: u64,
    /// What is noted of it, such as the name of its file.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The architecture.
    pub architecture: String,
    /// The operating system.
    pub os: String,
    /// The digest of its manifest.
    pub digest: String,
}

impl Manifest {
    /// Reads a manifest; in words what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let manifest: Value = serde_json::from_slice(bytes)
            .map_err(|_| "what it sends is no manifest: it may be a page that asks to sign in")?;
        let config = manifest.get("config").map(|config| text(config, "mediaType")).unwrap_or_default();
        let artifact = Some(text(&manifest, "artifactType")).filter(|it| !it.is_empty());
        let list = |key: &str| manifest.get(key).and_then(Value::as_array);
        let (layers, platforms) = (list("layers"), list("manifests"));
        if layers.is_none() && platforms.is_none() {
            return Err("what it sends is no manifest of an image: it has no layers");
        }
        let layers = layers.into_iter().flatten().map(layer).collect::<Option<_>>();
        let platforms = platforms.into_iter().flatten().map(platform).collect::<Option<_>>();
        Ok(Self {
            digest: digest_of(bytes),
            artifact: artifact.unwrap_or_else(|| config.clone()),
            config,
            layers: layers.ok_or("a layer of its manifest has no digest")?,
            platforms: platforms.ok_or("a manifest of its index has no digest")?,
        })
    }
}

impl Layer {
    /// Returns the name of its file, as ORAS and Zarf note it.
    pub fn title(&self) -> Option<&str> {
        self.annotations.get("org.opencontainers.image.title").map(String::as_str)
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn digest(value: &Value) -> Option<String> {
    Some(text(value, "digest")).filter(|digest| is_digest(digest))
}

fn layer(value: &Value) -> Option<Layer> {
    let noted = value.get("annotations").and_then(Value::as_object).into_iter().flatten();
    let annotations = noted.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    let size = value.get("size").and_then(Value::as_u64).unwrap_or_default();
    Some(Layer { kind: text(value, "mediaType"), digest: digest(value)?, size, annotations })
}

fn platform(value: &Value) -> Option<Platform> {
    let about = value.get("platform").cloned().unwrap_or_default();
    Some(Platform { architecture: text(&about, "architecture"), os: text(&about, "os"), digest: digest(value)? })
}
