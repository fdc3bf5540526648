//! In: words of the command line. Out: names and ids, each checked by its rule.
//! Guarantee: what is no name is refused before anything is done.
use crate::name::{ClusterName, CommitId, EnvironmentName, LayerName, RepoName, RepoPath};

pub(super) fn cluster(text: &str) -> Result<ClusterName, String> {
    ClusterName::new(text).map_err(|error| error.to_string())
}

pub(super) fn layer(text: &str) -> Result<LayerName, String> {
    LayerName::new(text).map_err(|error| error.to_string())
}

pub(super) fn repository(text: &str) -> Result<RepoName, String> {
    RepoName::new(text).map_err(|error| error.to_string())
}

pub(super) fn environment(text: &str) -> Result<EnvironmentName, String> {
    EnvironmentName::new(text).map_err(|error| error.to_string())
}

pub(super) fn commit(text: &str) -> Result<CommitId, String> {
    CommitId::parse(text).ok_or_else(|| "expected a commit id of 40 hexadecimal digits".to_owned())
}

/// The digits of a change's id.
pub(crate) const CHANGE_DIGITS: usize = 64;

/// The fewest digits that stand for an id: as many as `plan` shows of it.
const CHANGE_DIGITS_MIN: usize = 12;

pub(super) fn change(text: &str) -> Result<String, String> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_id = (CHANGE_DIGITS_MIN..=CHANGE_DIGITS).contains(&text.len()) && text.chars().all(is_digit);
    // The id becomes a file's name, so it has to be able to stand in the repository.
    let is_file = RepoPath::new(&format!("approvals/{text}.yaml")).is_ok();
    let expected =
        || format!("expected an id of {CHANGE_DIGITS} hexadecimal digits, or at least its first {CHANGE_DIGITS_MIN}");
    (is_id && is_file).then(|| text.to_owned()).ok_or_else(expected)
}
