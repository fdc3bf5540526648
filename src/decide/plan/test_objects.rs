//! In: JSON. Out: a value, for tests of objects.
//! Guarantee: only tests read it.
use crate::decide::value::Value;

/// Returns the value of a JSON.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    Value::from_json(json.to_string().as_bytes()).expect("it is JSON")
}
