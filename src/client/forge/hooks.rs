//! In: where deliveries are taken, and what they are signed with. Out: the requests that make a webhook, and what a forge
//! tells of its webhooks and their deliveries.
//! Guarantee: the events are those that make a look come sooner, and no others.
use super::call::{Call, Method};
use super::github;
use super::kind::Forge;
use super::pulls::text;
use crate::settings::ForgeKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// What GitHub is to send: its own words.
const GITHUB_EVENTS: &[&str] = &["push", "create", "delete", "pull_request", "pull_request_review", "merge_group"];

/// What Gitea is to send.
const GITEA_EVENTS: &[&str] = &["push", "create", "delete", "pull_request", "pull_request_sync", "pull_request_review"];

/// A webhook as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebHook {
    /// Its number.
    pub id: u64,
    /// Where it sends.
    pub url: String,
    /// What is wrong with it, if anything is seen.
    pub trouble: Option<String>,
}

/// A delivery of a webhook, or another attempt at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The number of the attempt.
    pub id: u64,
    /// What all attempts at one delivery have in common.
    pub delivery: String,
    /// Whether it was taken.
    pub is_taken: bool,
}

impl Forge {
    /// Returns the request that lists the webhooks; none where they are not read from this forge.
    pub fn hooks(&self) -> Option<Call> {
        let has = self.capabilities().makes_hooks;
        has.then(|| Call::list("list the webhooks", format!("{}/hooks?{}", self.home(), github::paged(self, 1))))
    }

    /// Reads the webhooks.
    pub fn read_hooks(&self, body: &Json) -> Vec<WebHook> {
        let read = |one: &Json| {
            let url = text(one, "/config/url").or_else(|| text(one, "/url"))?.to_owned();
            let is_off = one.get("active").and_then(Json::as_bool) == Some(false);
            let form = text(one, "/config/content_type").filter(|kind| *kind != "json");
            let answered = one.pointer("/last_response/code").and_then(Json::as_u64).filter(|code| *code >= 300);
            let trouble = match (is_off, form, answered) {
                (true, ..) => Some("it is switched off".to_owned()),
                (_, Some(_), _) => Some("its content type has to be application/json".to_owned()),
                (_, _, Some(code)) => Some(format!("its last delivery was answered by {code}")),
                _ => None,
            };
            Some(WebHook { id: one.get("id")?.as_u64()?, url, trouble })
        };
        body.as_array().into_iter().flatten().filter_map(read).collect()
    }

    /// Returns the request that makes a webhook, or that makes one as it has to be; none where this forge takes none.
    pub fn hook(&self, url: &str, secret: &SecretString, known: Option<u64>) -> Option<Call> {
        let secret = secret.expose_secret();
        let config = json!({ "url": url, "content_type": "json", "secret": secret });
        let mut body = match self.kind() {
            ForgeKind::GitHub => json!({ "active": true, "events": GITHUB_EVENTS, "config": config }),
            ForgeKind::Gitea => json!({ "active": true, "events": GITEA_EVENTS, "config": config }),
            ForgeKind::GitLab => json!({
                "url": url, "token": secret, "push_events": true, "tag_push_events": true, "merge_requests_events": true,
                "enable_ssl_verification": true,
            }),
            ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter | ForgeKind::AzureDevOps => return None,
        };
        let hooks = format!("{}/hooks", self.home());
        let Some(id) = known else {
            match self.kind() {
                ForgeKind::GitHub => body["name"] = "web".into(),
                ForgeKind::Gitea => body["type"] = "gitea".into(),
                _ => {}
            }
            return Some(Call::write("make the webhook", Method::Post, hooks, body, &[201]));
        };
        let method = if self.kind() == ForgeKind::GitLab { Method::Put } else { Method::Patch };
        Some(Call::write("change the webhook", method, format!("{hooks}/{id}"), body, &[200]))
    }

    /// Returns what a token needs for making webhooks, in the forge's words.
    pub fn needs_for_hooks(&self) -> &'static str {
        match self.kind() {
            ForgeKind::GitHub => {
                "a classic token needs the scope `admin:repo_hook`; a fine-grained one and an app need `Webhooks: read and write`, by an administrator of the repository"
            }
            ForgeKind::GitLab => "the token needs the scope `api`, and its user the role Maintainer",
            ForgeKind::Gitea => {
                "the token needs the scope `write:repository`, and its user has to administer the repository"
            }
            _ => "make it by hand in the forge's settings",
        }
    }

    /// Returns the request for what became of a webhook's newest deliveries; none where the forge repeats them by itself, or
    /// does not tell.
    pub fn deliveries(&self, hook: u64) -> Option<Call> {
        let is_it = self.kind() == ForgeKind::GitHub;
        is_it.then(|| {
            Call::list(
                "list the deliveries of the webhook",
                format!("{}/hooks/{hook}/deliveries?per_page=100", self.home()),
            )
        })
    }

    /// Reads deliveries, the newest first.
    pub fn read_deliveries(&self, body: &Json) -> Vec<Delivered> {
        let read = |one: &Json| {
            let code = one.get("status_code")?.as_u64()?;
            let (id, delivery) = (one.get("id")?.as_u64()?, text(one, "/guid")?.to_owned());
            Some(Delivered { id, delivery, is_taken: (200..300).contains(&code) })
        };
        body.as_array().into_iter().flatten().filter_map(read).collect()
    }

    /// Returns the request for another attempt at a delivery.
    pub fn redeliver(&self, hook: u64, attempt: u64) -> Call {
        let path = format!("{}/hooks/{hook}/deliveries/{attempt}/attempts", self.home());
        Call { body: None, ..Call::write("ask for a delivery again", Method::Post, path, Json::Null, &[202]) }
    }

    /// Returns the request for the heads of the merge queue of a branch; only GitHub has one.
    pub fn queue(&self, branch: &str) -> Option<Call> {
        let is_it = self.capabilities().has_queue;
        let branch = super::call::parts(branch);
        let path = || format!("{}/git/matching-refs/heads/gh-readonly-queue/{branch}", self.home());
        is_it.then(|| Call::list("list the merge queue", path()))
    }

    /// Reads the heads of the merge queue of a branch: their refs and commits.
    pub fn read_queue(&self, branch: &str, body: &Json) -> Vec<(String, String)> {
        // What begins alike may be of another branch.
        let begins = format!("refs/heads/gh-readonly-queue/{branch}/");
        let read = |one: &Json| {
            let name = text(one, "/ref").filter(|name| name.starts_with(&begins))?;
            Some((name.to_owned(), super::pulls::commit(one, "/object/sha")?))
        };
        body.as_array().into_iter().flatten().filter_map(read).collect()
    }
}
