//! In: a scalar without quotes. Out: what kubectl takes it for.
//! Guarantee: the words and numbers of YAML 1.1 as `sigs.k8s.io/yaml` resolves them; all else is a string.

/// What a scalar without quotes stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// `.inf` and `.nan`, for which JSON has no form.
    NotFinite,
    String,
}

/// Resolves a scalar without quotes.
pub(super) fn resolve(text: &str) -> Plain {
    let Some(first) = text.bytes().next() else { return Plain::Null };
    match first {
        b'+' | b'-' | b'.' | b'0'..=b'9' => number(text),
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text),
        _ => Plain::String,
    }
}

/// Whether a scalar without quotes is a number for which JSON has no form.
pub(super) fn is_not_finite(text: &str) -> bool {
    /// The largest whole numbers of so few digits are far below the largest float.
    const DIGITS_MAX: usize = 18;
    let is_small = text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    !is_small && resolve(text) == Plain::NotFinite
}

fn word(text: &str) -> Plain {
    match text {
        "~" | "null" | "Null" | "NULL" => Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Plain::Bool(false),
        _ => Plain::String,
    }
}

fn number(text: &str) -> Plain {
    if matches!(
        text,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return Plain::NotFinite;
    }
    let joined;
    let plain = if text.contains('_') {
        joined = text.replace('_', "");
        joined.as_str()
    } else {
        text
    };
    if let Some(integer) = integer(plain) {
        return integer;
    }
    if is_float(plain) {
        return match plain.parse::<f64>() {
            Ok(float) if float.is_finite() => whole(float),
            _ => Plain::NotFinite,
        };
    }
    Plain::String
}

/// A whole number has no point where kubectl hands it on as JSON.
fn whole(float: f64) -> Plain {
    /// Up to here each whole number has a float of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
        Plain::Integer(float as i64)
    } else {
        Plain::Float(float)
    }
}

/// Reads what Go's `ParseInt` with base 0 reads: decimal, `0x`, `0o`, `0b`, and a leading zero for octal.
fn integer(text: &str) -> Option<Plain> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(digits, base).ok()?;
    if negative {
        i64::try_from(-i128::from(number)).ok().map(Plain::Integer)
    } else {
        Some(i64::try_from(number).map_or(Plain::Unsigned(number), Plain::Integer))
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_good = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_is_good && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What kubectl 1.32 made of each, by `kubectl create --dry-run=client -o json`.
    #[test]
    fn scalars_are_what_kubectl_reads() {
        for (text, expected) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("Null", Plain::Null),
            ("nul", Plain::String),
            ("on", Plain::Bool(true)),
            ("Off", Plain::Bool(false)),
            ("y", Plain::Bool(true)),
            ("oN", Plain::String),
            ("0777", Plain::Integer(511)),
            ("0o14", Plain::Integer(12)),
            ("0x1F", Plain::Integer(31)),
            ("0b11", Plain::Integer(3)),
            ("089", Plain::Integer(89)),
            ("1_000", Plain::Integer(1000)),
            ("-12", Plain::Integer(-12)),
            ("+12", Plain::Integer(12)),
            ("1.0", Plain::Integer(1)),
            ("1e3", Plain::Integer(1000)),
            ("1.30", Plain::Float(1.3)),
            (".5", Plain::Float(0.5)),
            ("18446744073709551615", Plain::Unsigned(u64::MAX)),
            ("1.2.3", Plain::String),
            ("12:30", Plain::String),
            ("2026-01-01", Plain::String),
            ("-", Plain::String),
            (".inf", Plain::NotFinite),
            ("e3", Plain::String),
        ] {
            assert_eq!(resolve(text), expected, "of {text:?}");
        }
    }
}
