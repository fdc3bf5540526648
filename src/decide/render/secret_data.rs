//! In: a Secret, as it was rendered and patched. Out: the same with what it holds made sensitive.
//! Guarantee: `data` and `stringData` are sensitive whoever wrote them: no output shows them, ids take their HMAC.
use super::layers::Identified;
use crate::decide::value::{Map, Seal, Value};
use std::sync::Arc;

/// Seals each entry of a Secret.
pub(super) fn seal_data(object: &mut Identified, seal: &Seal) {
    if (&*object.id.group, &*object.id.kind) != ("", "Secret") {
        return;
    }
    for field in ["data", "stringData"] {
        if object.manifest.get(field).and_then(Value::as_map).is_none() {
            continue;
        }
        let data = object.manifest.make_map().remove(field).unwrap_or_default();
        let sealed =
            data.as_map().into_iter().flat_map(Map::iter).map(|(key, value)| (key.clone(), seal.seal(value.clone())));
        let sealed: Map = sealed.collect();
        object.manifest.make_map().insert(field.into(), sealed.into());
    }
}

/// The fields of an object that say which it is, and what others see of it.
const OPEN: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Returns an object of a sealed file, whose name and kind may have been sealed with all else: they are no secret.
pub(super) fn named_openly(object: &Value) -> Value {
    let Some(map) = object.as_map() else { return object.clone() };
    let field = |(key, value): (&Arc<str>, &Value)| {
        (key.clone(), if OPEN.contains(&&**key) { exposed(value) } else { value.clone() })
    };
    map.iter().map(field).collect::<Map>().into()
}

fn exposed(value: &Value) -> Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        Value::List(items) => Value::list(items.iter().map(exposed).collect()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect::<Map>().into(),
        value => value.clone(),
    }
}
