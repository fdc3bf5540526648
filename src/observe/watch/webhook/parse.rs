//! In: a delivery that the forge signed. Out: what it is about, in as few words as are needed to look.
//! Guarantee: nothing of it is taken for what is there; a name that no ref can have is a mistake of the delivery.
use crate::settings::ForgeKind;
use http::HeaderMap;
use serde_json::Value as Json;

/// The longest name of a ref, or of a repository, that is read: file systems have 4,096 bytes for a path.
const NAME_BYTES_MAX: usize = 1_024;

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id; a delivery that is sent again has the same.
    pub id: Option<String>,
    /// What happened.
    pub event: Event,
    /// Of which repository, as the forge names it.
    pub repository: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The forge tries whether somebody listens.
    Ping,
    /// Refs moved, came or went.
    Pushed(Vec<String>),
    /// Something happened to a pull request.
    Pull,
    /// Something else.
    Other,
}

/// Reads a delivery; the error says what was expected.
pub fn parse(kind: ForgeKind, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, String> {
    let body: Json = serde_json::from_slice(body).map_err(|error| {
        // Only where, and not what: the text is not ours.
        format!("expected JSON; the webhook's content type has to be application/json (line {})", error.line())
    })?;
    let name = |header: &str| headers.get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (id, what) = match kind {
        ForgeKind::GitHub => (name("x-github-delivery"), name("x-github-event")),
        ForgeKind::Gitea => {
            let either = |one, other| name(one).or_else(|| name(other));
            (either("x-gitea-delivery", "x-forgejo-delivery"), either("x-gitea-event", "x-forgejo-event"))
        }
        ForgeKind::GitLab => (name("idempotency-key").or_else(|| name("x-gitlab-event-uuid")), name("x-gitlab-event")),
        ForgeKind::BitbucketCloud => (name("x-request-uuid"), name("x-event-key")),
        ForgeKind::BitbucketDataCenter => (name("x-request-id"), name("x-event-key")),
        ForgeKind::AzureDevOps => (text(&body, "/id"), text(&body, "/eventType")),
    };
    let what = what.ok_or("expected a header that names the event")?.to_lowercase();
    let event = match what.as_str() {
        "ping" | "diagnostics:ping" => Event::Ping,
        _ if is_push(&what) => Event::Pushed(refs(kind, &body)?),
        _ if is_pull(&what) => Event::Pull,
        _ => Event::Other,
    };
    let id = id.filter(|id| id.len() <= NAME_BYTES_MAX);
    Ok(Delivery { id, event, repository: repository(kind, &body).filter(|name| name.len() <= NAME_BYTES_MAX) })
}

fn is_push(what: &str) -> bool {
    let all = ["push", "push hook", "tag push hook", "create", "delete", "repo:push", "repo:refs_changed", "git.push"];
    all.contains(&what)
}

fn is_pull(what: &str) -> bool {
    let begins = ["pull_request", "merge request hook", "pullrequest:", "pr:", "git.pullrequest", "merge_group"];
    begins.iter().any(|begin| what.starts_with(begin)) || what == "note hook" || what == "issue_comment"
}

/// Returns the refs of a push.
fn refs(kind: ForgeKind, body: &Json) -> Result<Vec<String>, String> {
    let list = |place: &str, inner: &str| -> Vec<String> {
        let all = body.pointer(place).and_then(Json::as_array).into_iter().flatten();
        all.filter_map(|one| text(one, inner)).collect()
    };
    let found = match kind {
        ForgeKind::GitHub | ForgeKind::GitLab | ForgeKind::Gitea => text(body, "/ref").into_iter().collect(),
        ForgeKind::BitbucketCloud => [list("/push/changes", "/new/name"), list("/push/changes", "/old/name")].concat(),
        ForgeKind::BitbucketDataCenter => list("/changes", "/ref/id"),
        ForgeKind::AzureDevOps => list("/resource/refUpdates", "/name"),
    };
    match found.iter().find(|name| !is_ref(name)) {
        Some(_) => Err("it names a ref as none can be named".to_owned()),
        None => Ok(found),
    }
}

/// Returns whether a ref can be named so, as `git check-ref-format` has it.
fn is_ref(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    let is_bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.starts_with('-')
        && name.len() <= NAME_BYTES_MAX
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(is_bad)
        && name.split('/').all(is_part)
}

fn repository(kind: ForgeKind, body: &Json) -> Option<String> {
    match kind {
        ForgeKind::GitHub | ForgeKind::Gitea | ForgeKind::BitbucketCloud => text(body, "/repository/full_name"),
        ForgeKind::GitLab => text(body, "/project/path_with_namespace"),
        ForgeKind::BitbucketDataCenter => {
            let of = |part: &str| {
                ["/repository", "/pullRequest/toRef/repository"]
                    .iter()
                    .find_map(|at| text(body, &format!("{at}{part}")))
            };
            Some(format!("{}/{}", of("/project/key")?, of("/slug")?))
        }
        ForgeKind::AzureDevOps => {
            let (project, name) =
                (text(body, "/resource/repository/project/name")?, text(body, "/resource/repository/name")?);
            Some(format!("{project}/{name}"))
        }
    }
}

fn text(value: &Json, at: &str) -> Option<String> {
    value.pointer(at).and_then(Json::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use serde_json::json;

    fn of(kind: ForgeKind, event: (&'static str, &'static str), body: &Json) -> Result<Delivery, String> {
        let mut headers = HeaderMap::new();
        if !event.0.is_empty() {
            headers.insert(HeaderName::from_static(event.0), HeaderValue::from_static(event.1));
        }
        parse(kind, &headers, body.to_string().as_bytes())
    }

    #[test]
    fn every_forge_says_which_repository_and_which_refs() {
        let pushed = |name: &str| Event::Pushed(vec![name.to_owned()]);
        let cases = [
            (
                ForgeKind::GitHub,
                ("x-github-event", "push"),
                json!({ "ref": "refs/heads/main", "repository": { "full_name": "acme/fleet" } }),
                pushed("refs/heads/main"),
                "acme/fleet",
            ),
            (
                ForgeKind::GitLab,
                ("x-gitlab-event", "Push Hook"),
                json!({ "ref": "refs/heads/main", "project": { "path_with_namespace": "acme/a/fleet" } }),
                pushed("refs/heads/main"),
                "acme/a/fleet",
            ),
            (
                ForgeKind::BitbucketCloud,
                ("x-event-key", "repo:push"),
                json!({ "push": { "changes": [{ "new": { "name": "main" }, "old": null }] }, "repository": { "full_name": "acme/fleet" } }),
                pushed("main"),
                "acme/fleet",
            ),
            (
                ForgeKind::BitbucketDataCenter,
                ("x-event-key", "repo:refs_changed"),
                json!({ "changes": [{ "ref": { "id": "refs/heads/main" } }], "repository": { "slug": "fleet", "project": { "key": "OPS" } } }),
                pushed("refs/heads/main"),
                "OPS/fleet",
            ),
            (
                ForgeKind::AzureDevOps,
                ("", ""),
                json!({ "eventType": "git.push", "resource": { "refUpdates": [{ "name": "refs/heads/main" }], "repository": { "name": "fleet", "project": { "name": "ops" } } } }),
                pushed("refs/heads/main"),
                "ops/fleet",
            ),
            (
                ForgeKind::Gitea,
                ("x-gitea-event", "pull_request"),
                json!({ "action": "opened", "repository": { "full_name": "acme/fleet" } }),
                Event::Pull,
                "acme/fleet",
            ),
        ];
        for (kind, header, body, event, repository) in cases {
            let found = of(kind, header, &body).expect("it is as the forge sends it");
            assert_eq!((found.event, found.repository.as_deref()), (event, Some(repository)), "{kind:?}");
        }
    }

    #[test]
    fn what_no_forge_sends_is_refused() {
        let push = ("x-github-event", "push");
        for name in
            ["--upload-pack=x", "refs/heads/../x", "refs/heads/a b", "refs//x", "a\u{7f}", "refs/heads/x.lock", ""]
        {
            assert!(of(ForgeKind::GitHub, push, &json!({ "ref": name })).is_err(), "{name:?} is no ref");
        }
        assert!(of(ForgeKind::GitHub, ("", ""), &json!({})).is_err(), "no event is named");
        assert!(parse(ForgeKind::GitHub, &HeaderMap::new(), b"payload=%7B%7D").is_err(), "a form");
        let deep = "[".repeat(100_000);
        assert!(parse(ForgeKind::GitHub, &HeaderMap::new(), deep.as_bytes()).is_err(), "depth is bounded");
        let gone = of(ForgeKind::GitHub, push, &json!({ "ref": "refs/heads/gone", "deleted": true, "after": "0" }));
        assert_eq!(
            gone.map(|gone| gone.event),
            Ok(Event::Pushed(vec!["refs/heads/gone".into()])),
            "a branch that went"
        );
    }
}
