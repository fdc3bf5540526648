//! In: what is asked of GitHub. Out: its requests, and what its refusals mean.
//! Guarantee: as its REST API of 2022-11-28; GitHub Enterprise by the address of its web pages.
use super::call::{Call, Method, part, parts};
use super::error::Meaning;
use super::kind::Forge;
use super::pulls::PAGE;
use super::server::LIMITED;
use super::statuses::{CommitStatus, Stand, name, text};
use crate::settings::ForgeKind;
use serde_json::json;
use std::time::Duration;

pub(super) const HEADERS: &[(&str, &str)] =
    &[("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];

/// Returns the base of the API: of github.com and of *.ghe.com a host of its own, else a path of the same.
pub(super) fn base(url: &str) -> String {
    match url.split_once("://") {
        _ if url.contains("/api/v3") => url.to_owned(),
        Some((scheme, "github.com" | "www.github.com")) => format!("{scheme}://api.github.com"),
        Some((_, "api.github.com")) => url.to_owned(),
        Some((scheme, host)) if host.ends_with(".ghe.com") => {
            format!("{scheme}://{}{host}", if host.starts_with("api.") { "" } else { "api." })
        }
        _ => format!("{url}/api/v3"),
    }
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "pending",
        Stand::Success => "success",
        Stand::Failure => "failure",
        Stand::Error | Stand::Overtaken => "error",
    };
    let mut body = json!({
        "state": state,
        "context": name(status.context, &capabilities),
        "description": text(status.text, capabilities.text_chars_max),
    });
    if let Some(link) = status.link {
        body["target_url"] = link.into();
    }
    let path = format!("/repos/{}/statuses/{}", parts(forge.repository()), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[201])
}

/// Gitea has the same paths, and `limit` is its word for `per_page`.
pub(super) fn paged(forge: &Forge, page: usize) -> String {
    let word = if forge.kind() == ForgeKind::Gitea { "limit" } else { "per_page" };
    format!("{word}={PAGE}&page={page}")
}

pub(super) fn pulls(forge: &Forge, attempt: &str, page: usize) -> Call {
    let repository = parts(forge.repository());
    let path = format!("/repos/{repository}/pulls?state=open&{}", paged(forge, page));
    Call::list(attempt, path)
}

pub(super) fn of_pull(forge: &Forge, attempt: &str, number: u64, what: &str, page: usize) -> Call {
    let repository = parts(forge.repository());
    let path = format!("/repos/{repository}/pulls/{number}/{what}?{}", paged(forge, page));
    Call::list(attempt, path)
}

pub(super) fn comments(forge: &Forge, attempt: &str, number: u64, page: usize) -> Call {
    let repository = parts(forge.repository());
    let path = format!("/repos/{repository}/issues/{number}/comments?{}", paged(forge, page));
    Call::list(attempt, path)
}

pub(super) fn comment(forge: &Forge, attempt: &str, number: u64, of: Option<u64>, text: &str) -> Call {
    let issues = format!("/repos/{}/issues", parts(forge.repository()));
    let body = json!({ "body": text });
    match of {
        Some(id) => Call::write(attempt, Method::Patch, format!("{issues}/comments/{id}"), body, &[200]),
        None => Call::write(attempt, Method::Post, format!("{issues}/{number}/comments"), body, &[201]),
    }
}

/// Its limits come as 403 or 429, with words, a header, or both; its 422 has four causes that only the words tell apart.
pub(super) fn meaning(code: u16, message: &str, wait: Option<Duration>) -> Option<Meaning> {
    let is_limit = message.contains("rate limit") || message.contains("abuse") || message.contains("secondary");
    match code {
        403 | 429 => match wait {
            Some(wait) => Some(Meaning::Limited(wait)),
            None if is_limit || code == 429 => Some(Meaning::Limited(LIMITED)),
            None => None,
        },
        // "has reached the maximum number of statuses", "is too long", "No commit found for SHA".
        422 => Some(Meaning::Never),
        _ => None,
    }
}
