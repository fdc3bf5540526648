//! In: what is asked of Azure DevOps. Out: its requests.
//! Guarantee: as its API 7.1; a repository is `organisation/project/repository` in the settings.
use super::call::{Call, Method, part};
use super::kind::Forge;
use super::pulls::{PAGE, text as word};
use super::statuses::{CommitStatus, Stand, name, text};
use serde_json::{Value as Json, json};

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
