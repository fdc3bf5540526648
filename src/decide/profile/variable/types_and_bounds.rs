//! In: a variable's declaration, and the part that gives it a value. Out: the value.
//! Guarantee: it keeps its type, options, pattern and bounds; a message shows no value.
use super::super::codes;
use crate::decide::document::{Fragment, Variable, VariableType};
use crate::decide::value::{Diagnostic, Value};
use regex::Regex;

/// The largest regular expression that is compiled, in bytes of its program: they are linear, but not small.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Returns the value of a variable.
pub(super) fn settle(variable: &Variable, part: &Fragment) -> Result<Value, Diagnostic> {
    let value = part.value();
    let wrong = |message: String, expected: String| {
        let at = if variable.sensitive { part.span().withheld() } else { part.span() };
        let said = Diagnostic::error(codes::VARIABLE_VALUE, message).at(at).expected(expected);
        Err(said.also(variable.part.span(), "declared here"))
    };
    if !is_of(variable.kind, &value) {
        let message = format!("the variable `{}` is given {}", variable.name, value.type_name());
        return wrong(message, variable.kind.expected().into());
    }
    if !variable.options.is_empty() && !variable.options.contains(&value) {
        let options: Vec<String> = variable.options.iter().map(crate::decide::value::canonical).collect();
        let message = format!("the variable `{}` is given a value that is no option", variable.name);
        return wrong(message, format!("one of: {}", options.join(", ")));
    }
    if let Some(pattern) = &variable.pattern {
        match compile(pattern.text()) {
            None => {
                let message = "the pattern is no regular expression (RE2)";
                return Err(Diagnostic::error(codes::VARIABLE_VALUE, message).at(pattern.span()));
            }
            Some(regex) if !value.as_str().is_some_and(|text| regex.is_match(text)) => {
                let message = format!("the variable `{}` does not keep its pattern", variable.name);
                return wrong(message, format!("a text that matches {}", pattern.text()));
            }
            Some(_) => {}
        }
    }
    for (bound, is_low) in [(&variable.minimum, true), (&variable.maximum, false)] {
        let Some(bound) = bound else { continue };
        let (Some(number), Some(limit)) = (number(&value), number(&bound.value())) else { continue };
        if (is_low && number < limit) || (!is_low && number > limit) {
            let word = if is_low { "at least" } else { "at most" };
            let message = format!("the variable `{}` is out of its bounds", variable.name);
            return wrong(message, format!("{word} {}", bound.text()));
        }
    }
    Ok(value)
}

fn compile(pattern: &str) -> Option<Regex> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build().ok()
}

#[expect(clippy::cast_precision_loss, reason = "bounds that people write are far below 2^53")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Unsigned(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn is_of(kind: VariableType, value: &Value) -> bool {
    let text = |is_good: fn(&str) -> bool| value.as_str().is_some_and(is_good);
    match kind {
        VariableType::String => value.as_str().is_some(),
        VariableType::Integer => matches!(value, Value::Integer(_) | Value::Unsigned(_)),
        VariableType::Number => number(value).is_some(),
        VariableType::Boolean => value.as_bool().is_some(),
        VariableType::Version => text(|text| semver::Version::parse(text).is_ok()),
        VariableType::Ipv4 => text(is_ipv4),
        VariableType::Ipv4Cidr => text(|text| {
            text.split_once('/').is_some_and(|(address, length)| {
                is_ipv4(address) && length.len() <= 2 && length.parse::<u8>().is_ok_and(|length| length <= 32)
            })
        }),
        VariableType::Ipv6 => text(is_ipv6),
        VariableType::Base64 => text(is_base64),
    }
}

fn is_ipv4(text: &str) -> bool {
    let part = |part: &str| part.len() <= 3 && (part == "0" || !part.starts_with('0')) && part.parse::<u8>().is_ok();
    text.split('.').count() == 4
        && text.split('.').all(|text| text.bytes().all(|byte| byte.is_ascii_digit()) && part(text))
}

/// Groups of hexadecimal digits, eight of them or fewer with one `::`.
fn is_ipv6(text: &str) -> bool {
    let group = |group: &str| (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let count = |text: &str| {
        if text.is_empty() { Some(0) } else { text.split(':').all(group).then(|| text.split(':').count()) }
    };
    match text.split_once("::") {
        Some((head, tail)) => count(head).zip(count(tail)).is_some_and(|(head, tail)| head + tail <= 7),
        None => count(text) == Some(8),
    }
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_rule() {
        let of = |kind, text: &str| is_of(kind, &Value::string(text));
        assert!(of(VariableType::Ipv4, "10.0.0.1") && !of(VariableType::Ipv4, "10.0.0.01"), "no leading zeros");
        assert!(of(VariableType::Ipv4Cidr, "10.0.0.0/16") && !of(VariableType::Ipv4Cidr, "10.0.0.0/33"), "at most 32");
        assert!(
            of(VariableType::Ipv6, "fe80::1") && of(VariableType::Ipv6, "::") && !of(VariableType::Ipv6, "fe80::1::2"),
            "one gap"
        );
        assert!(of(VariableType::Base64, "aGk=") && !of(VariableType::Base64, "aGk"), "padded");
        assert!(of(VariableType::Version, "1.4.0") && !of(VariableType::Version, "v1.4"), "strict");
    }
}
