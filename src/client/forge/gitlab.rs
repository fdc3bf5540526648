//! In: what is asked of GitLab. Out: its requests, and what its refusals mean.
//! Guarantee: as `create_commit_status_service.rb`: a status that is as it was to be already is done.
use super::call::{Call, Method, part};
use super::error::Meaning;
use super::kind::Forge;
use super::pulls::PAGE;
use super::statuses::{CommitStatus, Stand, name, text};
use serde_json::json;

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
    Call::get(attempt, path)
}

pub(super) fn comments(forge: &Forge, attempt: &str, number: u64, page: usize) -> Call {
    let path = format!("{}/merge_requests/{number}/notes?per_page={PAGE}&page={page}", project(forge));
    Call::get(attempt, path)
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
