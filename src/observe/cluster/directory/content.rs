//! In: objects, each with the layer in whose folder it would stand. Out: what each one's file holds, where it can be read.
//! Guarantee: to be compared with what is wanted, never to be shown.
use crate::client::directory::Directory;
use crate::decide::document::Site;
use crate::decide::plan::directory_layout::{OBJECT_BYTES_MAX, object_path};
use crate::decide::value::Value;
use crate::name::{LayerName, ObjectId};
use std::path::Path;

/// Reads objects; one that is absent, or is no YAML any more, is left out.
pub fn content(root: &Path, objects: &[(LayerName, Site, ObjectId)]) -> Vec<((Site, ObjectId), Value)> {
    let Ok(Some(directory)) = Directory::open(root) else { return Vec::new() };
    let read = |(layer, site, object): &(LayerName, Site, ObjectId)| {
        let bytes = directory.read(&object_path(layer, *site, object), OBJECT_BYTES_MAX).ok()??;
        let json: serde_json::Value = serde_yaml::from_slice(&bytes).ok()?;
        Some(((*site, object.clone()), Value::from_json(json.to_string().as_bytes()).ok()?))
    };
    objects.iter().filter_map(read).collect()
}
