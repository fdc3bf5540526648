//! In: `fleet.yaml` and `fleet.lock`. Out: the Fleet with its policies, and the tags in use.
//! Guarantee: a policy that is not written stays unsaid here; defaults are the reader's.
use super::checked;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::value::Checked;
use crate::name::CommitId;
use std::sync::Arc;

/// A Fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: Arc<str>,
    /// Its policies.
    pub policies: Option<PolicyPart>,
}

/// The `policies` of a Fleet or an Environment.
pub type PolicyPart = Fragment;

impl Fleet {
    /// Reads a Fleet.
    pub fn read(file: Arc<File>) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Fleet)?;
        let get = |outer: &str, inner: &str| file.root().get(outer)?.get(inner).map(|node| file.part(node));
        let name = get("metadata", "name").map(|part| Arc::from(part.text())).unwrap_or_default();
        let policies = get("spec", "policies");
        Ok((Self { file, name, policies }, warnings))
    }
}

/// The lock: what floating references were resolved to.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Its file.
    pub file: Arc<File>,
    /// The tags in use.
    pub tags: Vec<Tag>,
}

/// A tag in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The tag, without `refs/tags/`.
    pub name: Arc<str>,
    /// The repository of the settings; none for the fleet's own.
    pub repository: Option<Arc<str>>,
    /// The commit it is.
    pub commit: CommitId,
}

impl Lock {
    /// Reads a lock.
    pub fn read(file: Arc<File>) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Lock)?;
        let tag = |part: Fragment| {
            Some(Tag {
                name: part.get("name")?.text().into(),
                repository: part.get("repository").map(|part| part.text().into()),
                commit: CommitId::parse(part.get("commit")?.text())?,
            })
        };
        let tags = file.root().get("tags").map(|node| file.part(node));
        let tags = tags.map(|tags| tags.items().filter_map(tag).collect()).unwrap_or_default();
        Ok((Self { file, tags }, warnings))
    }
}
