//! In: the settings of a forge. Out: what differs from forge to forge: paths, headers, words, what a refusal means.
//! Guarantee: one match a question, so that a forge that lacks an answer does not compile.
use super::call::{Call, listed};
use super::capabilities::Capabilities;
use super::error::Meaning;
use super::pulls::{self, Comment, PAGE, Pull};
use super::server::LIMITED;
use super::statuses::CommitStatus;
use super::{azure_devops, bitbucket_cloud, bitbucket_data_center, gitea, github, gitlab};
use crate::settings::{Forge as Settings, ForgeKind, TokenAt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::time::Duration;

/// A repository on a forge.
#[derive(Clone, Debug)]
pub struct Forge {
    kind: ForgeKind,
    url: String,
    repository: String,
    user: Option<String>,
    app: Option<String>,
}

/// How a request says who asks.
pub(super) enum Identity {
    /// By a header.
    Header {
        /// Its name, in small letters.
        name: &'static str,
        /// Its value.
        value: SecretString,
    },
}

impl Forge {
    /// Takes the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            kind: settings.kind,
            url: settings.url.clone(),
            repository: settings.repository.clone(),
            user: settings.user.clone(),
            app: if let TokenAt::App(app) = &settings.token { Some(app.id.clone()) } else { None },
        }
    }

    /// Returns which forge it is.
    pub fn kind(&self) -> ForgeKind {
        self.kind
    }

    /// Returns its address, as the settings have it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the repository, as the forge names it.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns what it can do.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::of(self.kind)
    }

    /// Whether it takes check runs of us, which only an app of GitHub may make.
    pub fn takes_checks(&self) -> bool {
        self.app.is_some()
    }

    /// Returns the app that we are, if we are one.
    pub fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    /// Returns the address of its API.
    pub(super) fn base(&self) -> String {
        match self.kind {
            ForgeKind::GitHub => github::base(&self.url),
            ForgeKind::GitLab => format!("{}/api/v4", self.url),
            ForgeKind::Gitea => format!("{}/api/v1", self.url),
            ForgeKind::BitbucketCloud => bitbucket_cloud::base(&self.url),
            ForgeKind::BitbucketDataCenter => format!("{}/rest/api/latest", self.url),
            ForgeKind::AzureDevOps => self.url.clone(),
        }
    }

    /// Returns what each request bears.
    pub(super) fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            ForgeKind::GitHub => github::HEADERS,
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::HEADERS,
            _ => &[("accept", "application/json")],
        }
    }

    /// Returns how a request says who asks.
    pub(super) fn identity(&self, token: &SecretString) -> Identity {
        let token = token.expose_secret();
        let basic = |user: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{token}")));
        let (name, value) = match (self.kind, &self.user) {
            (ForgeKind::GitLab, _) => ("private-token", token.to_owned()),
            (ForgeKind::Gitea, _) => ("authorization", format!("token {token}")),
            (ForgeKind::AzureDevOps, user) => ("authorization", basic(user.as_deref().unwrap_or_default())),
            (ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter, Some(user)) => ("authorization", basic(user)),
            _ => ("authorization", format!("Bearer {token}")),
        };
        Identity::Header { name, value: value.into() }
    }

    /// Returns the request that gives a commit a status.
    pub fn status(&self, status: &CommitStatus<'_>) -> Call {
        let attempt = format!("post {} of {} to {}", status.context, short(status.commit), self.repository);
        match self.kind {
            ForgeKind::GitHub => github::status(self, &attempt, status),
            ForgeKind::GitLab => gitlab::status(self, &attempt, status),
            ForgeKind::Gitea => gitea::status(self, &attempt, status),
            ForgeKind::BitbucketCloud => bitbucket_cloud::status(self, &attempt, status),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::status(self, &attempt, status),
            ForgeKind::AzureDevOps => azure_devops::status(self, &attempt, status),
        }
    }

    /// Returns the request for the heads that a pull request had; none where what is said of a commit is said of its pull
    /// request, too.
    pub fn iterations(&self, number: u64) -> Option<Call> {
        let attempt = format!("list the heads of pull request {number}");
        (self.kind == ForgeKind::AzureDevOps).then(|| azure_devops::iterations(self, &attempt, number))
    }

    /// Reads the number of the head that is this commit.
    pub fn read_iteration(&self, body: &Json, commit: &str) -> Option<u64> {
        azure_devops::read_iteration(listed(body).unwrap_or_default(), commit)
    }

    /// Returns the request that gives one head of a pull request a status.
    pub fn pull_status(&self, (number, iteration): (u64, u64), status: &CommitStatus<'_>) -> Call {
        let attempt = format!("post {} of pull request {number} to {}", status.context, self.repository);
        azure_devops::pull_status(self, &attempt, (number, iteration), status)
    }

    /// Returns the request for a page of the open pull requests.
    pub fn pulls(&self, page: usize) -> Call {
        let attempt = format!("list the pull requests of {}", self.repository);
        match self.kind {
            ForgeKind::GitHub | ForgeKind::Gitea => github::pulls(self, &attempt, page),
            ForgeKind::GitLab => gitlab::pulls(self, &attempt, page),
            ForgeKind::BitbucketCloud => bitbucket_cloud::pulls(self, &attempt, page),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::pulls(self, &attempt, page),
            ForgeKind::AzureDevOps => azure_devops::pulls(self, &attempt, page),
        }
    }

    /// Returns the request for the whole id of a commit of which the forge told the beginning; none where it tells all.
    pub fn whole_commit(&self, begins: &str) -> Option<Call> {
        let attempt = format!("look up commit {begins}");
        (self.kind == ForgeKind::BitbucketCloud).then(|| bitbucket_cloud::commit(self, &attempt, begins))
    }

    /// Reads the whole id of a commit that begins so.
    pub fn read_whole_commit(&self, begins: &str, body: &Json) -> Option<String> {
        pulls::commit(body, "/hash").filter(|whole| whole.starts_with(begins))
    }

    /// Reads a page of pull requests; says whether another one may follow.
    pub fn read_pulls(&self, page: &Json) -> (Vec<Pull>, bool) {
        let all = listed(page).unwrap_or_default();
        let read = match self.kind {
            ForgeKind::GitLab => pulls::of_gitlab,
            ForgeKind::BitbucketCloud => bitbucket_cloud::read_pull,
            ForgeKind::BitbucketDataCenter => pulls::of_data_center,
            ForgeKind::AzureDevOps => pulls::of_azure,
            _ => pulls::of_github,
        };
        (all.iter().filter_map(read).collect(), all.len() >= PAGE)
    }

    /// Returns the request for a page of a pull request's comments.
    pub fn comments(&self, number: u64, page: usize) -> Call {
        let attempt = format!("list the comments of pull request {number}");
        match self.kind {
            ForgeKind::GitLab => gitlab::comments(self, &attempt, number, page),
            ForgeKind::BitbucketCloud => bitbucket_cloud::comments(self, &attempt, number, page),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::comments(self, &attempt, number, page),
            ForgeKind::AzureDevOps => azure_devops::comments(self, &attempt, number),
            _ => github::comments(self, &attempt, number, page),
        }
    }

    /// Reads a page of comments; says whether another one may follow.
    pub fn read_comments(&self, page: &Json) -> (Vec<Comment>, bool) {
        let all = listed(page).unwrap_or_default();
        let read = match self.kind {
            ForgeKind::BitbucketCloud => bitbucket_cloud::read_comment,
            ForgeKind::BitbucketDataCenter => pulls::comment_of_data_center,
            ForgeKind::AzureDevOps => pulls::comment_of_azure,
            _ => pulls::comment,
        };
        let is_whole = self.kind == ForgeKind::AzureDevOps;
        (all.iter().filter_map(read).collect(), !is_whole && all.len() >= PAGE)
    }

    /// Whether the id of a comment is enough to word it anew.
    pub fn knows_comments_by_id(&self) -> bool {
        self.kind != ForgeKind::BitbucketDataCenter
    }

    /// Returns the request that comments on a pull request, or that words such a comment anew.
    pub fn comment(&self, number: u64, of: Option<&Comment>, text: &str) -> Call {
        let attempt = format!("comment on pull request {number}");
        let id = of.map(|of| of.id);
        let call = match self.kind {
            ForgeKind::GitLab => gitlab::comment(self, &attempt, number, id, text),
            ForgeKind::BitbucketCloud => bitbucket_cloud::comment(self, &attempt, number, id, text),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::comment(self, &attempt, number, of, text),
            ForgeKind::AzureDevOps => azure_devops::comment(self, &attempt, number, id, text),
            _ => github::comment(self, &attempt, number, id, text),
        };
        call.as_comment()
    }

    /// Returns what a refusal means: first what is alike everywhere, then what its own words say.
    pub(super) fn meaning(&self, code: u16, message: &str, wait: Option<Duration>) -> Meaning {
        let lower = message.to_lowercase();
        let own = match self.kind {
            ForgeKind::GitHub => github::meaning(code, &lower, wait),
            ForgeKind::GitLab => gitlab::meaning(code, &lower),
            ForgeKind::Gitea => gitea::meaning(code, &lower),
            ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter | ForgeKind::AzureDevOps => {
                // They answer the same code for a commit and for a repository that is not there; the words differ.
                (code == 404 && lower.contains("commit")).then_some(Meaning::Never)
            }
        };
        own.unwrap_or(match (code, wait) {
            (429 | 503, Some(wait)) => Meaning::Limited(wait),
            (429, None) => Meaning::Limited(LIMITED),
            (401 | 403 | 404 | 407 | 410 | 451, _) => Meaning::Operator,
            (408 | 409 | 423 | 425 | 500.., _) => Meaning::Later,
            _ => Meaning::Never,
        })
    }
}

/// Returns the digits of a commit that people write.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
