//! In: the part of the operator's file that names keys of age. Out: in which file they are, and which paths they are for.
//! Guarantee: a key opens nothing outside its paths; what no key is for stays closed.
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::name::{RepoName, RepoPath};
use std::path::{Path, PathBuf};

/// Keys of age, and which files they open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeKeys {
    /// The file with the keys, as `age-keygen` writes it.
    pub file: PathBuf,
    /// The begins of the paths whose files they open; none for all.
    pub paths: Vec<String>,
    /// The repository that the paths are in; none for the fleet's own.
    pub repository: Option<RepoName>,
}

pub(super) const FIELDS: &[Field] = &[
    required("ageKeyFile", Shape::Text, "The file with keys of age, as `age-keygen` writes it."),
    optional("paths", Shape::List(&Shape::Text), "The folders whose files they open; default: all."),
    optional(
        "repository",
        Shape::Text,
        "The repository of the settings that the paths are in; default: the fleet's own.",
    ),
];

/// Whether a path is one that keys for these begins of paths are for.
pub fn is_below(path: &RepoPath, paths: &[String]) -> bool {
    let is_in = |prefix: &String| {
        let prefix = prefix.trim_end_matches('/');
        let rest = path.as_str().strip_prefix(prefix);
        prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    paths.is_empty() || paths.iter().any(is_in)
}

impl AgeKeys {
    /// Whether they are for a file.
    pub fn is_for(&self, path: &RepoPath, repository: Option<&RepoName>) -> bool {
        self.repository.as_ref() == repository && is_below(path, &self.paths)
    }

    /// Reads a checked part.
    pub(super) fn read(part: &Fragment, folder: &Path) -> Self {
        let paths = part.get("paths").map(|paths| paths.items().map(|path| path.text().to_owned()).collect());
        Self {
            file: folder.join(part.get("ageKeyFile").map(|part| part.text().to_owned()).unwrap_or_default()),
            paths: paths.unwrap_or_default(),
            repository: part.get("repository").and_then(|part| RepoName::new(part.text()).ok()),
        }
    }
}
