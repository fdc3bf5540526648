//! In: what people want to know of a forge. Out: the requests, and what the answers say, in one form.
//! Guarantee: only reads; what a forge does not tell is said to be unknown.
use super::call::{Call, part, parts};
use super::kind::Forge;
use super::pulls::text;
use super::{azure_devops, bitbucket_data_center, gitlab};
use crate::settings::ForgeKind;
use serde_json::Value as Json;

/// A status as the forge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub context: String,
    /// Its state, in the forge's word.
    pub state: String,
    /// Its text.
    pub text: String,
}

impl Forge {
    /// Returns the request that reads the repository itself.
    pub fn about(&self) -> Call {
        let attempt = format!("read {} of {}", self.repository(), self.url());
        Call::get(&attempt, self.home())
    }

    /// Returns the request for who we are; none where the forge does not say, or the settings do.
    pub fn ourselves(&self) -> Option<Call> {
        let is_told = !matches!(self.kind(), ForgeKind::BitbucketDataCenter | ForgeKind::AzureDevOps);
        (is_told && self.app().is_none()).then(|| Call::get("ask who we are", "/user".to_owned()))
    }

    /// Returns the request for what the token may, where that is told of it alone.
    pub fn token(&self) -> Option<Call> {
        let is_told = self.kind() == ForgeKind::GitLab;
        is_told.then(|| Call::get("ask what the token may", "/personal_access_tokens/self".to_owned()))
    }

    /// Reads what the token may, and when it ends.
    pub fn read_token(&self, body: &Json) -> Option<String> {
        let scopes = body.get("scopes")?.as_array()?.iter().filter_map(Json::as_str);
        let scopes = scopes.collect::<Vec<_>>().join(", ");
        Some(text(body, "/expires_at").map_or_else(|| scopes.clone(), |ends| format!("{scopes}; until {ends}")))
    }

    /// Reads who we are, as comments name us.
    pub fn read_ourselves(&self, body: &Json) -> Option<String> {
        let named: &[&str] = match self.kind() {
            // There names are not one's own.
            ForgeKind::BitbucketCloud => &["/account_id"],
            _ => &["/login", "/username"],
        };
        named.iter().find_map(|at| text(body, at)).map(str::to_owned)
    }

    /// Returns whether the token may write to the repository, where the forge says so.
    pub fn may_write(&self, about: &Json) -> Option<bool> {
        match self.kind() {
            ForgeKind::GitHub | ForgeKind::Gitea => about.pointer("/permissions/push")?.as_bool(),
            ForgeKind::GitLab => {
                let level = |of: &str| about.pointer(&format!("/permissions/{of}/access_level"))?.as_u64();
                // Developers may give commits statuses.
                level("project_access").max(level("group_access")).map(|level| level >= 30)
            }
            _ => None,
        }
    }

    /// Returns the request that reads the statuses of a commit.
    pub fn statuses(&self, commit: &str) -> Call {
        let attempt = format!("read the statuses of {commit}");
        let (home, commit) = (self.home(), part(commit));
        let path = match self.kind() {
            ForgeKind::GitHub => format!("{home}/commits/{commit}/status?per_page=100"),
            ForgeKind::Gitea => format!("{home}/commits/{commit}/status?limit=50"),
            ForgeKind::GitLab => format!("{home}/repository/commits/{commit}/statuses?per_page=100"),
            ForgeKind::BitbucketCloud => format!("{home}/commit/{commit}/statuses?pagelen=100"),
            ForgeKind::AzureDevOps => {
                format!("{}/commits/{commit}/statuses?{}", azure_devops::repository(self), azure_devops::VERSION)
            }
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::builds(&commit),
        };
        Call::get(&attempt, path)
    }

    /// Returns the request that reads one status of a commit by its name, where one that lists them may not be there.
    pub fn status_named(&self, commit: &str, context: &str) -> Option<Call> {
        let attempt = format!("read {context} of {commit}");
        let is_it = self.kind() == ForgeKind::BitbucketDataCenter;
        is_it.then(|| bitbucket_data_center::build(self, &attempt, commit, context))
    }

    /// Reads the statuses of a commit: the newest of each name, as the forge orders them.
    pub fn read_statuses(&self, body: &Json) -> Vec<Told> {
        let list = ["/statuses", "/values", "/value", ""].iter().find_map(|at| body.pointer(at)?.as_array());
        let mut told: Vec<Told> = Vec::new();
        for one in list.into_iter().flatten().map(Self::read_status) {
            if !told.iter().any(|known| known.context == one.context) {
                told.push(one);
            }
        }
        told
    }

    /// Reads one status.
    pub fn read_status(one: &Json) -> Told {
        let word = |all: &[&str]| all.iter().find_map(|at| text(one, at)).unwrap_or_default().to_owned();
        let genre = text(one, "/context/genre").map_or_else(String::new, |genre| format!("{genre}/"));
        let context = format!("{genre}{}", word(&["/context/name", "/context", "/key", "/name"]));
        Told { context, state: word(&["/state", "/status"]).to_lowercase(), text: word(&["/description"]) }
    }

    /// Returns the path of the repository.
    pub(super) fn home(&self) -> String {
        match self.kind() {
            ForgeKind::GitHub | ForgeKind::Gitea => format!("/repos/{}", parts(self.repository())),
            ForgeKind::GitLab => gitlab::project(self),
            ForgeKind::BitbucketCloud => format!("/repositories/{}", parts(self.repository())),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::repository(self),
            ForgeKind::AzureDevOps => format!("{}?{}", azure_devops::repository(self), azure_devops::VERSION),
        }
    }
}
