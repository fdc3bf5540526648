//! In: files for a work tree, or one that goes. Out: one commit of it on the checked-out branch, and the work tree the same.
//! Guarantee: the branch moves only from the commit that was seen; what the user has staged or changed stays as it is;
//! no link is followed; no hook, filter or other program runs.
use super::person::person;
use crate::client::git::{self, fault, in_folder, in_local};
use crate::decide::value::{Fault, Owner};
use crate::name::{CommitId, RepoPath};
use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode, Stage, Stat};
use gix::lock::acquire::Fail;
use gix::objs::tree::EntryKind;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another Git may hold the index: a person's command is over by then.
const INDEX_WAIT: Duration = Duration::from_secs(5);

/// Commits files, given by their paths below `root`, onto the branch that is checked out there.
pub fn into_work_tree(
    root: &Path,
    files: &[(RepoPath, Vec<u8>)],
    message: &str,
    author: Option<(&str, &str)>,
) -> Result<CommitId, Fault> {
    let files: Vec<(&RepoPath, Option<&[u8]>)> = files.iter().map(|(path, bytes)| (path, Some(&**bytes))).collect();
    commit(root, &files, message, author)
}

/// Commits that a file, given by its path below `root`, goes.
pub fn out_of_work_tree(root: &Path, file: &RepoPath, message: &str) -> Result<CommitId, Fault> {
    commit(root, &[(file, None)], message, None)
}

fn commit(
    root: &Path,
    files: &[(&RepoPath, Option<&[u8]>)],
    message: &str,
    author: Option<(&str, &str)>,
) -> Result<CommitId, Fault> {
    let tree = WorkTree::open(root)?;
    let files = tree.files(root, files)?;
    // Held until the end, so that no other Git commits or stages between what we see and what we write.
    let lock = tree.lock()?;
    let index = tree.repository.index_or_empty().map_err(in_local("could not read Git's index"))?;
    let index = gix::index::File::clone(&index);
    tree.refuse_what_is_changed(&index, &files)?;
    let seen = tree.seen()?;
    let commit = tree.write(&files, message, author, &seen)?;
    tree.advance(&seen, commit, message, author)?;
    check_out(&files)?;
    stage(index, &files, lock)?;
    Ok(git::commit(commit))
}

/// Returns who would be the author of a commit there: name and address.
pub fn author(root: &Path) -> Result<(String, String), Fault> {
    let person = person(&WorkTree::open(root)?.repository, None)?;
    Ok((person.name.to_string(), person.email.to_string()))
}

/// A repository with its work tree.
struct WorkTree {
    repository: gix::Repository,
    top: PathBuf,
}

/// A file by its path in the repository.
struct Planned<'a> {
    path: BString,
    absolute: PathBuf,
    /// What it shall hold, with its blob; none where it goes.
    content: Option<(&'a [u8], ObjectId)>,
}

impl Planned<'_> {
    fn blob(&self) -> Option<ObjectId> {
        self.content.map(|(_, blob)| blob)
    }
}

/// Where the checked-out branch stood.
struct Seen {
    head: Option<ObjectId>,
}

impl WorkTree {
    fn open(root: &Path) -> Result<Self, Fault> {
        let attempt = format!("could not open the Git repository around {}", root.display());
        let repository = gix::discover(root).map_err(in_local(&attempt))?;
        let top = repository.workdir().ok_or_else(|| {
            let hint = "give a folder of a repository that is checked out";
            fault(Owner::Operator, false, format!("{attempt}: it has no work tree"), hint)
        })?;
        let top = top.canonicalize().map_err(in_folder(&attempt))?;
        if repository.object_hash() != gix::hash::Kind::Sha1 {
            let message = format!("{attempt}: its ids are not SHA-1");
            return Err(fault(Owner::Operator, false, message, "use a repository with SHA-1 ids"));
        }
        Ok(Self { repository, top })
    }

    /// Writes the blobs and returns where each file stands.
    fn files<'a>(&self, root: &Path, files: &[(&RepoPath, Option<&'a [u8]>)]) -> Result<Vec<Planned<'a>>, Fault> {
        let attempt = format!("could not commit in {}", root.display());
        let root = root.canonicalize().map_err(in_folder(&attempt))?;
        let inside = root.strip_prefix(&self.top).unwrap_or(Path::new(""));
        let inside = inside.to_str().filter(|inside| !inside.is_empty());
        let plan = |(path, bytes): &(&RepoPath, Option<&'a [u8]>)| {
            let inner = inside.map_or_else(|| path.to_string(), |inside| format!("{inside}/{path}"));
            let written = |bytes: &'a [u8]| {
                self.repository.write_blob(bytes).map(|blob| (bytes, blob.detach())).map_err(in_local(&attempt))
            };
            let content = bytes.map(written).transpose()?;
            Ok(Planned { absolute: self.top.join(&inner), path: inner.into(), content })
        };
        files.iter().map(plan).collect()
    }

    fn lock(&self) -> Result<gix::lock::File, Fault> {
        let path = self.repository.index_path();
        let locked = gix::lock::File::acquire_to_update_resource(
            &path,
            Fail::AfterDurationWithBackoff(INDEX_WAIT),
            None,
            0o666, // Git's own mode; the umask takes from it.
        );
        locked.map_err(|_| {
            let message = "could not commit: another Git holds the index's lock";
            let hint = "wait for it; if none runs, remove index.lock in the repository's Git folder";
            fault(Owner::Operator, true, message, hint)
        })
    }

    /// Refuses files that the user has changed or staged, and has not committed: they would be lost, or go along.
    fn refuse_what_is_changed(&self, index: &gix::index::File, files: &[Planned]) -> Result<(), Fault> {
        let refuse = |file: &Planned, what: &str| {
            let message = format!("could not commit {}: {what}", git::readable(file.path.as_bstr()));
            Err(fault(Owner::Operator, false, message, "commit, restore or remove it, then try again"))
        };
        let head = self.repository.head_tree_id_or_empty().map_err(in_local("could not read HEAD"))?.detach();
        let head = self.repository.find_tree(head).map_err(in_local("could not read HEAD"))?;
        for file in files {
            self.refuse_links(file)?;
            let path: &BStr = file.path.as_bstr();
            let attempt = format!("could not read {}", git::readable(path));
            let committed =
                head.lookup_entry(path.split_str("/")).map_err(in_local(&attempt))?.map(|entry| entry.object_id());
            if index.entry_range(path).is_some_and(|entries| entries.len() > 1) {
                return refuse(file, "it is in conflict");
            }
            let staged = index.entry_by_path(path).map(|entry| entry.id);
            if staged != committed && staged != file.blob() {
                return refuse(file, "what is staged of it is not committed");
            }
            let content = match fs::read(&file.absolute) {
                Ok(content) => Some(content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(in_folder(&attempt)(error)),
            };
            if let Some(content) = content {
                let blob = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &content);
                let blob = blob.map_err(in_local(&attempt))?;
                if Some(blob) != committed && Some(blob) != file.blob() {
                    return refuse(file, "it holds changes that are not committed");
                }
            }
        }
        Ok(())
    }

    /// Refuses a path with a link in it: it would lead us out of the work tree.
    fn refuse_links(&self, file: &Planned) -> Result<(), Fault> {
        let inside = file.absolute.ancestors().take_while(|path| **path != self.top);
        for path in inside {
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
                let message =
                    format!("could not commit {}: a link stands in its path", git::readable(file.path.as_bstr()));
                return Err(fault(Owner::Operator, false, message, "put a folder or a file in the link's place"));
            }
        }
        Ok(())
    }

    fn seen(&self) -> Result<Seen, Fault> {
        let attempt = "could not read HEAD";
        let mut head = self.repository.head().map_err(in_local(attempt))?;
        if head.referent_name().is_none() {
            let hint = "run `git switch BRANCH`, then try again";
            return Err(fault(Owner::Operator, false, "could not commit: no branch is checked out", hint));
        }
        let head = head.try_peel_to_id().map_err(in_local(attempt))?.map(gix::Id::detach);
        Ok(Seen { head })
    }

    /// Writes the tree and the commit; no ref names it yet.
    fn write(
        &self,
        files: &[Planned],
        message: &str,
        author: Option<(&str, &str)>,
        seen: &Seen,
    ) -> Result<ObjectId, Fault> {
        let attempt = "could not write the commit";
        let repository = &self.repository;
        let base = match seen.head {
            Some(head) => repository.find_commit(head).and_then(|commit| commit.tree()).map_err(in_local(attempt))?,
            None => repository.empty_tree(),
        };
        let mut editor = base.edit().map_err(in_local(attempt))?;
        for file in files {
            let before = base.lookup_entry(file.path.split_str("/")).map_err(in_local(attempt))?;
            let kind = before.map(|entry| entry.mode().kind()).filter(|kind| *kind == EntryKind::BlobExecutable);
            let kind = kind.unwrap_or(EntryKind::Blob);
            match file.blob() {
                Some(blob) => editor.upsert(file.path.as_bstr(), kind, blob).map_err(in_local(attempt))?,
                None => editor.remove(file.path.as_bstr()).map_err(in_local(attempt))?,
            };
        }
        let tree = editor.write().map_err(in_local(attempt))?.detach();
        let commit = gix::objs::Commit {
            tree,
            parents: seen.head.into_iter().collect(),
            author: person(repository, author)?,
            committer: person(repository, author)?,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        Ok(repository.write_object(&commit).map_err(in_local(attempt))?.detach())
    }

    /// Moves the branch, unless it has moved since it was seen.
    fn advance(&self, seen: &Seen, to: ObjectId, message: &str, author: Option<(&str, &str)>) -> Result<(), Fault> {
        let expected = match seen.head {
            Some(head) => PreviousValue::MustExistAndMatch(Target::Object(head)),
            None => PreviousValue::MustNotExist,
        };
        let summary = message.lines().next().unwrap_or_default();
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: format!("commit: {summary}").into(),
        };
        let change = Change::Update { log, expected, new: Target::Object(to) };
        // Through HEAD, as Git does, so that both logs tell of it; who holds the index's lock switches no branch.
        let head = FullName::try_from("HEAD").map_err(Fault::bug)?;
        let edit = RefEdit { change, name: head, deref: true };
        let person = person(&self.repository, author)?;
        let mut time = gix::date::parse::TimeBuf::default();
        let moved = self.repository.edit_references_as([edit], Some(person.to_ref(&mut time)));
        moved.map(|_| ()).map_err(in_local("could not move the branch: it is not where it was a moment ago"))
    }
}

/// Writes the files, each whole or not at all, and removes those that go.
fn check_out(files: &[Planned]) -> Result<(), Fault> {
    for file in files {
        let attempt = format!("the commit is made, but could not write {}", git::readable(file.path.as_bstr()));
        let done = match file.content {
            Some((bytes, _)) => replace(&file.absolute, bytes),
            None => match fs::remove_file(&file.absolute) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        done.map_err(in_folder(&attempt))?;
    }
    Ok(())
}

/// Puts the files into the index, as if they had been checked out.
fn stage(mut index: gix::index::File, files: &[Planned], mut lock: gix::lock::File) -> Result<(), Fault> {
    let attempt = "the commit is made, but could not write Git's index; run `git reset` to mend it";
    for file in files {
        let Some(blob) = file.blob() else {
            index.remove_entries(|_, path, _| path == file.path.as_bstr());
            continue;
        };
        let metadata = gix::index::fs::Metadata::from_path_no_follow(&file.absolute).map_err(in_folder(attempt))?;
        let stat = Stat::from_fs(&metadata).unwrap_or_default();
        let mode = if metadata.is_executable() { Mode::FILE_EXECUTABLE } else { Mode::FILE };
        if let Some(entry) = index.entry_mut_by_path_and_stage(file.path.as_bstr(), Stage::Unconflicted) {
            (entry.id, entry.stat, entry.flags) = (blob, stat, Flags::empty());
        } else {
            index.dangerously_push_entry(stat, blob, Flags::empty(), mode, file.path.as_bstr());
            index.sort_entries();
        }
    }
    // It names trees that the entries no longer make up; Git computes it anew.
    index.remove_tree();
    index.write_to(&mut lock, gix::index::write::Options::default()).map_err(in_local(attempt))?;
    lock.flush().map_err(in_folder(attempt))?;
    lock.commit().map_err(|error| in_folder(attempt)(error.error))?;
    Ok(())
}

/// Replaces a file by another that was written beside it, and keeps its mode.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".stratify-{}", std::process::id()));
    let beside = folder.join(name);
    let write = || -> io::Result<()> {
        let mut new = File::create_new(&beside)?;
        new.write_all(bytes)?;
        if let Ok(metadata) = fs::metadata(file) {
            new.set_permissions(metadata.permissions())?;
        }
        new.sync_all()?;
        fs::rename(&beside, file)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
