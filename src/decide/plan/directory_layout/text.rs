//! In: a manifest. Out: its one text in YAML, in block style.
//! Guarantee: readers of YAML 1.1 and 1.2 read it back as it was: every text that could be anything else is quoted.
use crate::decide::value::{Value, canonical};
use std::fmt::Write as _;

/// Plain words that some reader of YAML 1.1 takes for a boolean or for nothing, whatever their case.
const RESERVED: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Returns the text of a document, which ends with a line break.
pub(super) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Map(map) if !map.is_empty() => entries(value, 0, false, &mut text),
        Value::List(items) if !items.is_empty() => entries(value, 0, false, &mut text),
        _ => {
            scalar(value, 0, &mut text);
            text.push('\n');
        }
    }
    text
}

/// Writes the entries of a map or list, each on lines of its own; the first one goes on where `inline` says so.
fn entries(value: &Value, depth: usize, inline: bool, text: &mut String) {
    let mut first = inline;
    let mut begin = |text: &mut String| {
        if !std::mem::take(&mut first) {
            text.extend(std::iter::repeat_n("  ", depth));
        }
    };
    match value {
        Value::Map(map) => {
            for (key, value) in map.iter() {
                begin(text);
                string(key, text);
                text.push(':');
                below(value, depth, text);
            }
        }
        Value::List(items) => {
            for item in items.iter() {
                begin(text);
                text.push('-');
                match item {
                    Value::Map(map) if !map.is_empty() => {
                        text.push(' ');
                        entries(item, depth + 1, true, text);
                    }
                    _ => below(item, depth, text),
                }
            }
        }
        _ => unreachable!("only maps and lists have entries"),
    }
}

/// Writes what stands after a key or a dash.
fn below(value: &Value, depth: usize, text: &mut String) {
    let is_block = match value {
        Value::Map(map) => !map.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        text.push('\n');
        entries(value, depth + 1, false, text);
    } else {
        text.push(' ');
        scalar(value, depth + 1, text);
        text.push('\n');
    }
}

fn scalar(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::String(string) if is_literal(string) => literal(string, depth, text),
        Value::String(it) => string(it, text),
        Value::Sensitive(sensitive) => string(&sensitive.mark(), text),
        Value::List(_) => text.push_str("[]"),
        Value::Map(_) => text.push_str("{}"),
        // YAML 1.1 reads a float with an exponent only where it has a point and a sign there.
        Value::Float(number) if number.fract() != 0.0 || number.abs() >= 1e15 => {
            let scientific = format!("{number:e}");
            let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            let _ = write!(text, "{mantissa}{point}e{sign}{exponent}");
        }
        _ => text.push_str(&canonical(value)),
    }
}

/// Writes a text on one line: plain where every reader takes it for a text, else quoted as in JSON.
fn string(string: &str, text: &mut String) {
    if is_plain(string) {
        text.push_str(string);
        return;
    }
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            ' '..='~' => text.push(c),
            _ if is_printable(c) => text.push(c),
            _ if u32::from(c) <= 0xffff => drop(write!(text, "\\u{:04x}", u32::from(c))),
            _ => drop(write!(text, "\\U{:08x}", u32::from(c))),
        }
    }
    text.push('"');
}

/// Letters and what versions, images and paths are made of; neither a number in any notation nor a reserved word.
fn is_plain(string: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    string.starts_with(|c: char| c.is_ascii_alphabetic())
        && string.chars().all(is_word)
        && !RESERVED.iter().any(|word| string.eq_ignore_ascii_case(word))
}

/// Whether a reader takes it as it is inside quotes and literals; others are escaped.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{1fff}' | '\u{2030}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{1_0000}'..='\u{1_fffd}')
        && !c.is_whitespace()
        || c == ' '
}

/// Whether it stands well as a literal block: several lines, none of which a reader could change.
fn is_literal(string: &str) -> bool {
    let is_fine = |line: &str| !line.ends_with(' ') && line.chars().all(|c| is_printable(c) || c == '\t');
    let first = string.split('\n').next().unwrap_or_default();
    string.trim_end_matches('\n').contains('\n')
        && !first.is_empty()
        && !first.starts_with([' ', '\t'])
        && string.split('\n').all(is_fine)
}

fn literal(string: &str, depth: usize, text: &mut String) {
    let lines = string.trim_end_matches('\n');
    text.push_str(match string.len() - lines.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in lines.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.extend(std::iter::repeat_n("  ", depth.max(1)));
            text.push_str(line);
        }
    }
    // The last line break is the caller's.
    text.extend(std::iter::repeat_n('\n', (string.len() - lines.len()).saturating_sub(1)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::{Map, Seal};
    use proptest::prelude::*;

    fn map(entries: Vec<(&str, Value)>) -> Value {
        Value::map(entries.into_iter().collect::<Map>())
    }

    #[test]
    fn an_object_is_a_block() {
        let port = map(vec![("name", "http".into()), ("port", Value::Integer(80))]);
        let object = map(vec![
            ("kind", "Service".into()),
            ("spec", map(vec![("ports", Value::list(vec![port])), ("selector", map(vec![]))])),
            ("script", "a: b\n  c\n".into()),
        ]);
        let expected = "kind: Service\nscript: |\n  a: b\n    c\nspec:\n  ports:\n    - name: http\n      port: 80\n  selector: {}\n";
        assert_eq!(yaml(&object), expected);
    }

    #[test]
    fn a_text_that_could_be_something_else_is_quoted() {
        for text in [
            "on", "No", "y", "0777", "0x1f", "1e3", "1_000", "12:30", "<<", "=", "~", "null", "", "- a", "a: b", " a",
            ".inf",
        ] {
            assert_eq!(yaml(&Value::string(text)), format!("\"{text}\"\n"), "{text} is quoted");
        }
        assert_eq!(yaml(&map(vec![("on", Value::Bool(true))])), "\"on\": true\n", "keys are quoted too");
        assert_eq!(yaml(&Value::string("v1.2.3-rc/x")), "v1.2.3-rc/x\n", "a word is not");
    }

    #[test]
    fn a_secret_stands_as_its_mark() {
        let sealed = Seal::new(b"key").seal(Value::string("hunter2"));
        let text = yaml(&map(vec![("password", sealed)]));
        assert!(text.starts_with("password: \"<sensitive:"), "the mark is there: {text}");
        assert!(!text.contains("hunter2"), "the secret is not");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![".*", "[a-z01:# -]{0,8}", "([a-c ]{0,4}\n){0,4}[a-c]{0,2}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            text.prop_map(|text| Value::string(&text)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
                proptest::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| Value::map(map.into_iter().collect())),
            ]
        })
    }

    fn json(value: &Value) -> serde_json::Value {
        serde_json::from_str(&canonical(value)).expect("canonical text is JSON")
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let text = yaml(&value);
            let read: serde_json::Value = serde_yaml::from_str(&text).expect(&text);
            prop_assert_eq!(read, json(&value), "{}", text);
        }
    }
}
