//! In: a change, and the files that it is about. Out: what is to be done with them, or why it is refused.
//! Guarantee: writes nothing; a file that does not bear the marks of this fleet, cluster and layer is never touched.
use super::Failure;
use crate::client::directory::Directory;
use crate::decide::plan::directory_layout::{
    OBJECT_BYTES_MAX, Owner, encode_object, object_path, owner_of, version_of,
};
use crate::decide::plan::{Expected, ObjectChange, Operation, Why};
use crate::decide::value::Digested;
use crate::name::{ClusterName, LayerName};

/// Whose files may be touched.
pub(super) struct Marks<'a> {
    pub(super) uid: &'a str,
    pub(super) fleet: &'a str,
    pub(super) cluster: &'a ClusterName,
    /// Names that the cluster had before: its marks may still stand under them.
    pub(super) formerly: &'a [ClusterName],
    pub(super) layer: &'a LayerName,
}

/// What is to be done.
pub(super) enum Todo {
    /// The file shall have these bytes; then the other one goes.
    Put { path: String, bytes: Vec<u8>, then_remove: Option<String> },
    /// The file has these bytes already; the other one goes.
    Done { bytes: Vec<u8>, then_remove: Option<String> },
    /// The file goes.
    Remove { path: String },
    /// Nothing, and nothing is there.
    Nothing,
}

/// A file as it was found.
struct Found {
    bytes: Vec<u8>,
    owner: Option<Owner>,
}

impl Marks<'_> {
    fn own(&self, owner: &Owner, layer: &LayerName) -> bool {
        let is_its = owner.cluster == *self.cluster || self.formerly.contains(&owner.cluster);
        owner.fleet == self.fleet && is_its && owner.layer == *layer
    }
}

/// Checks what is there against what the change expects.
pub(super) fn check(directory: &Directory, marks: &Marks<'_>, change: &ObjectChange) -> Result<Todo, Failure> {
    let path = object_path(marks.layer, change.site, &change.object);
    let found = find(directory, &path)?;
    match &change.operation {
        Operation::Unchanged => {
            Ok(found.map_or(Todo::Nothing, |found| Todo::Done { bytes: found.bytes, then_remove: None }))
        }
        Operation::Prune => {
            let Some(found) = found else { return Ok(Todo::Remove { path }) }; // its folders may be left
            ours(marks, marks.layer, &path, &found, Why::Unmarked)?;
            expected(marks, &change.expected, &path, &found)?;
            Ok(Todo::Remove { path })
        }
        Operation::Keep => Ok(keep(marks, path, found)),
        Operation::Create | Operation::Patch | Operation::Recreate | Operation::Run => {
            let bytes = encode(marks, change)?;
            put(marks, change, path, bytes, found)
        }
        Operation::Move { from } => {
            let bytes = encode(marks, change)?;
            let old_path = object_path(from, change.site, &change.object);
            if old_path == path {
                return put(marks, change, path, bytes, found);
            }
            let old = find(directory, &old_path)?;
            moved(marks, change, (path, found), bytes, (old_path, old, from))
        }
    }
}

fn find(directory: &Directory, path: &str) -> Result<Option<Found>, Failure> {
    let bytes = directory.read(path, OBJECT_BYTES_MAX)?;
    Ok(bytes.map(|bytes| Found { owner: owner_of(&bytes), bytes }))
}

fn encode(marks: &Marks<'_>, change: &ObjectChange) -> Result<Vec<u8>, Failure> {
    let manifest =
        change.manifest.as_ref().ok_or_else(|| refused(Why::Invalid, "the plan gives no manifest".into()))?;
    let bytes = encode_object(manifest, marks.fleet, marks.cluster.as_str(), marks.layer.as_str());
    if bytes.len() > OBJECT_BYTES_MAX {
        let text = format!("expected an object of at most {OBJECT_BYTES_MAX} bytes, found {}", bytes.len());
        return Err(refused(Why::Invalid, text));
    }
    Ok(bytes)
}

fn put(
    marks: &Marks<'_>,
    change: &ObjectChange,
    path: String,
    bytes: Vec<u8>,
    found: Option<Found>,
) -> Result<Todo, Failure> {
    match found {
        None if matches!(change.expected, Expected::Version(_)) => Err(absent(&path)),
        None => Ok(Todo::Put { path, bytes, then_remove: None }),
        // An earlier try did it, and its answer was lost.
        Some(found) if found.bytes == bytes => Ok(Todo::Done { bytes, then_remove: None }),
        // What was let go of, and is as it was, is taken again: nobody loses anything.
        Some(found)
            if found.owner.is_none() && change.expected != Expected::Any && body(&bytes) == Some(&*found.bytes) =>
        {
            Ok(Todo::Put { path, bytes, then_remove: None })
        }
        Some(found) => {
            // What is expected to be absent was never ours.
            let why = if change.expected == Expected::Absent { Why::Conflict } else { Why::Unmarked };
            ours(marks, marks.layer, &path, &found, why)?;
            let same = found.owner.as_ref().map(|owner| owner.digest) == change.manifest.as_ref().map(Digested::digest);
            if !(same && change.expected == Expected::Absent) {
                expected(marks, &change.expected, &path, &found)?;
            }
            Ok(Todo::Put { path, bytes, then_remove: None })
        }
    }
}

/// What is expected is about the file at the old place; after a cut-off both may be there, or only the new one.
fn moved(
    marks: &Marks<'_>,
    change: &ObjectChange,
    (path, found): (String, Option<Found>),
    bytes: Vec<u8>,
    (old_path, old, from): (String, Option<Found>, &LayerName),
) -> Result<Todo, Failure> {
    if let Some(found) = &found
        && found.bytes != bytes
    {
        ours(marks, marks.layer, &path, found, Why::Conflict)?;
    }
    let done = found.is_some_and(|found| found.bytes == bytes);
    let then_remove = match old {
        Some(old) => {
            ours(marks, from, &old_path, &old, Why::Unmarked)?;
            if !done {
                expected(marks, &change.expected, &old_path, &old)?;
            }
            Some(old_path)
        }
        None if !done && matches!(change.expected, Expected::Version(_)) => return Err(absent(&old_path)),
        None => None,
    };
    Ok(if done { Todo::Done { bytes, then_remove } } else { Todo::Put { path, bytes, then_remove } })
}

/// The file stays and loses its first line, by which it was ours; the labels in its text are the manifest's.
fn keep(marks: &Marks<'_>, path: String, found: Option<Found>) -> Todo {
    let Some(found) = found else { return Todo::Nothing };
    let is_ours = found.owner.as_ref().is_some_and(|owner| marks.own(owner, marks.layer));
    match body(&found.bytes) {
        Some(bytes) if is_ours => Todo::Put { path, bytes: bytes.to_vec(), then_remove: None },
        _ => Todo::Done { bytes: found.bytes, then_remove: None },
    }
}

/// Returns a file without its first line, by which it is ours.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    bytes.get(end + 1..)
}

fn ours(
    marks: &Marks<'_>,
    layer: &LayerName,
    path: &str,
    found: &Found,
    why: impl FnOnce(String) -> Why,
) -> Result<(), Failure> {
    let whose = match &found.owner {
        Some(owner) if marks.own(owner, layer) => return Ok(()),
        Some(owner) => format!("that of layer {} of cluster {} of fleet {}", owner.layer, owner.cluster, owner.fleet),
        None => "none".into(),
    };
    let advice = "move the file away, or take the object out of the layer";
    let text = format!("`{path}`: expected the mark of layer {layer} of this cluster, found {whose}; {advice}");
    Err(refused(why, text))
}

fn expected(marks: &Marks<'_>, expected: &Expected, path: &str, found: &Found) -> Result<(), Failure> {
    match expected {
        Expected::Any => Ok(()),
        Expected::Version(version) if *version == version_of(marks.uid, &found.bytes) => Ok(()),
        Expected::Version(_) => {
            Err(refused(Why::Conflict, format!("`{path}`: expected the version that was planned for, found another")))
        }
        Expected::Absent => Err(refused(Why::Conflict, format!("`{path}`: expected nothing, found a file"))),
    }
}

fn absent(path: &str) -> Failure {
    refused(Why::Conflict, format!("`{path}`: expected the version that was planned for, found nothing"))
}

fn refused(why: impl FnOnce(String) -> Why, text: String) -> Failure {
    Failure::Refused(why(text))
}
