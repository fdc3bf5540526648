//! In: the rendered layers of a cluster. Out: the container images that they name, each with its layers.
//! Guarantee: as they are written, sorted, each once; what others name at run time is not known here.
use super::codes;
use super::model::Layers;
use crate::decide::value::{Diagnostic, Value};
use crate::name::LayerName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Images, each with the layers that name it.
pub type Images = BTreeMap<Arc<str>, BTreeSet<LayerName>>;

/// What of an object is text of somebody else's, in which nothing is an image of ours.
const TEXTS: [&str; 5] = ["data", "stringData", "binaryData", "annotations", "labels"];

/// Adds the images of a cluster: those of containers and volumes, and what custom resources call `image`. Returns what is to
/// be told of those that come from sensitive values, which are not shown.
pub fn images(layers: &Layers, found: &mut Images) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    for layer in &layers.layers {
        for object in &layer.objects {
            let mut hidden = 0_usize;
            collect(&object.manifest, &mut |image| match image {
                Some(image) => drop(found.entry(image.into()).or_default().insert(layer.name.clone())),
                None => hidden += 1,
            });
            if hidden > 0 {
                let (id, what) = (&object.id, if hidden == 1 { "an image" } else { "images" });
                let come = if hidden == 1 { "comes" } else { "come" };
                let message = format!(
                    "{what} of {} {} of layer `{}` {come} from a sensitive value",
                    id.kind, id.name, layer.name
                );
                let said_of = Diagnostic::warning(codes::HIDDEN_IMAGE, message).at(object.at.clone());
                said.push(
                    said_of.hint("it is not listed: mirror it by hand, or give it by a value that is not sensitive"),
                );
            }
        }
    }
    said
}

/// Returns the images that an object names.
pub fn images_of(manifest: &Value) -> BTreeSet<Arc<str>> {
    let mut found = BTreeSet::new();
    collect(manifest, &mut |image| found.extend(image.map(Into::into)));
    found
}

/// Finds images; of a sensitive one, only that there is one.
fn collect(value: &Value, found: &mut impl FnMut(Option<&str>)) {
    match value {
        Value::Map(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !TEXTS.contains(&&***key)) {
                // A volume of an image names it by `reference`.
                let named = match value {
                    _ if **key != *"image" => None,
                    Value::Map(map) => map.get("reference"),
                    value => Some(value),
                };
                match named {
                    Some(Value::Sensitive(_)) => found(None),
                    Some(Value::String(text)) if is_image(text) => found(Some(text)),
                    _ => collect(value, found),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Whether a text can be the reference of an image: no spaces and no address of another kind.
fn is_image(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    !text.is_empty() && !text.contains("://") && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn images_are_those_of_containers_volumes_and_custom_resources() {
        let pod = json!({
            "initContainers": [{"image": "a/init:1"}],
            "containers": [{"image": "b@sha256:0123", "env": [{"name": "image", "value": "no"}]}],
            "volumes": [{"name": "v", "image": {"reference": "c/volume:2"}}],
        });
        let object = json!({
            "data": {"image": "d/text:1"}, "metadata": {"annotations": {"image": "e/text:1"}},
            "spec": {"template": {"spec": pod}, "image": "f/custom:3", "logo": {"image": "https://g/logo.png"}},
        });
        let mut found = Vec::new();
        let object = Value::from_json(object.to_string().as_bytes()).expect("it is JSON");
        collect(&object, &mut |image| found.extend(image.map(str::to_owned)));
        found.sort();
        assert_eq!(found, ["a/init:1", "b@sha256:0123", "c/volume:2", "f/custom:3"], "and no text of others");
    }
}
