//! In: the folder of a mirror. Out: a bare repository in it that no other process has open.
//! Guarantee: what a killed process left is cleared before anything is read, and only while we hold the lock.
use crate::client::git::{SCRATCH, fault, in_folder};
use crate::decide::value::{Fault, Owner};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A mirror's folder, held by its lock.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, makes what is absent, clears what is left.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let attempt = format!("could not open the mirror at {}", path.display());
        let prepare = || -> io::Result<File> {
            fs::create_dir_all(path)?;
            File::options().create(true).truncate(false).write(true).open(path.join("lock"))
        };
        let lock = prepare().map_err(in_folder(&attempt))?;
        if !is_ours(&lock) {
            let message = format!("{attempt}: another process has it open");
            return Err(fault(
                Owner::Operator,
                true,
                message,
                "stop the other process, or give this one another state folder",
            ));
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        let settle = || -> io::Result<()> {
            make_bare(&folder.mirror())?;
            clear(&folder.mirror())?;
            folder.clear_consolidated()
        };
        settle().map_err(in_folder(&attempt))?;
        Ok(folder)
    }

    /// Returns the folder of the mirror's repository.
    pub(crate) fn mirror(&self) -> PathBuf {
        Self::mirror_in(&self.path)
    }

    /// Returns the folder of the repository of the mirror in a folder.
    pub(crate) fn mirror_in(path: &Path) -> PathBuf {
        path.join("mirror.git")
    }

    /// Returns the folder of the mirror's packs.
    pub(crate) fn packs(&self) -> PathBuf {
        self.mirror().join("objects/pack")
    }

    /// Returns the folder of the quarantine.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.path.join("incoming.git")
    }

    /// Returns the folder where a consolidated pack is written.
    pub(crate) fn consolidated(&self) -> PathBuf {
        self.path.join("consolidated")
    }

    /// Removes what a consolidation left.
    pub(crate) fn clear_consolidated(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.consolidated()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the file that keeps the size of the last tree.
    pub(crate) fn size(&self) -> PathBuf {
        self.path.join("size")
    }
}

/// Makes a bare repository, if there is none: without hooks, templates and what else nobody reads here.
pub(crate) fn make_bare(folder: &Path) -> io::Result<()> {
    for inner in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(folder.join(inner))?;
    }
    if !folder.join("HEAD").exists() {
        fs::write(folder.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        // Last, since it is what makes the folder a repository.
        fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")?;
    }
    Ok(())
}

/// How often the lock is tried: a child that this process is starting holds it too, until it is another program.
const TRIES: u32 = 20;

/// How long to wait between two tries: starting a program takes a few milliseconds.
const PAUSE: Duration = Duration::from_millis(25);

/// Takes the lock, if no other process has it.
fn is_ours(lock: &File) -> bool {
    for _ in 0..TRIES {
        if flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return true;
        }
        thread::sleep(PAUSE);
    }
    false
}

/// Removes locks of refs, scratch repositories, and packs that are not whole: unfinished, without index, or an index without pack.
fn clear(mirror: &Path) -> io::Result<()> {
    for file in files_in(&mirror.join("refs"))?.into_iter().chain(list(mirror)?) {
        if file.extension().is_some_and(|extension| extension == "lock") {
            fs::remove_file(file)?;
        }
    }
    match fs::remove_dir_all(mirror.join(SCRATCH)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let packs = mirror.join("objects/pack");
    for file in list(&packs)? {
        let is_whole = ["pack", "idx"].iter().all(|extension| file.with_extension(extension).exists());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !is_whole || !name.starts_with("pack-") || file.extension().is_some_and(|extension| extension == "keep") {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Returns the files of a folder.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the files of a folder and of all inside.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = list(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_in(&entry.path())?);
        }
    }
    Ok(files)
}
