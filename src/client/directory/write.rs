//! In: paths and whole contents. Out: files replaced or removed, each in one step.
//! Guarantee: an error leaves the old file as it was, unless it says `NotDurable`; what a cut-off leaves is cleared later.
use super::{Directory, DirectoryError, Reason, split};
use crate::client::kill::{Of, point};
use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

/// How the name of a file that is not yet whole begins.
const TEMPORARY: &str = ".stratify-tmp-";

impl Directory {
    /// Puts a file there as a whole, over the one that is there.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), DirectoryError> {
        let fail = |errno| DirectoryError::new("write", path, errno);
        fits(bytes.len()).map_err(fail)?;
        let (folders, name) = split(path);
        let done = self.folder(folders, true).and_then(|folder| {
            let folder = folder.ok_or(Errno::NOENT)?;
            let count = self.writes.fetch_add(1, Ordering::Relaxed);
            let temporary = format!("{TEMPORARY}{}-{count}", std::process::id());
            let put = put(&folder, &temporary, bytes).and_then(|()| {
                point(Of::Write);
                renameat(&folder, &*temporary, &folder, name)
            });
            if put.is_err() {
                let _ = unlinkat(&folder, &*temporary, AtFlags::empty());
            }
            put.map(|()| folder)
        });
        let folder = done.map_err(|errno| {
            self.remove_empty(folders); // those made for this file
            fail(errno)
        })?;
        point(Of::Write);
        last(&folder, fail)
    }

    /// Removes a file and the folders that are empty then; whether it was there.
    pub fn remove(&self, path: &str) -> Result<bool, DirectoryError> {
        let fail = |errno| DirectoryError::new("remove", path, errno);
        let (folders, name) = split(path);
        let Some(folder) = self.folder(folders, false).map_err(fail)? else { return Ok(false) };
        point(Of::Write);
        let was_there = match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) => true,
            Err(Errno::NOENT) => false,
            Err(errno) => return Err(fail(errno)),
        };
        point(Of::Write);
        last(&folder, fail)?;
        self.remove_empty(folders);
        Ok(was_there)
    }

    /// Removes what a cut-off write left in a folder; only while no other writer can be at work.
    pub fn clear(&self, path: &str) -> Result<(), DirectoryError> {
        let fail = |errno| DirectoryError::new("clear", path, errno);
        let leftovers: Vec<String> = self.list(path)?.into_iter().filter(|name| name.starts_with(TEMPORARY)).collect();
        if leftovers.is_empty() {
            return Ok(());
        }
        let parts = if path == "." { "" } else { path };
        let Some(folder) = self.folder(parts, false).map_err(fail)? else { return Ok(()) };
        for name in leftovers {
            match unlinkat(&folder, &*name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(fail(errno)),
            }
        }
        Ok(())
    }

    /// Removes the innermost folder and those around it, as long as they are empty; a full one ends it.
    fn remove_empty(&self, folders: &str) {
        let mut path = folders;
        while !path.is_empty() {
            let (outer, name) = split(path);
            let Ok(Some(folder)) = self.folder(outer, false) else { return };
            point(Of::Write);
            if unlinkat(&folder, name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            let _ = fsync(&folder); // an empty folder that comes back does no harm
            path = outer;
        }
    }
}

/// Writes a new file and brings it to the disk.
fn put(folder: &OwnedFd, name: &str, bytes: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Of a process that had our number and was cut off.
    let _ = unlinkat(folder, name, AtFlags::empty());
    point(Of::Write);
    let file = openat(folder, name, flags, Mode::from_raw_mode(0o644))?;
    point(Of::Write);
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&file, rest))?;
        rest = rest.get(written..).ok_or(Errno::IO)?;
    }
    point(Of::Write);
    fsync(&file)
}

/// Brings a change of names to the disk.
fn last(folder: &OwnedFd, fail: impl Fn(Errno) -> DirectoryError) -> Result<(), DirectoryError> {
    fsync(folder).map_err(|errno| DirectoryError { reason: Reason::NotDurable, ..fail(errno) })
}

/// Beyond the process's file size limit the kernel answers a write with a signal that ends the process; so it is asked
/// before. A limit that falls in between is nobody's doing.
fn fits(bytes: usize) -> Result<(), Errno> {
    let max = getrlimit(Resource::Fsize).current;
    if max.is_some_and(|max| bytes as u64 > max) { Err(Errno::FBIG) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn directory() -> (tempfile::TempDir, Directory) {
        let root = tempfile::tempdir().expect("there is a folder for temporary files");
        let directory = Directory::open(root.path()).expect("the scratch folder is ours").expect("it was just made");
        (root, directory)
    }

    #[test]
    fn a_file_comes_and_goes_with_its_folders() {
        let (root, directory) = directory();
        directory.replace("a/b/c", b"1").expect("the scratch folder is ours");
        directory.replace("a/b/c", b"2").expect("the scratch folder is ours");
        directory.replace("a/d", b"3").expect("the scratch folder is ours");
        assert_eq!(
            directory.read("a/b/c", 1).expect("the scratch folder is ours"),
            Some(b"2".to_vec()),
            "the last write is there"
        );
        assert_eq!(directory.list("a/b").expect("the scratch folder is ours"), ["c"], "nothing temporary is left");
        assert!(directory.remove("a/b/c").expect("the scratch folder is ours"), "it was there");
        assert!(!directory.remove("a/b/c").expect("the scratch folder is ours"), "now it is not");
        assert_eq!(
            directory.list("a").expect("the scratch folder is ours"),
            ["d"],
            "the empty folder went, the other one stays"
        );
        assert!(directory.remove("a/d").expect("the scratch folder is ours"), "it was there");
        assert!(
            root.path().exists() && directory.list(".").expect("the scratch folder is ours").is_empty(),
            "the root stays"
        );
    }

    #[test]
    fn no_link_is_followed() {
        let (root, directory) = directory();
        let outside = tempfile::tempdir().expect("there is a folder for temporary files");
        fs::write(outside.path().join("x"), "secret").expect("the scratch folder is ours");
        symlink(outside.path(), root.path().join("folder")).expect("the scratch folder is ours");
        symlink(outside.path().join("x"), root.path().join("file")).expect("the scratch folder is ours");
        for path in ["folder/x", "file"] {
            assert_eq!(directory.read(path, 9).unwrap_err().reason, Reason::NotPlain, "{path} is a link");
        }
        assert_eq!(directory.list("folder").unwrap_err().reason, Reason::NotPlain, "a listing follows none");
        assert_eq!(directory.replace("folder/x", b"").unwrap_err().reason, Reason::NotPlain, "a write follows none");
        assert_eq!(directory.remove("folder/x").unwrap_err().reason, Reason::NotPlain, "a removal follows none");
        directory.lock("file").unwrap_err();
        assert_eq!(
            fs::read(outside.path().join("x")).expect("the scratch folder is ours"),
            b"secret",
            "what is outside is untouched"
        );
        let root = root.path().join("folder");
        assert_eq!(Directory::open(&root).unwrap_err().reason, Reason::NotPlain, "nor is the root a link");
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        let (root, directory) = directory();
        fs::create_dir(root.path().join("folder")).expect("the scratch folder is ours");
        assert_eq!(directory.read("folder", 9).unwrap_err().reason, Reason::NotPlain, "a folder is no file");
        directory.replace("folder", b"").unwrap_err();
        directory.replace("../x", b"").unwrap_err();
        directory.replace("file", b"12").expect("the scratch folder is ours");
        assert_eq!(directory.read("file", 1).unwrap_err().reason, Reason::TooLarge(1), "the bound holds");
        assert_eq!(directory.read("file/x", 1).unwrap_err().reason, Reason::NotPlain, "a file is no folder");
        assert_eq!(
            directory.list(".").expect("the scratch folder is ours"),
            ["file", "folder"],
            "refused writes leave nothing"
        );
    }

    #[test]
    fn what_a_cut_off_left_is_cleared() {
        let (root, directory) = directory();
        fs::create_dir(root.path().join("a")).expect("the scratch folder is ours");
        fs::write(root.path().join("a").join(format!("{TEMPORARY}1-1")), "half").expect("the scratch folder is ours");
        fs::write(root.path().join("a/b"), "whole").expect("the scratch folder is ours");
        directory.clear("a").expect("the scratch folder is ours");
        assert_eq!(directory.list("a").expect("the scratch folder is ours"), ["b"], "only what is whole stays");
    }
}
