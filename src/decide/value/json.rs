//! In: JSON of a server, or a value for one. Out: a value, or the JSON that is sent.
//! Guarantee: what is sent holds the sensitive values themselves; it is for a cluster, never for an output.
use super::{Map, Value, canonical};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// Whole floats up to here are written as integers, as they are exact: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Value {
    /// Reads JSON; the error says what was expected, and repeats nothing of the text.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text)
            .map_err(|error| format!("expected JSON, found something else at {}:{}", error.line(), error.column()))
    }

    /// Returns the JSON to send to a cluster: sensitive values are in it.
    ///
    /// A whole float is written without its point, as kubectl does, since servers take `1.0` for no integer.
    pub fn to_cluster_json(&self) -> String {
        canonical(&exposed(self))
    }
}

fn exposed(value: &Value) -> Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53")]
        Value::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => Value::Integer(*number as i64),
        Value::List(items) => Value::list(items.iter().map(exposed).collect()),
        Value::Map(map) => Value::map(map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect()),
        plain => plain.clone(),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::unsigned(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Value::float(number).ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::list(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map: Vec<(Arc<str>, Value)> = Vec::with_capacity(entries.size_hint().unwrap_or_default());
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            map.push((key.into(), value));
        }
        Ok(Value::map(map.into_iter().collect::<Map>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::Seal;

    #[test]
    fn what_a_server_says_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,18446744073709551615,1.5,"é",true,null],"b":{}}"#;
        let value = Value::from_json(text.as_bytes()).expect("it is JSON");
        assert_eq!(value.to_cluster_json(), text.replace("1.5", "1.5e0"), "nothing is lost");
        let refused = Value::from_json(b"{\"token\": se").expect_err("it is cut off");
        assert!(!refused.contains("token"), "it is not repeated: {refused}");
    }

    #[test]
    fn what_is_sent_is_bare_and_whole_floats_are_integers() {
        let sealed = Seal::new(b"key").seal(Value::string("hunter2"));
        let map: Map = [("a", sealed), ("b", Value::Float(3.0))].into_iter().collect();
        assert_eq!(Value::map(map).to_cluster_json(), r#"{"a":"hunter2","b":3}"#);
    }
}
