//! In: what is asked of Azure DevOps. Out: its requests.
//! Guarantee: as its API 7.1; a repository is `organisation/project/repository` in the settings.
use super::call::{Call, Method, part};
use super::error::{ForgeError, Meaning, Trouble};
use super::hooks::{CHANGE, HAS_NO_SECRET, IS_OFF, MAKE, WebHook};
use super::kind::Forge;
use super::pulls::{PAGE, commit, text as word};
use super::reviews::{Arrival, Of, Reviewing, time};
use super::statuses::{CommitStatus, Stand, name, text};
use crate::decide::value::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What it is to send; a vote and a push to a pull request are updates of it.
pub(super) const EVENTS: &[&str] = &["git.push", "git.pullrequest.created", "git.pullrequest.updated"];

pub(super) const VERSION: &str = "api-version=7.1";

/// Returns the path of the repository.
pub(super) fn repository(forge: &Forge) -> String {
    let parts: Vec<String> = forge.repository().split('/').map(part).collect();
    match parts.as_slice() {
        [organisation, project, repository] => {
            format!("/{organisation}/{project}/_apis/git/repositories/{repository}")
        }
        // The settings refuse it.
        _ => format!("/{}", parts.join("/")),
    }
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let path = format!("{}/commits/{}/statuses?{VERSION}", repository(forge), part(status.commit));
    Call::write(attempt, Method::Post, path, said(forge, status), &[200, 201])
}

fn said(forge: &Forge, status: &CommitStatus<'_>) -> Json {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "pending",
        Stand::Success => "succeeded",
        Stand::Failure => "failed",
        Stand::Error => "error",
        Stand::Overtaken => "notApplicable",
    };
    let context = name(status.context, &capabilities);
    let (genre, short) = context.split_once('/').unwrap_or(("stratify", &context));
    let mut body = json!({
        "state": state,
        "description": text(status.text, capabilities.text_chars_max),
        "context": { "genre": genre, "name": short },
    });
    if let Some(link) = status.link {
        body["targetUrl"] = link.into();
    }
    body
}

/// The heads of a pull request are its iterations.
pub(super) fn iterations(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::list(attempt, format!("{}/pullRequests/{number}/iterations?{VERSION}", repository(forge)))
}

/// Returns the newest iteration whose head is this commit.
pub(super) fn read_iteration(all: &[Json], commit: &str) -> Option<u64> {
    let is_it = |one: &&Json| word(one, "/sourceRefCommit/commitId").is_some_and(|id| id.eq_ignore_ascii_case(commit));
    all.iter().filter(is_it).filter_map(|one| one.get("id")?.as_u64()).max()
}

/// Branch policies look at the statuses of pull requests, and not at those of commits.
pub(super) fn pull_status(
    forge: &Forge,
    attempt: &str,
    (number, iteration): (u64, u64),
    status: &CommitStatus<'_>,
) -> Call {
    let mut body = said(forge, status);
    body["iterationId"] = iteration.into();
    let path = format!("{}/pullRequests/{number}/statuses?{VERSION}", repository(forge));
    Call::write(attempt, Method::Post, path, body, &[200, 201])
}

pub(super) fn pulls(forge: &Forge, attempt: &str, page: usize) -> Call {
    let (repository, skip) = (repository(forge), (page - 1) * PAGE);
    let paged = format!("searchCriteria.status=active&$top={PAGE}&$skip={skip}");
    Call::list(attempt, format!("{repository}/pullrequests?{paged}&{VERSION}"))
}

/// All threads come at once.
pub(super) fn comments(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::list(attempt, format!("{}/pullRequests/{number}/threads?{VERSION}", repository(forge)))
}

/// A comment is the first of a thread of its own, which is closed, so that it holds no merge up.
pub(super) fn comment(forge: &Forge, attempt: &str, number: u64, of: Option<u64>, text: &str) -> Call {
    let threads = format!("{}/pullRequests/{number}/threads", repository(forge));
    if let Some(thread) = of {
        let path = format!("{threads}/{thread}/comments/1?{VERSION}");
        return Call::write(attempt, Method::Patch, path, json!({ "content": text }), &[200]);
    }
    let first = json!({ "parentCommentId": 0, "content": text, "commentType": "text" });
    let body = json!({ "comments": [first], "status": "closed" });
    Call::write(attempt, Method::Post, format!("{threads}?{VERSION}"), body, &[200, 201])
}

/// Who votes now; a policy may take votes back when something is pushed.
pub(super) fn reviewers(forge: &Forge, attempt: &str, number: u64) -> Call {
    Call::list(attempt, format!("{}/pullRequests/{number}/reviewers?{VERSION}", repository(forge)))
}

/// The vote that approves. Of who approves with suggestions something is still to be done.
const APPROVED: i64 = 10;

/// Returns a reviewer's vote; that of a group is one of somebody in it.
pub(super) fn reviewer(value: &Json) -> Option<Reviewing> {
    let is_group = value.get("isContainer").and_then(Json::as_bool) == Some(true);
    let author = word(value, "/uniqueName").filter(|_| !is_group)?.to_owned();
    let approves = value.get("vote").and_then(Json::as_i64) == Some(APPROVED);
    Some(Reviewing { author, id: word(value, "/id")?.to_lowercase(), of: Of::Untold, approves, number: None })
}

/// Returns who approved, and when, if a thread is what Azure DevOps noted itself of a vote. What a thread says of itself
/// anybody may change who may comment; its first comment is its author's alone, so that one has to say so, too.
pub(super) fn approving_vote(thread: &Json) -> Option<(String, Timestamp)> {
    let property = |name: &str| {
        let value = thread.pointer(&format!("/properties/{name}/$value"))?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    let is_vote = property("CodeReviewThreadType")? == "VoteUpdate";
    let approves = property("CodeReviewVoteResult")? == APPROVED.to_string();
    let is_system = word(thread, "/comments/0/commentType") == Some("system");
    let says_so = word(thread, "/comments/0/content")?.ends_with(&format!(" voted {APPROVED}"));
    (is_vote && approves && is_system && says_so).then_some(())?;
    Some((word(thread, "/comments/0/author/id")?.to_lowercase(), time(thread, "/publishedDate")?))
}

/// Returns how the head came that is there now. What changed an iteration later is taken for another one.
pub(super) fn arrival(iterations: &[Json]) -> Option<Arrival> {
    let newest = iterations.iter().max_by_key(|one| one.get("id").and_then(Json::as_u64))?;
    let created = time(newest, "/createdDate")?;
    let at = time(newest, "/updatedDate").map_or(created, |updated| updated.max(created));
    Some(Arrival { commit: commit(newest, "/sourceRefCommit/commitId")?, at })
}

/// The most commits of a pull request that are asked for one by one: more than people look through.
const COMMITS_MAX: usize = 50;

pub(super) fn commits(forge: &Forge, attempt: &str, number: u64) -> Call {
    let path = format!("{}/pullRequests/{number}/commits?$top={}&{VERSION}", repository(forge), COMMITS_MAX + 1);
    Call::list(attempt, path)
}

pub(super) fn pushed(forge: &Forge, attempt: &str, commits: &[Json]) -> Option<Vec<Call>> {
    let one = |value: &Json| {
        let path = format!("{}/commits/{}?{VERSION}", repository(forge), commit(value, "/commitId")?);
        Some(Call::get(attempt, path))
    };
    (1..=COMMITS_MAX).contains(&commits.len()).then_some(())?;
    commits.iter().map(one).collect()
}

/// Returns who wrote the commits of a pull request. Who signed in to push one is known; whom Git names is anybody's word, so
/// each author and committer has to be, by their address, one of those who pushed something of it.
pub(super) fn people(iterations: &[Json], commits: &[Json]) -> Option<Vec<String>> {
    let all = |list: &[Json], at: &str| -> Option<Vec<String>> {
        list.iter().map(|one| Some(word(one, at)?.to_lowercase())).collect()
    };
    let mut known: BTreeSet<String> = all(commits, "/push/pushedBy/uniqueName")?.into_iter().collect();
    known.extend(all(iterations, "/author/uniqueName")?);
    let mut named = all(commits, "/author/email")?;
    named.extend(all(commits, "/committer/email")?);
    named.iter().all(|name| known.contains(name)).then(|| known.into_iter().collect())
}

/// Its webhooks are subscriptions of the whole organisation, each to one event of one repository.
pub(super) fn hooks(forge: &Forge, attempt: &str) -> Call {
    let only = "publisherId=tfs&consumerId=webHooks&consumerActionId=httpRequest";
    Call::list(attempt, format!("{}?{only}&{VERSION}", subscriptions(forge)))
}

fn subscriptions(forge: &Forge) -> String {
    let organisation = forge.repository().split('/').next().unwrap_or_default();
    format!("/{}/_apis/hooks/subscriptions", part(organisation))
}

/// Returns the requests for all subscriptions; a password is what a delivery is known by.
pub(super) fn make_hooks(
    forge: &Forge,
    url: &str,
    secret: &SecretString,
    known: &[&WebHook],
    about: &Json,
) -> Result<Vec<Call>, ForgeError> {
    let (Some(repository), Some(project)) = (word(about, "/id"), word(about, "/project/id")) else {
        let trouble = Trouble::Malformed("the ids of repository and project were expected".to_owned());
        return Err(ForgeError { attempt: MAKE.to_owned(), trouble, meaning: Meaning::Later });
    };
    let one = |event: &&str| {
        let body = json!({
            "publisherId": "tfs", "eventType": event, "resourceVersion": "1.0", "status": "enabled",
            "consumerId": "webHooks", "consumerActionId": "httpRequest",
            // An empty branch is any of them.
            "publisherInputs": { "projectId": project, "repository": repository, "branch": "" },
            // Without its details an event does not say which repository it is of.
            "consumerInputs": {
                "url": url, "basicAuthUsername": "stratify", "basicAuthPassword": secret.expose_secret(),
                "resourceDetailsToSend": "all", "messagesToSend": "none", "detailedMessagesToSend": "none",
                "acceptUntrustedCerts": "false",
            },
        });
        let subscriptions = subscriptions(forge);
        match known.iter().find(|hook| hook.events.iter().any(|sent| sent == event)) {
            Some(hook) => {
                let path = format!("{subscriptions}/{}?{VERSION}", part(&hook.id));
                Call::write(CHANGE, Method::Put, path, body, &[200])
            }
            None => Call::write(MAKE, Method::Post, format!("{subscriptions}?{VERSION}"), body, &[200, 201]),
        }
    };
    Ok(EVENTS.iter().map(one).collect())
}

/// Returns a subscription, if it is one of the repository that tells this of itself.
pub(super) fn read_hook(value: &Json, about: &Json) -> Option<WebHook> {
    let is_same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    word(value, "/publisherInputs/repository").zip(word(about, "/id")).filter(|(one, other)| is_same(one, other))?;
    let details = word(value, "/consumerInputs/resourceDetailsToSend").is_some_and(|details| !is_same(details, "all"));
    let trouble = match word(value, "/status") {
        Some("disabledByUser") => Some(IS_OFF),
        Some("disabledByInactiveIdentity") => Some("it is switched off, since who made it is no longer active"),
        Some("disabledBySystem") => Some("its deliveries failed, and Azure DevOps has switched it off"),
        Some("onProbation") => Some("its deliveries fail, and Azure DevOps is about to switch it off"),
        // Where there is one, eight asterisks stand for it.
        _ if word(value, "/consumerInputs/basicAuthPassword").is_none() => Some(HAS_NO_SECRET),
        _ if details => Some("it sends less than is needed: its resource details have to be `all`"),
        _ => None,
    };
    Some(WebHook {
        id: word(value, "/id")?.to_owned(),
        url: word(value, "/consumerInputs/url")?.to_owned(),
        events: vec![word(value, "/eventType")?.to_owned()],
        trouble: trouble.map(str::to_owned),
    })
}
