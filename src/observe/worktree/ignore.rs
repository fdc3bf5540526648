//! In: the `.gitignore` files on the way down, and `.git/info/exclude`. Out: whether a path is left out.
//! Guarantee: Git's own patterns, matched by gix; the operator's global excludes are not read.
use gix::bstr::BStr;
use gix::glob::pattern::Case;
use gix::ignore::Search;
use gix::ignore::search::Ignore;
use std::fs;
use std::path::Path;

/// The largest file of patterns that is read.
const BYTES_MAX: u64 = 1 << 20;

/// The patterns that hold in a folder and below.
#[derive(Clone, Default)]
pub(crate) struct Ignored {
    search: Search,
}

impl Ignored {
    /// Returns the patterns that stand beside the repository, not in it.
    pub(crate) fn of_repository(git_folder: &Path, root: &Path) -> Self {
        let mut ignored = Self::default();
        ignored.add(&git_folder.join("info/exclude"), root, root);
        ignored
    }

    /// Adds the patterns of a file that stand for `folder`, whose paths are relative to `root`.
    pub(crate) fn add(&mut self, file: &Path, folder: &Path, root: &Path) {
        // A link is not followed, nor is a file read that is no list of patterns.
        let is_small = fs::symlink_metadata(file).is_ok_and(|found| found.is_file() && found.len() <= BYTES_MAX);
        if let Some(bytes) = is_small.then(|| fs::read(file).ok()).flatten() {
            let source = folder.join(".gitignore");
            // It fails only where the folder is outside `root`; then no path of ours could match.
            self.search.add_patterns_buffer(&bytes, source, Some(root), Ignore::default()).ok();
        }
    }

    /// Returns whether a path relative to the root is left out.
    pub(crate) fn is_ignored(&self, path: &str, is_folder: bool) -> bool {
        let found = self.search.pattern_matching_relative_path(BStr::new(path), Some(is_folder), Case::Sensitive);
        found.is_some_and(|found| !found.pattern.is_negative())
    }
}
