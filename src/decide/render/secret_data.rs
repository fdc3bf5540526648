//! In: a Secret, as it was rendered and patched. Out: the same with what it holds made sensitive.
//! Guarantee: `data` and `stringData` are sensitive whoever wrote them: no output shows them, ids take their HMAC.
use super::layers::Identified;
use crate::decide::value::{Map, Seal, Value};

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
