//! In: what was told of a pull request. Out: its bytes, and back; whether a head came by it.
//! Guarantee: a review that came before a restart counts after it, for what it was shown, and a plan that came later needs a
//! later one; a form of another version is looked at anew.
use super::super::prepare::Prepared;
use super::compared::EACH_MAX;
use super::{Changes, Reviewed, Told};
use crate::act::forge::statuses::Whereabouts;
use crate::client::forge::Pull;
use crate::decide::document::{CommitFacts, Commits, Person};
use crate::decide::value::Digest;
use crate::name::{ChangeId, ClusterName, CommitId};
use crate::observe::forge::reviews::{Approval, Reviews};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The form that is written.
const FORM: &str = "stratify.dev/pull/v2";

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
    /// Who approved, by which review, and what that was shown.
    reviews: Vec<(String, String, Vec<String>)>,
    is_unread: bool,
}

/// Whether the subject of a commit is that of a pull request that was squashed, or of the merge of one that was rebased, as
/// forges word it: GitHub and Gitea end it with its number, GitLab may, and so does Bitbucket Cloud; Bitbucket Data Center
/// and Azure DevOps begin it so. Gitea's merge has it in the middle.
fn is_named(number: u64, summary: &str) -> bool {
    let ends = [format!("(#{number})"), format!("(!{number})"), format!("(pull request #{number})")];
    let begins = [
        format!("Pull request #{number}: "),
        format!("Merged PR {number}: "),
        format!("Merge pull request #{number} from "),
    ];
    let summary = summary.trim_end();
    let is_merge = summary.starts_with("Merge pull request '") && summary.contains(&format!("' (#{number}) from "));
    is_merge || ends.iter().any(|end| summary.ends_with(end)) || begins.iter().any(|begin| summary.starts_with(begin))
}

impl Told {
    /// Returns one of which nothing is known yet.
    pub(super) fn new(head: CommitId, base: CommitId, pull: &Pull) -> Self {
        let (comment, changes, waits, reviews) = (None, Changes::default(), Vec::new(), Vec::new());
        let (author, branch) = (pull.author.clone(), pull.branch.clone());
        Self {
            head,
            base,
            author,
            branch,
            comment,
            changes,
            waits,
            reviews,
            refused: Vec::new(),
            is_unread: false,
            clusters: None,
        }
    }

    /// Goes on from what was told of it before, whose reviews the forge may not have told of: they are of its head, and of
    /// what they were shown.
    pub(super) fn after(&mut self, before: &Self, is_untold: bool) {
        self.comment = before.comment;
        if before.head == self.head {
            self.reviews.clone_from(&before.reviews);
            self.refused.clone_from(&before.refused);
            self.is_unread = before.is_unread || (is_untold && before.waits != self.waits);
        }
    }

    /// Returns what is to be said of reviews that do not count.
    pub(super) fn notes(&self) -> Vec<String> {
        let note =
            |(by, why): &(String, &str)| format!("The review by `{}` does not count: {why}.", by.replace('`', ""));
        self.refused.iter().map(note).collect()
    }

    /// Whether something of it waits for approval, or would but for a review.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waits.is_empty()
    }

    /// Takes note of the changes that were shown; those of a fork are never approved. What a review of `before` approves waits
    /// no longer, and would again if that were taken back.
    pub(super) fn learn(&mut self, prepared: &[Prepared], is_fork: bool, before: Option<&Self>) {
        let before = before.filter(|before| before.head == self.head);
        let shown: BTreeSet<&String> = before.iter().flat_map(|it| &it.reviews).flat_map(|it| &it.shown).collect();
        let reviews = prepared.iter().filter_map(|one| Some((one, one.change.as_ref().ok()?.review.as_ref()?)));
        let mut each = BTreeMap::new();
        for (one, review) in reviews.filter(|(_, review)| review.layers > 0) {
            each.insert(one.cluster.clone(), review.id);
            let id = review.id.to_string();
            if (review.waits.is_some() || shown.contains(&id)) && !is_fork {
                self.waits.push(id);
            }
        }
        self.changes = Changes::of(each);
        let clusters: BTreeSet<ClusterName> = prepared.iter().map(|one| one.cluster.clone()).collect();
        self.clusters = Some(clusters).filter(|clusters| clusters.len() <= EACH_MAX);
    }

    /// Whether its plan was of one of these clusters, or may have been.
    pub(in crate::control) fn is_of(&self, clusters: &BTreeSet<ClusterName>) -> bool {
        self.clusters.as_ref().is_none_or(|own| !own.is_disjoint(clusters))
    }

    /// Whether all that waits was shown to somebody who approved it.
    pub(super) fn is_approved(&self) -> bool {
        self.waits.iter().all(|id| self.reviews.iter().any(|review| review.shown.contains(id)))
    }

    /// Takes the reviews that approve its head now: one that is new approves what waits, one of before what it was shown
    /// then, and one that was taken back nothing. Returns what each of those gives whose reviews are others now.
    pub(in crate::control) fn take(&mut self, number: u64, found: &Reviews) -> Vec<CommitFacts> {
        self.refused.clone_from(&found.refused);
        let approvals = &found.approvals;
        let (before, is_unread) = (self.reviews.clone(), std::mem::take(&mut self.is_unread));
        self.reviews.retain(|known| approvals.contains(&known.approval));
        for approval in approvals {
            if !self.reviews.iter().any(|known| known.approval == *approval) {
                let shown = if is_unread { Vec::new() } else { self.waits.clone() };
                self.reviews.push(Reviewed { approval: approval.clone(), shown });
            }
        }
        let of = |all: &[Reviewed], by: &str| all.iter().filter(|it| it.approval.by == by).cloned().collect::<Vec<_>>();
        let who: BTreeSet<&str> = before.iter().chain(&self.reviews).map(|review| &*review.approval.by).collect();
        let others = who.into_iter().filter(|by| of(&before, by) != of(&self.reviews, by));
        others.map(|by| self.approval(number, by)).collect()
    }

    /// Returns the approval of what a reviewer was shown, as a commit would give it.
    fn approval(&self, number: u64, by: &str) -> CommitFacts {
        let of_them = self.reviews.iter().filter(|review| review.approval.by == by);
        let approves: BTreeSet<String> = of_them.flat_map(|review| review.shown.clone()).collect();
        let person = Person { name: format!("{by}, by a review of #{number}"), email: String::new() };
        let approves = approves.into_iter().collect();
        CommitFacts { summary: format!("review of #{number}"), ..CommitFacts::approving(self.head, person, approves) }
    }

    /// Returns what its reviews give once another head is there: nothing, as that may be anything.
    pub(in crate::control) fn withdrawn(&self, number: u64) -> Vec<CommitFacts> {
        self.approved(number).into_iter().map(|review| CommitFacts { approves: Vec::new(), ..review }).collect()
    }

    /// Returns the approvals that were given.
    pub(in crate::control) fn approved(&self, number: u64) -> Vec<CommitFacts> {
        let who: BTreeSet<&str> = self.reviews.iter().map(|review| &*review.approval.by).collect();
        who.into_iter().map(|by| self.approval(number, by)).collect()
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
        let is_it = |commit: &CommitFacts| {
            commit.commit == self.head || commit.request == Some(number) || is_named(number, &commit.summary)
        };
        commits.commits.iter().any(is_it)
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
            is_unread: self.is_unread,
            reviews: self.reviews.iter().cloned().map(|it| (it.approval.by, it.approval.review, it.shown)).collect(),
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
            reviews: row
                .reviews
                .into_iter()
                .map(|(by, review, shown)| Reviewed { approval: Approval { by, review }, shown })
                .collect(),
            refused: Vec::new(),
            is_unread: row.is_unread,
            clusters: None,
        };
        Some((row.number, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forges_make_of_one_is_known_by_its_number() {
        for summary in [
            "more replicas (#7)",
            "more replicas (!7)",
            "Merged in more (pull request #7)",
            "Pull request #7: more replicas",
            "Merged PR 7: more replicas",
            "Merge pull request #7 from acme/more",
            "Merge pull request 'more replicas' (#7) from ada/more into main",
        ] {
            assert!(is_named(7, summary), "{summary}");
            assert!(!is_named(77, summary) && !is_named(1, summary), "{summary}");
        }
        assert!(!is_named(7, "as in #7, more replicas"), "it only speaks of it");
    }
}
