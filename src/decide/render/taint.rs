//! In: the sensitive values that a program outside was given, the objects that it printed. Out: the objects, with each leaf
//! sealed that such a value stands in. Guarantee: it is found as it is, within a text, in base64 and as addresses write it,
//! whatever is around it, in capitals or not; its begin is found where that is the whole text.
use crate::decide::value::{Map, Seal, Sensitive, Value, canonical};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A shorter text stands in many others by chance: it is looked for as a whole.
const PART_MIN: usize = 4;

/// A shorter begin of a value is that of many other texts.
const BEGIN_MIN: usize = 8;

/// A line of a longer text that tells something of it by itself; the marks of PEM stand in what is public, too.
const LINE_MIN: usize = 16;

/// How often base64 stands in base64: a Secret's data that holds a configuration with a password.
const NESTED_MAX: usize = 2;

/// What is looked for.
pub(super) struct Taint {
    texts: Vec<String>,
}

impl Taint {
    /// Takes the sensitive values among those that a program is given.
    pub(super) fn of(values: &Value) -> Self {
        let mut texts = Vec::new();
        collect(values, false, &mut texts);
        let mut texts: Vec<String> = texts.into_iter().map(|text: String| text.to_lowercase()).collect();
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
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_)
                if self.texts.contains(&canonical(value).to_lowercase()) =>
            {
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
        self.stands_in(text, NESTED_MAX)
    }

    fn stands_in(&self, text: &str, depth: usize) -> bool {
        let small = text.to_lowercase();
        let is_part = |known: &str| known.len() >= PART_MIN && small.contains(known);
        let is_begin = |known: &str| small.len() >= BEGIN_MIN && known.starts_with(&small);
        let is_in = self.texts.iter().any(|known| *known == small || is_part(known) || is_begin(known));
        is_in
            || (depth > 0 && unescaped(text).is_some_and(|text| self.stands_in(&text, depth - 1)))
            || (depth > 0 && words(text).any(|word| decoded(word).is_some_and(|text| self.stands_in(&text, depth - 1))))
    }
}

/// Returns the parts of a text that may be base64, whatever they stand in: `Authorization: Basic …`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '+' || c == '/' || c == '-' || c == '_');
    text.split(is_other).filter(|word| word.len() >= PART_MIN)
}

/// Returns what a text is that is written as a part of an address.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.replace('+', " ").into_bytes();
    let mut is_any = false;
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                is_any = true;
                bytes.push(byte);
                bytes.extend(part.get(2..).unwrap_or_default().replace('+', " ").bytes());
            }
            None => bytes.extend(["%", part].concat().bytes()),
        }
    }
    is_any.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns what base64 holds, of either alphabet; bytes that are no text stand as such.
fn decoded(word: &str) -> Option<String> {
    let bytes = STANDARD_NO_PAD.decode(word).or_else(|_| URL_SAFE_NO_PAD.decode(word)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Adds the forms in which a text stands in others: as JSON writes it, and line by line where it is indented.
fn forms(text: &str, texts: &mut Vec<String>) {
    texts.push(text.to_owned());
    let quoted = canonical(&Value::string(text));
    let quoted = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    texts.push(quoted.to_owned());
    // As Go writes it.
    texts.push(quoted.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"));
    let is_told = |line: &&str| line.len() >= LINE_MIN && !line.starts_with("-----");
    if text.contains('\n') {
        texts.extend(text.lines().map(str::trim).filter(is_told).map(ToOwned::to_owned));
    }
}

fn collect(value: &Value, is_sensitive: bool, texts: &mut Vec<String>) {
    match value {
        Value::Sensitive(sensitive) => collect(Sensitive::expose(sensitive), true, texts),
        Value::Map(map) => map.iter().for_each(|(_, inner)| collect(inner, is_sensitive, texts)),
        Value::List(items) => items.iter().for_each(|item| collect(item, is_sensitive, texts)),
        Value::String(text) if is_sensitive && !text.is_empty() => forms(text, texts),
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) if is_sensitive => texts.push(canonical(value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

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
            ("header", Value::string(&format!("Authorization: Basic {}\nHost: db", STANDARD.encode("admin:hunter2")))),
            ("nested", Value::string(&STANDARD.encode(format!("{{\"auth\":\"{}\"}}", STANDARD.encode("x:hunter2"))))),
            ("other", Value::string("admin")),
        ]
        .into_iter()
        .collect();
        let mut value = Value::map(std::mem::take(&mut object));
        taint.seal(&mut value, &seal);
        for key in ["plain", "within", "encoded", "around", "header", "nested"] {
            assert!(value.get(key).is_some_and(Value::is_tainted), "{key} is sealed");
        }
        assert_eq!(value.get("other"), Some(&Value::string("admin")), "what is not sensitive stays as it is");
    }

    #[test]
    fn a_sensitive_text_is_found_as_json_and_by_its_lines() {
        let seal = Seal::new(b"test");
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----\n";
        let values: Map = [("quoted", seal.seal(Value::string("a\"b\\c"))), ("key", seal.seal(Value::string(key)))]
            .into_iter()
            .collect();
        let taint = Taint::of(&values.into());
        assert!(taint.is_in("{\"password\":\"a\\\"b\\\\c\"}"), "as JSON writes it");
        assert!(taint.is_in("tls:\n    MIIEvQIBADANBgkqhkiG9w0\n"), "indented");
        assert!(!taint.is_in("-----BEGIN KEY-----\nother\n-----END KEY-----\n"), "marks are no secret");
    }

    #[test]
    fn a_sensitive_text_is_found_in_the_forms_that_charts_write() {
        let seal = Seal::new(b"test");
        let values: Map = [("password", seal.seal(Value::string("pa<ss&w0rd/+ x")))].into_iter().collect();
        let taint = Taint::of(&values.into());
        for text in [
            "PA<SS&W0RD/+ X",
            "pa<ss&w0r",
            "postgres://app:pa%3Css%26w0rd%2F%2B+x@db/app",
            "{\"password\":\"pa\\u003css\\u0026w0rd/+ x\"}",
        ] {
            assert!(taint.is_in(text), "{text}");
        }
        for text in ["pa<ss", "100% of it", "a%2Fb"] {
            assert!(!taint.is_in(text), "{text}");
        }
    }
}
