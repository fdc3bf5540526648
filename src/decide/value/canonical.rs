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
        Value::Integer(number) => {
            let _ = write!(text, "{number}");
        }
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
    }
}
