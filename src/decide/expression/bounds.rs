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
    for (_, byte) in code(text) {
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
pub(super) fn code(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let byte = *bytes.get(at)?;
            let rest = bytes.get(at..)?;
            if byte == b'"' || byte == b'\'' {
                at += string(rest, is_raw(bytes.get(..at)?));
            } else if rest.starts_with(b"//") {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            } else {
                at += 1;
                return Some((at - 1, byte));
            }
        }
    })
}

/// Whether a string that follows `before` knows no escapes: `r"…"`, `br"…"`, but not the end of a name.
fn is_raw(before: &[u8]) -> bool {
    let letters = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let prefix: &[u8] = before.get(before.len() - letters..).unwrap_or_default();
    prefix.len() <= 2 && prefix.iter().any(|byte| matches!(byte, b'r' | b'R'))
}

/// Returns how long the string at the head of `text` is.
fn string(text: &[u8], raw: bool) -> usize {
    let quote = text.first().copied().unwrap_or_default();
    let triple = [quote; 3];
    let end: &[u8] = if text.starts_with(&triple) { &triple } else { &[quote] };
    let mut at = end.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(end) {
            return at + end.len();
        }
        at += if !raw && rest.starts_with(b"\\") { 2 } else { 1 };
    }
    text.len()
}

/// Returns the place of the `}}` that ends a placeholder whose expression starts at `from`.
pub(super) fn placeholder(text: &str, from: usize) -> Option<Range<usize>> {
    let mut open = 0_usize;
    let mut last = None; // the place of a `}` that closes nothing
    for (at, byte) in code(text.get(from..)?) {
        match byte {
            b'{' => open += 1,
            b'}' if open > 0 => open -= 1,
            b'}' if at > 0 && last == Some(at - 1) => return Some(from + at - 1..from + at + 1),
            b'}' => last = Some(at),
            _ => {}
        }
    }
    None
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
