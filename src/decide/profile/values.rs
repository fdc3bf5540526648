//! In: a shaped layer, its source, the texts of its files. Out: its document, placeholders not yet filled.
//! Guarantee: each step is a later writer: pack, presets, then of each overlay files, values, patches.
use super::codes;
use super::deliver_to;
use super::overlays::Selection;
use super::patches::patch_document;
use super::shape::{Shaped, Step};
use super::source::{Made, Source, word};
use super::trace::Trace;
use crate::decide::document::{Cluster, Fragment, Texts};
use crate::decide::fleet::Found;
use crate::decide::profile::full::ResolvedSource;
use crate::decide::value::{Diagnostic, Domain, Hasher, Map, Nulls, PatchOperation, Pointer, Value, merge};
use std::sync::Arc;

/// How long a gate may take to open where the layer does not say.
pub(super) const TIMEOUT: &str = "10m";

/// What resolving the values of a layer needs.
pub(super) struct Values<'a> {
    pub(super) selection: &'a Selection,
    pub(super) texts: &'a Texts,
    pub(super) errors: &'a mut Vec<Diagnostic>,
    pub(super) warnings: &'a mut Vec<Diagnostic>,
}

impl Values<'_> {
    /// Returns the layer document.
    pub(super) fn document<T: Trace>(&mut self, layer: &Shaped, source: &Source, trace: &mut T) -> Value {
        let mut document = match &layer.declared {
            Some(declared) => declared.frame.clone(),
            None => frame(&self.selection.cluster, layer, source),
        };
        let mut values = Value::map(Map::default());
        self.defaults(source, &mut values, trace);
        for (at, step) in layer.steps.iter().enumerate() {
            let what = if T::LISTENS { self.what(step, layer) } else { String::new() };
            for found in source.values_files.get(at).into_iter().flatten() {
                self.file(&what, found, &mut values, trace);
            }
            match &layer.declared {
                Some(declared) if at == 0 && !T::LISTENS => {
                    declared.values.iter().for_each(|part| merge(&mut values, part, Nulls::Drop));
                }
                _ => {
                    if let Some(part) = step.part.get("values") {
                        merge(&mut values, &part.value(), Nulls::Drop);
                        trace.merged(&what, &part, &values_pointer());
                    }
                }
            }
            if let Some(patches) = step.part.get("patches") {
                document.make_map().insert("values".into(), std::mem::take(&mut values));
                for (operation, span) in patch_document(&mut document, &patches, self.errors) {
                    if !matches!(operation, PatchOperation::Test(..)) {
                        trace.wrote(&format!("patch of {what}"), &span, operation.path());
                    }
                }
                values = document.make_map().remove("values").unwrap_or_default();
            }
        }
        document.make_map().insert("values".into(), values);
        document
    }

    fn defaults<T: Trace>(&mut self, source: &Source, values: &mut Value, trace: &mut T) {
        let Some(pack) = &source.pack else { return };
        if let Some(found) = &source.defaults {
            self.file(&format!("defaults of pack {}@{}", pack.name, pack.version), found, values, trace);
        }
        for preset in &source.presets {
            let what = format!("preset {}", preset.name);
            for key in &preset.remove {
                let tokens: Vec<Arc<str>> = key.text().split('.').map(Arc::from).collect();
                remove(values, &tokens);
                trace.wrote(&what, &key.span(), &values_pointer().tokens().iter().cloned().chain(tokens).collect());
            }
            if let Some(add) = &preset.add {
                merge(values, &add.value(), Nulls::Drop);
                trace.merged(&what, add, &values_pointer());
            }
        }
    }

    fn file<T: Trace>(&mut self, what: &str, found: &Found, values: &mut Value, trace: &mut T) {
        let blob = match self.texts.find(&found.path, found.blob) {
            Ok(blob) => blob,
            Err(said) => return self.errors.extend(said),
        };
        if let (false, Some(map)) = (T::LISTENS, blob.plain_map()) {
            return merge(values, map, Nulls::Drop);
        }
        let file = match blob.document(&found.path, found.origin.as_ref()) {
            Ok(Some(file)) => file,
            Ok(None) => return,
            Err(said) => return self.errors.extend(said),
        };
        self.warnings.extend(file.duplicate_warnings());
        if blob.value().as_map().is_none() {
            self.errors.push(
                Diagnostic::error(codes::FIELD, format!("the values are {}", blob.value().type_name()))
                    .at(file.span(file.root()))
                    .expected("a map"),
            );
            return;
        }
        merge(values, blob.value(), Nulls::Drop);
        trace.merged(what, &file.part(file.root()), &values_pointer());
    }

    /// Returns who a step is, in words.
    fn what(&self, step: &Step, layer: &Shaped) -> String {
        match (step.overlay, &layer.profile) {
            (None, Some((profile, _))) => format!("profile {profile}"),
            (None, None) => "profile".into(),
            (Some(0), _) => format!("environment {}", self.selection.environment.name),
            (Some(at), _) if at + 1 == self.selection.overlays.len() => {
                format!("cluster {}", self.selection.cluster.name)
            }
            (Some(_), _) => format!("overlay of environment {}", self.selection.environment.name),
        }
    }
}

/// Everything but the values; what is not said stands with its default.
pub(super) fn frame(cluster: &Cluster, layer: &Shaped, source: &Made) -> Value {
    let list = |key: &str| layer.field(key).map_or_else(|| Value::list(Vec::new()), |part| part.value());
    let (kind, name, version) = match &source.resolved {
        ResolvedSource::Pack { name, version, .. } => {
            ("pack", Value::String(name.clone()), Value::String(version.clone()))
        }
        ResolvedSource::Manifests => ("manifests", Value::Null, Value::Null),
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

fn values_pointer() -> Pointer {
    std::iter::once(Arc::from("values")).collect()
}

fn remove(value: &mut Value, tokens: &[Arc<str>]) {
    let Some((first, rest)) = tokens.split_first() else { return };
    if value.get(first).is_none() {
        return;
    }
    let map = value.make_map();
    if rest.is_empty() {
        map.remove(first);
    } else if let Some(inner) = map.get_mut(first) {
        remove(inner, rest);
    }
}

/// The digest of the files that a layer renders: another file is another layer, whatever its values.
fn digest(source: &Made) -> String {
    let mut hasher = Hasher::new(Domain("source/1"));
    for file in source.manifests.iter() {
        hasher.bytes(file.path.as_str().as_bytes()).bytes(&file.blob.0);
    }
    hasher.finish().to_string()
}
