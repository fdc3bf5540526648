//! In: what is asked of Bitbucket Data Center. Out: its requests.
//! Guarantee: as its REST API; a build with the same key takes the place of the one before.
use super::call::{Call, Method, part};
use super::hooks::{CHANGE, IS_OFF, MAKE, WebHook, events};
use super::kind::Forge;
use super::pulls::{Comment, PAGE, commit, text as word};
use super::reviews::{Of, Reviewing};
use super::statuses::{CommitStatus, Stand, name, text};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// What it is to send; a pull request that gets another target is `modified`.
pub(super) const EVENTS: &[&str] = &[
    "repo:refs_changed",
    "pr:opened",
    "pr:from_ref_updated",
    "pr:modified",
    "pr:reviewer:approved",
    "pr:reviewer:unapproved",
    "pr:reviewer:needs_work",
    "pr:merged",
    "pr:declined",
    "pr:deleted",
];

/// It takes a request that could come from a form for a forged one, unless this is said.
pub(super) const HEADERS: &[(&str, &str)] = &[("accept", "application/json"), ("x-atlassian-token", "no-check")];

/// Returns the path of the repository, `PROJECT/slug` in the settings.
pub(super) fn repository(forge: &Forge) -> String {
    let (project, slug) = forge.repository().split_once('/').unwrap_or((forge.repository(), ""));
    format!("/projects/{}/repos/{}", part(project), part(slug))
}

fn page(forge: &Forge, commit: &str) -> String {
    format!("{}{}/commits/{commit}", forge.url(), repository(forge))
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "INPROGRESS",
        Stand::Success => "SUCCESSFUL",
        Stand::Failure => "FAILED",
        Stand::Error => "UNKNOWN",
        Stand::Overtaken => "CANCELLED",
    };
    let body = json!({
        "key": name(status.context, &capabilities),
        "state": state,
        "name": status.context,
        "description": text(status.text, capabilities.text_chars_max),
        "url": status.link.map_or_else(|| page(forge, status.commit), str::to_owned),
        "ref": format!("refs/heads/{}", status.branch),
    });
    let path = format!("{}/commits/{}/builds", repository(forge), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[200, 201, 204])
}

/// The newest hundred builds of a commit, in whichever repository; of an API beside the others, deprecated since 7.14, which
/// is the one that lists them.
pub(super) fn builds(commit: &str) -> String {
    format!("/../../build-status/latest/commits/{commit}?limit=100")
}

/// One build, by its key.
pub(super) fn build(forge: &Forge, attempt: &str, commit: &str, context: &str) -> Call {
    let key = name(context, &forge.capabilities());
    Call::get(attempt, format!("{}/commits/{}/builds?key={}", repository(forge), part(commit), part(&key)))
}

pub(super) fn pulls(forge: &Forge, attempt: &str, page: usize) -> Call {
    Call::list(attempt, format!("{}/pull-requests?state=OPEN&{}", repository(forge), paged(page)))
}

/// Comments are told among all else that happened.
pub(super) fn comments(forge: &Forge, attempt: &str, number: u64, page: usize) -> Call {
    of_pull(forge, attempt, number, "activities", page)
}

pub(super) fn of_pull(forge: &Forge, attempt: &str, number: u64, what: &str, page: usize) -> Call {
    Call::list(attempt, format!("{}/pull-requests/{number}/{what}?{}", repository(forge), paged(page)))
}

/// Returns a participant's review: of the commit that was the head when they said so.
pub(super) fn participant(value: &Json) -> Option<Reviewing> {
    let author = word(value, "/user/name")?.to_owned();
    let approves = word(value, "/status") == Some("APPROVED");
    let of = commit(value, "/lastReviewedCommit").map_or(Of::Untold, Of::Commit);
    Some(Reviewing { id: author.clone(), author, of, approves, number: None })
}

/// Returns who wrote and committed a commit; of somebody whom the server does not know there is no more than a name.
pub(super) fn people(value: &Json) -> Option<[String; 2]> {
    let name = |who: &str| {
        word(value, &format!("/{who}/slug"))?;
        word(value, &format!("/{who}/name")).map(str::to_lowercase)
    };
    Some([name("author")?, name("committer")?])
}

/// Whoever words one anew says which version of it.
pub(super) fn comment(forge: &Forge, attempt: &str, number: u64, of: Option<&Comment>, text: &str) -> Call {
    let comments = format!("{}/pull-requests/{number}/comments", repository(forge));
    match of {
        Some(known) => {
            let body = json!({ "text": text, "version": known.version.unwrap_or_default() });
            Call::write(attempt, Method::Put, format!("{comments}/{}", known.id), body, &[200])
        }
        None => Call::write(attempt, Method::Post, comments, json!({ "text": text }), &[201]),
    }
}

fn paged(page: usize) -> String {
    format!("limit={PAGE}&start={}", (page - 1) * PAGE)
}

pub(super) fn hooks(forge: &Forge, attempt: &str) -> Call {
    Call::list(attempt, format!("{}/webhooks?{}", repository(forge), paged(1)))
}

pub(super) fn hook(forge: &Forge, url: &str, secret: &SecretString, known: Option<&str>) -> Call {
    let hooks = format!("{}/webhooks", repository(forge));
    let body = json!({
        "name": "stratify", "url": url, "active": true, "sslVerificationRequired": true, "events": EVENTS,
        "configuration": { "secret": secret.expose_secret() },
    });
    match known {
        Some(id) => Call::write(CHANGE, Method::Put, format!("{hooks}/{id}"), body, &[200]),
        None => Call::write(MAKE, Method::Post, hooks, body, &[201]),
    }
}

/// Some versions tell the secret, which is not read.
pub(super) fn read_hook(value: &Json) -> Option<WebHook> {
    let is_off = value.get("active").and_then(Json::as_bool) == Some(false);
    let (id, url) = (value.get("id")?.as_u64()?.to_string(), word(value, "/url")?.to_owned());
    Some(WebHook { id, url, events: events(value), trouble: is_off.then(|| IS_OFF.to_owned()) })
}
