//! In: a layer with its source. Out: the layer document but for its values: what expressions read and patches change.
//! Guarantee: what is not said stands with its default: the release is named as the layer, a gate may take ten minutes.
use super::super::composition::deliver_to;
use super::super::composition::shape::Shaped;
use super::super::full::ResolvedSource;
use super::source::{Made, word};
use crate::decide::document::{Cluster, Fragment};
use crate::decide::value::{Domain, Hasher, Map, Value};

/// How long a gate may take to open where the layer does not say.
pub(in crate::decide::profile) const TIMEOUT: &str = "10m";

/// Everything but the values; what is not said stands with its default.
pub(in crate::decide::profile) fn frame(cluster: &Cluster, layer: &Shaped, source: &Made) -> Value {
    let list = |key: &str| layer.field(key).map_or_else(|| Value::list(Vec::new()), |part| part.value());
    let (kind, name, version) = match &source.resolved {
        ResolvedSource::Pack { name, version, .. } => {
            ("pack", Value::String(name.clone()), Value::String(version.clone()))
        }
        ResolvedSource::Manifests => ("manifests", Value::Null, Value::Null),
        ResolvedSource::Chart { name, version } => {
            ("chart", Value::String(name.clone()), Value::String(version.clone()))
        }
        ResolvedSource::Zarf { name, version } => {
            ("zarf", Value::String(name.clone()), version.clone().map_or(Value::Null, Value::String))
        }
        ResolvedSource::Kustomize { root } => ("kustomize", Value::string(root.as_str()), Value::Null),
    };
    let source_value: Map = [("kind", Value::string(kind)), ("name", name)].into_iter().collect();
    // A renamed layer goes on with the release that it has.
    let release = layer.field("releaseName").or_else(|| layer.field("renamedFrom"));
    let release = Value::string(release.as_ref().map_or(layer.name.as_str(), Fragment::text));
    let profile = layer.profile.as_ref().map_or(Value::Null, |(name, _)| Value::string(name.as_str()));
    let entries: [(&str, Value); 15] = [
        ("name", Value::string(layer.name.as_str())),
        ("profile", profile),
        ("role", Value::string(word(layer.role))),
        ("source", source_value.into()),
        ("version", version),
        ("digest", Value::String(digest(source).into())),
        ("namespace", deliver_to::namespace(cluster, layer)),
        ("releaseName", release),
        ("presets", list("presets")),
        ("attached", list("attached")),
        ("priority", layer.field("priority").map_or(Value::Integer(0), |part| part.value())),
        ("dependsOn", list("dependsOn")),
        ("deliverTo", Value::string(deliver_to::word(layer.site))),
        ("health", health(layer)),
        ("values", Value::Null),
    ];
    entries.into_iter().collect::<Map>().into()
}

fn health(layer: &Shaped) -> Value {
    let timeout = Value::string(layer.health("timeout").as_ref().map_or(TIMEOUT, Fragment::text));
    let expressions = layer.health("expressions").map(|part| ("expressions", part.value()));
    std::iter::once(("timeout", timeout)).chain(expressions).collect::<Map>().into()
}

/// The digest of the files that a layer renders: another file is another layer, whatever its values.
fn digest(source: &Made) -> String {
    let mut hasher = Hasher::new(Domain("source/1"));
    for file in source.manifests.iter() {
        hasher.bytes(file.path.as_str().as_bytes()).bytes(&file.blob.0);
    }
    for part in source.parts.iter() {
        hasher.bytes(&part.what.digest().0);
    }
    if let ResolvedSource::Pack { digest: Some(digest), .. } = &source.resolved {
        hasher.bytes(&digest.0);
    }
    if let Some(remote) = source.zarf.as_ref().and_then(|package| package.packaged()?.remote) {
        hasher.bytes(&remote.digest.0);
    }
    hasher.finish().to_string()
}
