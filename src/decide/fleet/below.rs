//! In: two indexes, the change between them, a layer. Out: whether the layer's chart or kustomization reads what changed.
//! Guarantee: a chart reads its own folder; a kustomization may read what is below any other one, so it counts as reading it.
use super::index::Index;
use super::trees::{CHART, KUSTOMIZATIONS};
use crate::decide::document::{Fragment, TreeChange};
use crate::name::RepoPath;
use std::collections::BTreeSet;

/// What changed below charts and kustomizations.
#[derive(Default)]
pub(super) struct Below {
    paths: BTreeSet<RepoPath>,
    /// Whether some of it is below a kustomization.
    is_kustomized: bool,
}

impl Below {
    /// Finds it in a change.
    pub(super) fn of(old: &Index, new: &Index, change: &TreeChange) -> Self {
        let mut below = Self::default();
        if old.descriptors.is_empty() && new.descriptors.is_empty() {
            return below;
        }
        let is_there = |path: &str| {
            RepoPath::new(path).is_ok_and(|path| [old, new].iter().any(|index| index.descriptors.contains_key(&path)))
        };
        for (path, _) in &change.entries {
            let folders = std::iter::successors(path.as_str().rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
            for (folder, _) in folders {
                let is_kustomized = KUSTOMIZATIONS.iter().any(|name| is_there(&format!("{folder}/{name}")));
                if is_kustomized || is_there(&format!("{folder}/{CHART}")) {
                    below.is_kustomized |= is_kustomized;
                    below.paths.insert(path.clone());
                }
            }
        }
        below
    }

    /// Whether nothing changed there.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether a layer's chart or kustomization may read any of it.
    pub(super) fn concerns(&self, layer: &Fragment) -> bool {
        if self.is_empty() {
            return false;
        }
        let of = |key: &str| layer.get(key).and_then(|part| part.get("path"));
        let reads = |part: &Fragment| {
            let folder = inside(part);
            self.paths.iter().any(|path| path.as_str().starts_with(&folder))
        };
        of("chart").is_some_and(|part| reads(&part))
            || of("kustomize").is_some_and(|part| self.is_kustomized || reads(&part))
    }
}

/// Returns the folder that a part names, as the begin of what is below; one that leads outside is told elsewhere.
fn inside(part: &Fragment) -> String {
    let mut parts: Vec<&str> = part.file.path.as_str().split('/').collect();
    parts.pop();
    for step in part.text().split('/') {
        match step {
            "" | "." => {}
            ".." => drop(parts.pop()),
            step => parts.push(step),
        }
    }
    parts.iter().flat_map(|part| [*part, "/"]).collect()
}
