//! In: records, inventories and changes of objects. Out: files of a directory, and the answer to each write.
//! Guarantee: each write is whole or not at all, is done under the lock by whoever wrote the record last, and touches
//! no file of others.
mod check;
mod object;

use crate::client::directory::{Directory, DirectoryError, Lock, Reason};
use crate::decide::plan::directory_layout::{IDENTITY, LOCK, OWN_FOLDER, RECORD, inventory_path, version_of};
use crate::decide::plan::{LayerInventory, ObjectChange, Plan, Verdict, Version, Why, inventory};
use crate::decide::profile::Record;
use crate::decide::rollout::Answer;
use crate::decide::value::{Fault, Owner, Source};
use crate::name::{ClusterName, LayerName};
use check::Marks;
use std::path::Path;

/// The most bytes of a record, as its reader has it.
const RECORD_BYTES_MAX: usize = 1_048_576;

/// The most bytes of an identity, as its reader has it.
const IDENTITY_BYTES_MAX: usize = 256;

/// How many random bytes make an identity: as many as a UUID has.
const IDENTITY_BYTES: usize = 16;

/// The one way to write to a target that is a directory.
#[derive(Debug)]
pub struct Writer {
    directory: Directory,
    uid: String,
    fleet: String,
    cluster: ClusterName,
    /// Names that the cluster had before.
    formerly: Vec<ClusterName>,
    /// The generation of the record that we know to be there; with another one somebody took over.
    generation: u64,
}

impl Writer {
    /// Opens the directory, makes what is absent, clears what a cut-off write left; one of another cluster is refused,
    /// unless it is named as one that this cluster was before.
    pub fn open(root: &Path, fleet: &str, cluster: &ClusterName, formerly: &[ClusterName]) -> Result<Self, Fault> {
        let fail = |error: DirectoryError| {
            let hint = "the target must be a folder that this process may read and write, and no link";
            Fault { spurious: error.is_spurious(), ..fault(root, &error.to_string(), hint) }
        };
        let directory = Directory::make(root).map_err(fail)?;
        let lock = directory.lock(LOCK).map_err(fail)?;
        let record = read_record(&directory).map_err(|why| {
            let hint = "bring the record back as it was; nothing is written to the directory until then";
            Fault { spurious: matches!(why, Why::Unavailable(_)), ..fault(root, text(&why), hint) }
        })?;
        if let Some(record) = &record
            && (*record.fleet != *fleet || (record.cluster != *cluster && !formerly.contains(&record.cluster)))
        {
            let hint = "give each cluster a directory of its own in the settings";
            let found = format!("found that of cluster {} of fleet {}", record.cluster, record.fleet);
            return Err(fault(
                root,
                &format!("expected the directory of cluster {cluster} of fleet {fleet}, {found}"),
                hint,
            ));
        }
        clear(&directory).map_err(fail)?;
        let uid = identity(&directory).map_err(fail)?;
        drop(lock);
        let generation = record.map_or(0, |record| record.generation);
        Ok(Self {
            directory,
            uid,
            fleet: fleet.into(),
            cluster: cluster.clone(),
            formerly: formerly.to_vec(),
            generation,
        })
    }

    /// Returns the identity of the directory.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Writes the record over the generation before it; another generation there is a conflict.
    pub fn write_record(&mut self, record: &Record) -> Answer {
        let written = self.locked(|writer, found| {
            if record.fleet != writer.fleet.as_str().into() || record.cluster != writer.cluster {
                return Err(Failure::Refused(Why::Invalid("the record is another cluster's".into())));
            }
            if found.checked_add(1) != Some(record.generation) {
                let text = format!(
                    "expected generation {} to be written over, found {found}",
                    record.generation.saturating_sub(1)
                );
                return Err(Failure::Refused(Why::Conflict(text)));
            }
            let bytes = record.encode();
            writer.directory.replace(RECORD, &bytes)?;
            Ok(version_of(&writer.uid, &bytes))
        });
        if written.is_ok() {
            self.generation = record.generation;
        }
        answer(written, None)
    }

    /// Writes a layer's inventory, or removes it where it has no entries.
    pub fn write_inventory(&self, inventory: &LayerInventory) -> Answer {
        let path = inventory_path(&inventory.layer);
        let written = self.locked(|writer, found| {
            writer.fence(found)?;
            if inventory.entries.is_empty() {
                writer.directory.remove(&path)?;
                return Ok(Version("".into()));
            }
            let bytes = inventory.encode();
            if bytes.len() > inventory::BYTES_MAX {
                let text = format!("expected an inventory of at most {} bytes", inventory::BYTES_MAX);
                return Err(Failure::Refused(Why::Invalid(text)));
            }
            writer.directory.replace(&path, &bytes)?;
            Ok(version_of(&writer.uid, &bytes))
        });
        answer(written, None)
    }

    /// Does one change of an object of `layer`.
    pub fn write(&self, layer: &LayerName, change: &ObjectChange) -> Answer {
        let written = self.locked(|writer, found| {
            writer.fence(found)?;
            let todo = check::check(&writer.directory, &writer.marks(layer), change)?;
            object::perform(&writer.directory, &writer.uid, todo)
        });
        let uid = change.manifest.is_some().then(|| self.uid.as_str().into());
        answer(written, uid)
    }

    fn marks<'a>(&'a self, layer: &'a LayerName) -> Marks<'a> {
        Marks { uid: &self.uid, fleet: &self.fleet, cluster: &self.cluster, formerly: &self.formerly, layer }
    }

    /// Does something under the lock, with the generation of the record that is there.
    fn locked<T>(&self, act: impl FnOnce(&Self, u64) -> Result<T, Failure>) -> Result<T, Failure> {
        let _lock: Lock = self.directory.lock(LOCK)?;
        let found = read_record(&self.directory).map_err(Failure::Refused)?;
        act(self, found.map_or(0, |record| record.generation))
    }

    /// Refuses to write for a sync that another one has overtaken.
    fn fence(&self, found: u64) -> Result<(), Failure> {
        if found == self.generation {
            return Ok(());
        }
        let text =
            format!("expected the record at generation {}, found {found}: another writer took over", self.generation);
        Err(Failure::Refused(Why::Conflict(text)))
    }
}

/// Says whether [`Writer::write`] would do a change of the plan, and does nothing; a directory that is absent would be
/// made.
pub fn probe(root: &Path, plan: &Plan, layer: &LayerName, change: &ObjectChange) -> Verdict {
    let (fleet, cluster) = (&*plan.change.fleet, &plan.change.cluster);
    let formerly = plan.begin.as_ref().map_or(&[][..], |record| &record.formerly);
    let checked = match Directory::open(root) {
        Ok(None) => return Verdict::Admitted,
        Ok(Some(directory)) => read_identity(&directory).map_err(Failure::Failed).and_then(|uid| {
            let marks = Marks { uid: &uid.unwrap_or_default(), fleet, cluster, formerly, layer };
            check::check(&directory, &marks, change).map(drop)
        }),
        Err(error) => Err(error.into()),
    };
    match checked.map_err(Failure::why) {
        Ok(()) => Verdict::Admitted,
        Err(Some(Why::Unavailable(text))) => Verdict::Unverified(text),
        Err(Some(why)) => Verdict::Refused(why),
        Err(None) => Verdict::Unverified("the directory did not answer".into()),
    }
}

/// Why a write was not done, or is not known to be.
enum Failure {
    Refused(Why),
    Failed(DirectoryError),
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Self::Failed(error)
    }
}

impl Failure {
    /// Returns why it was refused; nothing where it may have been done.
    fn why(self) -> Option<Why> {
        let error = match self {
            Self::Refused(why) => return Some(why),
            Self::Failed(error) => error,
        };
        let text = error.to_string();
        match error.reason {
            Reason::NotPlain => Some(Why::Conflict(text)),
            Reason::TooLarge(_) => Some(Why::Invalid(text)),
            Reason::Denied => Some(Why::Forbidden(text)),
            Reason::Full | Reason::Other(_) => Some(Why::Unavailable(text)),
            Reason::NotDurable => None,
        }
    }
}

fn answer(written: Result<Version, Failure>, uid: Option<std::sync::Arc<str>>) -> Answer {
    match written.map_err(Failure::why) {
        Ok(version) => Answer::Written { version, uid },
        Err(Some(why)) => Answer::Refused(why),
        Err(None) => Answer::Unknown,
    }
}

fn read_record(directory: &Directory) -> Result<Option<Record>, Why> {
    let unread = |error: DirectoryError| Failure::from(error).why().unwrap_or(Why::Unavailable(String::new()));
    let bytes = directory.read(RECORD, RECORD_BYTES_MAX).map_err(unread)?;
    bytes
        .map(|bytes| Record::decode(&bytes))
        .transpose()
        .map_err(|expected| Why::Conflict(format!("`{RECORD}`: {expected}")))
}

fn read_identity(directory: &Directory) -> Result<Option<String>, DirectoryError> {
    let bytes = directory.read(IDENTITY, IDENTITY_BYTES_MAX)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// Returns the directory's identity, and gives it one where it has none.
fn identity(directory: &Directory) -> Result<String, DirectoryError> {
    if let Some(uid) = read_identity(directory)? {
        return Ok(uid);
    }
    let mut bytes = [0; IDENTITY_BYTES];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes once it runs programs");
    let uid = format!("{:032x}", u128::from_be_bytes(bytes));
    directory.replace(IDENTITY, format!("{uid}\n").as_bytes())?;
    Ok(uid)
}

/// Clears what cut-off writes left, in the folders that the layout knows; others are not entered.
fn clear(directory: &Directory) -> Result<(), DirectoryError> {
    directory.clear(OWN_FOLDER)?;
    directory.clear(&format!("{OWN_FOLDER}/inventory"))?;
    for site in ["", "_management/"] {
        for layer in plain_list(directory, if site.is_empty() { "." } else { "_management" })? {
            if LayerName::new(&layer).is_err() {
                continue;
            }
            for namespace in plain_list(directory, &format!("{site}{layer}"))? {
                not_ours(directory.clear(&format!("{site}{layer}/{namespace}")))?;
            }
        }
    }
    Ok(())
}

fn plain_list(directory: &Directory, path: &str) -> Result<Vec<String>, DirectoryError> {
    not_ours(directory.list(path))
}

/// A file or a link where we would have a folder is somebody else's, and is left; a write there will be refused.
fn not_ours<T: Default>(listed: Result<T, DirectoryError>) -> Result<T, DirectoryError> {
    match listed {
        Err(error) if error.reason == Reason::NotPlain => Ok(T::default()),
        listed => listed,
    }
}

fn text(why: &Why) -> &str {
    match why {
        Why::Conflict(text)
        | Why::Unmarked(text)
        | Why::Invalid(text)
        | Why::Forbidden(text)
        | Why::Unavailable(text) => text,
    }
}

fn fault(root: &Path, what: &str, hint: &str) -> Fault {
    let text = format!("could not open the target directory {} for writing: {what}", root.display());
    Fault { owner: Owner::Operator, spurious: false, hint: Some(hint.into()), source: Source::Error(text.into()) }
}
