//! In: a value. Out: its one text in JSON.
//! Guarantee: equal values give equal texts: keys sorted by bytes, no white space, one form a number, marks for secrets.
use super::Value;
use std::fmt::Write as _;

/// Returns the canonical JSON of `value`.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    canonical_into(value, &mut text);
    text
}

/// Appends the canonical JSON of `value` to `text`.
pub fn canonical_into(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Integer(number) => integer(*number, text),
        Value::Unsigned(number) => {
            let _ = write!(text, "{number}");
        }
        Value::Float(number) => float(*number, text),
        Value::String(string) => quote(string, text),
        Value::List(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                canonical_into(item, text);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                quote(key, text);
                text.push(':');
                canonical_into(value, text);
            }
            text.push('}');
        }
        Value::Sensitive(sensitive) => {
            text.push_str("{\"\\u0000sensitive\":\"");
            for byte in sensitive.mac() {
                let _ = write!(text, "{byte:02x}");
            }
            text.push_str("\"}");
        }
    }
}

/// Writes the digits, without the machinery of formats: half of what stands in values is numbers.
fn integer(number: i64, text: &mut String) {
    const DIGITS_MAX: usize = 20; // of the largest number of 64 bits
    if number < 0 {
        text.push('-');
    }
    let (mut digits, mut left, mut at) = ([b'0'; DIGITS_MAX], number.unsigned_abs(), DIGITS_MAX);
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + u8::try_from(left % 10).unwrap_or_default();
        }
        left /= 10;
        if left == 0 {
            break;
        }
    }
    text.push_str(digits.get(at..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
}

/// A whole float keeps its point, so that it stays a float when it is read again.
fn float(number: f64, text: &mut String) {
    let _ = if number.fract() == 0.0 && number.abs() < 1e15 {
        write!(text, "{number:.1}")
    } else {
        write!(text, "{number:e}")
    };
}

fn quote(string: &str, text: &mut String) {
    text.push('"');
    // Nearly all texts stand for themselves; to look at all bytes takes less time than to stop at the first.
    let is_special = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    if string.bytes().fold(0, |any, byte| any | is_special(byte)) == 0 {
        text.push_str(string);
        text.push('"');
        return;
    }
    let mut from = 0;
    for (at, byte) in string.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        text.push_str(string.get(from..at).expect("an ASCII byte is a boundary"));
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            _ => {
                let _ = write!(text, "\\u{byte:04x}");
            }
        }
        from = at + 1;
    }
    text.push_str(string.get(from..).expect("an ASCII byte is a boundary"));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::Map;

    #[test]
    fn keys_are_sorted_and_numbers_have_one_form() {
        let map: Map = [("b", Value::Float(1.0)), ("a", Value::Integer(-1)), ("c", Value::string("\"\u{1}é\n"))]
            .into_iter()
            .collect();
        assert_eq!(canonical(&map.into()), r#"{"a":-1,"b":1.0,"c":"\"\u0001é\n"}"#);
        for number in [0, 7, -10, 4837, i64::MAX, i64::MIN] {
            assert_eq!(canonical(&Value::Integer(number)), number.to_string(), "its digits");
        }
    }
}
