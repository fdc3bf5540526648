//! In: the sensitive values that a program outside was given, the objects that it printed. Out: the objects, with each leaf
//! sealed that such a value stands in. Guarantee: it is found as it is, within a text, and in base64, whatever is around it.
use crate::decide::value::{Map, Seal, Sensitive, Value, canonical};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A shorter text stands in many others by chance: it is looked for as a whole.
const PART_MIN: usize = 4;

/// What is looked for.
pub(super) struct Taint {
    texts: Vec<String>,
}

impl Taint {
    /// Takes the sensitive values among those that a program is given.
    pub(super) fn of(values: &Value) -> Self {
        let mut texts = Vec::new();
        collect(values, false, &mut texts);
        texts.sort();
        texts.dedup();
        Self { texts }
    }

    /// Seals what one of them stands in.
    pub(super) fn seal(&self, value: &mut Value, seal: &Seal) {
        if self.texts.is_empty() {
            return;
        }
        match value {
            Value::Map(map) => {
                let sealed: Map = map.iter().map(|(key, inner)| (key.clone(), self.sealed(inner, seal))).collect();
                *value = sealed.into();
            }
            Value::List(items) => *value = Value::list(items.iter().map(|item| self.sealed(item, seal)).collect()),
            Value::String(text) if self.is_in(text) => *value = seal.seal(value.clone()),
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) if self.texts.contains(&canonical(value)) => {
                *value = seal.seal(value.clone());
            }
            _ => {}
        }
    }

    fn sealed(&self, value: &Value, seal: &Seal) -> Value {
        let mut value = value.clone();
        self.seal(&mut value, seal);
        value
    }

    fn is_in(&self, text: &str) -> bool {
        let is_in = |text: &str| {
            self.texts.iter().any(|known| known == text || (known.len() >= PART_MIN && text.contains(known.as_str())))
        };
        let decoded = || STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        is_in(text) || decoded().is_some_and(|decoded| is_in(&decoded)) || self.stands_in_base64(text)
    }

    /// A value may be in base64 within a longer text.
    fn stands_in_base64(&self, text: &str) -> bool {
        let long = self.texts.iter().filter(|known| known.len() >= PART_MIN);
        long.map(|known| STANDARD.encode(known)).any(|encoded| text.contains(encoded.trim_end_matches('=')))
    }
}

fn collect(value: &Value, is_sensitive: bool, texts: &mut Vec<String>) {
    match value {
        Value::Sensitive(sensitive) => collect(Sensitive::expose(sensitive), true, texts),
        Value::Map(map) => map.iter().for_each(|(_, inner)| collect(inner, is_sensitive, texts)),
        Value::List(items) => items.iter().for_each(|item| collect(item, is_sensitive, texts)),
        Value::String(text) if is_sensitive && !text.is_empty() => texts.push(text.to_string()),
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) if is_sensitive => texts.push(canonical(value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_value_is_found_wherever_it_stands() {
        let seal = Seal::new(b"test");
        let values: Map =
            [("password", seal.seal(Value::string("hunter2"))), ("user", Value::string("admin"))].into_iter().collect();
        let taint = Taint::of(&values.into());
        let mut object: Map = [
            ("plain", Value::string("hunter2")),
            ("within", Value::string("postgres://admin:hunter2@db")),
            ("encoded", Value::string(&STANDARD.encode("hunter2"))),
            ("around", Value::string(&STANDARD.encode("password=hunter2\n"))),
            ("other", Value::string("admin")),
        ]
        .into_iter()
        .collect();
        let mut value = Value::map(std::mem::take(&mut object));
        taint.seal(&mut value, &seal);
        for key in ["plain", "within", "encoded", "around"] {
            assert!(value.get(key).is_some_and(Value::is_tainted), "{key} is sealed");
        }
        assert_eq!(value.get("other"), Some(&Value::string("admin")), "what is not sensitive stays as it is");
    }
}
