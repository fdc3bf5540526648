//! In: folders as documents name them. Out: the files below, and the file that says what a folder is: a chart, a kustomization.
//! Guarantee: such a file is read when its tree is, so that nothing else has to be read to know what it names; one that
//! cannot be read is told only where a layer names its folder.
use super::codes;
use super::index::Index;
use super::read_document::{too_large, whole};
use super::relative_paths::Found;
use super::symlinks::not_a_file;
use crate::decide::document::{Content, Entry, EntryKind, File, Fragment, placed};
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::sync::Arc;

/// The names that `kustomize` looks for, in its order.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The name that `helm` looks for.
pub const CHART: &str = "Chart.yaml";

/// The presets of a pack of Palette, beside it.
const PRESETS: &str = "presets.yaml";

/// The name that `zarf` looks for.
pub const ZARF: &str = "zarf.yaml";

/// The most files of one folder: far above what a chart holds, and a bound on a path that names too much.
const FILES_MAX: usize = 10_000;

/// What a folder's own file says, or what is wrong with it.
pub(super) type Descriptor = Result<Arc<File>, Arc<Vec<Diagnostic>>>;

/// Whether a file says what its folder is.
pub(super) fn is_descriptor(path: &RepoPath) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    name == CHART || name == PRESETS || name == ZARF || KUSTOMIZATIONS.contains(&name)
}

/// Reads such a file.
pub(super) fn descriptor(path: &RepoPath, entry: Entry, content: Option<&Content>) -> Descriptor {
    let read = match content {
        Some(Ok(bytes)) => File::read_one(path, entry.blob, bytes),
        Some(Err(size)) => Err(vec![too_large(path, *size)]),
        None => Err(vec![Diagnostic::error(codes::NO_FILE, "the file's content is missing").at(whole(path))]),
    };
    read.map_err(Arc::new)
}

impl Index {
    /// Returns the file at a path that says what its folder is, if one is there.
    pub fn descriptor(&self, path: &RepoPath) -> Option<Result<Arc<File>, Vec<Diagnostic>>> {
        let origin = self.origin.as_ref();
        Some(match self.descriptors.get(path)? {
            Ok(file) => Ok(Arc::new(File { origin: origin.cloned(), ..(**file).clone() })),
            Err(said) => Err(said.iter().map(|said| placed(said.clone(), origin)).collect()),
        })
    }

    /// Whether anything is below a path.
    pub fn is_folder(&self, path: &RepoPath) -> bool {
        self.inside(path).next().is_some()
    }

    /// Returns all files below a folder that `part` names, in the order of their paths.
    pub fn folder(&self, part: &Fragment, folder: &RepoPath) -> Result<Vec<Found>, Vec<Diagnostic>> {
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for (path, entry) in self.inside(folder) {
            if matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
                found.push(Found { path: path.clone(), blob: entry.blob, origin: self.origin.clone() });
            } else {
                let said = placed(not_a_file(path, entry.kind), self.origin.as_ref());
                let there = said.at.clone();
                let said = said.at(part.span());
                wrong.push(match there {
                    Some(there) => said.also(there, "here"),
                    None => said,
                });
            }
            if found.len() > FILES_MAX {
                let message = format!("the folder `{folder}` holds more than {FILES_MAX} files");
                return Err(vec![Diagnostic::error(codes::NO_MATCH, message).at(part.span())]);
            }
        }
        if found.is_empty() && wrong.is_empty() {
            wrong.push(Diagnostic::error(codes::NO_FILE, format!("there is no folder `{folder}`")).at(part.span()));
        }
        if wrong.is_empty() { Ok(found) } else { Err(wrong) }
    }

    fn inside<'a>(&'a self, folder: &'a RepoPath) -> impl Iterator<Item = (&'a RepoPath, &'a Entry)> {
        let within =
            |path: &RepoPath| path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.below(folder.as_str()).filter(move |(path, _)| within(path))
    }
}
