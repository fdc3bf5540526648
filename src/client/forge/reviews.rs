//! In: a pull request's number, what a forge tells of its reviews and commits. Out: who approves what, and who wrote it.
//! Guarantee: a review is of one commit, or of a moment at which one head was there; what a forge does not tell is unknown,
//! and never guessed.
//!
//! ```text
//! GitHub, Gitea             reviews ── each with its commit
//! Bitbucket Data Center     participants ── each with the commit that it saw last
//! GitLab                    approvals ── each with its time ──┐
//!                           versions ── when the head came ───┴► of the head, if it was given later
//! Bitbucket Cloud           participants, updates: the same way
//! Azure DevOps              reviewers, notes of their votes, iterations: the same way
//! ```
use super::call::{Call, listed};
use super::kind::Forge;
use super::pulls::{PAGE, commit, text};
use super::{azure_devops, bitbucket_cloud, bitbucket_data_center, github, gitlab};
use crate::decide::value::Timestamp;
use crate::settings::ForgeKind;
use serde_json::Value as Json;

/// A review of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewing {
    /// Who reviewed, as the forge names them.
    pub author: String,
    /// By what the forge names them where it tells when they did.
    pub id: String,
    /// What was reviewed.
    pub of: Of,
    /// Whether it approves; one that asks for changes, or was taken back, does not.
    pub approves: bool,
    /// What tells it from another one of the same person, where the forge says so.
    pub number: Option<u64>,
}

/// What a review is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// This commit.
    Commit(String),
    /// The head that was there by then.
    Moment(Timestamp),
    /// The forge does not say.
    Untold,
}

/// How a head came to a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The commit, of which some forges tell the beginning only.
    pub commit: String,
    /// When.
    pub at: Timestamp,
}

impl Forge {
    /// Returns the request for a page of a pull request's reviews.
    pub fn reviews(&self, number: u64, page: usize) -> Call {
        let attempt = format!("list the reviews of pull request {number}");
        match self.kind() {
            ForgeKind::GitHub | ForgeKind::Gitea => github::of_pull(self, &attempt, number, "reviews", page),
            ForgeKind::GitLab => gitlab::approvals(self, &attempt, number),
            ForgeKind::BitbucketCloud => bitbucket_cloud::pull(self, &attempt, number),
            ForgeKind::BitbucketDataCenter => {
                bitbucket_data_center::of_pull(self, &attempt, number, "participants", page)
            }
            ForgeKind::AzureDevOps => azure_devops::reviewers(self, &attempt, number),
        }
    }

    /// Reads a page of reviews, the oldest first; says whether another one may follow.
    pub fn read_reviews(&self, page: &Json) -> (Vec<Reviewing>, bool) {
        let inner = |key: &str| page.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        match self.kind() {
            ForgeKind::GitLab => (inner("approved_by").iter().filter_map(gitlab::approval).collect(), false),
            ForgeKind::BitbucketCloud => {
                (inner("participants").iter().filter_map(bitbucket_cloud::participant).collect(), false)
            }
            ForgeKind::AzureDevOps => {
                let all = listed(page).unwrap_or_default();
                (all.iter().filter_map(azure_devops::reviewer).collect(), false)
            }
            kind => {
                let is_center = kind == ForgeKind::BitbucketDataCenter;
                let read = if is_center { bitbucket_data_center::participant } else { review };
                let all = listed(page).unwrap_or_default();
                (all.iter().filter_map(read).collect(), all.len() >= PAGE)
            }
        }
    }

    /// Returns the request for how the head came to a pull request; none where each review says of which commit it is.
    pub fn arrival(&self, number: u64) -> Option<Call> {
        let attempt = format!("look when the head of pull request {number} came");
        match self.kind() {
            ForgeKind::GitLab => Some(gitlab::versions(self, &attempt, number)),
            ForgeKind::BitbucketCloud => Some(bitbucket_cloud::of_pull(self, &attempt, number, "activity")),
            ForgeKind::AzureDevOps => Some(azure_devops::iterations(self, &attempt, number)),
            _ => None,
        }
    }

    /// Reads how the head came, if the page says so.
    pub fn read_arrival(&self, page: &Json) -> Option<Arrival> {
        let all = listed(page).unwrap_or_default();
        match self.kind() {
            ForgeKind::GitLab => gitlab::version(all.first()?),
            ForgeKind::AzureDevOps => azure_devops::arrival(all),
            _ => all.iter().find_map(bitbucket_cloud::update),
        }
    }

    /// Returns the request for when approvals were given, where they themselves do not say.
    pub fn approval_times(&self, number: u64) -> Option<Call> {
        let attempt = format!("look when pull request {number} was approved");
        match self.kind() {
            ForgeKind::GitLab => Some(gitlab::newest_notes(self, &attempt, number)),
            ForgeKind::AzureDevOps => Some(azure_devops::comments(self, &attempt, number)),
            _ => None,
        }
    }

    /// Reads when approvals were given, each with the id of who gave it, the newest first.
    pub fn read_approval_times(&self, page: &Json) -> Vec<(String, Timestamp)> {
        let read = match self.kind() {
            ForgeKind::AzureDevOps => azure_devops::approving_vote,
            _ => gitlab::approving_note,
        };
        let mut all: Vec<(String, Timestamp)> = listed(page).unwrap_or_default().iter().filter_map(read).collect();
        all.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        all
    }

    /// Whether who wrote a commit is known by who pushed it.
    pub fn knows_pushers(&self) -> bool {
        self.kind() == ForgeKind::AzureDevOps
    }

    /// Returns the requests for the commits of a pull request that are not told with it, each with who pushed it first; none
    /// where there are too many to be asked for one by one.
    pub fn pushed(&self, number: u64, commits: &Json) -> Option<Vec<Call>> {
        let attempt = format!("look who pushed the commits of pull request {number}");
        azure_devops::pushed(self, &attempt, listed(commits).unwrap_or_default())
    }

    /// Reads who pushed the heads of a pull request and its commits, and wrote them; nothing where that is not known of all.
    pub fn read_pushers(&self, iterations: &Json, commits: &[Json]) -> Option<Vec<String>> {
        azure_devops::people(listed(iterations).unwrap_or_default(), commits)
    }

    /// Returns the request for a page of a pull request's commits.
    pub fn commits_of(&self, number: u64, page: usize) -> Call {
        let attempt = format!("list the commits of pull request {number}");
        match self.kind() {
            ForgeKind::GitLab => gitlab::commits(self, &attempt, number),
            ForgeKind::BitbucketCloud => bitbucket_cloud::of_pull(self, &attempt, number, "commits"),
            ForgeKind::BitbucketDataCenter => bitbucket_data_center::of_pull(self, &attempt, number, "commits", page),
            ForgeKind::AzureDevOps => azure_devops::commits(self, &attempt, number),
            _ => github::of_pull(self, &attempt, number, "commits", page),
        }
    }

    /// Reads who wrote the commits of a page; nothing of one whose people the forge does not know.
    pub fn read_people(&self, page: &Json) -> (Vec<Option<[String; 2]>>, bool) {
        if self.kind() == ForgeKind::GitLab {
            return (gitlab::people(page), false);
        }
        let all = listed(page).unwrap_or_default();
        match self.kind() {
            ForgeKind::BitbucketCloud => {
                (all.iter().map(bitbucket_cloud::people).collect(), bitbucket_cloud::next(page).is_some())
            }
            ForgeKind::BitbucketDataCenter => {
                (all.iter().map(bitbucket_data_center::people).collect(), all.len() >= PAGE)
            }
            _ => (all.iter().map(people).collect(), all.len() >= PAGE),
        }
    }

    /// Returns the request for the page after this one, where the forge alone knows how to ask for it.
    pub fn following(&self, call: &Call, page: &Json) -> Option<Call> {
        let next = bitbucket_cloud::next(page).filter(|_| self.kind() == ForgeKind::BitbucketCloud)?;
        Some(call.with_query(&next))
    }
}

/// Returns a time as forges write it.
pub(super) fn time(value: &Json, at: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text(value, at)?.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(Timestamp)
}

/// Returns a review as GitHub and Gitea tell it; one that only comments is none.
fn review(value: &Json) -> Option<Reviewing> {
    let state = text(value, "/state")?.to_uppercase();
    if matches!(state.as_str(), "COMMENTED" | "COMMENT" | "PENDING" | "REQUEST_REVIEW") {
        return None;
    }
    let is_dismissed = value.get("dismissed").and_then(Json::as_bool) == Some(true);
    let author = text(value, "/user/login")?;
    Some(Reviewing {
        author: author.to_owned(),
        id: author.to_owned(),
        of: Of::Commit(commit(value, "/commit_id")?),
        approves: state == "APPROVED" && !is_dismissed,
        number: value.get("id").and_then(Json::as_u64),
    })
}

/// Returns who wrote and committed a commit, as the forge knows them; none where it does not.
fn people(value: &Json) -> Option<[String; 2]> {
    let login = |who: &str| text(value, &format!("/{who}/login")).map(str::to_lowercase);
    // GitHub commits in its own name what is written by its pages.
    Some([login("author")?, login("committer")?])
}
