//! In: the part of the operator's file that describes targets. Out: the folder of each that has one of its own.
//! Guarantee: paths count from the file's folder.
use crate::decide::document::Fragment;
use crate::decide::document::shape::{Field, Shape, required};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const FIELDS: &[Field] = &[
    required("name", Shape::Text, "The name, as clusters give it."),
    required("directory", Shape::Text, "Its folder."),
];

/// Returns the folders of targets by name.
pub(super) fn read(part: &Fragment, folder: &Path) -> BTreeMap<Arc<str>, PathBuf> {
    let target = |part: Fragment| Some((part.get("name")?.text().into(), folder.join(part.get("directory")?.text())));
    part.items().filter_map(target).collect()
}
