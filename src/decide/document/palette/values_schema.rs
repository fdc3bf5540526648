//! In: a `schema.yaml` of Palette. Out: its rules, by the dotted paths of the values that they are of.
//! Guarantee: a rule that cannot be read is an error at its line, never one that takes everything.
//!
//! The form of a rule: `{{ required | readonly | format "${number:[1-9]}:${list:[a,b]}" | hints "…" }}`.
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::value::{Checked, Diagnostic, Value};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A compiled pattern of a schema has some kilobytes; RE2 gives up at about this, too.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The rules of a pack's values.
#[derive(Clone, Debug)]
pub struct ValuesSchema {
    /// In the order of the file.
    pub rules: Vec<Rule>,
}

/// What a value has to be.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The keys on the way; `$[]` is each item of a list.
    pub path: Vec<Arc<str>>,
    /// Whether it has to stand.
    pub required: bool,
    /// Whether only the pack may set it.
    pub readonly: bool,
    /// Its form; none for any.
    pub format: Option<Form>,
    /// What people are told.
    pub hints: Vec<Arc<str>>,
    /// Where it stands.
    pub part: Fragment,
}

/// The form of a value: texts, and pieces between them.
#[derive(Clone, Debug)]
pub struct Form {
    /// As it was written.
    pub written: Arc<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Arc<str>),
    Piece(Piece),
}

/// One `${…}` of a format.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// A text; with a pattern that it has to fit as a whole.
    String(Option<Regex>),
    /// A text that is masked, and is sensitive here.
    Password(Option<Regex>),
    /// A number, within bounds or by a pattern.
    Number(Option<(f64, f64)>, Option<Regex>),
    /// True or false.
    Boolean,
    /// One of these.
    List(Vec<Arc<str>>),
    /// An address.
    Ipv4,
    /// A version.
    Version,
}

impl ValuesSchema {
    /// Reads a `schema.yaml`.
    pub fn read(file: &Arc<File>) -> Checked<Self> {
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        for (key, part) in file.part(file.root()).entries() {
            let Some(rule) = part.get("schema").filter(|rule| rule.as_str().is_some()) else {
                let said = Diagnostic::error(codes::INVALID_VALUE, "a rule of the schema has no `schema`");
                errors.push(said.at(key.span()).expected("`schema: '{{ required | format \"${string}\" }}'`"));
                continue;
            };
            match parse(rule.text()) {
                Ok(words) => rules.push(words.rule(&key, rule)),
                Err(why) => {
                    let said = Diagnostic::error(codes::INVALID_VALUE, format!("the rule cannot be read: {why}"));
                    errors.push(
                        said.at(rule.span()).hint("the form is `{{ required | format \"${TYPE}\" | hints \"…\" }}`"),
                    );
                }
            }
        }
        if errors.is_empty() { Ok((Self { rules }, file.duplicate_warnings())) } else { Err(errors) }
    }
}

#[derive(Default)]
struct Words {
    required: bool,
    readonly: bool,
    format: Option<Form>,
    hints: Vec<Arc<str>>,
}

impl Words {
    fn rule(self, key: &Fragment, part: Fragment) -> Rule {
        let Self { required, readonly, format, hints } = self;
        Rule { path: path(key.text()), required, readonly, format, hints, part }
    }
}

/// Splits `a.b.$[].c`; a list may also stand as `b[]`.
fn path(text: &str) -> Vec<Arc<str>> {
    text.split('.').filter(|step| !step.is_empty()).map(Arc::from).collect()
}

fn parse(text: &str) -> Result<Words, String> {
    let inner = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    let mut rest = inner.ok_or("expected it within `{{` and `}}`")?.trim();
    let mut words = Words::default();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let (texts, after) = quoted(after)?;
        match word {
            "required" => words.required = true,
            "readonly" => words.readonly = true,
            "format" => words.format = Some(form(texts.first().ok_or("`format` has no text")?)?),
            "hints" => words.hints = texts.iter().map(|text| Arc::from(&**text)).collect(),
            _ => return Err(format!("`{word}` is none of required, readonly, format and hints")),
        }
        rest = match after.strip_prefix('|') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err("expected `|` between its words".into()),
        };
    }
    Ok(words)
}

/// Reads the texts in quotes that follow a word.
fn quoted(mut rest: &str) -> Result<(Vec<String>, &str), String> {
    let mut texts = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(inner) = rest.strip_prefix('"') else { return Ok((texts, rest)) };
        let mut text = String::new();
        let mut chars = inner.char_indices();
        let end = loop {
            match chars.next() {
                // Only a quote is escaped: backslashes belong to patterns.
                Some((_, '\\')) if chars.as_str().starts_with('"') => {
                    chars.next();
                    text.push('"');
                }
                Some((at, '"')) => break at + 1,
                Some((_, c)) => text.push(c),
                None => return Err("a text has no end".into()),
            }
        };
        texts.push(text);
        rest = inner.get(end..).unwrap_or_default();
    }
}

fn form(text: &str) -> Result<Form, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(open) = rest.find("${") {
        if open > 0 {
            parts.push(Part::Text(rest.get(..open).unwrap_or_default().into()));
        }
        let inner = rest.get(open + 2..).unwrap_or_default();
        let close = closing(inner).ok_or("a `${` has no end")?;
        parts.push(Part::Piece(piece(inner.get(..close).unwrap_or_default())?));
        rest = inner.get(close + 1..).unwrap_or_default();
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    Ok(Form { written: text.into(), parts })
}

/// Returns where a piece ends: braces of a pattern between slashes do not end it.
fn closing(text: &str) -> Option<usize> {
    let (mut is_pattern, mut is_escaped) = (false, false);
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '}' && !is_pattern;
        is_pattern ^= c == '/' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

fn piece(text: &str) -> Result<Piece, String> {
    let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail.trim())));
    let pattern = || match detail {
        None | Some("") => Ok(None),
        Some(detail) => {
            let inner = detail.strip_prefix('/').and_then(|detail| detail.strip_suffix('/'));
            pattern(inner.ok_or("expected a pattern between slashes")?).map(Some)
        }
    };
    Ok(match kind.trim() {
        // Packs write it where nothing restricts the text.
        "string" | "input" => Piece::String(pattern()?),
        "password" => Piece::Password(pattern()?),
        "number" => match detail.and_then(|detail| detail.strip_prefix('[')?.strip_suffix(']')) {
            Some(range) => Piece::Number(Some(bounds(range)?), None),
            None => Piece::Number(None, pattern()?),
        },
        "boolean" | "bool" => Piece::Boolean,
        "list" => {
            let inner = detail.and_then(|detail| detail.strip_prefix('[')?.strip_suffix(']'));
            let items = inner.ok_or("expected `list:[A,B]`")?.split(',').map(|item| Arc::from(item.trim()));
            Piece::List(items.collect())
        }
        "ipv4" => Piece::Ipv4,
        "version" => Piece::Version,
        other => return Err(format!("`{other}` is no type of a value")),
    })
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "its pattern is too large".into(),
        _ => "its pattern is no regular expression of RE2".into(),
    })
}

/// Reads `5000-5005`; each bound may be negative.
fn bounds(text: &str) -> Result<(f64, f64), String> {
    let parsed = text.match_indices('-').find_map(|(at, _)| {
        let (low, high) = (text.get(..at)?.trim().parse().ok()?, text.get(at + 1..)?.trim().parse().ok()?);
        Some((low, high))
    });
    match parsed {
        Some((low, high)) if low <= high => Ok((low, high)),
        _ => Err("expected bounds such as `[5000-5005]`".into()),
    }
}

impl Form {
    /// Whether what it is of is masked.
    pub fn is_password(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Piece(Piece::Password(_))))
    }

    /// Whether a value has this form.
    pub fn takes(&self, value: &Value) -> bool {
        if let [Part::Piece(piece)] = self.parts.as_slice() {
            return piece.takes_value(value);
        }
        scalar(value).is_some_and(|text| fits(&self.parts, &text))
    }

    /// Returns the form in words, for what is expected.
    pub fn words(&self) -> String {
        match self.parts.as_slice() {
            [Part::Piece(piece)] => piece.words(),
            _ => format!("a text of the form `{}`", self.written),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Integer(_) | Value::Unsigned(_) => Some(crate::decide::value::canonical(value)),
        _ => None,
    }
}

/// Whether a text is four numbers of a byte each, without leading zeros.
fn is_ipv4(text: &str) -> bool {
    let is_byte = |part: &str| part.parse::<u8>().is_ok_and(|number| number.to_string() == part);
    text.split('.').count() == 4 && text.split('.').all(is_byte)
}

/// The longest text of a form of several parts: longer ones are no addresses, ports and names.
const FORM_BYTES_MAX: usize = 1024;

/// Whether the parts make up the text, in order.
fn fits(parts: &[Part], text: &str) -> bool {
    if text.len() > FORM_BYTES_MAX {
        return false;
    }
    // The places at which what was looked at may end: so no part is tried twice at one place.
    let mut ends = BTreeSet::from([0]);
    for part in parts {
        let mut next = BTreeSet::new();
        for start in ends {
            let rest = text.get(start..).unwrap_or_default();
            match part {
                Part::Text(own) if rest.starts_with(&**own) => drop(next.insert(start + own.len())),
                Part::Text(_) => {}
                Part::Piece(piece) => {
                    let all = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
                    next.extend(all.filter(|at| piece.takes(rest.get(..*at).unwrap_or_default())).map(|at| start + at));
                }
            }
        }
        ends = next;
    }
    ends.contains(&text.len())
}

impl Piece {
    fn takes_value(&self, value: &Value) -> bool {
        match (self, value) {
            // Unquoted numbers and truths stand where a text is meant, and the reverse.
            (Self::Boolean, Value::Bool(_)) => true,
            _ => scalar(value).is_some_and(|text| self.takes(&text)),
        }
    }

    fn takes(&self, text: &str) -> bool {
        let fits = |pattern: &Option<Regex>| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        match self {
            Self::String(pattern) | Self::Password(pattern) => fits(pattern),
            Self::Number(bounds, pattern) => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                number.is_some_and(|number| bounds.is_none_or(|(low, high)| low <= number && number <= high))
                    && fits(pattern)
            }
            Self::Boolean => matches!(text, "true" | "false"),
            Self::List(items) => items.iter().any(|item| **item == *text),
            Self::Ipv4 => is_ipv4(text),
            Self::Version => semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).is_ok(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::String(None) | Self::Password(None) => "a text".into(),
            Self::String(Some(pattern)) | Self::Password(Some(pattern)) | Self::Number(_, Some(pattern)) => {
                format!("a text that fits `{pattern}`")
            }
            Self::Number(Some((low, high)), _) => format!("a number from {low} to {high}"),
            Self::Number(None, None) => "a number".into(),
            Self::Boolean => "true or false".into(),
            Self::List(items) => format!("one of: {}", items.join(", ")),
            Self::Ipv4 => "an address of IPv4".into(),
            Self::Version => "a version".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(format: &str, text: &str) -> bool {
        form(format).expect("it is a form").takes(&Value::string(text))
    }

    #[test]
    fn each_type_takes_its_values() {
        for (format, good, bad) in [
            ("${string:/[a-z]+/}", "abc", "abc1"),
            ("${number}", "-1.5", "one"),
            ("${number:[5000-5005]}", "5005", "5006"),
            ("${number:[-5--1]}", "-3", "0"),
            ("${number:/^\\d{2}$/}", "42", "123"),
            ("${boolean}", "true", "yes"),
            ("${list:[A,B c]}", "B c", "C"),
            ("${ipv4}", "10.0.0.1", "10.0.0.256"),
            ("${version}", "1.2.3", "1.2"),
            ("${ipv4} - ${ipv4}", "10.0.0.1 - 10.0.0.9", "10.0.0.1"),
            ("${string}/${string}:${version}", "docker.io/app:1.0.0", "app:1.0.0"),
        ] {
            assert!(takes(format, good), "{format} takes {good}");
            assert!(!takes(format, bad), "{format} does not take {bad}");
        }
        assert!(form("${boolean}").expect("it is a form").takes(&Value::Bool(false)));
        assert!(form("${number}").expect("it is a form").takes(&Value::Integer(3)));
        assert!(!form("${string}").expect("it is a form").takes(&Value::list(Vec::new())));
    }

    #[test]
    fn a_form_of_many_parts_is_decided_in_a_moment() {
        let many = "${string:/(a|aa)+/}".repeat(20);
        assert!(!takes(&many, &format!("{}b", "a".repeat(300))), "a backtracking reader would not end");
    }

    #[test]
    fn a_rule_is_read_whole_or_not_at_all() {
        let words =
            parse(r#"{{ required | format "${list:[v1,v1beta1]}"  | hints "one" "two"}}"#).expect("it is a rule");
        assert!(words.required && !words.readonly);
        assert_eq!(words.hints.len(), 2);
        assert!(parse("{{ readonly }}").expect("it is a rule").readonly);
        let why = |text: &str| parse(text).err().unwrap_or_default();
        assert_eq!(why("required"), "expected it within `{{` and `}}`");
        assert_eq!(why("{{ requird }}"), "`requird` is none of required, readonly, format and hints");
        assert_eq!(why(r#"{{ format "${sting}" }}"#), "`sting` is no type of a value");
        assert_eq!(why(r#"{{ format "${string:/(/}" }}"#), "its pattern is no regular expression of RE2");
        assert_eq!(why(r#"{{ format "${string:/((a{1000}){1000}){1000}/}" }}"#), "its pattern is too large");
        assert_eq!(why(r#"{{ format "${number:[9-1]}" }}"#), "expected bounds such as `[5000-5005]`");
        assert_eq!(why(r#"{{ format "${string" }}"#), "a `${` has no end");
        assert_eq!(why(r#"{{ hints "a }}"#), "a text has no end");
    }
}
