//! In: a live object, and the manifest that was applied or what a dry-run of it gave. Out: whether something may differ.
//! Guarantee: where all that was applied shows, nothing differs; where it does not, the dry-run decides.
use crate::decide::value::{Map, Value};

/// The parts of an object that a server counts and keeps by itself.
const COUNTED: [&str; 4] = ["managedFields", "resourceVersion", "generation", "creationTimestamp"];

/// Whether a live object shows all that a manifest states; a server adds fields, and items to lists that have keys.
///
/// False says little: servers write quantities and defaults their own way.
pub fn shows(live: &Value, manifest: &Value) -> bool {
    match (live, manifest) {
        (Value::Map(live), Value::Map(wanted)) => wanted.iter().all(|(key, wanted)| match live.get(key) {
            Some(live) => shows(live, wanted),
            None => is_nothing(wanted),
        }),
        (Value::List(live), Value::List(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted.iter()).all(|(live, wanted)| shows(live, wanted))
        }
        (live, Value::Sensitive(wanted)) => shows(live, wanted.expose()),
        (Value::Integer(live), Value::Float(wanted)) => is_whole(*live, *wanted),
        (live, wanted) => live == wanted,
    }
}

/// Whether an apply would change nothing: a dry-run gives the live object again, but for what the server counts.
pub fn is_unchanged(live: &Value, tried: &Value) -> bool {
    bare(live) == bare(tried)
}

/// Servers drop what is null or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.iter().all(|(_, value)| is_nothing(value)),
        Value::List(items) => items.is_empty(),
        _ => false,
    }
}

fn is_whole(live: i64, wanted: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "whole numbers of manifests are far below 2^53")]
    let live = live as f64;
    live.to_bits() == wanted.to_bits()
}

fn bare(object: &Value) -> Value {
    let mut bare = object.clone();
    if let Some(metadata) = bare.get("metadata").and_then(Value::as_map) {
        let mut metadata: Map = metadata.clone();
        metadata.retain(|key, _| !COUNTED.contains(&key));
        bare.make_map().insert("metadata".into(), metadata.into());
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(text.as_bytes()).expect("it is JSON")
    }

    #[test]
    fn what_the_server_adds_is_no_difference() {
        let live = value(r#"{"metadata":{"uid":"u"},"spec":{"replicas":2,"ports":[{"port":80,"protocol":"TCP"}]}}"#);
        assert!(shows(&live, &value(r#"{"spec":{"replicas":2,"ports":[{"port":80}],"selector":{}}}"#)), "it only adds");
        assert!(!shows(&live, &value(r#"{"spec":{"replicas":3}}"#)), "another value");
        assert!(!shows(&live, &value(r#"{"spec":{"ports":[]}}"#)), "one item more");
    }

    #[test]
    fn what_the_server_counts_is_no_change() {
        let live = value(r#"{"metadata":{"resourceVersion":"1","name":"a"},"data":{"a":"1"}}"#);
        assert!(is_unchanged(&live, &value(r#"{"metadata":{"resourceVersion":"2","name":"a"},"data":{"a":"1"}}"#)));
        assert!(!is_unchanged(&live, &value(r#"{"metadata":{"resourceVersion":"1","name":"a"},"data":{"a":"2"}}"#)));
    }
}
