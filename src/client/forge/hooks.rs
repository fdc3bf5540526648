//! In: where deliveries are taken, and what they are signed with. Out: the requests that make a webhook, and what a forge
//! tells of its webhooks and their deliveries.
//! Guarantee: the events are those that make a look come sooner, and no others; a forge that has a webhook for each event
//! is given all of them.
use super::call::{Call, Method, listed};
use super::error::ForgeError;
use super::kind::Forge;
use super::pulls::text;
use super::{azure_devops, bitbucket_cloud, bitbucket_data_center, github};
use crate::settings::ForgeKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// What GitHub is to send: its own words.
const GITHUB_EVENTS: &[&str] = &["push", "create", "delete", "pull_request", "pull_request_review", "merge_group"];

/// What Gitea is to send.
const GITEA_EVENTS: &[&str] = &["push", "create", "delete", "pull_request", "pull_request_sync", "pull_request_review"];

/// What of that Gitea tells by the same words in all its versions.
const GITEA_TELLS: &[&str] = &["push", "pull_request"];

/// What GitLab is to send: its fields, each true.
const GITLAB_EVENTS: &[&str] = &["push_events", "tag_push_events", "merge_requests_events"];

/// A webhook as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebHook {
    /// Its id.
    pub id: String,
    /// Where it sends.
    pub url: String,
    /// What it sends, in the forge's words.
    pub events: Vec<String>,
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
    /// Returns the request that lists the webhooks.
    pub fn hooks(&self) -> Call {
        let attempt = "list the webhooks";
        match self.kind() {
            ForgeKind::BitbucketCloud => bitbucket_cloud::hooks(self, attempt),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::hooks(self, attempt),
            ForgeKind::AzureDevOps => azure_devops::hooks(self, attempt),
            _ => Call::list(attempt, format!("{}/hooks?{}", self.home(), github::paged(self, 1))),
        }
    }

    /// Whether webhooks name the repository by what it tells of itself ([`Forge::about`]) alone.
    pub fn lists_hooks_of_others(&self) -> bool {
        self.kind() == ForgeKind::AzureDevOps
    }

    /// Reads the webhooks of the repository, of which `about` is what it tells of itself.
    pub fn read_hooks(&self, body: &Json, about: &Json) -> Vec<WebHook> {
        let all = listed(body).unwrap_or_default().iter();
        match self.kind() {
            ForgeKind::BitbucketCloud => all.filter_map(bitbucket_cloud::read_hook).collect(),
            ForgeKind::BitbucketDataCenter => all.filter_map(bitbucket_data_center::read_hook).collect(),
            ForgeKind::AzureDevOps => all.filter_map(|one| azure_devops::read_hook(one, about)).collect(),
            kind => all.filter_map(|one| read_hook(kind, one)).collect(),
        }
    }

    /// Returns which events that are needed none of these webhooks sends.
    pub fn unsent(&self, hooks: &[&WebHook]) -> Vec<&'static str> {
        let needed = match self.kind() {
            ForgeKind::GitHub => GITHUB_EVENTS,
            ForgeKind::Gitea => GITEA_TELLS,
            ForgeKind::GitLab => GITLAB_EVENTS,
            ForgeKind::BitbucketCloud => bitbucket_cloud::EVENTS,
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::EVENTS,
            ForgeKind::AzureDevOps => azure_devops::EVENTS,
        };
        let sends = |event: &str| hooks.iter().any(|hook| hook.events.iter().any(|sent| sent == event || sent == "*"));
        needed.iter().copied().filter(|event| !sends(event)).collect()
    }

    /// Returns the requests that make a webhook, or that make those that are known as they have to be.
    pub fn make_hooks(
        &self,
        url: &str,
        secret: &SecretString,
        known: &[&WebHook],
        about: &Json,
    ) -> Result<Vec<Call>, ForgeError> {
        let first = known.first().map(|hook| hook.id.as_str());
        match self.kind() {
            ForgeKind::BitbucketCloud => Ok(vec![bitbucket_cloud::hook(self, url, secret, first)]),
            ForgeKind::BitbucketDataCenter => Ok(vec![bitbucket_data_center::hook(self, url, secret, first)]),
            ForgeKind::AzureDevOps => azure_devops::make_hooks(self, url, secret, known, about),
            _ => Ok(vec![self.hook(url, secret, first)]),
        }
    }

    fn hook(&self, url: &str, secret: &SecretString, known: Option<&str>) -> Call {
        let secret = secret.expose_secret();
        let config = json!({ "url": url, "content_type": "json", "secret": secret });
        let mut body = match self.kind() {
            ForgeKind::GitLab => json!({ "url": url, "token": secret, "enable_ssl_verification": true }),
            ForgeKind::Gitea => json!({ "active": true, "events": GITEA_EVENTS, "config": config }),
            _ => json!({ "active": true, "events": GITHUB_EVENTS, "config": config }),
        };
        if self.kind() == ForgeKind::GitLab {
            for event in GITLAB_EVENTS {
                body[*event] = true.into();
            }
        }
        let hooks = format!("{}/hooks", self.home());
        let Some(id) = known else {
            match self.kind() {
                ForgeKind::GitHub => body["name"] = "web".into(),
                ForgeKind::Gitea => body["type"] = "gitea".into(),
                _ => {}
            }
            return Call::write(MAKE, Method::Post, hooks, body, &[201]);
        };
        let method = if self.kind() == ForgeKind::GitLab { Method::Put } else { Method::Patch };
        Call::write(CHANGE, method, format!("{hooks}/{id}"), body, &[200])
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
            ForgeKind::BitbucketCloud => {
                "the token needs `Webhooks: read and write` (an API token the scopes `read:webhook:bitbucket` and `write:webhook:bitbucket`), by an administrator of the repository"
            }
            ForgeKind::BitbucketDataCenter => "the token needs the permission `Repository admin`",
            ForgeKind::AzureDevOps => {
                "the token needs the scope `Code: read`, and its user the permission to edit subscriptions of service hooks, which project administrators have"
            }
        }
    }

    /// Whether deliveries that were not taken are asked for again: others repeat them by themselves, or do not tell.
    pub fn repeats_on_request(&self) -> bool {
        self.kind() == ForgeKind::GitHub
    }

    /// Returns the request for what became of a webhook's newest deliveries.
    pub fn deliveries(&self, hook: &str) -> Call {
        let path = format!("{}/hooks/{hook}/deliveries?per_page=100", self.home());
        Call::list("list the deliveries of the webhook", path)
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
    pub fn redeliver(&self, hook: &str, attempt: u64) -> Call {
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

/// What is attempted, as all of them say it.
pub(super) const MAKE: &str = "make the webhook";
pub(super) const CHANGE: &str = "change the webhook";

/// What is wrong with webhooks of several forges.
pub(super) const IS_OFF: &str = "it is switched off";
pub(super) const HAS_NO_SECRET: &str = "it has no secret, so nothing that it sends is taken";

/// Returns the events that a webhook lists.
pub(super) fn events(value: &Json) -> Vec<String> {
    let all = value.get("events").and_then(Json::as_array).into_iter().flatten();
    all.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Returns a webhook as GitHub, GitLab and Gitea tell it.
fn read_hook(kind: ForgeKind, value: &Json) -> Option<WebHook> {
    let url = text(value, "/config/url").or_else(|| text(value, "/url"))?.to_owned();
    let is = |key: &&&str| value.get(**key).and_then(Json::as_bool) == Some(true);
    let events = if kind == ForgeKind::GitLab {
        GITLAB_EVENTS.iter().filter(is).map(|event| (*event).to_owned()).collect()
    } else {
        events(value)
    };
    Some(WebHook { id: value.get("id")?.as_u64()?.to_string(), url, events, trouble: trouble(kind, value) })
}

fn trouble(kind: ForgeKind, value: &Json) -> Option<String> {
    let is_off = value.get("active").and_then(Json::as_bool) == Some(false);
    let form = text(value, "/config/content_type").filter(|kind| *kind != "json");
    let answered = value.pointer("/last_response/code").and_then(Json::as_u64).filter(|code| *code >= 300);
    // GitLab stops one whose deliveries fail, for a while or for good.
    let stopped = text(value, "/alert_status").filter(|status| *status != "executable");
    let has_none = kind == ForgeKind::GitHub && text(value, "/config/secret").is_none();
    match (form, answered, stopped) {
        _ if is_off => Some(IS_OFF.to_owned()),
        (Some(_), ..) => Some("its content type has to be application/json".to_owned()),
        (_, Some(code), _) => Some(format!("its last delivery was answered by {code}")),
        (.., Some(_)) => Some("its deliveries failed, and GitLab has stopped it".to_owned()),
        _ => has_none.then(|| HAS_NO_SECRET.to_owned()),
    }
}
