//! In: what was told of a pull request. Out: its bytes, and back; what it says of a head that it was merged into.
//! Guarantee: a review that came before a restart counts after it; a form of another version is looked at anew.
use super::super::prepare::Prepared;
use super::Told;
use crate::client::forge::Pull;
use crate::decide::document::{CommitFacts, Commits, Person};
use crate::decide::value::Digest;
use crate::name::{ClusterName, CommitId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form that is written.
const FORM: &str = "stratify.dev/pull/v1";

/// How many clusters that differ are named.
const NAMED_MAX: usize = 3;

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
    waits: Vec<String>,
    approved_by: Option<String>,
}

impl Told {
    /// Returns one of which nothing is known yet.
    pub(super) fn new(head: CommitId, base: CommitId, pull: &Pull) -> Self {
        let (comment, changes, waits, approved_by) = (None, BTreeMap::new(), Vec::new(), None);
        let (author, branch) = (pull.author.clone(), pull.branch.clone());
        Self { head, base, author, branch, comment, changes, waits, approved_by }
    }

    /// Takes note of the changes that were shown; those of a fork are never approved.
    pub(super) fn learn(&mut self, prepared: &[Prepared], is_fork: bool) {
        let reviews = prepared.iter().filter_map(|one| Some((one, one.change.as_ref().ok()?.review.as_ref()?)));
        for (one, review) in reviews.filter(|(_, review)| review.layers > 0) {
            self.changes.insert(one.cluster.clone(), review.id.to_string());
            if review.waits.is_some() && !is_fork {
                self.waits.push(review.id.to_string());
            }
        }
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

    /// Returns its head, and the branch that this is on.
    pub(in crate::control) fn on_branch(&self) -> (CommitId, String) {
        (self.head, self.branch.clone())
    }

    /// Whether this commit is its head.
    pub(in crate::control) fn is_at(&self, commit: CommitId) -> bool {
        self.head == commit
    }

    /// Whether one of these commits is its merge, or says so.
    pub(in crate::control) fn came(&self, number: u64, commits: &Commits) -> bool {
        let squashed = format!("(#{number})");
        commits.commits.iter().any(|commit| commit.commit == self.head || commit.summary.contains(&squashed))
    }

    /// Returns how what a head changes compares with what was shown.
    pub(in crate::control) fn compared(&self, number: u64, prepared: &[&Prepared]) -> String {
        let mut found = BTreeMap::new();
        for one in prepared {
            if let Ok(summary) = &one.change
                && summary.layers > 0
            {
                found.insert(one.cluster.clone(), summary.id.to_string());
            }
        }
        let all: std::collections::BTreeSet<&ClusterName> = self.changes.keys().chain(found.keys()).collect();
        let differ: Vec<&str> = all
            .into_iter()
            .filter(|cluster| self.changes.get(*cluster) != found.get(*cluster))
            .map(ClusterName::as_str)
            .collect();
        if differ.is_empty() {
            return format!("as reviewed in #{number}");
        }
        let more = differ.len().saturating_sub(NAMED_MAX);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("not as reviewed in #{number}: {}{more}", differ[..differ.len().min(NAMED_MAX)].join(", "))
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
            changes: self.changes.iter().map(|(cluster, id)| (cluster.to_string(), id.clone())).collect(),
            waits: self.waits.clone(),
            approved_by: self.approved_by.clone(),
        };
        serde_json::to_vec(&row).expect("its keys are texts")
    }

    /// Reads what [`Self::encode`] wrote; its base is none, so that it is planned anew.
    pub(in crate::control) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let row: Row = serde_json::from_slice(bytes).ok().filter(|row: &Row| row.form == FORM)?;
        let change = |(cluster, id): (String, String)| Some((ClusterName::new(&cluster).ok()?, id));
        let told = Self {
            head: CommitId::parse(&row.head)?,
            base: CommitId([0; 20]),
            author: row.author,
            comment: row.comment.map(|(id, digest)| (id, Digest(digest))),
            branch: row.branch,
            changes: row.changes.into_iter().filter_map(change).collect(),
            waits: row.waits,
            approved_by: row.approved_by,
        };
        Some((row.number, told))
    }
}
