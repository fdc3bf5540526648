//! In: a shaped layer, its source, the texts of its files. Out: its document, placeholders not yet filled.
//! Guarantee: each step is a later writer: pack, presets, then of each overlay files, values, patches.
use super::super::codes;
use super::super::composition::overlays::Selection;
use super::super::composition::shape::{Shaped, Step};
use super::super::full::ResolvedSource;
use super::super::trace::Trace;
use super::document::frame;
use super::patches::patch_document;
use super::presets::apply;
use super::source::Source;
use crate::decide::document::{Texts, is_sealed, nothing_sealed};
use crate::decide::fleet::Found;
use crate::decide::value::{Diagnostic, Map, Nulls, PatchOperation, Pointer, Value, merge};
use std::sync::Arc;

/// What resolving the values of a layer needs.
pub(in crate::decide::profile) struct Values<'a> {
    pub(in crate::decide::profile) selection: &'a Selection,
    pub(in crate::decide::profile) texts: &'a Texts,
    pub(in crate::decide::profile) errors: &'a mut Vec<Diagnostic>,
    pub(in crate::decide::profile) warnings: &'a mut Vec<Diagnostic>,
}

impl Values<'_> {
    /// Returns the layer document.
    pub(in crate::decide::profile) fn document<T: Trace>(
        &mut self,
        layer: &Shaped,
        source: &Source,
        trace: &mut T,
    ) -> Value {
        let mut document = match &layer.declared {
            Some(declared) => declared.frame.clone(),
            None => frame(&self.selection.cluster, layer, source),
        };
        let mut values = Value::map(Map::default());
        let nulls = source.nulls();
        self.defaults(source, &mut values, trace);
        for (at, step) in layer.steps.iter().enumerate() {
            let what = if T::LISTENS { self.what(step, layer) } else { String::new() };
            for found in source.values_files.get(at).into_iter().flatten() {
                self.file(&what, found, nulls, &mut values, trace);
            }
            for found in source.secrets_files.get(at).into_iter().flatten() {
                self.sealed(&what, found, nulls, &mut values, trace);
            }
            match &layer.declared {
                Some(declared) if at == 0 && !T::LISTENS => {
                    declared.values.iter().for_each(|part| merge(&mut values, part, nulls));
                }
                _ => {
                    if let Some(part) = step.part.get("values") {
                        merge(&mut values, &part.value(), nulls);
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
        let Some(pack) = &source.pack else { return self.defaults_of_chart(source, trace) };
        if let Some(found) = &source.defaults {
            self.file(&format!("defaults of pack {}@{}", pack.name, pack.version), found, Nulls::Drop, values, trace);
        }
        source.presets.iter().for_each(|preset| apply(preset, values, &values_pointer(), trace));
    }

    /// A chart's own values are merged by Helm, under what it is given; whoever listens hears of them.
    fn defaults_of_chart<T: Trace>(&mut self, source: &Source, trace: &mut T) {
        let ResolvedSource::Chart { name, version } = &source.resolved else { return };
        if let (true, Some(found)) = (T::LISTENS, source.defaults_in(self.texts)) {
            let what = format!("defaults of chart {name}@{version}");
            self.file(&what, &found, Nulls::Keep, &mut Value::Null, trace);
        }
    }

    fn file<T: Trace>(&mut self, what: &str, found: &Found, nulls: Nulls, values: &mut Value, trace: &mut T) {
        let blob = match self.texts.find(&found.path, found.blob) {
            Ok(blob) => blob,
            Err(said) => return self.errors.extend(said),
        };
        if is_sealed(blob.value())
            && let Ok(Some(file)) = blob.document(&found.path, found.origin.as_ref())
        {
            let message = format!("`{}` is sealed by SOPS, and would be taken as it stands", found.path);
            let said = Diagnostic::error(codes::FIELD, message).at(file.span(file.root()).withheld());
            return self.errors.push(said.hint("name it under `secretsFiles`, which opens it"));
        }
        if let (false, Some(map)) = (T::LISTENS, blob.plain_map()) {
            return merge(values, map, nulls);
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
        merge(values, blob.value(), nulls);
        trace.merged(what, &file.part(file.root()), &values_pointer());
    }

    /// Merges what a sealed file holds, opened outside.
    fn sealed<T: Trace>(&mut self, what: &str, found: &Found, nulls: Nulls, values: &mut Value, trace: &mut T) {
        let opened = match self.texts.opened(&found.path, found.blob) {
            Ok(opened) => opened,
            Err(said) => return self.errors.extend(said),
        };
        for opened in opened {
            merge(values, opened, nulls);
        }
        let Ok(blob) = self.texts.find(&found.path, found.blob) else { return };
        let files = blob.documents(&found.path, found.origin.as_ref());
        self.warnings.extend(files.iter().flat_map(|files| nothing_sealed(files)));
        for file in files.iter().flat_map(|files| files.iter()).filter(|_| T::LISTENS) {
            for (key, value) in file.part(file.root()).entries().filter(|(key, _)| key.text() != "sops") {
                trace.merged(what, &value, &values_pointer().join(key.text()));
            }
        }
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

fn values_pointer() -> Pointer {
    std::iter::once(Arc::from("values")).collect()
}
