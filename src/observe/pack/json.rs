//! In: values of a layer. Out: the JSON in which a program in Go reads exactly them.
//! Guarantee: a number is written as Go writes it, since charts print numbers as they were written; what is sensitive is in
//! it: it goes to the program's standard input, and nowhere else.
use crate::decide::value::{Value, canonical};
use std::fmt::Write as _;

/// Returns the JSON of values.
pub(super) fn go_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Sensitive(sensitive) => write(sensitive.expose(), text),
        Value::Float(number) => float(*number, text),
        Value::List(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&canonical(&Value::String(key.clone())));
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        plain => text.push_str(&canonical(plain)),
    }
}

/// As `encoding/json` does: with an exponent only where the number is very small or very large.
fn float(number: f64, text: &mut String) {
    const SMALL: f64 = 1e-6;
    const LARGE: f64 = 1e21;
    let size = number.abs();
    let _ = if size != 0.0 && !(SMALL..LARGE).contains(&size) {
        let plain = format!("{number:e}");
        match plain.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => write!(text, "{digits}e+{exponent}"),
            _ => write!(text, "{plain}"),
        }
    } else {
        write!(text, "{number}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::{Map, Seal};

    #[test]
    fn numbers_are_as_go_writes_them() {
        for (number, expected) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (0.000_001, "0.000001"),
            (0.0, "0"),
        ] {
            assert_eq!(go_json(&Value::Float(number)), expected);
        }
    }

    #[test]
    fn what_is_sensitive_is_in_it_and_null_stays() {
        let sealed = Seal::new(b"test").seal(Value::string("hunter2"));
        let map: Map = [("a", sealed), ("b", Value::Null), ("c", Value::Unsigned(u64::MAX))].into_iter().collect();
        assert_eq!(go_json(&map.into()), r#"{"a":"hunter2","b":null,"c":18446744073709551615}"#);
    }
}
