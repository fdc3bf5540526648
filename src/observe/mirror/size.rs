//! In: the tree of a new head. Out: how many files and bytes it has, or which limit it breaks.
//! Guarantee: costs what the head changes; a tree beyond a limit never becomes a head.
use crate::client::git::{self, Limits, fault, in_folder, in_local};
use crate::decide::value::{Fault, Owner};
use gix::ObjectId;
use gix::objs::tree::EntryMode;
use std::fs;
use std::path::Path;

/// The size of one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    tree: Option<ObjectId>,
    entries: u64,
    bytes: u64,
}

impl Size {
    /// Loads what was saved; nothing, where that cannot be read: then the next tree is measured whole.
    pub(crate) fn load(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut parts = text.split_whitespace();
        let mut read = || -> Option<Self> {
            let tree = ObjectId::from_hex(parts.next()?.as_bytes()).ok()?;
            Some(Self { tree: Some(tree), entries: parts.next()?.parse().ok()?, bytes: parts.next()?.parse().ok()? })
        };
        read().unwrap_or_default()
    }

    /// Saves it. A half-written file is read as nothing.
    pub(crate) fn save(&self, file: &Path) -> Result<(), Fault> {
        let Some(tree) = self.tree else { return Ok(()) };
        let text = format!("{tree} {} {}\n", self.entries, self.bytes);
        fs::write(file, text).map_err(in_folder("could not save the size of a tree"))
    }

    /// Returns the size of `tree`, if it keeps the limits.
    pub(crate) fn after(
        &self,
        repository: &gix::Repository,
        tree: Option<ObjectId>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let from = if self.tree.is_some_and(|tree| repository.has_object(tree)) { *self } else { Self::default() };
        let (mut entries, mut bytes) = (from.entries, from.bytes);
        let mut refused = None;
        let size_of = |(mode, id): (EntryMode, ObjectId)| -> Result<u64, Fault> {
            // A submodule's commit is not here, and is never read.
            if mode.is_commit() {
                return Ok(0);
            }
            Ok(repository.find_header(id).map_err(in_local("could not measure a file"))?.size())
        };
        git::walk(repository, from.tree, tree, limits, |path, step| {
            let mut see = || -> Result<(), Fault> {
                if let Some(old) = step.old {
                    entries = entries.saturating_sub(1);
                    bytes = bytes.saturating_sub(size_of(old)?);
                }
                if let Some(new) = step.new {
                    let size = size_of(new)?;
                    (entries, bytes) = (entries + 1, bytes.saturating_add(size));
                    if size > limits.object_bytes_max {
                        let (path, max) = (git::readable(path), limits.object_bytes_max);
                        let message = format!("{path} has {size} bytes, and at most {max} are taken in");
                        return Err(fault(Owner::Author, false, message, "take the file out of the repository"));
                    }
                }
                Ok(())
            };
            if refused.is_none() {
                refused = see().err();
            }
        })?;
        if let Some(refused) = refused {
            return Err(refused);
        }
        if entries > limits.entries_max {
            return Err(git::too_many(limits.entries_max));
        }
        if bytes > limits.total_bytes_max {
            let message = format!("the tree has {bytes} bytes, and at most {} are taken in", limits.total_bytes_max);
            return Err(fault(Owner::Author, false, message, "keep large files out of the repository"));
        }
        Ok(Self { tree, entries, bytes })
    }
}
