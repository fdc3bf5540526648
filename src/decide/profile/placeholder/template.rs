//! In: values with placeholders, and what they may name. Out: values without; which variables flow where.
//! Guarantee: nothing becomes an empty string: an unknown name is a diagnostic where its placeholder stands.
use super::super::codes;
use crate::decide::document::{Placeholders, nearest};
use crate::decide::expression::{ExpressionError, Scope};
use crate::decide::value::{Diagnostic, Map, Pointer, Span, Value};
use std::ops::Range;
use std::sync::Arc;

/// Placeholders that can all be read.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a>(&'a Placeholders);

/// Finds the place of the text that stands at a pointer.
pub type Places<'a> = dyn Fn(&Pointer) -> Option<Span> + 'a;

impl<'a> Templates<'a> {
    /// Takes placeholders, or tells which cannot be read.
    pub fn of(found: &'a Placeholders, places: &Places<'_>) -> Result<Self, Vec<Diagnostic>> {
        let said = found.wrong.iter().map(|(pointer, bytes, error)| diagnostic(places(pointer), bytes, error));
        let errors: Vec<Diagnostic> = said.collect();
        if errors.is_empty() { Ok(Self(found)) } else { Err(errors) }
    }

    /// Puts values in the place of placeholders.
    pub fn fill(self, value: &mut Value, scope: &Scope<'_>, places: &Places<'_>) -> Result<(), Vec<Diagnostic>> {
        let mut errors = Vec::new();
        for (pointer, template) in &self.0.templates {
            match template.evaluate(scope) {
                Ok(filled) => put(value, pointer.tokens(), filled),
                Err((bytes, error)) => errors.push(diagnostic(places(pointer), &bytes, &error)),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Puts a value where a pointer leads; nothing where that is not there.
pub(in crate::decide::profile) fn put(value: &mut Value, tokens: &[Arc<str>], filled: Value) {
    let Some((first, rest)) = tokens.split_first() else {
        *value = filled;
        return;
    };
    let inner = match value {
        Value::Map(map) => Arc::make_mut(map).get_mut(first),
        Value::List(items) => first.parse::<usize>().ok().and_then(|at| Arc::make_mut(items).get_mut(at)),
        _ => None,
    };
    if let Some(inner) = inner {
        put(inner, rest, filled);
    }
}

fn diagnostic(at: Option<Span>, bytes: &Range<usize>, error: &ExpressionError) -> Diagnostic {
    let said = Diagnostic::error(codes::EXPRESSION, format!("the placeholder cannot be filled: {error}"));
    let said = match at {
        Some(at) => said.at(narrowed(at, bytes)),
        None => said,
    };
    advised(said, error)
}

/// Adds what an author can do about an error of an expression.
pub(in crate::decide::profile) fn advised(said: Diagnostic, error: &ExpressionError) -> Diagnostic {
    let said = match error {
        ExpressionError::UnknownName { path, name, known } => {
            let said = said.nearest(nearest(name, known.iter().map(|name| &**name)));
            if *path == **name && !known.is_empty() {
                said.expected(format!("one of: {}", known.join(", ")))
            } else {
                said
            }
        }
        _ => said,
    };
    match error.hint() {
        Some(hint) => said.hint(hint),
        None => said,
    }
}

/// Narrows the place of a text to the placeholder, where the text stands as it is read.
fn narrowed(at: Span, bytes: &Range<usize>) -> Span {
    let length = (at.bytes.end - at.bytes.start) as usize;
    let narrow = |offset: usize| at.bytes.start.saturating_add(u32::try_from(offset).unwrap_or(0));
    let is_one_line =
        at.source.0.get(at.bytes.start as usize..at.bytes.end as usize).is_some_and(|text| !text.contains('\n'));
    if is_one_line && bytes.end <= length {
        let bytes = narrow(bytes.start)..narrow(bytes.end);
        return Span { bytes, ..at };
    }
    at
}

/// Returns a map of one name.
pub(in crate::decide::profile) fn named(name: &str) -> Value {
    [("name", Value::string(name))].into_iter().collect::<Map>().into()
}
