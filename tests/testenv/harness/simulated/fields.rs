//! In: objects, and who wrote what of them. Out: the fields of each, as `managedFields` have them.
//! Guarantee: a list whose items have names is told by item, every other one as a whole, as the real server does for the
//! kinds that it serves itself. Deliberately absent: lists that are sets.
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Where a field is: the parts of `fieldsV1`, such as `f:spec` and `k:{"name":"main"}`.
pub(super) type Path = Vec<String>;

/// The fields of one manager: the paths of their ends.
pub(super) type Fields = BTreeSet<Path>;

/// The part that stands for an item itself.
const ITEM: &str = ".";

/// What nobody owns.
const UNOWNED: &[&str] =
    &["name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"];

/// Maps that are one value.
const WHOLE: &[&str] = &["selector", "nodeSelector"];

/// Returns by which keys the items of a list are told apart; none where the list is one value.
fn keys_of(list: &str, items: &[Value]) -> &'static [&'static str] {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" => &["name"],
        "volumeMounts" => &["mountPath"],
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => &["containerPort", "protocol"],
        "ports" => &["port", "protocol"],
        "conditions" => &["type"],
        _ => &[],
    }
}

/// Returns the part that names an item.
fn key_of(item: &Value, keys: &[&str]) -> String {
    let pair = |key: &&str| {
        let default = if *key == "protocol" { Value::from("TCP") } else { Value::Null };
        ((*key).to_owned(), item.get(*key).cloned().unwrap_or(default))
    };
    format!("k:{}", Value::Object(keys.iter().map(pair).collect::<Map<_, _>>()))
}

/// Returns the fields that an object states.
pub(super) fn stated(object: &Value) -> Fields {
    let mut found = Fields::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if !UNOWNED.contains(&key.as_str()) {
                        ends(vec!["f:metadata".to_owned(), format!("f:{key}")], key, value, &mut found);
                    }
                }
            }
            _ => ends(vec![format!("f:{key}")], key, value, &mut found),
        }
    }
    found
}

fn ends(at: Path, name: &str, value: &Value, found: &mut Fields) {
    let below = |part: String| at.iter().cloned().chain([part]).collect::<Path>();
    match value {
        Value::Object(map) if !map.is_empty() && !WHOLE.contains(&name) => {
            for (key, value) in map {
                ends(below(format!("f:{key}")), key, value, found);
            }
        }
        Value::Array(items) if !keys_of(name, items).is_empty() => {
            let keys = keys_of(name, items);
            for item in items {
                let item_at = below(key_of(item, keys));
                found.insert(item_at.iter().cloned().chain([ITEM.to_owned()]).collect());
                for (key, value) in item.as_object().into_iter().flatten() {
                    let at = item_at.iter().cloned().chain([format!("f:{key}")]).collect();
                    ends(at, key, value, found);
                }
            }
        }
        _ => {
            found.insert(at);
        }
    }
}

/// Writes fields as `fieldsV1`.
pub(super) fn written(fields: &Fields) -> Value {
    let mut root = Value::Object(Map::new());
    for path in fields {
        let mut at = &mut root;
        for part in path {
            let map = at.as_object_mut().expect("each part is a map");
            at = map.entry(part.clone()).or_insert_with(|| Value::Object(Map::new()));
        }
    }
    root
}

/// Reads `fieldsV1`.
pub(super) fn read(written: &Value) -> Fields {
    fn below(at: &Path, value: &Value, found: &mut Fields) {
        let map = value.as_object().filter(|map| !map.is_empty());
        if map.is_none() {
            found.insert(at.clone());
        }
        for (part, value) in map.into_iter().flatten() {
            below(&at.iter().cloned().chain([part.clone()]).collect(), value, found);
        }
    }
    let mut found = Fields::new();
    if written.as_object().is_some_and(|map| !map.is_empty()) {
        below(&Path::new(), written, &mut found);
    }
    found
}

/// Returns the value of a field.
pub(super) fn value_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |at, part| match part.split_once(':') {
        Some(("f", key)) => at.get(key),
        Some(("k", key)) => at.as_array()?.iter().find(|item| is_item(item, key)),
        _ => Some(at),
    })
}

/// Whether an item is the one that a part names.
fn is_item(item: &Value, key: &str) -> bool {
    let wanted: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
    wanted.iter().all(|(key, wanted)| match item.get(key) {
        Some(value) => value == wanted,
        None => key == "protocol" && wanted == "TCP",
    })
}

/// Takes a field out of an object, and what is empty then.
pub(super) fn remove(object: &mut Value, path: &[String]) {
    let Some((part, rest)) = path.split_first() else { return };
    match (part.split_once(':'), object) {
        (Some(("f", key)), Value::Object(map)) => {
            let is_removed = match map.get_mut(key) {
                None => false,
                Some(_) if rest.is_empty() => true,
                Some(below) => {
                    remove(below, rest);
                    is_empty(below)
                }
            };
            if is_removed {
                map.remove(key);
            }
        }
        (Some(("k", key)), Value::Array(items)) => {
            let Some(at) = items.iter().position(|item| is_item(item, key)) else { return };
            if rest == [ITEM] {
                items.remove(at);
            } else if let Some(item) = items.get_mut(at) {
                remove(item, rest);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Puts what is wanted over what is there; items of named lists are put over those of their names.
pub(super) fn merge(live: &mut Value, wanted: &Value, name: &str) {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) if !WHOLE.contains(&name) => {
            for (key, wanted) in wanted {
                match live.get_mut(key) {
                    Some(live) => merge(live, wanted, key),
                    None => drop(live.insert(key.clone(), wanted.clone())),
                }
            }
        }
        (Value::Array(live), Value::Array(wanted)) if !keys_of(name, wanted).is_empty() => {
            let keys = keys_of(name, wanted);
            for wanted in wanted {
                let key = key_of(wanted, keys);
                match live.iter_mut().find(|item| key_of(item, keys) == key) {
                    Some(live) => merge(live, wanted, ""),
                    None => live.push(wanted.clone()),
                }
            }
        }
        (live, wanted) => *live = wanted.clone(),
    }
}

/// Returns a field as the real server names it in a conflict: `.data.key`, `.spec.containers[name="main"].image`.
pub(super) fn named(path: &[String]) -> String {
    let part = |part: &String| match part.split_once(':') {
        Some(("f", key)) => format!(".{key}"),
        Some(("k", key)) => {
            let keys: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        _ => String::new(),
    };
    path.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_and_names_its_values() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a", "labels": { "app": "a" } },
            "spec": { "containers": [{ "name": "main", "ports": [{ "containerPort": 80 }], "args": ["x", "y"] }] },
        });
        let fields = stated(&object);
        assert_eq!(read(&written(&fields)), fields, "there and back");
        let named: Vec<String> = fields.iter().map(|path| named(path)).collect();
        assert!(named.contains(&r#".spec.containers[name="main"].args"#.to_owned()), "by item: {named:?}");
        assert!(!named.iter().any(|name| name.contains("metadata.name")), "nobody owns its name: {named:?}");
        assert!(fields.iter().all(|path| value_at(&object, path).is_some()), "each has a value: {fields:?}");
    }

    #[test]
    fn what_is_removed_leaves_nothing_empty() {
        let mut object = json!({ "data": { "a": "1" }, "spec": { "containers": [{ "name": "m", "image": "i" }] } });
        let path = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Path>();
        remove(&mut object, &path(&["f:data", "f:a"]));
        assert_eq!(object.get("data"), None, "the map went with its last key");
        remove(&mut object, &path(&["f:spec", "f:containers", r#"k:{"name":"m"}"#, "."]));
        assert_eq!(object, json!({}), "the list went with its last item");
    }
}
