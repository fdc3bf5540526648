//! In: a package, the texts of its files. Out: its files by their paths inside it.
//! Guarantee: of a folder only what is below it; of an archive only what was verified.
use super::source::{Content, Package};
use crate::decide::document::{File, Texts};
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::sync::Arc;

/// The files of a package.
pub(super) struct Files<'a> {
    package: &'a Package,
    texts: &'a Texts,
}

impl<'a> Files<'a> {
    pub(super) fn new(package: &'a Package, texts: &'a Texts) -> Self {
        Self { package, texts }
    }

    /// Whether it is an archive, in which all that a package needs is at places of its own.
    pub(super) fn is_archive(&self) -> bool {
        matches!(self.package.content, Content::Archive(_))
    }

    /// Returns what the package says of itself.
    pub(super) fn about(&self) -> Result<Arc<File>, Vec<Diagnostic>> {
        match &self.package.content {
            Content::Folder(_, file) => Ok(file.clone()),
            Content::Archive(archive) => {
                let unpacked = self.texts.package(archive.blob).map_err(|why| {
                    let named = ["path", "oci"].iter().find_map(|key| self.package.part.get(key));
                    let at = named.unwrap_or_else(|| self.package.part.clone());
                    let message = format!("the package `{}` is refused: {why}", archive.path);
                    vec![Diagnostic::error(super::super::codes::PACKAGE, message).at(at.span())]
                })?;
                let inside = RepoPath::new("zarf.yaml").expect("it is inside");
                let bytes = unpacked.get(&inside).cloned().unwrap_or_default();
                let place = RepoPath::new(&format!("{}/zarf.yaml", archive.path)).unwrap_or(inside);
                let files = File::read_all(&place, archive.blob, &bytes)?;
                // A newer package says it again in a newer form, after the one that all read.
                files.into_iter().next().ok_or_else(Vec::new)
            }
        }
    }

    /// Returns the bytes of a file.
    pub(super) fn get(&self, path: &str) -> Option<Arc<[u8]>> {
        match &self.package.content {
            Content::Folder(tree, _) => {
                let path = inside(tree.root.as_str(), path)?;
                let file = tree.files.iter().find(|file| file.path == path)?;
                self.texts.get(file.blob)?.bytes().cloned()
            }
            Content::Archive(archive) => {
                let unpacked = self.texts.package(archive.blob).ok()?;
                unpacked.get(&RepoPath::new(path).ok()?).cloned()
            }
        }
    }

    /// Returns the folder of a package that is one.
    pub(super) fn tree(&self) -> Option<&'a super::super::part::Tree> {
        match &self.package.content {
            Content::Folder(tree, _) => Some(tree),
            Content::Archive(_) => None,
        }
    }
}

/// Returns a path relative to a folder; one that leads out is none.
pub(super) fn inside(root: &str, path: &str) -> Option<RepoPath> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    RepoPath::new(&format!("{root}/{}", parts.join("/"))).ok()
}
