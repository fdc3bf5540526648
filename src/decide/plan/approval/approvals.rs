//! In: the commits between what was applied and the head, and the ids of a change. Out: whether it is approved, by whom.
//! Guarantee: nobody approves what they authored; an approval counts once; where commits are missing, none counts.
use crate::decide::document::{CommitFacts, Commits};
use crate::name::CommitId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the commits say of one change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The approval that counts, if there is one.
    pub granted: Option<Granted>,
    /// Approvals that do not count, in words.
    pub refused: Vec<String>,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The id that was approved.
    pub id: Arc<str>,
    /// Where.
    pub commit: CommitId,
    /// By whom, and how sure that is.
    pub by: Arc<str>,
}

impl Approval {
    /// Returns what people are told of it.
    pub fn lines(&self) -> Vec<String> {
        match &self.granted {
            Some(Granted { commit, by, .. }) => {
                let short: String = commit.to_string().chars().take(SHORT).collect();
                vec![format!("approved by {by}, in {short}")]
            }
            None => self.refused.iter().map(|why| format!("an approval does not count: {why}")).collect(),
        }
    }
}

/// How many digits of a commit people are shown: as many as Git shows of a middling repository.
const SHORT: usize = 7;

/// Weighs approvals of `ids` among `commits`; `consumed` were used up before.
pub fn weigh(commits: &Commits, ids: &[String], consumed: &[(Arc<str>, CommitId)]) -> Approval {
    let authors: BTreeSet<String> = commits
        .commits
        .iter()
        .filter(|commit| !commit.only_approves)
        .flat_map(|commit| std::iter::once(&commit.author.email).chain(&commit.co_authors))
        .map(|email| email.to_lowercase())
        .collect();
    let mut approval = Approval::default();
    for commit in &commits.commits {
        let begins = |id: &String| id.len() >= SHORT && ids.iter().any(|whole| whole != id && whole.starts_with(&**id));
        for id in approved_by(commit).filter(begins) {
            let short: String = commit.commit.to_string().chars().take(SHORT).collect();
            approval.refused.push(format!("that in {short} names the begin `{id}` of the id: all of it is needed"));
        }
        for id in approved_by(commit).filter(|id| ids.contains(id)) {
            let person = &commit.author;
            let is_used = consumed.iter().any(|(used, at)| **used == *id && *at == commit.commit);
            if commits.cut_off {
                approval.refused.push("there are too many commits since the last sync to know who wrote them".into());
            } else if is_used {
                approval.refused.push(format!("that in {} was used before", commit.commit));
            } else if authors.contains(&person.email.to_lowercase()) {
                approval.refused.push(format!("{} <{}> wrote a part of it", person.name, person.email));
            } else if approval.granted.is_none() {
                // A review on a forge has no address; who it is, the forge says.
                let by = if person.email.is_empty() {
                    person.name.clone()
                } else {
                    format!("{} <{}>, unsigned", person.name, person.email)
                };
                let by = by.into();
                approval.granted = Some(Granted { id: id.into(), commit: commit.commit, by });
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
