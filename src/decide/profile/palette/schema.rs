//! In: the values of a layer, the `schema.yaml` of its pack of Palette. Out: what of them does not fit it.
//! Guarantee: each mistake stands where the value was written last, with the pack's own hint; a message shows no value.
use super::super::codes;
use super::super::composition::shape::Shaped;
use super::super::layer::presets::apply;
use super::super::layer::source::Source;
use super::super::placeholder::template::put;
use super::super::resolve::Sketch;
use crate::decide::document::{File, Form, Rule, Texts, ValuesSchema};
use crate::decide::value::{Diagnostic, Pointer, Seal, Value};
use std::sync::Arc;

/// The step of a path that stands for each item of a list.
const EACH: &str = "$[]";

/// Reads the rules of a layer's pack; none where it has no schema.
fn rules(source: &Source, texts: &Texts) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let is_palette = source.pack.as_ref().is_some_and(|pack| pack.palette.is_some());
    let Some((found, _)) = source.schema.as_ref().filter(|_| is_palette) else { return Ok(Vec::new()) };
    let blob = texts.find(&found.path, found.blob)?;
    match blob.document(&found.path, found.origin.as_ref())? {
        Some(file) => Ok(read(&file)?.rules),
        None => Ok(Vec::new()),
    }
}

fn read(file: &Arc<File>) -> Result<ValuesSchema, Vec<Diagnostic>> {
    ValuesSchema::read(file).map(|(schema, _)| schema)
}

/// Checks the values of a layer by the schema of its pack of Palette.
pub(in crate::decide::profile) fn check_values(
    sketch: &Sketch,
    layer: &Shaped,
    source: &Source,
    texts: &Texts,
    document: &Value,
) -> Result<(), Vec<Diagnostic>> {
    let values = document.get("values").unwrap_or(&Value::Null);
    let given = given(source, texts);
    let mut errors = Vec::new();
    for rule in rules(source, texts)? {
        for (pointer, value) in found(values, &rule.path) {
            let Some((what, expected)) = mistake(&rule, value, pointer.get(&given)) else { continue };
            let at = sketch.place_of(layer, source, texts, &format!("/values{pointer}"));
            let message = format!("the value at `{pointer}` of layer `{}` {what}", layer.name);
            let said = Diagnostic::error(codes::SCHEMA, message).at(at).also(rule.part.span(), "the pack's rule");
            let said = if expected.is_empty() { said } else { said.expected(expected) };
            errors.push(match rule.hints.first() {
                Some(hint) => said.hint(hint.to_string()),
                None => said,
            });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Says what is wrong with a value, and what is expected.
fn mistake(rule: &Rule, value: Option<&Value>, given: Option<&Value>) -> Option<(&'static str, String)> {
    let exposed = value.map(exposed);
    let is_absent = exposed.is_none_or(|value| value.is_null() || value.as_str() == Some(""));
    if is_absent {
        let expected = rule.format.as_ref().map(Form::words).unwrap_or_default();
        return rule.required.then_some(("has to be set", expected));
    }
    if rule.readonly && exposed != given {
        return Some(("is the pack's own, which nobody else may write", String::new()));
    }
    let format = rule.format.as_ref()?;
    let fits = exposed.is_some_and(|value| format.takes(value));
    (!fits).then(|| ("does not fit its pack", format.words()))
}

fn exposed(value: &Value) -> &Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        value => value,
    }
}

/// The values of the pack itself, with the presets that were chosen.
fn given(source: &Source, texts: &Texts) -> Value {
    let blob = source.defaults.as_ref().and_then(|found| texts.get(found.blob));
    let mut given = blob.map(|blob| blob.value().clone()).unwrap_or_default();
    source.presets.iter().for_each(|preset| apply(preset, &mut given, &Pointer::default(), &mut ()));
    given
}

/// Returns what stands at a path, once for each item of the lists on its way; what is not there counts once.
fn found<'a>(values: &'a Value, path: &[Arc<str>]) -> Vec<(Pointer, Option<&'a Value>)> {
    let mut all = vec![(Pointer::default(), Some(values))];
    for key in path {
        let (name, is_each) = match key.strip_suffix("[]") {
            _ if &**key == EACH => ("", true),
            Some(name) => (name, true),
            None => (&**key, false),
        };
        let mut next = Vec::new();
        for (pointer, value) in all {
            let (pointer, value) = if name.is_empty() {
                (pointer, value)
            } else {
                (pointer.join(name), value.and_then(|value| exposed(value).get(name)))
            };
            match value.map(exposed) {
                Some(Value::List(items)) if is_each => {
                    let item = |(at, item): (usize, &'a Value)| (pointer.join(&at.to_string()), Some(item));
                    next.extend(items.iter().enumerate().map(item));
                }
                // Without the list there are no items to be wrong.
                _ if is_each => {}
                _ => next.push((pointer, value)),
            }
        }
        all = next;
    }
    all
}

/// Makes sensitive what the schema of a pack calls a password.
pub(in crate::decide::profile) fn seal_passwords(source: &Source, texts: &Texts, document: &mut Value, seal: &Seal) {
    // What is wrong with the schema is told where it is checked.
    for rule in rules(source, texts).unwrap_or_default() {
        if !rule.format.as_ref().is_some_and(Form::is_password) {
            continue;
        }
        let values = document.get("values").cloned().unwrap_or_default();
        for (pointer, value) in found(&values, &rule.path) {
            if let Some(value) = value.filter(|value| !value.is_null() && value.as_str() != Some("")) {
                let sealed = seal.seal(value.clone());
                if let Some(root) = document.make_map().get_mut("values") {
                    put(root, pointer.tokens(), sealed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::Map;

    #[test]
    fn a_path_leads_to_each_item_of_a_list() {
        let item = |name: &str| Value::from([("name", Value::string(name))].into_iter().collect::<Map>());
        let list = Value::list(vec![item("a"), item("b")]);
        let values: Value = [("users", list)].into_iter().collect::<Map>().into();
        let path = |text: &str| text.split('.').map(Arc::from).collect::<Vec<Arc<str>>>();
        let pointers = |text: &str| {
            let all = found(&values, &path(text));
            all.iter().map(|(pointer, value)| format!("{pointer} {}", value.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(pointers("users.$[].name"), ["/users/0/name true", "/users/1/name true"]);
        assert_eq!(pointers("users[].age"), ["/users/0/age false", "/users/1/age false"]);
        assert_eq!(pointers("groups.$[].name"), Vec::<String>::new(), "without the list nothing is missing");
        assert_eq!(pointers("groups.first"), ["/groups/first false"]);
    }
}
