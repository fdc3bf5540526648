//! In: the variables and constants of a package, what the layer sets. Out: texts with both filled in.
//! Guarantee: what is not set has its default or is an error; what only Zarf's own services know is an error, not empty.
use super::super::codes;
use crate::decide::document::{Fragment, nearest};
use crate::decide::value::{Diagnostic, Map, Seal, Span, Value, canonical};
use regex::Regex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What stands in a text, with its name between.
const MARK: &str = "###ZARF_";

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({} known)", self.known.len())
    }
}

/// The variables of a package, by the names under which texts have them: `VAR_X` and `CONST_X`.
#[derive(Default, PartialEq)]
pub(super) struct Variables {
    known: BTreeMap<String, Arc<str>>,
    /// The texts that nobody may see.
    pub(super) sensitive: Vec<Arc<str>>,
}

impl Variables {
    /// Reads them from a package, with what the values of the layer set, which stand at `at`.
    pub(super) fn read(root: &Fragment, values: &Value, at: &dyn Fn(&str) -> Span) -> Result<Self, Vec<Diagnostic>> {
        let (mut variables, mut errors, mut names) = (Self::default(), Vec::new(), Vec::new());
        let items = |key: &str| root.get(key).map(|part| part.items().collect::<Vec<_>>()).unwrap_or_default();
        for part in items("constants") {
            let text = |key: &str| part.get(key).map(|part| part.text().to_owned()).unwrap_or_default();
            if fits(&part, &text("value")) {
                variables.known.insert(format!("CONST_{}", text("name")), text("value").into());
            } else {
                errors.push(of_form(&part, &text("name"), part.span()));
            }
        }
        for part in items("variables") {
            let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
            let name = text("name").unwrap_or_default();
            names.push(name.clone());
            if text("type").as_deref() == Some("file") {
                let message =
                    format!("the variable `{name}` of the package is the path of a file, which is not supported");
                errors.push(Diagnostic::error(codes::PACKAGE, message).at(part.span()));
                continue;
            }
            let given = values.get(&name).filter(|value| !value.is_null());
            let is_tainted = given.is_some_and(Value::is_tainted);
            let Some(value) = given.map_or_else(|| text("default"), scalar) else {
                let what = if given.is_some() { "has to be a text, a number or a boolean" } else { "has to be set" };
                let message = format!("the variable `{name}` of the package {what}");
                let said = Diagnostic::error(codes::PACKAGE, message).at(at(&name)).also(part.span(), "declared here");
                errors.push(said.expected(format!("`values: {{ {name}: … }}` of the layer")));
                continue;
            };
            if !fits(&part, &value) {
                errors.push(of_form(&part, &name, at(&name)));
                continue;
            }
            let value: Arc<str> = value.into();
            if is_tainted || part.get("sensitive").is_some_and(|part| part.value().as_bool() == Some(true)) {
                variables.sensitive.push(value.clone());
            }
            variables.known.insert(format!("VAR_{name}"), value);
        }
        for (key, _) in values
            .as_map()
            .into_iter()
            .flat_map(Map::iter)
            .filter(|(key, _)| !names.iter().any(|name| **name == ***key))
        {
            let message = format!("the package has no variable `{key}`");
            let near = nearest(key, names.iter().map(String::as_str));
            errors.push(Diagnostic::error(codes::PACKAGE, message).at(at(key)).nearest(near));
        }
        if errors.is_empty() { Ok(variables) } else { Err(errors) }
    }

    /// Says what only a registry is known by.
    pub(super) fn set_registry(&mut self, registry: &Arc<str>) {
        self.known.insert("REGISTRY".into(), registry.clone());
    }

    /// Returns what they are digested by.
    pub(super) fn value(&self, seal: &Seal) -> Value {
        let value = |value: &Arc<str>| {
            let plain = Value::String(value.clone());
            if self.is_in(value) { seal.seal(plain) } else { plain }
        };
        self.known.iter().map(|(name, text)| (&**name, value(text))).collect::<Map>().into()
    }

    /// Returns a variable, by its name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<str>> {
        self.known.get(&format!("VAR_{name}"))
    }

    /// Fills a text; in words what cannot be.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once(MARK) {
            filled.push_str(before);
            let Some((name, after)) = after.split_once("###") else {
                filled.push_str(MARK);
                rest = after;
                continue;
            };
            match self.known.get(name) {
                Some(value) => filled.push_str(value),
                None if name.starts_with("VAR_") || name.starts_with("CONST_") => {
                    return Err(format!("`{MARK}{name}###` is no variable or constant of the package"));
                }
                None => return Err(format!("`{MARK}{name}###` is known to Zarf's own services only")),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Whether a text holds something that nobody may see.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.sensitive.iter().any(|secret| !secret.is_empty() && text.contains(&**secret))
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Sensitive(sensitive) => scalar(sensitive.expose()),
        Value::String(text) => Some(text.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Integer(_) | Value::Unsigned(_) => Some(canonical(value)),
        _ => None,
    }
}

fn fits(part: &Fragment, value: &str) -> bool {
    let pattern = part.get("pattern").map(|pattern| Regex::new(pattern.text()));
    pattern.is_none_or(|pattern| pattern.is_ok_and(|pattern| pattern.is_match(value)))
}

fn of_form(part: &Fragment, name: &str, at: Span) -> Diagnostic {
    let pattern = part.get("pattern").map(|part| part.text().to_owned()).unwrap_or_default();
    let message = format!("the variable `{name}` of the package does not fit its pattern");
    let said = Diagnostic::error(codes::PACKAGE, message).at(at).also(part.span(), "declared here");
    said.expected(format!("a text that fits `{pattern}`"))
}
