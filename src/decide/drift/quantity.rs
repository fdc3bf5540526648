//! In: two scalars of an object. Out: whether an API server takes them for one.
//! Guarantee: texts are read as amounts only where the API has amounts; elsewhere `1.0` and `1` are two texts.
use crate::decide::value::{Pointer, Value};
use std::sync::Arc;

/// The fields whose values, or whose entries' values, are amounts.
const AMOUNTS: [&str; 20] = [
    "allocatable",
    "averageValue",
    "capacity",
    "cpu",
    "default",
    "defaultRequest",
    "divisor",
    "ephemeral-storage",
    "hard",
    "limits",
    "max",
    "maxLimitRequestRatio",
    "memory",
    "min",
    "overhead",
    "podFixed",
    "requests",
    "sizeLimit",
    "storage",
    "used",
];

/// Texts that are only texts, whatever the keys in them are called.
const TEXTS: [&str; 6] = ["annotations", "binaryData", "data", "labels", "matchLabels", "stringData"];

/// Whether two scalars at a place mean one thing to the server.
pub(super) fn is_same(wanted: &Value, live: &Value, at: &Pointer) -> bool {
    if wanted == live {
        return true;
    }
    let is_within = |names: &[&str]| at.tokens().iter().any(|token| names.contains(&&**token));
    if is_within(&TEXTS) {
        return false;
    }
    match (wanted, live) {
        // A number of either sort, which JSON does not tell apart, and a number or its text, as ports have it.
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => amount(wanted) == amount(live),
        (Value::Integer(number), Value::String(text)) | (Value::String(text), Value::Integer(number))
            if number.to_string() == **text =>
        {
            true
        }
        _ => is_within(&AMOUNTS) && amount(wanted).is_some() && amount(wanted) == amount(live),
    }
}

/// An amount: digits, and by which power of ten they are to be multiplied, so that equal ones are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Amount {
    is_negative: bool,
    digits: Arc<str>,
    power: i32,
}

fn amount(value: &Value) -> Option<Amount> {
    match value {
        Value::Integer(number) => parse(&number.to_string()),
        Value::Float(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

/// Reads `1500m`, `1.5`, `2Gi`, `1e3`.
fn parse(text: &str) -> Option<Amount> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, power) = suffix_of(suffix)?;
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    Some(canonical(text.starts_with('-'), digits.checked_mul(factor)?, power))
}

/// Returns the factor and the power of ten of a suffix.
fn suffix_of(suffix: &str) -> Option<(u128, i32)> {
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|other| *other == suffix);
    if let Some(at) = binary {
        return Some((1_u128 << (10 * (at + 1)), 0));
    }
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].iter().position(|other| *other == suffix);
    if let Some(at) = decimal {
        return Some((1, 3 * i32::try_from(at).ok()? - 9));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((1, exponent.parse().ok().filter(|power: &i32| power.abs() < 100)?))
}

fn canonical(is_negative: bool, digits: u128, power: i32) -> Amount {
    let text = digits.to_string();
    let trimmed = text.trim_end_matches('0');
    if trimmed.is_empty() {
        return Amount { is_negative: false, digits: "0".into(), power: 0 };
    }
    let zeros = i32::try_from(text.len() - trimmed.len()).unwrap_or_default();
    Amount { is_negative, digits: trimmed.into(), power: power.saturating_add(zeros) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same_at(at: &str, wanted: impl Into<Value>, live: impl Into<Value>) -> bool {
        is_same(&wanted.into(), &live.into(), &Pointer::parse(at).expect("it is a pointer"))
    }

    #[test]
    fn amounts_are_compared_as_amounts() {
        let cpu = "/spec/containers/0/resources/limits/cpu";
        for (wanted, live) in
            [("1000m", "1"), ("0.5", "500m"), ("1.50", "1500m"), ("1e3", "1k"), ("0", "0m"), ("+1", "1")]
        {
            assert!(is_same_at(cpu, wanted, live), "{wanted} is {live}");
        }
        let memory = "/spec/resources/requests/storage";
        for (wanted, live) in [("1Gi", "1024Mi"), ("1Ki", "1024"), ("1500M", "1.5G"), ("2E", "2000P")] {
            assert!(is_same_at(memory, wanted, live), "{wanted} is {live}");
        }
        for (wanted, live) in [("1G", "1Gi"), ("1", "1m"), ("-1", "1"), ("1", "one"), ("", "0"), ("1.2.3", "1.2.3.0")] {
            assert!(!is_same_at(memory, wanted, live), "{wanted} is not {live}");
        }
        assert!(is_same_at(cpu, Value::Integer(2), "2"), "a number may stand for its text");
        assert!(is_same_at("/spec/weight", Value::Float(1.0), Value::Integer(1)), "JSON does not tell them apart");
    }

    #[test]
    fn texts_are_compared_as_texts() {
        assert!(!is_same_at("/spec/containers/0/image", "1.0", "1"), "no amount stands there");
        assert!(!is_same_at("/data/cpu", "1000m", "1"), "it is a file");
        assert!(!is_same_at("/metadata/annotations/limits", "1000m", "1"), "it is a text");
        assert!(is_same_at("/spec/ports/0/targetPort", Value::Integer(80), "80"), "a port is either");
        assert!(!is_same_at("/data/port", Value::Integer(80), "80"), "the server refuses one of them");
    }
}
