//! In: layers, objects and their manifests. Out: where each stands in a target that is a directory, and as which bytes.
//! Guarantee: no two objects share a path; a file says on its first line whose it is, and what its body should be.
mod path;
mod header;
mod text;

pub use header::{Owner, intact, owner_of};
pub use path::{IDENTITY, LOCK, OWN_FOLDER, RECORD, inventory_layer, inventory_path, object_path};

use super::Version;
use crate::decide::value::{Digest, Domain, Hasher, Value};

/// The most bytes of one object's file: what the API server takes of one object (etcd's limit), three times over, since
/// block YAML with its indentation is longer than the JSON that limit is about.
pub const OBJECT_BYTES_MAX: usize = 3 * 1_572_864;

/// Returns the digest of an object's manifest, as inventories and files name it.
pub fn manifest_digest(manifest: &Value) -> Digest {
    super::object_digest(manifest)
}

/// Returns the bytes of an object's file: a line that says whose it is, then the manifest as YAML.
///
/// Sensitive leaves stand there as their marks.
pub fn encode_object(manifest: &Value, fleet: &str, cluster: &str, layer: &str) -> Vec<u8> {
    let body = text::yaml(manifest);
    let mut bytes = header::line(fleet, cluster, layer, manifest_digest(manifest), &body).into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// Returns the version of a file: the directory's identity and a digest of the bytes.
pub fn version_of(uid: &str, bytes: &[u8]) -> Version {
    let mut hasher = Hasher::new(Domain("file/1"));
    hasher.bytes(bytes);
    Version(format!("{uid}:{}", hasher.finish()).into())
}
