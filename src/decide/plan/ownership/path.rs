//! In: the path of a field, as an API server writes it in a conflict. Out: what stands there in an object.
//! Guarantee: names with dots are found as they stand in the object; a path that cannot be read leads to nothing.
use crate::decide::value::Value;
use std::sync::Arc;

/// Returns what stands at a path such as `.spec.containers[name="a"].image`.
pub fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(object);
    }
    if let Some(rest) = path.strip_prefix('.') {
        // The server does not escape dots of names, so each key that fits is tried, the longest first.
        let fits = |key: &&Arc<str>| {
            rest.strip_prefix(&***key).is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
        };
        let mut keys: Vec<&Arc<str>> = object.as_map()?.iter().map(|(key, _)| key).filter(fits).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
        return keys.into_iter().find_map(|key| find(object.get(key)?, rest.get(key.len()..)?));
    }
    let inside = path.strip_prefix('[')?;
    let end = end_of_brackets(inside)?;
    let item = item(object.as_list()?, inside.get(..end)?)?;
    find(item, inside.get(end + 1..)?)
}

/// Returns the place of the bracket that ends, outside of texts.
fn end_of_brackets(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.bytes().position(|byte| {
        let ends = byte == b']' && !is_quoted;
        (is_quoted, is_escaped) = match byte {
            b'"' if !is_escaped => (!is_quoted, false),
            b'\\' => (is_quoted, !is_escaped),
            _ => (is_quoted, false),
        };
        ends
    })
}

fn item<'a>(items: &'a [Value], selector: &str) -> Option<&'a Value> {
    if let Ok(index) = selector.parse::<usize>() {
        return items.get(index);
    }
    if let Some(value) = selector.strip_prefix('=') {
        return items.iter().find(|item| is_equal(item, value));
    }
    let pairs = pairs(selector)?;
    let is_it = |item: &&Value| {
        pairs.iter().all(|(key, value)| match item.get(key) {
            Some(found) => is_equal(found, value),
            None => *key == "protocol" && *value == "\"TCP\"", // what a port without one is
        })
    };
    items.iter().find(is_it)
}

/// Splits `containerPort=80,protocol="TCP"`.
fn pairs(selector: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    let mut rest = selector;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let mut is_quoted = false;
        let end = after.bytes().position(|byte| {
            is_quoted ^= byte == b'"';
            byte == b',' && !is_quoted
        });
        let end = end.unwrap_or(after.len());
        pairs.push((key, after.get(..end)?));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    Some(pairs)
}

/// Whether a scalar is the one that is written so.
fn is_equal(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => serde_json::from_str::<String>(text).is_ok_and(|text| *text == **found),
        Value::Integer(number) => text.parse() == Ok(*number),
        Value::Bool(truth) => text.parse() == Ok(*truth),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use serde_json::json;

    #[test]
    fn paths_are_read_as_servers_write_them() {
        let object = value(&json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "n", "app": {"kubernetes": 1}}, "finalizers": ["a", "b]"]},
            "spec": {"containers": [
                {"name": "x", "ports": [{"containerPort": 80, "name": "p"}, {"containerPort": 80, "protocol": "UDP", "name": "q"}]},
                {"name": "y\"]", "image": "i"},
            ]},
        }));
        let at = |path: &str| find(&object, path).cloned();
        assert_eq!(at(".metadata.labels.app.kubernetes.io/name"), Some("n".into()));
        assert_eq!(at(".metadata.labels.app.kubernetes"), Some(Value::Integer(1)), "a shorter key fits too");
        assert_eq!(at(".metadata.finalizers[=\"b]\"]"), Some("b]".into()));
        assert_eq!(at(".spec.containers[name=\"y\\\"]\"].image"), Some("i".into()));
        assert_eq!(at(".spec.containers[name=\"x\"].ports[containerPort=80,protocol=\"TCP\"].name"), Some("p".into()));
        assert_eq!(at(".spec.containers[name=\"x\"].ports[containerPort=80,protocol=\"UDP\"].name"), Some("q".into()));
        assert_eq!(at(".spec.containers[1].image"), Some("i".into()));
        assert_eq!(at(".spec.containers[name=\"z\"].image"), None);
        for unreadable in ["spec", ".spec[", ".spec.containers[name", ".spec.containers[=", "."] {
            assert_eq!(at(unreadable), None, "{unreadable}");
        }
    }
}
