//! In: patches as overlays write them. Out: operations of RFC 6902, each where it is written.
//! Guarantee: an operation has what it needs, or is a diagnostic; on the layer document only what may be patched is.
use super::super::codes;
use super::super::full::ObjectPatch;
use super::health_expressions;
use super::options::selector;
use crate::decide::document::Fragment;
use crate::decide::document::kind::{duration, is_label};
use crate::decide::value::{Diagnostic, PatchOperation, Pointer, Span, Value, apply};

/// The parts of the layer document that patches may change.
const ALLOWED: [&str; 4] = ["values", "namespace", "priority", "health"];

/// The same bounds as where a layer states its priority.
const PRIORITIES: std::ops::RangeInclusive<i64> = -1_000_000..=1_000_000;

/// Reads operations.
pub(in crate::decide::profile) fn operations(
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
) -> Vec<(PatchOperation, Span)> {
    let mut operations = Vec::new();
    for item in part.items() {
        match operation(&item) {
            Ok(operation) => operations.push((operation, item.span())),
            Err(error) => errors.push(error),
        }
    }
    operations
}

fn operation(item: &Fragment) -> Result<PatchOperation, Diagnostic> {
    let missing = |key: &str| {
        Diagnostic::error(codes::PATCH, format!("the operation has no `{key}`"))
            .at(item.span())
            .expected(format!("`{key}` beside `op`"))
    };
    let pointer = |key: &str| {
        let part = item.get(key).ok_or_else(|| missing(key))?;
        Pointer::parse(part.text()).ok_or_else(|| missing(key))
    };
    let path = pointer("path")?;
    let value = || item.get("value").map(|part| part.value()).ok_or_else(|| missing("value"));
    Ok(match item.get("op").as_ref().map(Fragment::text) {
        Some("add") => PatchOperation::Add(path, value()?),
        Some("remove") => PatchOperation::Remove(path),
        Some("replace") => PatchOperation::Replace(path, value()?),
        Some("move") => PatchOperation::Move(pointer("from")?, path),
        Some("copy") => PatchOperation::Copy(pointer("from")?, path),
        Some("test") => PatchOperation::Test(path, value()?),
        _ => return Err(missing("op")),
    })
}

/// Does operations on a layer document, in order; the first that cannot be done ends it.
pub(in crate::decide::profile) fn patch_document(
    document: &mut Value,
    part: &Fragment,
    errors: &mut Vec<Diagnostic>,
) -> Vec<(PatchOperation, Span)> {
    let operations = operations(part, errors);
    for (operation, span) in &operations {
        let from = match operation {
            PatchOperation::Move(from, _) => Some(from),
            _ => None,
        };
        for pointer in [Some(operation.path()), from].into_iter().flatten() {
            let first = pointer.tokens().first().map(|token| &**token);
            if !first.is_some_and(|first| ALLOWED.contains(&first)) {
                errors.push(
                    Diagnostic::error(
                        codes::PATCH_PATH,
                        format!("`{pointer}` of the layer document cannot be patched"),
                    )
                    .at(span.clone())
                    .expected("a path under /values, /namespace, /priority or /health"),
                );
                return Vec::new();
            }
        }
        if let Err(error) = apply(document, std::slice::from_ref(operation)) {
            errors.push(undone(&error.to_string(), operation, span));
            return Vec::new();
        }
        if let Some((field, expected)) = broken_field(document) {
            let message = format!("the patch leaves a `{field}` that the layer cannot have");
            errors.push(Diagnostic::error(codes::PATCH, message).at(span.clone()).expected(expected));
            return Vec::new();
        }
    }
    operations
}

/// Returns a field that broke the rule under which it may be written, with what is expected.
fn broken_field(document: &Value) -> Option<(&'static str, &'static str)> {
    let is_absent = |value: Option<&Value>| value.is_none_or(Value::is_null);
    let (namespace, priority) = (document.get("namespace"), document.get("priority"));
    let is_add_on = document.get("role").and_then(Value::as_str) == Some("add-on");
    let timeout = document.get("health").and_then(|part| part.get("timeout"));
    if document.get("values").and_then(Value::as_map).is_none() {
        return Some(("values", "a map"));
    }
    if !is_absent(namespace) && !namespace.and_then(Value::as_str).is_some_and(is_label) {
        return Some(("namespace", "lower-case letters, digits and inner hyphens, at most 63 characters"));
    }
    if !is_absent(priority) && !priority.and_then(Value::as_i64).is_some_and(|number| PRIORITIES.contains(&number)) {
        return Some(("priority", "an integer from -1000000 to 1000000"));
    }
    if !is_add_on && priority.and_then(Value::as_i64).is_some_and(|number| number != 0) {
        return Some(("priority", "none: only add-ons have a priority"));
    }
    if health_expressions::read(document).is_none() {
        return Some(("health.expressions", health_expressions::EXPECTED));
    }
    if timeout.and_then(Value::as_str).and_then(duration).is_none() {
        return Some(("health.timeout", "a duration such as 30s, 10m or 24h, at most 7 days"));
    }
    None
}

/// Says which operation could not be done, without its number: its line says it.
pub fn undone(error: &str, operation: &PatchOperation, span: &Span) -> Diagnostic {
    let why = error.split_once(": ").map_or(error, |(_, why)| why);
    let said = Diagnostic::error(codes::PATCH, format!("the operation cannot be done: {why}")).at(span.clone());
    match operation {
        PatchOperation::Test(..) => {
            said.hint("what it tests has changed: look at `stratify explain`, then mend the test or the patch")
        }
        PatchOperation::Add(..) => {
            said.hint("`op: add` adds to what is there: look at the path, or add the map above it first; `stratify explain` shows what is")
        }
        _ => said.hint("use `op: add` to make what is not there; `stratify explain` shows what is"),
    }
}

/// Reads a patch of rendered objects.
pub(in crate::decide::profile) fn object_patch(part: &Fragment, errors: &mut Vec<Diagnostic>) -> Option<ObjectPatch> {
    let target = part.get("target")?;
    let patch = operations(&part.get("patches")?, errors);
    Some(ObjectPatch { target: selector(&target), patch, at: target.span() })
}
