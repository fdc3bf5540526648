//! In: a text with placeholders `${{ expression }}`, then a scope. Out: the value it stands for.
//! Guarantee: one placeholder alone keeps its type; a text with a sensitive part is sealed as a whole.
use super::palette_macro::{Macro, Packs, is_macro};
use super::scope::exposed;
use super::{Expression, ExpressionError, Scope, bounds};
use crate::decide::value::{Value, canonical_into};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

const OPEN: &str = "${{";

/// Whether `text` may have a placeholder, or a literal `$${{`: what has neither needs no parsing.
pub fn has_placeholder(text: &str) -> bool {
    // The first is a look at each byte, which nearly all texts end with.
    text.as_bytes().contains(&b'$') && text.contains(OPEN)
}

/// A text with placeholders.
#[derive(Clone, Debug)]
pub struct Template {
    /// What it is made of, first to last; no two texts follow each other.
    pub parts: Vec<Part>,
}

/// One part of a text.
#[derive(Clone, Debug)]
pub enum Part {
    /// Characters as they are.
    Text(Arc<str>),
    /// An expression, and the bytes of its placeholder in the text.
    Expression(Arc<Expression>, Range<usize>),
    /// A macro of Palette, and the bytes of its braces in the text.
    Macro(Arc<Macro>, Range<usize>),
}

impl Template {
    /// Parses `text`; an error has the bytes of its placeholder.
    pub fn parse(text: &str) -> Result<Self, (Range<usize>, ExpressionError)> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = 0..text.len();
        while let Some(tail) = text.get(rest.clone())
            && let Some(found) = tail.find(OPEN)
        {
            let (before, open) = (tail.get(..found).unwrap_or_default(), rest.start + found);
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str(OPEN);
                rest.start = open + OPEN.len();
                continue;
            }
            literal.push_str(before);
            let from = open + OPEN.len();
            let close = bounds::placeholder(text, from).map_err(|error| (open..text.len(), error))?;
            let placeholder = open..close.end;
            let source = text.get(from..close.start).unwrap_or_default().trim();
            let expression = Expression::compile(source).map_err(|error| (placeholder.clone(), error))?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into()));
            }
            rest.start = placeholder.end;
            parts.push(Part::Expression(expression, placeholder));
        }
        literal.push_str(text.get(rest).unwrap_or_default());
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Ok(Self { parts })
    }

    /// Puts the macros of Palette in the place of their texts; what else stands in double braces is left to charts.
    pub fn with_macros(self, packs: &Packs<'_>) -> Result<Self, (Range<usize>, ExpressionError)> {
        let mut parts = Vec::new();
        for part in self.parts {
            match part {
                Part::Text(text) => macros(&text, packs, &mut parts)?,
                other => parts.push(other),
            }
        }
        Ok(Self { parts })
    }

    /// Whether it has no placeholder.
    pub fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Returns the paths that its expressions read, sorted and each once.
    pub fn references(&self) -> Vec<Vec<Arc<str>>> {
        let references = self.parts.iter().flat_map(|part| match part {
            Part::Text(_) => &[],
            Part::Expression(expression, _) => expression.references(),
            Part::Macro(found, _) => found.references(),
        });
        references.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Returns the value it stands for; an error has the bytes of its placeholder.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, (Range<usize>, ExpressionError)> {
        if let [Part::Expression(expression, at)] = self.parts.as_slice() {
            return expression.evaluate(scope).map_err(|error| (at.clone(), error));
        }
        let mut text = String::new();
        let mut tainted = false;
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Expression(..) | Part::Macro(..) => {
                    let (value, at) = match part {
                        Part::Expression(expression, at) => (expression.evaluate(scope), at),
                        Part::Macro(found, at) => (found.evaluate(scope), at),
                        Part::Text(_) => continue,
                    };
                    let value = value.map_err(|error| (at.clone(), error))?;
                    tainted |= value.is_tainted();
                    splice(exposed(&value), &mut text).map_err(|error| (at.clone(), error))?;
                }
            }
        }
        let value = Value::String(text.into());
        Ok(if tainted { scope.seal.seal(value) } else { value })
    }
}

/// Adds the parts of a text with macros. The bytes of a macro are those in this text, which is a whole one as a rule.
fn macros(text: &Arc<str>, packs: &Packs<'_>, parts: &mut Vec<Part>) -> Result<(), (Range<usize>, ExpressionError)> {
    if !has_macro(text) {
        parts.push(Part::Text(text.clone()));
        return Ok(());
    }
    let (mut literal, mut at) = (String::new(), 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("{{")) {
        let open = at + found;
        literal.push_str(text.get(at..open).unwrap_or_default());
        let Some(close) = closing(text, open + 2) else {
            let rest = text.get(open..).unwrap_or_default();
            if is_macro(rest) {
                return Err((open..text.len(), ExpressionError::Unclosed));
            }
            literal.push_str(rest);
            at = text.len();
            break;
        };
        at = close + 2;
        let action = text.get(open + 2..close).unwrap_or_default();
        if !is_macro(action) {
            literal.push_str(text.get(open..at).unwrap_or_default());
            continue;
        }
        let inner = action.strip_prefix('-').inspect(|_| literal.truncate(literal.trim_end().len())).unwrap_or(action);
        let (inner, trims_after) = inner.strip_suffix('-').map_or((inner, false), |inner| (inner, true));
        let compiled = Macro::compile(inner.trim(), packs).map_err(|error| (open..at, error))?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal).into()));
        }
        parts.push(Part::Macro(compiled, open..at));
        if trims_after {
            let rest = text.get(at..).unwrap_or_default();
            at += rest.len() - rest.trim_start().len();
        }
    }
    literal.push_str(text.get(at..).unwrap_or_default());
    if !literal.is_empty() {
        parts.push(Part::Text(literal.into()));
    }
    Ok(())
}

/// Returns where the braces close that were opened before `from`; those in quotes close nothing.
fn closing(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(b'"'), b'\\') => at += 1,
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'`') => quote = Some(*byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether `text` may have a macro of Palette.
pub fn has_macro(text: &str) -> bool {
    text.contains("{{") && text.contains(".spectro.")
}

/// Appends a scalar; of null, a list or a map nobody knows which text was meant.
fn splice(value: &Value, text: &mut String) -> Result<(), ExpressionError> {
    match value {
        Value::String(part) => text.push_str(part),
        Value::Bool(_) | Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => canonical_into(value, text),
        other => {
            let found = other.type_name();
            return Err(ExpressionError::Type(format!(
                "expected a string, a number or a boolean inside a text, found {found}"
            )));
        }
    }
    Ok(())
}
