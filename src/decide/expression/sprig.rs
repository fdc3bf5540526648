//! In: what a command of a Palette macro is given. Out: what it gives, as sprig's function of that name does.
//! Guarantee: no chance, no clock, no environment: functions that have one are not there; a text stays bounded.
use super::ExpressionError;
use crate::decide::value::{Value, canonical_into};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The longest text that a function gives: values are no place for files.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What an operand gives: something, or the error of what is not there.
type Given = Result<Value, ExpressionError>;

/// A function, by its name.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    /// How many operands it takes, the piped one included.
    operands: (usize, usize),
    does: Does,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    /// Takes what is there; what is not is an error.
    Values(fn(&[Value]) -> Given),
    /// Is asked what to do where something is not there.
    Absent(fn(&[Option<Value>]) -> Option<Value>),
}

/// All functions.
static FUNCTIONS: &[Function] = &[
    absent("default", 2, 2, |all| {
        all.iter().rev().flatten().find(|value| !is_empty(value)).or(all.first()?.as_ref()).cloned()
    }),
    absent("coalesce", 1, 32, |all| all.iter().flatten().find(|value| !is_empty(value)).cloned()),
    absent("empty", 1, 1, |all| Some(Value::Bool(all.first()?.as_ref().is_none_or(is_empty)))),
    values("substr", 3, 3, substr),
    values("trunc", 2, 2, trunc),
    values("quote", 1, 1, |all| one(all, |text| serde_json::Value::from(text).to_string())),
    values("squote", 1, 1, |all| one(all, |text| format!("'{text}'"))),
    values("upper", 1, 1, |all| one(all, str::to_uppercase)),
    values("lower", 1, 1, |all| one(all, str::to_lowercase)),
    values("title", 1, 1, |all| one(all, title)),
    values("trim", 1, 1, |all| one(all, |text| text.trim().to_owned())),
    values("nospace", 1, 1, |all| one(all, |text| text.split_whitespace().collect())),
    values("toString", 1, 1, |all| one(all, str::to_owned)),
    values("b64enc", 1, 1, |all| one(all, |text| STANDARD.encode(text))),
    values("b64dec", 1, 1, b64dec),
    values("sha256sum", 1, 1, |all| one(all, sha256sum)),
    values("trimAll", 2, 2, |all| two(all, |set, text| text.trim_matches(|c| set.contains(c)).to_owned())),
    values("trimPrefix", 2, 2, |all| two(all, |end, text| text.strip_prefix(end).unwrap_or(text).to_owned())),
    values("trimSuffix", 2, 2, |all| two(all, |end, text| text.strip_suffix(end).unwrap_or(text).to_owned())),
    values("replace", 3, 3, replace),
    values("repeat", 2, 2, repeat),
    values("indent", 2, 2, |all| indent(all, "")),
    values("nindent", 2, 2, |all| indent(all, "\n")),
    values("contains", 2, 2, |all| truth(all, |part, text| text.contains(part))),
    values("hasPrefix", 2, 2, |all| truth(all, |part, text| text.starts_with(part))),
    values("hasSuffix", 2, 2, |all| truth(all, |part, text| text.ends_with(part))),
    values("eq", 2, 2, |all| truth(all, |left, right| left == right)),
    values("ne", 2, 2, |all| truth(all, |left, right| left != right)),
    values("not", 1, 1, |all| Ok(Value::Bool(all.iter().all(is_empty)))),
    values("ternary", 3, 3, ternary),
    values("int", 1, 1, |all| Ok(Value::Integer(numbers(all)?.first().copied().unwrap_or_default()))),
    values("add", 2, 32, |all| folded(all, i64::checked_add)),
    values("sub", 2, 2, |all| folded(all, i64::checked_sub)),
    values("mul", 2, 32, |all| folded(all, i64::checked_mul)),
    values("div", 2, 2, |all| folded(all, i64::checked_div)),
    values("cat", 1, 32, |all| Ok(Value::string(&texts(all)?.join(" ")))),
    values("printf", 1, 32, printf),
    values("regexReplaceAll", 3, 3, regex_replace_all),
    values("regexFind", 2, 2, regex_find),
];

const fn values(name: &'static str, least: usize, most: usize, does: fn(&[Value]) -> Given) -> Function {
    Function { name, operands: (least, most), does: Does::Values(does) }
}

const fn absent(
    name: &'static str,
    least: usize,
    most: usize,
    does: fn(&[Option<Value>]) -> Option<Value>,
) -> Function {
    Function { name, operands: (least, most), does: Does::Absent(does) }
}

/// Returns a function by its name.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// Calls it; what is piped is its last operand, as with Go's templates.
    pub(super) fn call(&self, given: Vec<Given>) -> Given {
        let (least, most) = self.operands;
        if !(least..=most).contains(&given.len()) {
            let wanted = if least == most { least.to_string() } else { format!("{least} or more") };
            let found = given.len();
            return Err(ExpressionError::Type(format!("`{}` takes {wanted} operands, found {found}", self.name)));
        }
        let given_last = given.last().and_then(|last| last.as_ref().err().cloned());
        let found = match self.does {
            Does::Values(does) => does(&given.into_iter().collect::<Result<Vec<_>, _>>()?)?,
            Does::Absent(does) => {
                let all: Vec<Option<Value>> = given.into_iter().map(Result::ok).collect();
                let missing = || given_last.unwrap_or(ExpressionError::Absent("every operand".into()));
                does(&all).ok_or_else(missing)?
            }
        };
        match &found {
            Value::String(text) if text.len() > TEXT_BYTES_MAX => Err(ExpressionError::TooCostly),
            _ => Ok(found),
        }
    }
}

/// Returns a scalar as Go prints it.
pub(super) fn text(value: &Value) -> Result<String, ExpressionError> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Bool(_) | Value::Integer(_) | Value::Unsigned(_) => {
            let mut text = String::new();
            canonical_into(value, &mut text);
            Ok(text)
        }
        other => {
            let found = other.type_name();
            Err(ExpressionError::Type(format!("expected a string, a number or a boolean in a macro, found {found}")))
        }
    }
}

/// Whether sprig takes a value for empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Integer(0) | Value::Unsigned(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.iter().next().is_none(),
        _ => false,
    }
}

fn texts(all: &[Value]) -> Result<Vec<String>, ExpressionError> {
    all.iter().map(text).collect()
}

fn numbers(all: &[Value]) -> Result<Vec<i64>, ExpressionError> {
    let number = |value: &Value| match value {
        Value::Integer(number) => Ok(*number),
        #[expect(clippy::cast_possible_truncation, reason = "sprig cuts the fraction off, too, and `as` is bounded")]
        Value::Float(number) => Ok(*number as i64),
        Value::String(text) => {
            text.parse().map_err(|_| ExpressionError::Type("expected a number, found another text".into()))
        }
        other => Err(ExpressionError::Type(format!("expected a number, found {}", other.type_name()))),
    };
    all.iter().map(number).collect()
}

fn one(all: &[Value], does: impl Fn(&str) -> String) -> Given {
    let all = texts(all)?;
    Ok(Value::string(&does(all.first().map_or("", String::as_str))))
}

fn pair(all: &[Value]) -> Result<(String, String), ExpressionError> {
    let mut all = texts(all)?.into_iter();
    Ok((all.next().unwrap_or_default(), all.next().unwrap_or_default()))
}

fn two(all: &[Value], does: impl Fn(&str, &str) -> String) -> Given {
    let (first, text) = pair(all)?;
    Ok(Value::string(&does(&first, &text)))
}

fn truth(all: &[Value], does: impl Fn(&str, &str) -> bool) -> Given {
    let (first, text) = pair(all)?;
    Ok(Value::Bool(does(&first, &text)))
}

fn folded(all: &[Value], does: impl Fn(i64, i64) -> Option<i64>) -> Given {
    let all = numbers(all)?;
    let (first, rest) = all.split_first().ok_or(ExpressionError::Arithmetic("no number"))?;
    let found = rest.iter().try_fold(*first, |sum, number| does(sum, *number));
    found.map(Value::Integer).ok_or(ExpressionError::Arithmetic("a number that is too large, or a division by zero"))
}

fn length(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// `substr START END TEXT`, in characters where sprig counts bytes: of ASCII, which versions and names are, the same.
fn substr(all: &[Value]) -> Given {
    let bounds = numbers(all.get(..2).unwrap_or_default())?;
    let text = text(all.last().unwrap_or(&Value::Null))?;
    let (start, end) = (bounds.first().copied().unwrap_or_default(), bounds.get(1).copied().unwrap_or_default());
    let count = text.chars().count();
    let end = if end < 0 || length(end) > count { count } else { length(end) };
    let start = if start < 0 { 0 } else { length(start) };
    Ok(Value::string(&text.chars().take(end).skip(start).collect::<String>()))
}

/// `trunc N TEXT`; a negative N keeps the end.
fn trunc(all: &[Value]) -> Given {
    let most = numbers(all.get(..1).unwrap_or_default())?.first().copied().unwrap_or_default();
    let text = text(all.last().unwrap_or(&Value::Null))?;
    let count = text.chars().count();
    let kept = usize::try_from(most.unsigned_abs()).unwrap_or(usize::MAX).min(count);
    let kept: String =
        if most < 0 { text.chars().skip(count - kept).collect() } else { text.chars().take(kept).collect() };
    Ok(Value::string(&kept))
}

fn title(text: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn b64dec(all: &[Value]) -> Given {
    let text = texts(all)?.pop().unwrap_or_default();
    let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(|text| Value::string(&text)).ok_or_else(|| ExpressionError::Type("expected a text in base64".into()))
}

fn sha256sum(text: &str) -> String {
    crate::decide::value::Digest(Sha256::digest(text.as_bytes()).into()).to_string()
}

fn replace(all: &[Value]) -> Given {
    let all = texts(all)?;
    match all.as_slice() {
        [old, new, text] if text.len().saturating_mul(new.len() + 1) <= 16 * TEXT_BYTES_MAX => {
            Ok(Value::string(&text.replace(old.as_str(), new)))
        }
        _ => Err(ExpressionError::TooCostly),
    }
}

fn repeat(all: &[Value]) -> Given {
    let count = length(numbers(all.get(..1).unwrap_or_default())?.first().copied().unwrap_or_default());
    let text = text(all.last().unwrap_or(&Value::Null))?;
    if text.len().saturating_mul(count) > TEXT_BYTES_MAX {
        return Err(ExpressionError::TooCostly);
    }
    Ok(Value::string(&text.repeat(count)))
}

fn indent(all: &[Value], before: &str) -> Given {
    /// Wider than any screen.
    const SPACES_MAX: usize = 256;
    let width = length(numbers(all.get(..1).unwrap_or_default())?.first().copied().unwrap_or_default());
    let spaces = " ".repeat(width.min(SPACES_MAX));
    let text = text(all.last().unwrap_or(&Value::Null))?;
    Ok(Value::string(&format!("{before}{spaces}{}", text.replace('\n', &format!("\n{spaces}")))))
}

fn ternary(all: &[Value]) -> Given {
    let is_true = all.get(2).is_some_and(|value| !is_empty(value));
    all.get(usize::from(!is_true)).cloned().ok_or_else(|| ExpressionError::Absent("an operand".into()))
}

/// Only `%s`, `%d` and `%v` of scalars, and `%%`.
fn printf(all: &[Value]) -> Given {
    let mut operands = texts(all)?.into_iter();
    let format = operands.next().unwrap_or_default();
    let (mut printed, mut chars) = (String::new(), format.chars());
    while let Some(char) = chars.next() {
        match if char == '%' { Some(chars.next()) } else { None } {
            None => printed.push(char),
            Some(Some('%')) => printed.push('%'),
            Some(Some('s' | 'd' | 'v')) => {
                let operand = operands.next();
                printed
                    .push_str(&operand.ok_or_else(|| ExpressionError::Type("`printf` has too few operands".into()))?);
            }
            Some(_) => return Err(ExpressionError::Type("`printf` knows %s, %d, %v and %%".into())),
        }
    }
    Ok(Value::string(&printed))
}

fn regex(text: &str) -> Result<regex::Regex, ExpressionError> {
    /// A compiled pattern of packs has some kilobytes.
    const SIZE_MAX: usize = 1 << 20;
    let built = regex::RegexBuilder::new(text).size_limit(SIZE_MAX).build();
    built.map_err(|_| ExpressionError::Type("expected a regular expression of RE2".into()))
}

fn regex_replace_all(all: &[Value]) -> Given {
    match texts(all)?.as_slice() {
        [pattern, text, with] => Ok(Value::string(&regex(pattern)?.replace_all(text, with.as_str()))),
        _ => Err(ExpressionError::Absent("an operand".into())),
    }
}

fn regex_find(all: &[Value]) -> Given {
    let (pattern, text) = pair(all)?;
    Ok(Value::string(regex(&pattern)?.find(&text).map_or("", |found| found.as_str())))
}
