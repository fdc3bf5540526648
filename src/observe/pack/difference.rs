//! In: what a chart rendered to, twice. Out: where the two differ, by object and path.
//! Guarantee: no value is shown: what is made up by chance is mostly a password.
use crate::decide::render::ExpandedObject;
use crate::decide::value::{Map, Pointer, Value};
use std::collections::BTreeMap;

/// Which object: its kind, its namespace and its name.
type Name = (String, String, String);

/// Notes on each object where a second rendering differs, and returns what is in one of them only, in words.
pub(super) fn mark_differences(objects: &mut [ExpandedObject], again: &[ExpandedObject]) -> Vec<String> {
    let names: Vec<Name> = objects.iter().map(name).collect();
    let again: BTreeMap<Name, &Value> = again.iter().map(|object| (name(object), &object.manifest)).collect();
    let mut found = Vec::new();
    for (object, name) in objects.iter_mut().zip(&names) {
        match again.get(name) {
            Some(other) => walk(&object.manifest, other, &mut Pointer::default(), &mut object.unstable),
            None => found.push(format!("{} {} has another name", name.0, name.2)),
        }
    }
    let is_new = |other: &&Name| !names.contains(other);
    found.extend(again.keys().filter(is_new).map(|(kind, _, name)| format!("{kind} {name}")));
    found
}

fn name(object: &ExpandedObject) -> Name {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = |key: &str| object.manifest.get("metadata").and_then(|metadata| metadata.get(key));
    (text(object.manifest.get("kind")), text(metadata("namespace")), text(metadata("name")))
}

fn walk(left: &Value, right: &Value, at: &mut Pointer, found: &mut Vec<Pointer>) {
    match (left, right) {
        (Value::Map(left), Value::Map(right)) => {
            let absent = Value::Null;
            let new = right.iter().filter(|(key, _)| !left.contains_key(key)).map(|(key, _)| key);
            for key in left.iter().map(|(key, _)| key).chain(new) {
                let of = |map: &Map| map.get(key).cloned().unwrap_or_else(|| absent.clone());
                at.push(key.clone());
                walk(&of(left), &of(right), at, found);
                at.pop();
            }
        }
        (Value::List(left), Value::List(right)) if left.len() == right.len() => {
            for (nth, (left, right)) in left.iter().zip(right.iter()).enumerate() {
                at.push(nth.to_string().into());
                walk(left, right, at, found);
                at.pop();
            }
        }
        _ if left == right => {}
        _ => found.push(at.clone()),
    }
}
