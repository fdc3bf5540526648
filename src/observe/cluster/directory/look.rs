//! In: objects, each with the layer in whose folder it would stand. Out: what each one's file shows.
//! Guarantee: a file that is there is shown by its first line and a digest, never by its content.
use super::identity;
use crate::client::directory::{Directory, DirectoryError};
use crate::decide::document::Site;
use crate::decide::plan::directory_layout::{OBJECT_BYTES_MAX, intact, object_path, owner_of, version_of};
use crate::decide::value::{Absence, Fault, Live, Map, Owner, Source, Value};
use crate::name::{LayerName, ObjectId};
use std::path::Path;
use std::sync::Arc;

/// Looks at objects, in their order.
///
/// An object is shown as `{kind, metadata: {name, namespace, uid, labels}, digest, intact}`: the labels are our marks
/// and the digest that of the manifest, both from the file's first line and absent where it is not ours; `intact` says
/// whether the text below that line is still what was written, so drift is `intact: false`.
pub fn look(root: &Path, objects: &[(LayerName, Site, ObjectId)]) -> Vec<((Site, ObjectId), Live)> {
    let opened = Directory::open(root).and_then(|directory| {
        let uid = directory.as_ref().map(identity).transpose()?.unwrap_or_default();
        Ok((directory, uid))
    });
    let see = |(layer, site, object): &(LayerName, Site, ObjectId)| {
        let live = match &opened {
            Ok((Some(directory), uid)) => look_at(directory, uid, &object_path(layer, *site, object), object),
            Ok((None, _)) => Live::Absent(Absence::Gone),
            Err(error) => not_read(root, error),
        };
        ((*site, object.clone()), live)
    };
    objects.iter().map(see).collect()
}

fn look_at(directory: &Directory, uid: &str, path: &str, object: &ObjectId) -> Live {
    match directory.read(path, OBJECT_BYTES_MAX) {
        Ok(Some(bytes)) => Live::Present { object: show(&bytes, uid, object), version: version_of(uid, &bytes).0 },
        Ok(None) => Live::Absent(Absence::Gone),
        Err(error) => not_read(Path::new(path), &error),
    }
}

fn show(bytes: &[u8], uid: &str, object: &ObjectId) -> Value {
    let owner = owner_of(bytes);
    let mut metadata: Map = [("name", Value::String(object.name.clone())), ("uid", uid.into())].into_iter().collect();
    if let Some(namespace) = &object.namespace {
        metadata.insert("namespace".into(), Value::String(namespace.clone()));
    }
    let mut shown: Map =
        [("kind", Value::String(object.kind.clone())), ("intact", Value::Bool(intact(bytes)))].into_iter().collect();
    if let Some(owner) = owner {
        let labels: Map = [
            ("stratify.dev/fleet", Value::string(&owner.fleet)),
            ("stratify.dev/cluster", owner.cluster.as_str().into()),
            ("stratify.dev/layer", owner.layer.as_str().into()),
        ]
        .into_iter()
        .collect();
        metadata.insert("labels".into(), labels.into());
        shown.insert("digest".into(), Value::string(&owner.digest.to_string()));
    }
    shown.insert("metadata".into(), metadata.into());
    shown.into()
}

fn not_read(place: &Path, error: &DirectoryError) -> Live {
    let text = format!("could not look at {}: {error}", place.display());
    let hint = Some("what stands there must be a plain file that this process may read".to_owned());
    let fault =
        Fault { owner: Owner::Operator, spurious: error.is_spurious(), hint, source: Source::Error(text.into()) };
    Live::Absent(Absence::NotRead(Arc::new(fault)))
}
