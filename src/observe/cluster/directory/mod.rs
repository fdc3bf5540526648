//! In: the folder of a target that is a directory. Out: its identity, record and inventories, and its objects' files.
//! Guarantee: changes nothing, follows no link; what is another cluster's, or cannot be read, is a fault.
mod drift;
mod content;
mod look;

pub use content::content;
pub use drift::mark_drift;
pub use look::look;

use crate::client::directory::{Directory, DirectoryError};
use crate::decide::plan::directory_layout::{IDENTITY, OWN_FOLDER, RECORD, inventory_layer, inventory_path};
use crate::decide::plan::{ClusterState, Inventory, LayerInventory, Uid, inventory};
use crate::decide::profile::Record;
use crate::decide::value::{Fault, Owner, Source};
use crate::name::ClusterName;
use std::fmt;
use std::path::Path;

/// The most bytes of a record: two moments, and a kilobyte for each of a thousand approvals.
const RECORD_BYTES_MAX: usize = 1_048_576;

/// The most bytes of an identity: we write 32 digits and a line break.
const IDENTITY_BYTES_MAX: usize = 256;

/// The most layers of one cluster: far more than any profile has, and bounds what is held of a foreign folder.
const LAYERS_MAX: usize = 1_000;

/// Returns what the directory is and remembers; one that is absent or holds no record was never applied to. The record
/// may be another cluster's of the same fleet: whether that one became this one is not known here.
///
/// A directory that has no identity yet has an empty one; whoever writes first gives it one.
pub fn facts(root: &Path, fleet: &str, cluster: &ClusterName) -> Result<ClusterState, Fault> {
    let unborn = || Record::unborn(fleet.into(), cluster.clone());
    let Some(directory) = Directory::open(root).map_err(|error| unreadable(root, &error))? else {
        return Ok(ClusterState { uid: Uid("".into()), record: unborn(), inventory: Inventory::default() });
    };
    // The record first: if another writer comes between, ours is refused by the generation.
    let record = read_record(root, &directory)?;
    let inventory = read_inventory(root, &directory)?;
    if record.is_none() && !inventory.layers.is_empty() {
        let found = format!("expected `{RECORD}` beside the inventories, found none");
        let hint =
            "bring the record back, or remove the folder `.stratify-target`, after which its objects are nobody's";
        // A first writer may just have come between the two reads.
        return Err(Fault { spurious: true, ..foreign(root, &found, hint) });
    }
    let record = record.unwrap_or_else(unborn);
    if *record.fleet != *fleet {
        let found =
            format!("expected the directory of a cluster of fleet {fleet}, found that of fleet {}", record.fleet);
        let hint = format!(
            "where the fleet was renamed, write `name: {}` under `metadata` of fleet.yaml again; another fleet needs \
             directories of its own in the settings",
            record.fleet
        );
        return Err(foreign(root, &found, &hint));
    }
    Ok(ClusterState {
        uid: Uid(identity(&directory).map_err(|error| unreadable(root, &error))?.into()),
        record,
        inventory,
    })
}

/// Returns the directory's identity, which is empty where it has none yet.
fn identity(directory: &Directory) -> Result<String, DirectoryError> {
    let bytes = directory.read(IDENTITY, IDENTITY_BYTES_MAX)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn read_record(root: &Path, directory: &Directory) -> Result<Option<Record>, Fault> {
    let bytes = directory.read(RECORD, RECORD_BYTES_MAX).map_err(|error| unreadable(root, &error))?;
    let record = bytes.map(|bytes| Record::decode(&bytes)).transpose();
    record.map_err(|expected| foreign(root, &format!("`{RECORD}`: {expected}"), RESTORE))
}

fn read_inventory(root: &Path, directory: &Directory) -> Result<Inventory, Fault> {
    let fail = |error: DirectoryError| unreadable(root, &error);
    let mut found = Inventory::default();
    for name in directory.list(&format!("{OWN_FOLDER}/inventory")).map_err(fail)? {
        // What is not named like an inventory is a cut-off write, or was put there by others.
        let Some(layer) = inventory_layer(&name) else { continue };
        if found.layers.len() == LAYERS_MAX {
            return Err(foreign(root, &format!("expected at most {LAYERS_MAX} inventories, found more"), RESTORE));
        }
        let path = inventory_path(&layer);
        let Some(bytes) = directory.read(&path, inventory::BYTES_MAX).map_err(fail)? else { continue };
        let read = LayerInventory::decode(&bytes)
            .map_err(|expected| foreign(root, &format!("`{path}`: {expected}"), RESTORE))?;
        if read.layer != layer {
            let what = format!("`{path}`: expected the inventory of layer {layer}, found that of layer {}", read.layer);
            return Err(foreign(root, &what, RESTORE));
        }
        found.layers.insert(layer, read);
    }
    Ok(found)
}

/// What to do about a file of ours that is not as we wrote it.
const RESTORE: &str = "bring the file back as it was; nothing is written to the directory until then";

fn unreadable(root: &Path, error: &DirectoryError) -> Fault {
    let hint = "the target must be a folder that this process may read and write, and no link";
    Fault { spurious: error.is_spurious(), ..fault(root, error, hint) }
}

fn foreign(root: &Path, found: &str, hint: &str) -> Fault {
    fault(root, &found, hint)
}

fn fault(root: &Path, what: &impl fmt::Display, hint: &str) -> Fault {
    let text = format!("could not read the target directory {}: {what}", root.display());
    Fault { owner: Owner::Operator, spurious: false, hint: Some(hint.into()), source: Source::Error(text.into()) }
}
