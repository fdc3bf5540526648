//! In: the objects of a layer, with what its charts made up; what the layer lists as `generated`. Out: that sealed, so that it
//! compares and digests the same each time; what is made up and not listed, or listed and not made up.
//! Guarantee: no value is told; no id and no digest depends on one.
//!
//! Why: a password by chance is another one at each rendering. The first one is written where there is none; where there is
//! one, it is applied again as it is, which only who writes can do: plans are made without it.
use super::codes;
use super::layers::Identified;
use crate::decide::profile::{Generated, ProfileLayer};
use crate::decide::value::{Diagnostic, Map, PatchOperation, Pointer, Seal, Span, Value, apply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// The most fields that are told: a chart that renders all otherwise has one mistake.
const FIELDS_MAX: usize = 5;

/// What there is to tell of a layer.
#[derive(Default)]
pub(super) struct Said {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) notes: Vec<Arc<str>>,
}

/// Seals what is generated in the objects of a layer.
pub(super) fn settle(layer: &ProfileLayer, objects: &mut [Identified], seal: &Seal) -> Said {
    let mut said = Said::default();
    for object in objects.iter_mut() {
        let rules: Vec<&Generated> =
            layer.generated.iter().filter(|rule| rule.target.selects(&layer.name, &object.id)).collect();
        as_data(object, &rules);
        let is_listed = |made_up: &Pointer| listed(&rules).any(|(pointer, _)| made_up.is_within(pointer));
        let unlisted = object.unstable.iter().filter(|made_up| !is_listed(made_up));
        said.errors.extend(unlisted.map(|made_up| unstable(layer, object, made_up)));
    }
    said.errors.truncate(FIELDS_MAX);
    for rule in &layer.generated {
        for (pointer, at) in &rule.pointers {
            said.warnings.extend(seal_one(layer, (rule, pointer, at), objects, seal, &mut said.notes));
        }
    }
    said
}

/// Seals a field of the objects that a rule selects, and returns what is wrong with the rule.
fn seal_one(
    layer: &ProfileLayer,
    (rule, pointer, at): (&Generated, &Pointer, &Span),
    objects: &mut [Identified],
    seal: &Seal,
    notes: &mut Vec<Arc<str>>,
) -> Option<Diagnostic> {
    let (mut selected, mut found, mut made_up) = (0_usize, 0_usize, 0_usize);
    for object in objects.iter_mut().filter(|object| rule.target.selects(&layer.name, &object.id)) {
        selected += 1;
        let Some(value) = pointer.get(&object.manifest).cloned() else { continue };
        found += 1;
        made_up += usize::from(object.unstable.iter().any(|unstable| unstable.is_within(pointer)));
        let sealed = PatchOperation::Replace(pointer.clone(), seal.generated(value));
        if apply(&mut object.manifest, &[sealed]).is_ok() {
            let what = if object.hook.is_some() {
                "each run has another value"
            } else {
                "it is made once, and kept as it is there"
            };
            notes.push(format!("{pointer} of {} {} is generated: {what}", object.id.kind, object.id.name).into());
        }
    }
    // That it selects nothing is told with other rules.
    let message = match (selected, found, made_up) {
        (0, ..) | (_, _, 1..) => return None,
        (_, 0, _) => format!("`{pointer}` is `generated` of layer `{}`, and its objects do not have it", layer.name),
        _ => format!("`{pointer}` is `generated` of layer `{}`, and is rendered the same each time", layer.name),
    };
    let said = Diagnostic::warning(codes::UNMATCHED, message).at(at.clone());
    Some(said.hint("take it out of `generated`: as long as it stands there, what the chart says of it is not applied"))
}

fn listed<'a>(rules: &'a [&Generated]) -> impl Iterator<Item = &'a (Pointer, Span)> {
    rules.iter().flat_map(|rule| &rule.pointers)
}

/// Has the texts of a Secret that are generated stand where the server keeps them: among its data.
fn as_data(object: &mut Identified, rules: &[&Generated]) {
    if (&*object.id.group, &*object.id.kind) != ("", "Secret") {
        return;
    }
    let Some(texts) = object.manifest.get("stringData").and_then(Value::as_map).cloned() else { return };
    for (key, value) in texts.iter() {
        let place = Pointer::default().join("data").join(key);
        let Some(text) = exposed(value).as_str().filter(|_| listed(rules).any(|(at, _)| place.is_within(at))) else {
            continue;
        };
        let encoded = Value::string(&STANDARD.encode(text));
        object.manifest.make_map().entry_of("data").make_map().insert(key.clone(), encoded);
        object.manifest.make_map().entry_of("stringData").make_map().remove(key);
        let as_text = Pointer::default().join("stringData").join(key);
        if object.manifest.get("stringData").and_then(Value::as_map).is_some_and(Map::is_empty) {
            object.manifest.make_map().remove("stringData");
        }
        object.unstable.iter_mut().filter(|at| **at == as_text).for_each(|at| *at = place.clone());
    }
}

fn exposed(value: &Value) -> &Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        value => value,
    }
}

fn unstable(layer: &ProfileLayer, object: &Identified, at: &Pointer) -> Diagnostic {
    let id = &object.id;
    let message = format!(
        "the chart of layer `{}` cannot be rendered: it renders otherwise each time: `{at}` of {} {}",
        layer.name, id.kind, id.name
    );
    Diagnostic::error(codes::REFUSED, message).at(object.at.clone()).hint(
        "set it by values, or list it under `generated` of the layer, which keeps what is live; what a chart makes up by \
         chance or by the time is another one at each look",
    )
}
