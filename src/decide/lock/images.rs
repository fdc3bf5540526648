//! In: the values of a pack of Palette, the description of a chart. Out: the images that they list themselves.
//! Guarantee: sorted, each once; what is no list of images lists none.
use crate::decide::document::yaml::{Limits, read};
use crate::decide::value::{Text, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Under which annotation charts list images. Source: artifacthub.io, "Helm annotations".
const ANNOTATION: &str = "artifacthub.io/images";

/// Returns the images that a pack of Palette lists for air gaps, under `pack.content.images` of its values.
pub fn listed_images(values: &Value) -> BTreeSet<Arc<str>> {
    let content = values.get("pack").and_then(|pack| pack.get("content"));
    content.and_then(|content| content.get("images")).map(of_list).unwrap_or_default()
}

/// Returns the images that a chart lists in its annotations.
pub fn annotated_images(about: &Value) -> BTreeSet<Arc<str>> {
    let text = about.get("annotations").and_then(|all| all.get(ANNOTATION)).and_then(Value::as_str);
    let stream = text.and_then(|text| read(&Text(text.into()), &Limits::default()).ok());
    let list = stream.and_then(|stream| Some(stream.documents.first()?.root().value()));
    list.as_ref().map(of_list).unwrap_or_default()
}

fn of_list(list: &Value) -> BTreeSet<Arc<str>> {
    let items = list.as_list().into_iter().flatten();
    let images = items.filter_map(|item| item.get("image").and_then(Value::as_str));
    images.filter(|image| !image.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        read(&Text(text.into()), &Limits::default()).expect("it is YAML").documents[0].root().value()
    }

    #[test]
    fn what_packs_and_charts_list_is_found() {
        let pack = value("pack:\n  content:\n    images:\n      - image: b:1\n      - image: a:1\n      - other: c\n");
        assert_eq!(listed_images(&pack).iter().map(|it| &**it).collect::<Vec<_>>(), ["a:1", "b:1"]);
        let chart = value("annotations:\n  artifacthub.io/images: |\n    - name: web\n      image: web:1\n");
        assert_eq!(annotated_images(&chart).iter().map(|it| &**it).collect::<Vec<_>>(), ["web:1"]);
        let none = value("annotations:\n  artifacthub.io/images: 'none'\n");
        assert!(annotated_images(&none).is_empty() && listed_images(&none).is_empty());
    }
}
