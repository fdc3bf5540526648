//! In: the commits between what was applied and the head, and the ids of a change. Out: whether it is approved, by whom.
//! Guarantee: nobody approves what they authored; an approval counts once; where commits are missing, none counts.
use crate::decide::document::{CommitFacts, Commits};
use crate::name::CommitId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the commits say of one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The id that was approved, where, and by whom.
    pub granted: Option<(Arc<str>, CommitId, String)>,
    /// Approvals that do not count, in words.
    pub refused: Vec<String>,
}

/// Weighs approvals of `ids` among `commits`; `consumed` were used up before.
pub fn weigh(commits: &Commits, ids: &[String], consumed: &[(Arc<str>, CommitId)]) -> Approval {
    let authors: BTreeSet<String> = commits
        .commits
        .iter()
        .filter(|commit| !commit.only_approves)
        .map(|commit| commit.author.email.to_lowercase())
        .collect();
    let mut approval = Approval::default();
    for commit in &commits.commits {
        for id in approved_by(commit).filter(|id| ids.contains(id)) {
            let person = &commit.author;
            let is_used = consumed.iter().any(|(used, at)| **used == *id && *at == commit.commit);
            if commits.cut_off {
                approval.refused.push("there are too many commits since the last sync to know who wrote them".into());
            } else if is_used {
                approval.refused.push(format!("the approval in {} was used before", commit.commit));
            } else if authors.contains(&person.email.to_lowercase()) {
                approval.refused.push(format!("{} approved what {0} wrote", person.name));
            } else if approval.granted.is_none() {
                approval.granted =
                    Some((id.into(), commit.commit, format!("{} <{}>, unsigned", person.name, person.email)));
            }
        }
    }
    approval
}

fn approved_by(commit: &CommitFacts) -> impl Iterator<Item = String> {
    let files = commit.added_approvals.iter().filter_map(|path| {
        path.as_str().rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).map(ToOwned::to_owned)
    });
    commit.approves.iter().map(|id| id.trim().to_owned()).chain(files)
}
