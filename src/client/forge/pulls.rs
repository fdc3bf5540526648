//! In: pull requests and comments, as each forge tells them in JSON. Out: the same in one form.
//! Guarantee: a pull request that lacks what is needed is left out and never half read; its texts are not to be trusted.
use serde_json::Value as Json;

/// How many pull requests or comments a page has; Gitea gives no more than fifty.
pub(super) const PAGE: usize = 50;

/// A pull request that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Who opened it, as the forge names them.
    pub author: String,
    /// The commit at its head, in 40 digits; as it is listed, maybe in twelve.
    pub head: String,
    /// The ref of the repository under which that is fetched; none where the forge has none for it.
    pub reference: Option<String>,
    /// The branch that the head is on, where that is a branch of the repository; else the ref.
    pub branch: String,
    /// The branch that it is to be merged into.
    pub base: String,
    /// Whether its head is in a repository of somebody else.
    pub is_fork: bool,
}

/// A comment of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// How often it was worded anew, where whoever does so has to know.
    pub version: Option<u64>,
    /// Its text.
    pub text: String,
    /// Who wrote it, as the forge names them; an app by its number.
    pub author: Option<String>,
}

/// Returns a text of a value.
pub(super) fn text<'a>(value: &'a Json, at: &str) -> Option<&'a str> {
    value.pointer(at).and_then(Json::as_str).filter(|text| !text.is_empty())
}

/// Returns a commit's id, if it is a whole one.
pub(super) fn commit(value: &Json, at: &str) -> Option<String> {
    let id = text(value, at)?.to_lowercase();
    (id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Whether a branch of a forge can be named so: one that is not is no part of what is fetched.
pub(super) fn is_ref(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']);
    !name.contains("..")
        && !name.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c))
        && name.split('/').all(is_part)
}

/// Returns a pull request as GitHub and Gitea tell it.
pub(super) fn of_github(value: &Json) -> Option<Pull> {
    let number = value.get("number")?.as_u64()?;
    // Without a repository at its head, that is gone: then it was a fork.
    let home = text(value, "/base/repo/full_name")?;
    let is_fork = text(value, "/head/repo/full_name").is_none_or(|head| !head.eq_ignore_ascii_case(home));
    let reference = format!("refs/pull/{number}/head");
    let branch = text(value, "/head/ref").filter(|_| !is_fork).unwrap_or(&reference).to_owned();
    Some(Pull {
        number,
        branch,
        author: text(value, "/user/login").unwrap_or_default().to_owned(),
        head: commit(value, "/head/sha")?,
        reference: Some(reference),
        base: text(value, "/base/ref")?.to_owned(),
        is_fork,
    })
}

/// Returns a merge request as GitLab tells it.
pub(super) fn of_gitlab(value: &Json) -> Option<Pull> {
    let number = value.get("iid")?.as_u64()?;
    let is_fork = value.get("source_project_id") != value.get("target_project_id");
    let reference = format!("refs/merge-requests/{number}/head");
    let branch = text(value, "/source_branch").filter(|_| !is_fork).unwrap_or(&reference).to_owned();
    Some(Pull {
        number,
        branch,
        author: text(value, "/author/username").unwrap_or_default().to_owned(),
        head: commit(value, "/sha")?,
        reference: Some(reference),
        base: text(value, "/target_branch")?.to_owned(),
        is_fork,
    })
}

/// Returns a comment, whose text stands under one of these keys.
pub(super) fn comment(value: &Json) -> Option<Comment> {
    let id = value.get("id")?.as_u64()?;
    let app = value.pointer("/performed_via_github_app/id").and_then(Json::as_u64).map(|id| id.to_string());
    let author = || text(value, "/user/login").or_else(|| text(value, "/author/username")).map(str::to_owned);
    let author = app.or_else(author);
    Some(Comment { id, version: None, text: text(value, "/body").unwrap_or_default().to_owned(), author })
}

/// Returns a pull request as Bitbucket Data Center tells it.
pub(super) fn of_data_center(value: &Json) -> Option<Pull> {
    let number = value.get("id")?.as_u64()?;
    let home = |side: &str| {
        let of = |part: &str| text(value, &format!("/{side}/repository/{part}"));
        Some((of("project/key")?.to_lowercase(), of("slug")?.to_lowercase()))
    };
    let is_fork = home("fromRef")? != home("toRef")?;
    let reference = format!("refs/pull-requests/{number}/from");
    Some(Pull {
        number,
        branch: text(value, "/fromRef/displayId").filter(|_| !is_fork).unwrap_or(&reference).to_owned(),
        author: text(value, "/author/user/name").unwrap_or_default().to_owned(),
        head: commit(value, "/fromRef/latestCommit")?,
        reference: Some(reference),
        base: text(value, "/toRef/displayId")?.to_owned(),
        is_fork,
    })
}

/// Returns a pull request as Azure DevOps tells it.
pub(super) fn of_azure(value: &Json) -> Option<Pull> {
    let number = value.get("pullRequestId")?.as_u64()?;
    let is_fork = value.get("forkSource").is_some_and(|fork| !fork.is_null());
    let source = text(value, "/sourceRefName")?;
    // Of a fork there is no ref of its own; what Azure merges has its head as a parent.
    let reference = if is_fork { format!("refs/pull/{number}/merge") } else { source.to_owned() };
    Some(Pull {
        number,
        branch: source.strip_prefix("refs/heads/").filter(|_| !is_fork).unwrap_or(&reference).to_owned(),
        author: text(value, "/createdBy/uniqueName").unwrap_or_default().to_owned(),
        head: commit(value, "/lastMergeSourceCommit/commitId")?,
        reference: Some(reference).filter(|name| is_ref(name)),
        base: text(value, "/targetRefName")?.strip_prefix("refs/heads/")?.to_owned(),
        is_fork,
    })
}

/// Returns a comment out of an activity of Bitbucket Data Center, if it is one.
pub(super) fn comment_of_data_center(value: &Json) -> Option<Comment> {
    let comment = value.get("comment").filter(|_| text(value, "/action") == Some("COMMENTED"))?;
    let number = |key: &str| comment.get(key).and_then(Json::as_u64);
    let word = |at: &str| text(comment, at).map(str::to_owned);
    let (id, version) = (number("id")?, Some(number("version")?));
    Some(Comment { id, version, text: word("/text").unwrap_or_default(), author: word("/author/name") })
}

/// Returns the first comment of a thread of Azure DevOps; it has the id of the thread.
pub(super) fn comment_of_azure(value: &Json) -> Option<Comment> {
    let id = value.get("id")?.as_u64()?;
    let author = text(value, "/comments/0/author/uniqueName").map(str::to_owned);
    Some(Comment { id, version: None, text: text(value, "/comments/0/content")?.to_owned(), author })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pull_request_of_a_fork_is_told_from_ones_own() {
        let sha = "1c7aa060a221576412f6caff5b55b30337d04278";
        let github = |head: Json| {
            let base = json!({ "ref": "main", "repo": { "full_name": "acme/fleet" } });
            let head = json!({ "sha": sha, "repo": head });
            of_github(&json!({ "number": 7, "user": { "login": "ada" }, "head": head, "base": base }))
        };
        let own = github(json!({ "full_name": "Acme/fleet" })).expect("it is whole");
        assert!(!own.is_fork && own.reference.as_deref() == Some("refs/pull/7/head"), "{own:?}");
        assert!(github(json!({ "full_name": "eve/fleet" })).is_some_and(|pull| pull.is_fork));
        assert!(github(Json::Null).is_some_and(|pull| pull.is_fork), "a fork that is gone");
        let request = json!({
            "iid": 3, "sha": sha, "target_branch": "main", "source_project_id": 1, "target_project_id": 2,
        });
        assert!(
            of_gitlab(&request)
                .is_some_and(|pull| pull.is_fork && pull.reference.as_deref() == Some("refs/merge-requests/3/head"))
        );
        assert_eq!(of_github(&json!({ "number": 7, "head": { "sha": "--upload-pack=x" } })), None, "it is no commit");
        let side = |key: &str| {
            let repository = json!({ "slug": "fleet", "project": { "key": key } });
            json!({ "displayId": "main", "latestCommit": sha, "repository": repository })
        };
        let center = |from: &str| of_data_center(&json!({ "id": 4, "fromRef": side(from), "toRef": side("OPS") }));
        let own = center("OPS").expect("it is whole");
        assert!(!own.is_fork && own.reference.as_deref() == Some("refs/pull-requests/4/from"), "{own:?}");
        assert!(center("~eve").is_some_and(|pull| pull.is_fork), "of somebody's own project");
        let azure = |fork: Json| {
            of_azure(&json!({
                "pullRequestId": 5, "sourceRefName": "refs/heads/x", "targetRefName": "refs/heads/main",
                "lastMergeSourceCommit": { "commitId": sha }, "forkSource": fork,
            }))
        };
        assert!(
            azure(Json::Null).is_some_and(|pull| !pull.is_fork && pull.reference.as_deref() == Some("refs/heads/x"))
        );
        assert!(azure(json!({ "name": "refs/heads/x" })).is_some_and(|pull| pull.is_fork));
        for name in ["refs/heads/*", "refs/heads/x:refs/heads/main", "refs/heads/../x", "--upload-pack=x"] {
            assert!(!is_ref(name), "{name} would fetch something else");
        }
        assert!(is_ref("refs/heads/ünï/\u{202e}x"), "others are names");
    }
}
