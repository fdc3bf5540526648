//! In: what is asked of Gitea or Forgejo. Out: its requests, and what its refusals mean.
//! Guarantee: as its API v1.
use super::call::{Call, Method, part, parts};
use super::error::Meaning;
use super::kind::Forge;
use super::statuses::{CommitStatus, Stand, name, text};
use serde_json::json;

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "pending",
        Stand::Success => "success",
        Stand::Failure => "failure",
        Stand::Error => "error",
        Stand::Overtaken => "warning",
    };
    let body = json!({
        "state": state,
        "context": name(status.context, &capabilities),
        "description": text(status.text, capabilities.text_chars_max),
        "target_url": status.link.unwrap_or_default(),
    });
    let path = format!("/repos/{}/statuses/{}", parts(forge.repository()), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[201])
}

pub(super) fn meaning(code: u16, message: &str) -> Option<Meaning> {
    // "object does not exist [id: …]", as some versions say of a commit; 1.26 answers 500 without a word, as of a failure.
    let is_commit = message.contains("object does not exist") || message.contains("sha");
    (matches!(code, 400 | 404 | 422) && is_commit).then_some(Meaning::Never)
}
