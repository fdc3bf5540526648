//! In: files by their paths. Out: a fresh folder that holds them, and an empty one to write to.
//! Guarantee: only we can look inside; nothing that was there before is followed; both are gone when it is dropped.
use crate::name::RepoPath;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many random bytes tell two folders apart.
const NAME_BYTES: usize = 12;

/// The folder of one run.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    files: PathBuf,
    home: PathBuf,
}

impl Folder {
    pub(super) fn make(scratch: &Path, files: &[(RepoPath, Arc<[u8]>)]) -> io::Result<Self> {
        let mut name = [0; NAME_BYTES];
        getrandom::fill(&mut name).map_err(|error| io::Error::other(error.to_string()))?;
        let name = name.iter().fold(String::new(), |mut hex, byte| {
            use std::fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        DirBuilder::new().recursive(true).mode(0o700).create(scratch)?;
        // The child starts elsewhere, so a relative path would lead it astray.
        let root = fs::canonicalize(scratch)?.join(format!("run-{name}"));
        // Not recursive: what stands there already is somebody else's.
        DirBuilder::new().mode(0o700).create(&root)?;
        let folder = Self { files: root.join("files"), home: root.join("home"), root };
        for inner in [&folder.files, &folder.home] {
            DirBuilder::new().mode(0o700).create(inner)?;
        }
        files.iter().try_for_each(|(path, bytes)| folder.write(path, bytes))?;
        Ok(folder)
    }

    /// The folder with what the child may read.
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    /// The folder that the child may write to.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    fn write(&self, path: &RepoPath, bytes: &[u8]) -> io::Result<()> {
        let path = self.files.join(path.as_str());
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
