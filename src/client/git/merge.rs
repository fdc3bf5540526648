//! In: two commits of one repository. Out: a commit that is both merged, or what stands in the way.
//! Guarantee: no program of a repository's configuration or attributes runs; the same two give the same commit.
use super::error::{fault, in_local};
use super::objects::{Objects, commit, object, open_writable};
use super::tree::readable;
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use gix::actor::SignatureRef;
use gix::bstr::ByteSlice;
use gix::merge::blob::builtin_driver::text::Labels;
use gix::merge::tree::TreatAsUnresolved;
use std::collections::BTreeSet;

/// What merging two commits gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// This commit; where one comes after the other, that one.
    Commit(CommitId),
    /// Nothing: these paths were changed by both, in ways that only a person can put together.
    Conflicts(Vec<String>),
    /// Nothing: they have no commit in common.
    Unrelated,
}

/// How many paths with conflicts are named: a person looks at the first ones.
const CONFLICTS_MAX: usize = 20;

impl Objects {
    /// Merges `head` into `base`. What it makes is written here, and named by no ref.
    pub fn merge(&self, base: CommitId, head: CommitId) -> Result<Merged, Fault> {
        let attempt = format!("could not merge {head} into {base}");
        if self.descends(head, base)? {
            return Ok(Merged::Commit(head));
        }
        if self.descends(base, head)? {
            return Ok(Merged::Commit(base));
        }
        // What has too many entries to be read is not merged either.
        self.changes(Some(base), head)?;
        let repository = open_writable(self.repository().path())?;
        let found = repository.merge_base(object(base), object(head));
        match found {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Merged::Unrelated),
            Err(error) => return Err(in_local(&attempt)(error)),
        }
        let labels = Labels { ancestor: None, current: Some("base".into()), other: Some("head".into()) };
        let options = repository.tree_merge_options().map_err(in_local(&attempt))?;
        let merged = repository.merge_commits(object(base), object(head), labels, options.into());
        let mut merged = merged.map_err(in_local(&attempt))?.tree_merge;
        let unresolved = TreatAsUnresolved::git();
        let conflicts: BTreeSet<String> = merged
            .conflicts
            .iter()
            .filter(|conflict| conflict.is_unresolved(unresolved))
            .map(|conflict| readable(conflict.ours.location().as_bstr()))
            .collect();
        if !conflicts.is_empty() {
            return Ok(Merged::Conflicts(conflicts.into_iter().take(CONFLICTS_MAX).collect()));
        }
        let tree = merged.tree.write().map_err(in_local(&attempt))?.detach();
        // Nobody's name and no time, so that it is the same commit each time.
        let nobody = SignatureRef { name: "stratify".into(), email: "".into(), time: "0 +0000" };
        let parents = [object(base), object(head)];
        let made = repository.new_commit_as(nobody, nobody, "merge", tree, parents).map_err(in_local(&attempt))?;
        let made = commit(made.id);
        self.reopen()?;
        if self.contains(made)? {
            return Ok(Merged::Commit(made));
        }
        Err(fault(Owner::Bug, false, format!("{attempt}: the commit was written and is not there"), ""))
    }
}
