//! In: an index. Out: folders that look like a cluster's, an environment's, a profile's or a pack's, and have no document.
//! Guarantee: a misspelt file name is told of; a folder of files that others name is not, where that is its use.
use super::codes;
use super::index::Index;
use super::read_document::whole;
use crate::decide::document::nearest;
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;
use std::collections::BTreeMap;

/// A kind of folder.
struct Kind {
    top: &'static str,
    /// How many names its path has below the first one.
    depth: usize,
    documents: &'static [&'static str],
    what: &'static str,
    /// Whether nothing else has a use there.
    is_alone: bool,
}

const KINDS: [Kind; 4] = [
    Kind { top: "clusters", depth: 2, documents: &["cluster.yaml"], what: "cluster", is_alone: true },
    Kind { top: "environments", depth: 1, documents: &["environment.yaml"], what: "environment", is_alone: true },
    Kind { top: "profiles", depth: 1, documents: &["profile.yaml"], what: "profile", is_alone: false },
    Kind { top: "packs", depth: 2, documents: &["pack.yaml", "pack.json"], what: "pack", is_alone: false },
];

/// The files below folders of one kind.
type Folders<'a> = BTreeMap<String, Vec<&'a RepoPath>>;

impl Index {
    /// Returns a warning for each folder without its document. The files are walked once, however many kinds there are.
    pub fn without_document(&self) -> Vec<Diagnostic> {
        let mut folders: [Folders<'_>; KINDS.len()] = Default::default();
        for path in self.files.keys() {
            let Some((top, rest)) = path.as_str().split_once('/') else { continue };
            let kinds = KINDS.iter().zip(&mut folders);
            for (kind, folders) in kinds.filter(|(kind, _)| kind.top == top) {
                // What stands in no folder of its depth is in none.
                let Some((end, _)) = rest.match_indices('/').nth(kind.depth - 1) else { continue };
                let folder = path.as_str().get(..=top.len() + end).unwrap_or_default();
                if let Some(paths) = folders.get_mut(folder) {
                    paths.push(path);
                } else {
                    folders.insert(folder.to_owned(), vec![path]);
                }
            }
        }
        KINDS.iter().zip(folders).flat_map(|(kind, folders)| self.without(kind, folders)).collect()
    }

    fn without(&self, kind: &Kind, folders: Folders<'_>) -> Vec<Diagnostic> {
        let file = |path: &RepoPath| path.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let said = folders.into_iter().filter_map(|(folder, paths)| {
            let is_document = |path: &&RepoPath| {
                kind.documents.iter().any(|name| path.as_str() == format!("{folder}/{name}"))
                    || self.broken.contains(*path)
            };
            if paths.iter().any(is_document) {
                return None;
            }
            let is_near = |path: &&&RepoPath| {
                path.as_str() == format!("{folder}/{}", file(path))
                    && nearest(&file(path), kind.documents.iter().copied()).is_some()
            };
            let misspelt = paths.iter().find(is_near);
            let path = misspelt.or_else(|| paths.first().filter(|_| kind.is_alone))?;
            let name = kind.documents.join("` or `");
            let message = format!("the folder `{folder}` describes no {}: it has no `{name}`", kind.what);
            let hint = match misspelt {
                Some(path) => format!("rename `{}`", file(path)),
                None => "add it, or remove the folder".into(),
            };
            Some(Diagnostic::warning(codes::NO_DOCUMENT, message).at(whole(path)).hint(hint))
        });
        said.collect()
    }
}
