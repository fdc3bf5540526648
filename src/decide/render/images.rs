//! In: the rendered layers of a cluster. Out: the container images that they name, each with its layers.
//! Guarantee: as they are written, sorted, each once; what others name at run time is not known here.
use super::model::Layers;
use crate::decide::value::Value;
use crate::name::LayerName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Images, each with the layers that name it.
pub type Images = BTreeMap<Arc<str>, BTreeSet<LayerName>>;

/// What of an object is text of somebody else's, in which nothing is an image of ours.
const TEXTS: [&str; 5] = ["data", "stringData", "binaryData", "annotations", "labels"];

/// Adds the images of a cluster: those of containers and volumes, and what custom resources call `image`.
pub fn images(layers: &Layers, found: &mut Images) {
    for layer in &layers.layers {
        for object in &layer.objects {
            collect(&object.manifest, &mut |image| {
                found.entry(image.into()).or_default().insert(layer.name.clone());
            });
        }
    }
}

fn collect(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Map(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !TEXTS.contains(&&***key)) {
                // A volume of an image names it by `reference`.
                let named =
                    if **key == *"image" { value.as_str().or_else(|| value.get("reference")?.as_str()) } else { None };
                match named.filter(|text| is_image(text)) {
                    Some(image) => found(image),
                    None => collect(value, found),
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
        collect(&object, &mut |image| found.push(image.to_owned()));
        found.sort();
        assert_eq!(found, ["a/init:1", "b@sha256:0123", "c/volume:2", "f/custom:3"], "and no text of others");
    }
}
