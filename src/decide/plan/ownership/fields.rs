//! In: sets of fields as `FieldsV1` has them, and the objects whose fields they are. Out: parts, unions, differences.
//! Guarantee: an item of a list is found by what makes it itself, never by its place, unless the set names its place.
//!
//! A set is a map: `f:name` a field, `k:{"name":"a"}` an item by its keys, `v:"a"` an item by its value, `i:0` an item
//! by its place, each with what of it is owned below; `.` is the thing itself. An empty map is owned as a whole.
use crate::decide::value::{Map, Pointer, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The thing itself, beside what is below it.
const ITSELF: &str = ".";

/// The key of ports whose value may be left out, and what it is then.
const DEFAULT: (&str, &str) = ("protocol", "TCP");

/// One step down into an object.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// To a field.
    Field(&'a str),
    /// To an item of a list.
    Item(usize, &'a Value),
}

/// Returns the key under which a set has a step.
fn key_of(fields: &Value, step: Step<'_>) -> Option<Arc<str>> {
    let map = fields.as_map()?;
    match step {
        Step::Field(name) => {
            let key = format!("f:{name}");
            map.contains_key(&key).then(|| key.into())
        }
        Step::Item(at, item) => map.iter().map(|(key, _)| key).find(|key| is_item(key, at, item)).cloned(),
    }
}

/// Whether a key of a set is that of an item.
fn is_item(key: &str, at: usize, item: &Value) -> bool {
    match key.split_once(':') {
        Some(("k", keys)) => {
            let Ok(keys) = serde_json::from_str::<BTreeMap<String, Json>>(keys) else { return false };
            keys.iter().all(|(name, wanted)| match item.get(name) {
                Some(found) => is_equal(found, wanted),
                None => DEFAULT.0 == name && wanted == DEFAULT.1,
            })
        }
        Some(("v", value)) => serde_json::from_str(value).is_ok_and(|wanted| is_equal(item, &wanted)),
        Some(("i", index)) => index.parse() == Ok(at),
        _ => false,
    }
}

fn is_equal(value: &Value, json: &Json) -> bool {
    match (value, json) {
        (Value::String(text), Json::String(other)) => **text == **other,
        (Value::Bool(truth), Json::Bool(other)) => truth == other,
        (Value::Integer(number), Json::Number(other)) => other.as_i64() == Some(*number),
        _ => false,
    }
}

/// What a set says of a place that lies below those it was asked about.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// The place, or something above it, is owned as a whole.
    Whole,
    /// Some of it is owned; this is the set below.
    Some(&'a Value),
    /// Nothing of it is.
    None,
}

impl<'a> Part<'a> {
    /// Begins with a whole set; one that is empty owns nothing.
    pub fn of(fields: &'a Value) -> Self {
        if fields.as_map().is_some_and(|map| !map.is_empty()) { Self::Some(fields) } else { Self::None }
    }

    /// Goes a step down.
    #[must_use]
    pub fn step(self, step: Step<'_>) -> Self {
        let Self::Some(fields) = self else { return self };
        match key_of(fields, step).and_then(|key| fields.get(&key)) {
            Some(Value::Map(map)) if map.is_empty() => Self::Whole,
            Some(below) => Self::Some(below),
            None => Self::None,
        }
    }

    /// Whether the place itself is owned, and not only something below it.
    pub fn is_owned(self) -> bool {
        match self {
            Self::Whole => true,
            Self::Some(fields) => fields.get(ITSELF).is_some(),
            Self::None => false,
        }
    }
}

/// Returns what a set says of the place that a pointer names in an object.
pub fn part_at<'a>(fields: &'a Value, object: &Value, pointer: &Pointer) -> Part<'a> {
    steps(object, pointer).into_iter().fold(Part::of(fields), Part::step)
}

/// Returns the steps of a pointer, as far as the object goes; beyond it only fields are thought of.
fn steps<'a>(object: &'a Value, pointer: &'a Pointer) -> Vec<Step<'a>> {
    const NULL: &Value = &Value::Null;
    let mut at = object;
    let mut steps = Vec::new();
    for token in pointer.tokens() {
        let index = at.as_list().and_then(|items| Some((items, token.parse::<usize>().ok()?)));
        if let Some((items, index)) = index {
            at = items.get(index).unwrap_or(NULL);
            steps.push(Step::Item(index, at));
        } else {
            at = at.get(token).unwrap_or(NULL);
            steps.push(Step::Field(token));
        }
    }
    steps
}

/// Returns the paths of what a set owns, as an API server writes them in a conflict: `.spec.containers[name="a"].image`.
pub fn paths(fields: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    if fields.as_map().is_some_and(|map| !map.is_empty()) {
        paths_below(fields, String::new(), &mut paths);
    }
    paths
}

fn paths_below(fields: &Value, at: String, paths: &mut Vec<String>) {
    let map = fields.as_map().filter(|map| map.iter().any(|(key, _)| **key != *ITSELF));
    let Some(map) = map else { return paths.push(at) };
    for (key, below) in map.iter().filter(|(key, _)| ***key != *ITSELF) {
        let step = match key.split_once(':') {
            Some(("f", name)) => format!(".{name}"),
            Some(("k", keys)) => format!("[{}]", selector(keys)),
            Some(("v", value)) => format!("[={value}]"),
            Some((_, index)) => format!("[{index}]"),
            None => continue,
        };
        paths_below(below, format!("{at}{step}"), paths);
    }
}

/// Returns `{"name":"a","port":1}` as `name="a",port=1`.
fn selector(keys: &str) -> String {
    let keys: BTreeMap<String, Json> = serde_json::from_str(keys).unwrap_or_default();
    keys.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Returns all fields of both sets.
#[must_use]
pub fn union(left: &Value, right: &Value) -> Value {
    match (left.as_map(), right.as_map()) {
        (Some(left), Some(right)) if left.is_empty() || right.is_empty() => {
            let (whole, other) = if left.is_empty() { (left, right) } else { (right, left) };
            // What is owned as a whole is owned beside its parts.
            let itself = (!other.is_empty()).then(|| (Arc::from(ITSELF), Value::map(whole.clone())));
            Value::map(other.clone().into_iter().chain(itself).collect())
        }
        (Some(left), Some(right)) => {
            let mut all = left.clone();
            for (key, value) in right.iter() {
                let below = all.get(key).map_or_else(|| value.clone(), |own| union(own, value));
                all.insert(key.clone(), below);
            }
            Value::map(all)
        }
        (Some(_), None) => left.clone(),
        (None, _) => right.clone(),
    }
}

/// Returns the set without the place that a pointer names in an object, and without all below it.
#[must_use]
pub fn without(fields: &Value, object: &Value, pointer: &Pointer) -> Value {
    remove(fields, &steps(object, pointer)).unwrap_or_else(|| Map::default().into())
}

/// Returns nothing where nothing is left; a part of what is owned as a whole cannot be taken out of it.
fn remove(fields: &Value, steps: &[Step<'_>]) -> Option<Value> {
    let (first, rest) = steps.split_first()?;
    let Some(key) = key_of(fields, *first) else { return Some(fields.clone()) };
    let mut map = fields.as_map()?.clone();
    let below = map.get(&key)?;
    if !rest.is_empty() && below.as_map().is_some_and(Map::is_empty) {
        return Some(fields.clone());
    }
    match remove(below, rest) {
        Some(left) => drop(map.insert(key, left)),
        None => drop(map.remove(&key)),
    }
    (!map.is_empty()).then(|| Value::map(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use serde_json::json;

    fn pod() -> Value {
        value(&json!({"spec": {"replicas": 2, "containers": [
            {"name": "a", "image": "x", "ports": [{"containerPort": 80}]}, {"name": "b", "image": "y"},
        ]}, "metadata": {"finalizers": ["f"]}}))
    }

    fn owned() -> Value {
        value(&json!({"f:spec": {"f:replicas": {}, "f:selector": {}, "f:containers": {
            "k:{\"name\":\"b\"}": {".": {}, "f:name": {}, "f:image": {}},
            "k:{\"name\":\"a\"}": {"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}},
        }}, "f:metadata": {"f:finalizers": {"v:\"f\"": {}}}}))
    }

    fn owns(pointer: &str) -> bool {
        part_at(&owned(), &pod(), &Pointer::parse(pointer).expect("it is a pointer")).is_owned()
    }

    #[test]
    fn a_place_is_found_by_keys_and_values() {
        assert!(owns("/spec/replicas") && owns("/spec/containers/1/image") && owns("/spec/containers/1"));
        assert!(!owns("/spec/containers/0/image") && !owns("/spec/containers/0"), "only its ports are");
        assert!(owns("/spec/containers/0/ports/0"), "a port without a protocol is one of TCP");
        assert!(owns("/metadata/finalizers/0") && !owns("/spec/paused"));
        assert!(owns("/spec/selector/matchLabels/app"), "what is above is owned as a whole");
    }

    #[test]
    fn a_union_has_the_fields_of_both() {
        let of = |left, right| union(&value(&left), &value(&right));
        assert_eq!(of(json!({"f:a": {}}), json!({"f:b": {}})), value(&json!({"f:a": {}, "f:b": {}})));
        assert_eq!(of(json!({"f:a": {}}), json!({"f:a": {"f:b": {}}})), value(&json!({"f:a": {".": {}, "f:b": {}}})));
        assert_eq!(of(json!({"f:a": {"f:b": {}}}), json!({"f:a": {}})), value(&json!({"f:a": {".": {}, "f:b": {}}})));
    }

    #[test]
    fn what_is_taken_out_takes_with_it_what_is_below() {
        let without = |pointer: &str| without(&owned(), &pod(), &Pointer::parse(pointer).expect("it is a pointer"));
        let left = without("/spec/replicas");
        assert!(!part_at(&left, &pod(), &Pointer::parse("/spec/replicas").expect("it is a pointer")).is_owned());
        assert!(
            part_at(&left, &pod(), &Pointer::parse("/spec/containers/1/image").expect("it is a pointer")).is_owned()
        );
        let left = without("/spec/containers/0/ports");
        assert!(left.get("f:spec").and_then(|spec| spec.get("f:containers")?.get("k:{\"name\":\"a\"}")).is_none());
        assert_eq!(without("/spec/selector/matchLabels"), owned(), "a part cannot be taken out of a whole");
        assert_eq!(without("/spec/paused"), owned(), "it was not there");
        assert_eq!(without(""), value(&json!({})), "all goes");
    }
}
