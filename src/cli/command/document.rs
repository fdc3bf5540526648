//! In: a cluster of the checked-out commit. Out: its document, to be edited; a commit of it.
//! Guarantee: the document alone is committed, as it stands with the edit; its byte order mark stays.
use super::Failure;
use super::current_fleet::{Here, find_cluster};
use crate::act::commit::{into_work_tree, out_of_work_tree};
use crate::client::git::{fault, in_folder};
use crate::decide::document::{Cluster, File};
use crate::decide::fleet::Fleet;
use crate::decide::value::{Fault, Owner, Span};
use crate::name::{BlobId, ClusterName, CommitId, RepoPath};
use std::path::PathBuf;
use std::sync::Arc;

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A cluster's document.
pub(super) struct Document {
    /// What the checked-out commit says.
    pub(super) cluster: Arc<Cluster>,
    /// All documents of that commit.
    pub(super) fleet: Arc<Fleet>,
    /// As it stands in the work tree.
    pub(super) file: Arc<File>,
    root: PathBuf,
    mark: &'static str,
}

impl Document {
    /// Finds the document of a cluster.
    pub(super) fn find(here: &Here, name: &ClusterName) -> Result<Self, Failure> {
        let root = here.root()?.to_owned();
        let fleet = here.preview()?.committed()?;
        find_cluster(&fleet, name)?;
        let cluster = fleet.index.cluster(name)?.clone();
        let path = &cluster.file.path;
        let attempt = format!("could not read {path}");
        let bytes = std::fs::read(root.join(path.as_str())).map_err(in_folder(&attempt))?;
        let file = File::read_one(path, BlobId([0; 20]), &bytes)?;
        let mark = if bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) { BYTE_ORDER_MARK } else { "" };
        Ok(Self { cluster, fleet, file, root, mark })
    }

    /// Returns where it stands.
    pub(super) fn path(&self) -> &RepoPath {
        &self.file.path
    }

    /// Commits it with another text.
    pub(super) fn commit(&self, edited: &str, subject: &str, reason: &str) -> Result<CommitId, Fault> {
        let bytes = format!("{}{edited}", self.mark).into_bytes();
        into_work_tree(&self.root, &[(self.path().clone(), bytes)], &message(subject, reason), None)
    }

    /// Commits that it goes.
    pub(super) fn remove(&self, subject: &str, reason: &str) -> Result<CommitId, Fault> {
        out_of_work_tree(&self.root, self.path(), &message(subject, reason))
    }
}

fn message(subject: &str, reason: &str) -> String {
    let reason = if reason.is_empty() { String::new() } else { format!("\n{reason}\n") };
    format!("{subject}\n{reason}")
}

/// Says where a person has to edit.
pub(super) fn by_hand(at: &Span, what: &str) -> Fault {
    let message = format!("could not edit {at}: no edit of one line says `{what}` there and nothing else");
    fault(Owner::Caller, false, message, "edit that place by hand, and commit it")
}
