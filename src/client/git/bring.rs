//! In: a ref of a remote. Out: the same under a name of ours, with its objects here.
//! Guarantee: received into a scratch repository, and let in object by object, each read whole; no ref of the remote is ours.
use super::address::{Address, Way};
use super::copy::copy;
use super::error::{fault, in_folder, in_local, local};
use super::fetch::{fetch_one, fetch_refs};
use super::objects::{Objects, bytes, edit_refs, object, open, open_writable};
use super::push::target;
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use gix::ObjectId;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The folder of scratch repositories inside a Git folder. What a killed process left in it may be thrown away.
pub(crate) const SCRATCH: &str = "stratify-incoming";

/// Brings a remote's ref here under the name `into`, and returns what it names; where it is gone, ours goes too.
pub(crate) fn bring(
    address: &Address,
    objects: &Objects,
    reference: &str,
    into: &str,
) -> Result<Option<[u8; 20]>, Fault> {
    bring_beside(address, objects, reference, into, None)
}

impl Objects {
    /// Brings a remote's ref here under the name `into`, and returns the commit that it names. Of what comes with it, only
    /// what `base` does not have is asked for.
    pub(crate) fn bring_commit(
        &self,
        address: &Address,
        reference: &str,
        into: &str,
        base: CommitId,
    ) -> Result<Option<CommitId>, Fault> {
        let branch = address.full_branch();
        let found = bring_beside(address, self, reference, into, Some((&branch, object(base))))?;
        self.reopen()?;
        Ok(found.map(CommitId))
    }
}

impl Objects {
    /// Brings commits of a remote's refs here in one go; no ref of ours names them then. What is not there, or names none, is
    /// left out.
    pub(crate) fn bring_ahead(&self, address: &Address, references: &[&str], base: CommitId) -> Result<(), Fault> {
        let attempt = format!("could not fetch {} refs of repository {}", references.len(), address.name);
        // One by one is as fast from a folder.
        if let (_, Way::Folder(_)) = address.way()? {
            return Ok(());
        }
        let to = open_writable(self.repository().path())?;
        let (branch, base) = (address.full_branch(), object(base));
        let scratch = Scratch::new(&to, vec![(&branch, base)]).map_err(in_folder(&attempt))?;
        let into = open(&scratch.0, &address.limits)?.to_thread_local();
        for (_, found) in fetch_refs(&into, address, references, &attempt)? {
            take(&into, &to, Some(found), None, Some((&branch, base)), &attempt)?;
        }
        self.reopen()
    }
}

fn bring_beside(
    address: &Address,
    objects: &Objects,
    reference: &str,
    into: &str,
    beside: Option<(&str, ObjectId)>,
) -> Result<Option<[u8; 20]>, Fault> {
    let attempt = format!("could not fetch {reference} of repository {}", address.name);
    let to = open_writable(objects.repository().path())?;
    let known = target(&to, into, &attempt)?;
    let found = if let (_, Way::Folder(folder)) = address.way()? {
        let from = gix::open::Options::isolated().open(&folder).map_err(in_local(&attempt))?.to_thread_local();
        let found = target(&from, reference, &attempt)?;
        take(&from, &to, found, known, beside, &attempt)?;
        found
    } else {
        let refs: Vec<(&str, ObjectId)> = known.map(|known| (reference, known)).into_iter().chain(beside).collect();
        let scratch = Scratch::new(&to, refs).map_err(in_folder(&attempt))?;
        let into = open(&scratch.0, &address.limits)?.to_thread_local();
        let found = fetch_one(&into, address, reference, &attempt)?;
        take(&into, &to, found, known, beside, &attempt)?;
        found
    };
    let name = gix::refs::FullName::try_from(into).map_err(|error| local(&attempt, &error))?;
    let edit = match (found, known) {
        (found, known) if found == known => return Ok(found.map(bytes)),
        (Some(found), _) => RefEdit::update(name, found, PreviousValue::Any, "fetch"),
        (None, _) => RefEdit::new(name, Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference }),
    };
    edit_refs(&to, vec![edit])?;
    Ok(found.map(bytes))
}

/// Copies what a ref brings, if it names a commit.
fn take(
    from: &gix::Repository,
    to: &gix::Repository,
    found: Option<ObjectId>,
    known: Option<ObjectId>,
    beside: Option<(&str, ObjectId)>,
    attempt: &str,
) -> Result<(), Fault> {
    let Some(found) = found.filter(|found| Some(*found) != known) else { return Ok(()) };
    let header = from.find_header(found).map_err(in_local(attempt))?;
    if header.kind() != gix::object::Kind::Commit {
        let message = format!("{attempt}: it does not name a commit");
        return Err(fault(Owner::Operator, false, message, "delete the ref at the remote"));
    }
    let there: Vec<ObjectId> =
        known.into_iter().chain(beside.map(|(_, id)| id)).filter(|known| from.has_object(known)).collect();
    copy(from, to, found, &there, attempt)
}

/// A repository that borrows another one's objects and receives new ones. It goes when it is dropped.
struct Scratch(PathBuf);

/// Tells the scratch repositories of this process apart.
static SCRATCHES: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    fn new(of: &gix::Repository, mut refs: Vec<(&str, ObjectId)>) -> io::Result<Self> {
        let number = SCRATCHES.fetch_add(1, Ordering::Relaxed);
        let folder = of.path().join(SCRATCH).join(format!("{}-{number}", std::process::id()));
        let scratch = Self(folder);
        let folder: &Path = &scratch.0;
        if folder.exists() {
            // Of an earlier process with the same number.
            fs::remove_dir_all(folder)?;
        }
        for inner in ["objects/info", "objects/pack", "refs"] {
            fs::create_dir_all(folder.join(inner))?;
        }
        // From `objects` over the scratch folder and the folder of all of them.
        fs::write(folder.join("objects/info/alternates"), "../../../objects\n")?;
        refs.sort();
        let lines: Vec<String> = refs.iter().map(|(name, id)| format!("{id} {name}\n")).collect();
        let lines = lines.concat();
        fs::write(folder.join("packed-refs"), format!("# pack-refs with: sorted\n{lines}"))?;
        fs::write(folder.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is cleared when the mirror is opened.
        fs::remove_dir_all(&self.0).ok();
    }
}
