//! In: what a chart rendered to, twice. Out: where the two differ, by object and path.
//! Guarantee: no value is shown: what is made up by chance is mostly a password.
use crate::decide::render::ExpandedObject;
use crate::decide::value::{Map, Pointer, Value};
use std::collections::BTreeMap;

/// Which object: its kind and its name.
type Name = (String, String);

/// Returns where two renderings differ.
pub(super) fn differences(first: &[ExpandedObject], second: &[ExpandedObject]) -> Vec<String> {
    let (first, second) = (by_name(first), by_name(second));
    let mut found = Vec::new();
    for (name @ (kind, object), value) in &first {
        match second.get(name) {
            Some(other) => {
                let mut paths = Vec::new();
                walk(value, other, &mut Pointer::default(), &mut paths);
                found.extend(paths.into_iter().map(|path| format!("`{path}` of {kind} {object}")));
            }
            None => found.push(format!("{kind} {object} has another name")),
        }
    }
    found.extend(second.keys().filter(|name| !first.contains_key(*name)).map(|(kind, name)| format!("{kind} {name}")));
    found
}

fn by_name(objects: &[ExpandedObject]) -> BTreeMap<Name, &Value> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = |object: &'_ ExpandedObject| {
        let name = object.manifest.get("metadata").and_then(|metadata| metadata.get("name"));
        (text(object.manifest.get("kind")), text(name))
    };
    objects.iter().map(|object| (name(object), &object.manifest)).collect()
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
