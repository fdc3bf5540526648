//! In: a value. Out: the placeholders in it, each with where it stands.
//! Guarantee: keys have none; what cannot be read is kept with its place, for whoever knows the file.
use crate::decide::expression::{ExpressionError, Packs, Template, has_macro, has_placeholder};
use crate::decide::value::{Pointer, Value};
use std::ops::Range;
use std::sync::Arc;

/// The placeholders of a value.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    /// The texts that have some, in the order of the value.
    pub templates: Vec<(Pointer, Template)>,
    /// The paths that they name, sorted and each once.
    pub paths: Vec<Vec<Arc<str>>>,
    /// The texts in which one cannot be read: its bytes, and why.
    pub wrong: Vec<(Pointer, Range<usize>, ExpressionError)>,
}

impl Placeholders {
    /// Finds them.
    pub fn of(value: &Value) -> Self {
        Self::found(value, None)
    }

    /// Finds them, and the macros of Palette.
    pub fn with_macros(value: &Value, packs: &Packs<'_>) -> Self {
        Self::found(value, Some(packs))
    }

    fn found(value: &Value, packs: Option<&Packs<'_>>) -> Self {
        let mut found = Self::default();
        walk(value, &mut Vec::new(), packs, &mut found);
        found.paths = found.references().map(|(_, path)| path).collect();
        found.paths.sort();
        found.paths.dedup();
        found
    }

    /// Whether there is none, not even a wrong one.
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.wrong.is_empty()
    }

    /// Returns the paths that they name, each with the pointer of its text.
    pub fn references(&self) -> impl Iterator<Item = (&Pointer, Vec<Arc<str>>)> {
        self.templates
            .iter()
            .flat_map(|(pointer, template)| template.references().into_iter().map(move |path| (pointer, path)))
    }

    /// Returns those whose texts name only what is known, wrong ones among them.
    #[must_use]
    pub fn naming(&self, is_known: &dyn Fn(&[Arc<str>]) -> bool) -> Self {
        let is_known = |template: &Template| template.references().iter().all(|path| is_known(path));
        let templates = self.templates.iter().filter(|(_, template)| is_known(template)).cloned().collect();
        Self { templates, paths: self.paths.clone(), wrong: self.wrong.clone() }
    }

    fn take(&mut self, text: &str, way: &[Step<'_>], packs: Option<&Packs<'_>>) {
        let pointer = way.iter().map(Step::token).collect();
        let parsed = Template::parse(text);
        match if let Some(packs) = packs { parsed.and_then(|template| template.with_macros(packs)) } else { parsed } {
            Ok(template) => self.templates.push((pointer, template)),
            Err((bytes, error)) => self.wrong.push((pointer, bytes, error)),
        }
    }
}

/// One step into a value: nearly all lead to no placeholder, so that nothing is allocated for them.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a Arc<str>),
    Item(usize),
}

impl Step<'_> {
    fn token(&self) -> Arc<str> {
        match self {
            Self::Key(key) => (*key).clone(),
            Self::Item(at) => at.to_string().into(),
        }
    }
}

fn walk<'a>(value: &'a Value, way: &mut Vec<Step<'a>>, packs: Option<&Packs<'_>>, found: &mut Placeholders) {
    match value {
        Value::String(text) if has_placeholder(text) || (packs.is_some() && has_macro(text)) => {
            found.take(text, way, packs);
        }
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                way.push(Step::Item(at));
                walk(item, way, packs, found);
                way.pop();
            }
        }
        Value::Map(map) => {
            for (key, value) in map.iter() {
                way.push(Step::Key(key));
                walk(value, way, packs, found);
                way.pop();
            }
        }
        _ => {}
    }
}
