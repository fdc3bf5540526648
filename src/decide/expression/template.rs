//! In: a text with placeholders `${{ expression }}`, then a scope. Out: the value it stands for.
//! Guarantee: one placeholder alone keeps its type; a text with a sensitive part is sealed as a whole.
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

    /// Whether it has no placeholder.
    pub fn is_plain(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// Returns the paths that its expressions read, sorted and each once.
    pub fn references(&self) -> Vec<Vec<Arc<str>>> {
        let references = self.expressions().flat_map(|expression| expression.references());
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
                Part::Expression(expression, at) => {
                    let value = expression.evaluate(scope).map_err(|error| (at.clone(), error))?;
                    tainted |= value.is_tainted();
                    splice(exposed(&value), &mut text).map_err(|error| (at.clone(), error))?;
                }
            }
        }
        let value = Value::String(text.into());
        Ok(if tainted { scope.seal.seal(value) } else { value })
    }

    fn expressions(&self) -> impl Iterator<Item = &Arc<Expression>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expression(expression, _) => Some(expression),
        })
    }
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
