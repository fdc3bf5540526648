//! In: what is asked of GitLab. Out: its requests, and what its refusals mean.
//! Guarantee: as `create_commit_status_service.rb`: a status that is as it was to be already is done.
use super::call::{Call, Method, part};
use super::error::Meaning;
use super::kind::Forge;
use super::pulls::{PAGE, commit, text as word};
use super::reviews::{Arrival, Of, Reviewing, time};
use super::statuses::{CommitStatus, Stand, name, text};
use crate::decide::value::Timestamp;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Returns the project, whose whole name is one part of a path.
pub(super) fn project(forge: &Forge) -> String {
    format!("/projects/{}", part(forge.repository()))
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "running",
        Stand::Success => "success",
        Stand::Failure | Stand::Error => "failed",
        Stand::Overtaken => "canceled",
    };
    let mut body = json!({
        "state": state,
        "name": name(status.context, &capabilities),
        "description": text(status.text, capabilities.text_chars_max),
        // Without it a commit on two branches gets its status on whichever comes first.
        "ref": status.branch,
    });
    if let Some(link) = status.link {
        body["target_url"] = link.into();
    }
    let path = format!("{}/statuses/{}", project(forge), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[201, 200])
}

pub(super) fn pulls(forge: &Forge, attempt: &str, page: usize) -> Call {
    let path = format!("{}/merge_requests?state=opened&per_page={PAGE}&page={page}", project(forge));
    Call::list(attempt, path)
}

pub(super) fn comments(forge: &Forge, attempt: &str, number: u64, page: usize) -> Call {
    let path = format!("{}/merge_requests/{number}/notes?per_page={PAGE}&page={page}", project(forge));
    Call::list(attempt, path)
}

/// Who approves now: it forgets those that were taken back, and where the project says so those of before the last push.
pub(super) fn approvals(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::get(attempt, format!("{}/merge_requests/{number}/approvals", project(forge)))
}

/// Returns an approval; which head it is of, only its time tells, which GitLab has said since 18.
pub(super) fn approval(value: &Json) -> Option<Reviewing> {
    let author = word(value, "/user/username")?.to_owned();
    let of = time(value, "/approved_at").map_or(Of::Untold, Of::Moment);
    Some(Reviewing { id: author.clone(), author, of, approves: true, number: None })
}

/// The versions of a merge request are its heads, the newest first.
pub(super) fn versions(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::list(attempt, format!("{}/merge_requests/{number}/versions?per_page=1", project(forge)))
}

pub(super) fn version(value: &Json) -> Option<Arrival> {
    Some(Arrival { commit: commit(value, "/head_commit_sha")?, at: time(value, "/created_at")? })
}

pub(super) fn newest_notes(forge: &Forge, attempt: &str, number: u64) -> Call {
    let path = format!("{}/merge_requests/{number}/notes?sort=desc&order_by=created_at&per_page=100", project(forge));
    Call::list(attempt, path)
}

/// Returns who approved, and when, if that is what GitLab noted itself.
pub(super) fn approving_note(value: &Json) -> Option<(String, Timestamp)> {
    let is_it = value.get("system").and_then(Json::as_bool) == Some(true)
        && word(value, "/body") == Some("approved this merge request");
    is_it.then_some(())?;
    Some((word(value, "/author/username")?.to_owned(), time(value, "/created_at")?))
}

/// Users of commits are told by GraphQL only.
pub(super) fn commits(forge: &Forge, attempt: &str, number: u64) -> Call {
    let variables = json!({ "project": forge.repository(), "request": number.to_string() });
    // Beside the REST API, below whose path it is not.
    Call::query(attempt, "/../graphql".to_owned(), json!({ "query": COMMITS, "variables": variables }))
}

/// GitLab gives a hundred at most.
const COMMITS: &str = "query($project: ID!, $request: String!) { project(fullPath: $project) { \
    mergeRequest(iid: $request) { commits(first: 100) { pageInfo { hasNextPage } \
    nodes { authorEmail committerEmail author { username } } } } } }";

/// Returns who wrote and committed each commit. GitLab knows the user of an author alone: a committer is known who is the
/// author of one of them.
pub(super) fn people(body: &Json) -> Vec<Option<[String; 2]>> {
    let commits = &body["data"]["project"]["mergeRequest"]["commits"];
    let nodes = commits["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let author = |node: &Json| {
        let email = word(node, "/authorEmail")?.to_lowercase();
        Some((email, word(node, "/author/username")?.to_lowercase()))
    };
    let known: BTreeMap<String, String> = nodes.iter().filter_map(author).collect();
    let both = |node: &Json| {
        let (_, author) = author(node)?;
        let committer = known.get(&word(node, "/committerEmail")?.to_lowercase())?;
        Some([author, committer.clone()])
    };
    let mut people: Vec<Option<[String; 2]>> = nodes.iter().map(both).collect();
    if people.is_empty() || commits["pageInfo"]["hasNextPage"] != false {
        // Of those that were not told nobody is known.
        people.push(None);
    }
    people
}

pub(super) fn comment(forge: &Forge, attempt: &str, number: u64, of: Option<u64>, text: &str) -> Call {
    let notes = format!("{}/merge_requests/{number}/notes", project(forge));
    let body = json!({ "body": text });
    match of {
        Some(id) => Call::write(attempt, Method::Put, format!("{notes}/{id}"), body, &[200]),
        None => Call::write(attempt, Method::Post, notes, body, &[201]),
    }
}

pub(super) fn meaning(code: u16, message: &str) -> Option<Meaning> {
    match code {
        // The state machine: it is in that state already.
        400 if message.contains("cannot transition status") => Some(Meaning::Done),
        // Statuses of one commit are taken one after the other, and ours waited ten seconds for its turn.
        409 => Some(Meaning::Later),
        404 if message.contains("commit") || message.contains("reference") => Some(Meaning::Never),
        _ => None,
    }
}
