//! In: what was told of a pull request. Out: its bytes, and back; whether a head came by it.
//! Guarantee: a review that came before a restart counts after it; a form of another version is looked at anew.
use super::super::prepare::Prepared;
use super::{Changes, Told};
use crate::act::forge::statuses::Whereabouts;
use crate::client::forge::Pull;
use crate::decide::document::{CommitFacts, Commits, Person};
use crate::decide::value::Digest;
use crate::name::{ChangeId, ClusterName, CommitId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form that is written.
const FORM: &str = "stratify.dev/pull/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Row {
    form: String,
    number: u64,
    head: String,
    author: String,
    /// The id of the comment, and the digest of its text.
    comment: Option<(u64, [u8; 32])>,
    branch: String,
    changes: BTreeMap<String, String>,
    /// The digest of all changes, where there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<String>,
    waits: Vec<String>,
    approved_by: Option<String>,
}

/// Whether the subject of a commit is that of a squashed pull request, as forges word it: GitHub and Gitea end it with its
/// number, GitLab may, and so does Bitbucket Cloud; Bitbucket Data Center and Azure DevOps begin it so.
fn is_squashed(number: u64, summary: &str) -> bool {
    let ends = [format!("(#{number})"), format!("(!{number})"), format!("(pull request #{number})")];
    let begins = [format!("Pull request #{number}: "), format!("Merged PR {number}: ")];
    let summary = summary.trim_end();
    ends.iter().any(|end| summary.ends_with(end)) || begins.iter().any(|begin| summary.starts_with(begin))
}

impl Told {
    /// Returns one of which nothing is known yet.
    pub(super) fn new(head: CommitId, base: CommitId, pull: &Pull) -> Self {
        let (comment, changes, waits, approved_by) = (None, Changes::default(), Vec::new(), None);
        let (author, branch) = (pull.author.clone(), pull.branch.clone());
        Self { head, base, author, branch, comment, changes, waits, approved_by }
    }

    /// Takes note of the changes that were shown; those of a fork are never approved.
    pub(super) fn learn(&mut self, prepared: &[Prepared], is_fork: bool) {
        let reviews = prepared.iter().filter_map(|one| Some((one, one.change.as_ref().ok()?.review.as_ref()?)));
        let mut each = BTreeMap::new();
        for (one, review) in reviews.filter(|(_, review)| review.layers > 0) {
            each.insert(one.cluster.clone(), review.id);
            if review.waits.is_some() && !is_fork {
                self.waits.push(review.id.to_string());
            }
        }
        self.changes = Changes::of(each);
    }

    /// Returns the approval of what waits, as a commit would give it.
    pub(super) fn approval(&self, number: u64, by: &str) -> CommitFacts {
        let person = Person { name: format!("{by}, by a review of #{number}"), email: String::new() };
        CommitFacts {
            commit: self.head,
            author: person.clone(),
            co_authors: Vec::new(),
            writes_profiles: false,
            committer: person,
            approves: self.waits.clone(),
            added_approvals: Vec::new(),
            only_approves: true,
            parents: Vec::new(),
            summary: format!("review of #{number}"),
        }
    }

    /// Returns the approval that was given, if one was.
    pub(in crate::control) fn approved(&self, number: u64) -> Option<CommitFacts> {
        self.approved_by.as_deref().map(|by| self.approval(number, by))
    }

    /// Takes note of an approval of this head.
    pub(in crate::control) fn take(&mut self, number: u64, review: &CommitFacts) {
        let suffix = format!(", by a review of #{number}");
        if review.commit == self.head
            && let Some(by) = review.author.name.strip_suffix(&suffix)
        {
            self.approved_by = Some(by.to_owned());
        }
    }

    /// Returns its head, and where that is.
    pub(in crate::control) fn place(&self, number: u64) -> (CommitId, Whereabouts) {
        (self.head, Whereabouts { branch: self.branch.clone(), pull: Some(number) })
    }

    /// Whether this commit is its head.
    pub(in crate::control) fn is_at(&self, commit: CommitId) -> bool {
        self.head == commit
    }

    /// Whether one of these commits is its merge, or says so.
    pub(in crate::control) fn came(&self, number: u64, commits: &Commits) -> bool {
        commits.commits.iter().any(|commit| commit.commit == self.head || is_squashed(number, &commit.summary))
    }

    /// Returns the id and the digest of its comment.
    pub(in crate::control) fn comment(&self) -> Option<(u64, Digest)> {
        self.comment
    }

    /// Takes note of its comment.
    pub(in crate::control) fn commented(&mut self, id: u64, digest: Digest) {
        self.comment = Some((id, digest));
    }

    /// Has it planned anew at the next look.
    pub(in crate::control) fn forget_base(&mut self) {
        self.base = CommitId([0; 20]);
    }

    /// Returns its bytes.
    pub(in crate::control) fn encode(&self, number: u64) -> Vec<u8> {
        let row = Row {
            form: FORM.to_owned(),
            number,
            head: self.head.to_string(),
            author: self.author.clone(),
            comment: self.comment.map(|(id, digest)| (id, digest.0)),
            branch: self.branch.clone(),
            changes: self.changes.each.iter().map(|(cluster, id)| (cluster.to_string(), id.to_string())).collect(),
            all: self.changes.all.map(|all| all.to_string()),
            waits: self.waits.clone(),
            approved_by: self.approved_by.clone(),
        };
        serde_json::to_vec(&row).expect("its keys are texts")
    }

    /// Reads what [`Self::encode`] wrote; its base is none, so that it is planned anew.
    pub(in crate::control) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let row: Row = serde_json::from_slice(bytes).ok().filter(|row: &Row| row.form == FORM)?;
        let change = |(cluster, id): (String, String)| Some((ClusterName::new(&cluster).ok()?, ChangeId::parse(&id)?));
        let all = row.all.as_deref().and_then(Digest::parse);
        let told = Self {
            head: CommitId::parse(&row.head)?,
            base: CommitId([0; 20]),
            author: row.author,
            comment: row.comment.map(|(id, digest)| (id, Digest(digest))),
            branch: row.branch,
            changes: Changes { each: row.changes.into_iter().filter_map(change).collect(), all },
            waits: row.waits,
            approved_by: row.approved_by,
        };
        Some((row.number, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forges_make_of_a_squashed_one_is_known_by_its_number() {
        for summary in [
            "more replicas (#7)",
            "more replicas (!7)",
            "Merged in more (pull request #7)",
            "Pull request #7: more replicas",
            "Merged PR 7: more replicas",
        ] {
            assert!(is_squashed(7, summary), "{summary}");
            assert!(!is_squashed(77, summary) && !is_squashed(1, summary), "{summary}");
        }
        assert!(!is_squashed(7, "as in #7, more replicas"), "it only speaks of it");
    }
}
