//! In: what is asked of Bitbucket Cloud. Out: its requests.
//! Guarantee: as its API 2.0; a status with the same key takes the place of the one before.
use super::call::{Call, Method, part, parts};
use super::hooks::{CHANGE, HAS_NO_SECRET, IS_OFF, MAKE, WebHook, events};
use super::kind::Forge;
use super::pulls::{Comment, PAGE, Pull, is_ref, text as word};
use super::reviews::{Arrival, Of, Reviewing, time};
use super::statuses::{CommitStatus, Stand, name, text};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// What it is to send.
pub(super) const EVENTS: &[&str] = &[
    "repo:push",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:approved",
    "pullrequest:unapproved",
    "pullrequest:changes_request_created",
    "pullrequest:changes_request_removed",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
];

/// Returns the base of the API: of bitbucket.org a host of its own.
pub(super) fn base(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, "bitbucket.org")) => format!("{scheme}://api.bitbucket.org/2.0"),
        _ if url.ends_with("/2.0") => url.to_owned(),
        _ => format!("{url}/2.0"),
    }
}

/// The page of a commit, for a status that must have a link.
fn page(forge: &Forge, commit: &str) -> String {
    format!("https://bitbucket.org/{}/commits/{commit}", forge.repository())
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "INPROGRESS",
        Stand::Success => "SUCCESSFUL",
        Stand::Failure | Stand::Error => "FAILED",
        Stand::Overtaken => "STOPPED",
    };
    let body = json!({
        "key": name(status.context, &capabilities),
        "state": state,
        "name": status.context,
        "description": text(status.text, capabilities.text_chars_max),
        "url": status.link.map_or_else(|| page(forge, status.commit), str::to_owned),
        "refname": status.branch,
    });
    let path = format!("{}/commit/{}/statuses/build", repository(forge), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[200, 201])
}

fn repository(forge: &Forge) -> String {
    format!("/repositories/{}", parts(forge.repository()))
}

pub(super) fn pulls(forge: &Forge, attempt: &str, page: usize) -> Call {
    Call::list(attempt, format!("{}/pullrequests?state=OPEN&pagelen={PAGE}&page={page}", repository(forge)))
}

/// One alone has its participants.
pub(super) fn pull(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::get(attempt, format!("{}/pullrequests/{number}", repository(forge)))
}

/// Its pages after the first one are asked for as [`next`] says.
pub(super) fn of_pull(forge: &Forge, attempt: &str, number: u64, what: &str) -> Call {
    Call::list(attempt, format!("{}/pullrequests/{number}/{what}?pagelen={PAGE}", repository(forge)))
}

/// Returns the query of the next page. Its path is ours, wherever it says that this is.
pub(super) fn next(page: &Json) -> Option<String> {
    let (_, query) = word(page, "/next")?.split_once('?')?;
    let is_plain = |c: char| c.is_ascii_graphic() && c != '#';
    (query.len() <= QUERY_BYTES_MAX && query.chars().all(is_plain)).then(|| query.to_owned())
}

/// The longest query of a next page: it is some hundred bytes long.
const QUERY_BYTES_MAX: usize = 4_096;

/// Pull requests tell twelve digits of a commit; this tells all of them.
pub(super) fn commit(forge: &Forge, attempt: &str, begins: &str) -> Call {
    Call::get(attempt, format!("{}/commit/{}?fields=hash", repository(forge), part(begins)))
}

/// Returns a commit's id, or its first twelve digits and more.
fn begins(value: &Json, at: &str) -> Option<String> {
    let id = word(value, at)?.to_lowercase();
    ((12..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Returns a pull request. There are no refs of pull requests: the head is that of its branch, and that of a fork is not here.
pub(super) fn read_pull(value: &Json) -> Option<Pull> {
    let home = word(value, "/destination/repository/full_name")?;
    let is_fork = word(value, "/source/repository/full_name").is_none_or(|it| !it.eq_ignore_ascii_case(home));
    let branch = word(value, "/source/branch/name")?;
    let reference = format!("refs/heads/{branch}");
    Some(Pull {
        number: value.get("id")?.as_u64()?,
        author: word(value, "/author/account_id").unwrap_or_default().to_owned(),
        head: begins(value, "/source/commit/hash")?,
        reference: Some(reference).filter(|name| !is_fork && is_ref(name)),
        branch: branch.to_owned(),
        base: word(value, "/destination/branch/name")?.to_owned(),
        is_fork,
    })
}

/// Returns a participant's review: it was given to the head that was there by then.
pub(super) fn participant(value: &Json) -> Option<Reviewing> {
    let approves = value.get("approved").and_then(Json::as_bool) == Some(true);
    let author = word(value, "/user/account_id")?;
    Some(Reviewing {
        author: author.to_owned(),
        id: author.to_owned(),
        of: time(value, "/participated_on").map_or(Of::Untold, Of::Moment),
        approves: approves && word(value, "/state").is_none_or(|state| state == "approved"),
        number: None,
    })
}

/// Returns how the head came, if an activity is an update of a pull request that was open; the newest comes first. That of
/// before is not looked for: two commits may begin alike.
pub(super) fn update(value: &Json) -> Option<Arrival> {
    let update = value.get("update").filter(|update| word(update, "/state") == Some("OPEN"))?;
    Some(Arrival { commit: begins(update, "/source/commit/hash")?, at: time(update, "/date")? })
}

/// Returns who wrote a commit, and who committed it where that is told.
pub(super) fn people(value: &Json) -> Option<[String; 2]> {
    let user = |who: &str| word(value, &format!("/{who}/user/account_id")).map(str::to_owned);
    let author = user("author")?;
    let is_same = word(value, "/committer/raw").is_none_or(|raw| word(value, "/author/raw") == Some(raw));
    let committer = user("committer").or_else(|| is_same.then(|| author.clone()))?;
    Some([author, committer])
}

pub(super) fn comments(forge: &Forge, attempt: &str, number: u64, page: usize) -> Call {
    let path = format!("{}/pullrequests/{number}/comments?pagelen={PAGE}&page={page}", repository(forge));
    Call::list(attempt, path)
}

/// Returns a comment; of one that was deleted it keeps the place.
pub(super) fn read_comment(value: &Json) -> Option<Comment> {
    let is_deleted = value.get("deleted").and_then(Json::as_bool) == Some(true);
    let id = value.get("id").filter(|_| !is_deleted)?.as_u64()?;
    let author = word(value, "/user/account_id").map(str::to_owned);
    Some(Comment { id, version: None, text: word(value, "/content/raw").unwrap_or_default().to_owned(), author })
}

pub(super) fn comment(forge: &Forge, attempt: &str, number: u64, of: Option<u64>, text: &str) -> Call {
    let comments = format!("{}/pullrequests/{number}/comments", repository(forge));
    let body = json!({ "content": { "raw": text } });
    match of {
        Some(id) => Call::write(attempt, Method::Put, format!("{comments}/{id}"), body, &[200]),
        None => Call::write(attempt, Method::Post, comments, body, &[201]),
    }
}

/// A repository has fifty webhooks at most.
pub(super) fn hooks(forge: &Forge, attempt: &str) -> Call {
    Call::list(attempt, format!("{}/hooks?pagelen={PAGE}", repository(forge)))
}

/// The secret of one is never told; a change without it would leave it as it is.
pub(super) fn hook(forge: &Forge, url: &str, secret: &SecretString, known: Option<&str>) -> Call {
    let hooks = format!("{}/hooks", repository(forge));
    let body = json!({
        "description": "stratify", "url": url, "active": true, "skip_cert_verification": false,
        "secret": secret.expose_secret(), "events": EVENTS,
    });
    match known {
        // An id in braces.
        Some(id) => Call::write(CHANGE, Method::Put, format!("{hooks}/{}", part(id)), body, &[200]),
        None => Call::write(MAKE, Method::Post, hooks, body, &[201]),
    }
}

pub(super) fn read_hook(value: &Json) -> Option<WebHook> {
    let is_not = |key: &str| value.get(key).and_then(Json::as_bool) == Some(false);
    let trouble = is_not("active").then_some(IS_OFF).or(is_not("secret_set").then_some(HAS_NO_SECRET));
    let (id, url) = (word(value, "/uuid")?.to_owned(), word(value, "/url")?.to_owned());
    Some(WebHook { id, url, events: events(value), trouble: trouble.map(str::to_owned) })
}
