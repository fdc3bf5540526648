//! In: a repository's folder on this machine. Out: its objects: trees' differences, blobs, commits, refs.
//! Guarantee: reads only the object database and the refs; no work tree, filter, replacement, hook or configured program.
use super::address::Limits;
use super::blob::Reader;
use super::error::{fault, in_local};
use super::{blob, log, tree};
use crate::decide::document::{Commits, TooLarge, TreeChange};
use crate::decide::value::{Fault, Owner};
use crate::name::{BlobId, CommitId, RepoPath};
use gix::ObjectId;
use gix::refs::transaction::{PreviousValue, RefEdit};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The content of a blob, or its size where it is too large.
pub type Content = Result<Arc<[u8]>, TooLarge>;

/// A repository of this machine, readable from many threads at once.
pub struct Objects {
    repository: RwLock<gix::ThreadSafeRepository>,
    path: Option<RepoPath>,
    limits: Limits,
}

impl Objects {
    /// Opens the repository whose Git folder is `folder`; the fleet is in `path`.
    pub(crate) fn open(folder: &Path, path: Option<RepoPath>, limits: Limits) -> Result<Self, Fault> {
        let repository = RwLock::new(open(folder, &limits)?);
        Ok(Self { repository, path, limits })
    }

    /// Opens the repository again, after its packs were replaced.
    pub(crate) fn reopen(&self) -> Result<(), Fault> {
        let folder = self.repository().path().to_owned();
        let repository = open(&folder, &self.limits)?;
        *self.repository.write().unwrap_or_else(PoisonError::into_inner) = repository;
        Ok(())
    }

    /// Returns the repository, for this thread.
    pub(crate) fn repository(&self) -> gix::Repository {
        self.repository.read().unwrap_or_else(PoisonError::into_inner).to_thread_local()
    }

    /// Returns the limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what differs between two commits; from nothing: every entry.
    pub fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<TreeChange, Fault> {
        let repository = self.repository();
        let from = match from {
            Some(from) => tree::root(&repository, from, self.path.as_ref())?,
            None => None,
        };
        let to = tree::root(&repository, to, self.path.as_ref())?;
        tree::changes(&repository, from, to, &self.limits)
    }

    /// Returns the contents of blobs, in the order of the ids.
    pub fn read(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, Content)>, Fault> {
        if blobs.len() >= MANY_BLOBS {
            return self.reader().read(blobs);
        }
        blob::read(&self.repository(), blobs, &self.limits)
    }

    /// Returns a reader for many blobs, of the packs as they are now.
    pub fn reader(&self) -> Reader {
        Reader::new(self.repository(), self.limits)
    }

    /// Returns the commits of `to` that `from` has not, newest first.
    pub fn commits(&self, from: Option<CommitId>, to: CommitId) -> Result<Commits, Fault> {
        log::commits(&self.repository(), from, to, self.path.as_ref(), &self.limits)
    }

    /// Returns whether `commit` is `ancestor`, or comes after it.
    pub fn descends(&self, commit: CommitId, ancestor: CommitId) -> Result<bool, Fault> {
        log::descends(&self.repository(), object(commit), object(ancestor))
    }

    /// Returns whether the commit is here.
    pub fn contains(&self, commit: CommitId) -> Result<bool, Fault> {
        let repository = self.repository();
        let header = repository.try_find_header(object(commit)).map_err(in_local("could not look for a commit"))?;
        Ok(header.is_some_and(|header| header.kind() == gix::object::Kind::Commit))
    }

    /// Returns whether a blob is here.
    pub fn holds(&self, blob: BlobId) -> Result<bool, Fault> {
        let repository = self.repository();
        let id = ObjectId::from_bytes_or_panic(&blob.0);
        Ok(repository.try_find_header(id).map_err(in_local("could not look for a blob"))?.is_some())
    }

    /// Returns the commit that a tag names, if there is such a tag and it names one.
    pub fn resolve_tag(&self, name: &str) -> Result<Option<CommitId>, Fault> {
        self.resolve(&format!("refs/tags/{name}"))
    }

    /// Returns the commit to which a ref, given in full, leads.
    pub(crate) fn resolve(&self, full_name: &str) -> Result<Option<CommitId>, Fault> {
        let repository = self.repository();
        let Ok(name) = gix::refs::FullName::try_from(full_name) else { return Ok(None) };
        let attempt = format!("could not read {full_name}");
        let found = repository.try_find_reference(name.as_ref()).map_err(in_local(&attempt))?;
        let Some(mut found) = found else { return Ok(None) };
        let id = found.peel_to_id().map_err(in_local(&attempt))?.detach();
        let header = repository.try_find_header(id).map_err(in_local(&attempt))?;
        Ok(header.filter(|header| header.kind() == gix::object::Kind::Commit).map(|_| commit(id)))
    }

    /// Returns the commit that a revision names, as `git` writes it (`HEAD`, `main~1`, `v1.2`, an id).
    pub fn find_commit(&self, revision: &str) -> Result<CommitId, Fault> {
        let unknown = |_| {
            let message = format!("{} names no commit", tree::readable(revision.into()));
            fault(Owner::Caller, false, message, "give a branch, a tag or a commit, as `git rev-parse` takes it")
        };
        let repository = self.repository();
        let id = repository.rev_parse_single(revision).map_err(unknown)?;
        let found = id.object().and_then(|object| object.peel_to_kind(gix::object::Kind::Commit)).map_err(unknown)?;
        Ok(commit(found.id))
    }

    /// Returns the commits that the refs below a prefix name.
    pub(crate) fn commits_below(&self, prefix: &str) -> Result<Vec<CommitId>, Fault> {
        let attempt = format!("could not list {prefix}");
        let repository = self.repository();
        let platform = repository.references().map_err(in_local(&attempt))?;
        let mut commits = Vec::new();
        for found in platform.prefixed(&*format!("{prefix}/")).map_err(in_local(&attempt))? {
            let found = found.map_err(|error| fault(Owner::Operator, false, format!("{attempt}: {error}"), ""))?;
            commits.extend(found.try_id().map(|id| commit(id.detach())));
        }
        Ok(commits)
    }

    /// Removes the lock of a ref that is ours, which a killed process left.
    pub(crate) fn unlock(&self, full_name: &str) -> Result<(), Fault> {
        let lock = self.repository().common_dir().join(format!("{full_name}.lock"));
        match std::fs::remove_file(&lock) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let message = format!("could not remove {}, which a killed process left: {error}", lock.display());
                Err(fault(Owner::Operator, true, message, "remove it by hand"))
            }
            _ => Ok(()),
        }
    }

    /// Makes a ref name a commit, whatever it named.
    pub(crate) fn set_ref(&self, full_name: &str, to: CommitId) -> Result<(), Fault> {
        let name = gix::refs::FullName::try_from(full_name)
            .map_err(|_| fault(Owner::Bug, false, format!("{full_name} is no name of a ref"), ""))?;
        let edit = RefEdit::update(name, object(to), PreviousValue::Any, "stratify");
        edit_refs(&self.repository(), vec![edit])
    }
}

/// Changes refs together.
pub(crate) fn edit_refs(repository: &gix::Repository, edits: Vec<RefEdit>) -> Result<(), Fault> {
    // Nobody's name stands in these refs' logs: bare repositories keep none.
    let committer = gix::actor::SignatureRef { name: "stratify".into(), email: "".into(), time: "0 +0000" };
    repository.edit_references_as(edits, Some(committer)).map_err(in_local("could not move refs"))?;
    Ok(())
}

/// Returns the id as gix has it.
pub(crate) fn object(commit: CommitId) -> ObjectId {
    ObjectId::from_bytes_or_panic(&commit.0)
}

/// Returns a commit's id.
pub(crate) fn commit(id: ObjectId) -> CommitId {
    CommitId(bytes(id))
}

/// Returns the 20 bytes of an id; another hash than SHA-1 is not opened.
pub(crate) fn bytes(id: ObjectId) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(id.as_slice());
    bytes
}

/// From so many blobs on, some are packed as differences of others, which are unpacked once where they are kept.
const MANY_BLOBS: usize = 64;

/// The most packs that are open at once; packs are consolidated long before.
const PACKS_MAX: usize = 1024;

/// Opens a repository as [`open`] does, to write objects and refs into it in our own name.
pub(crate) fn open_writable(folder: &Path) -> Result<gix::Repository, Fault> {
    let attempt = format!("could not open the repository at {}", folder.display());
    let options = gix::open::Options::isolated().open_path_as_is(true).config_overrides([
        "gitoxide.objects.noReplace=true",
        "core.logAllRefUpdates=false",
        "user.name=stratify",
        "user.email=stratify@localhost",
    ]);
    Ok(options.open(folder).map_err(in_local(&attempt))?.to_thread_local())
}

/// Opens a repository without the configuration and environment of whoever started us.
pub(crate) fn open(folder: &Path, limits: &Limits) -> Result<gix::ThreadSafeRepository, Fault> {
    let options = gix::open::Options::isolated()
        .open_path_as_is(true)
        .object_store_slots(gix::odb::store::init::Slots::Given(PACKS_MAX.try_into().unwrap_or(u16::MAX)))
        .config_overrides([
            format!("gitoxide.objects.allocLimit={}", limits.object_bytes_max),
            "gitoxide.objects.noReplace=true".to_owned(),
            "core.logAllRefUpdates=false".to_owned(),
        ]);
    let attempt = format!("could not open the repository at {}", folder.display());
    let repository = options.open(folder).map_err(in_local(&attempt))?;
    if repository.to_thread_local().object_hash() == gix::hash::Kind::Sha1 {
        Ok(repository)
    } else {
        Err(fault(
            Owner::Operator,
            false,
            format!("{attempt}: its ids are not SHA-1"),
            "use a repository with SHA-1 ids",
        ))
    }
}
