//! In: the text of an expression, or its tree. Out: nothing, or the bound it breaks.
//! Guarantee: what passes parses and evaluates on the stack of a compute thread.
use super::ExpressionError;
use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};
use std::ops::Range;

/// What people still read as one expression; it also bounds the parser, whose time grows faster than its text.
pub(super) const BYTES_MAX: usize = 2048;

/// The parser descends about ten calls a bracket, and no expression that people wrote comes near.
pub(super) const BRACKETS_MAX: usize = 32;

/// Chains such as `a.b.c` and `a + b + c` are trees as deep as they are long, and evaluation descends them.
pub(super) const LINKS_MAX: usize = 64;

/// Two are what it takes to join two lists; each more multiplies the work by the length of a list.
pub(super) const COMPREHENSIONS_MAX: usize = 2;

/// Checks the text before the parser sees it.
pub(super) fn check_text(text: &str) -> Result<(), ExpressionError> {
    if text.len() > BYTES_MAX {
        return Err(ExpressionError::TooLong { bytes: text.len() });
    }
    let mut levels = vec![Level::default()];
    let mut links = 0; // of all levels
    for byte in code(text) {
        let (at, byte) = byte?;
        let outermost = levels.len() == 1;
        let level = levels.last_mut().expect("the first level stays");
        match byte {
            b',' => links -= level.reset(),
            // The parser balances `&&` and `||`, so only what stands between two of them is a chain.
            b'&' | b'|' => links -= level.split(),
            b'?' | b':' => {
                level.branches += 1;
                links += 1;
            }
            b'i' if is_in(text, at) => {
                level.links += 1;
                links += 1;
            }
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' => {
                level.links += 1;
                links += 1;
            }
            b'(' | b'[' | b'{' => {
                level.links += 1;
                links += 1;
                levels.push(Level::default());
            }
            b')' | b']' | b'}' if !outermost => {
                links -= level.reset();
                levels.pop();
            }
            _ => {}
        }
        if levels.len() > BRACKETS_MAX + 1 || links > LINKS_MAX + levels.len() {
            return Err(ExpressionError::TooDeep);
        }
    }
    Ok(())
}

/// Whether the operator `in` stands at `at`.
fn is_in(text: &str, at: usize) -> bool {
    let Some((before, after)) = text.as_bytes().split_at_checked(at) else { return false };
    let ends = after.get(2).is_none_or(|byte| !is_letter(*byte));
    after.starts_with(b"in") && ends && letters_before(before).is_empty()
}

/// What has been chained since the last separator, between one pair of brackets.
#[derive(Default)]
struct Level {
    links: usize,
    /// Of `?:`, which binds weaker than `&&`, so that its chains go on after one.
    branches: usize,
}

impl Level {
    fn split(&mut self) -> usize {
        std::mem::take(&mut self.links)
    }

    fn reset(&mut self) -> usize {
        std::mem::take(&mut self.links) + std::mem::take(&mut self.branches)
    }
}

/// Returns the bytes of `text` that stand outside of strings and comments, with their places.
///
/// A string must be one for CEL's lexer too: that one drops the quote of a broken string and reads on inside of it,
/// so that brackets would hide there.
fn code(text: &str) -> impl Iterator<Item = Result<(usize, u8), ExpressionError>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let (before, rest) = bytes.split_at_checked(at)?;
            let byte = *rest.first()?;
            if byte == b'"' || byte == b'\'' {
                let Some(length) = is_raw(before).and_then(|raw| string(rest, raw)) else {
                    at = bytes.len();
                    return Some(Err(ExpressionError::Quotes));
                };
                at += length;
            } else if rest.starts_with(b"//") {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            } else {
                at += 1;
                return Some(Ok((at - 1, byte)));
            }
        }
    })
}

/// Whether a string that follows `before` knows no escapes; nothing where what precedes is no prefix of strings.
fn is_raw(before: &[u8]) -> Option<bool> {
    match letters_before(before) {
        b"" | b"b" | b"B" => Some(false),
        b"r" | b"R" | b"br" | b"bR" | b"Br" | b"BR" => Some(true),
        _ => None,
    }
}

fn letters_before(before: &[u8]) -> &[u8] {
    let letters = before.iter().rev().take_while(|byte| is_letter(**byte)).count();
    before.get(before.len() - letters..).unwrap_or_default()
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns how long the string at the head of `text` is, where it is one.
fn string(text: &[u8], raw: bool) -> Option<usize> {
    let quote = *text.first()?;
    let triple = [quote; 3];
    let end = if text.starts_with(&triple) { triple.as_slice() } else { std::slice::from_ref(&quote) };
    let mut at = end.len();
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with(end) {
            return Some(at + end.len());
        }
        at += match rest.first()? {
            b'\n' | b'\r' if end.len() == 1 => return None,
            b'\\' if !raw => escape(rest)?,
            _ => 1,
        };
    }
}

/// Returns how long the escape at the head of `text` is, where CEL knows it.
fn escape(text: &[u8]) -> Option<usize> {
    let digits = |count: usize, radix: u32| {
        let digits = text.get(2..2 + count)?;
        digits.iter().all(|byte| char::from(*byte).is_digit(radix)).then_some(2 + count)
    };
    match text.get(1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'`' | b'\\' | b'?' => Some(2),
        b'x' | b'X' => digits(2, 16),
        b'u' => digits(4, 16),
        b'U' => digits(8, 16),
        b'0'..=b'3' => digits(2, 8),
        _ => None,
    }
}

/// Returns the place of the `}}` that ends a placeholder whose expression starts at `from`.
pub(super) fn placeholder(text: &str, from: usize) -> Result<Range<usize>, ExpressionError> {
    let mut open = 0_usize;
    let mut last = None; // the place after a `}` that closes nothing
    for byte in code(text.get(from..).unwrap_or_default()) {
        match byte? {
            (_, b'{') => open += 1,
            (_, b'}') if open > 0 => open -= 1,
            (at, b'}') if last == Some(at) => return Ok(from + at - 1..from + at + 1),
            (at, b'}') => last = Some(at + 1),
            _ => {}
        }
    }
    Err(ExpressionError::Unclosed)
}

/// Checks the tree: how deep comprehensions stand in each other, their ranges included.
pub(super) fn check_tree(expression: &IdedExpr, left: usize) -> Result<(), ExpressionError> {
    let left = match expression.expr {
        Expr::Comprehension(_) => left.checked_sub(1).ok_or(ExpressionError::Comprehensions)?,
        _ => left,
    };
    children(expression).into_iter().try_for_each(|child| check_tree(child, left))
}

/// Returns the expressions directly inside of `expression`.
pub(super) fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => vec![],
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(all) => {
            vec![&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => entries(map.entries.iter().map(|entry| &entry.expr)),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(object) => entries(object.entries.iter().map(|entry| &entry.expr)),
    }
}

fn entries<'a>(entries: impl Iterator<Item = &'a EntryExpr>) -> Vec<&'a IdedExpr> {
    let expressions = entries.flat_map(|entry| match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    });
    expressions.collect()
}
