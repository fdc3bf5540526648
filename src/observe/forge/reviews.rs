//! In: a pull request, who may approve. Out: whose review approves it, on exactly the head that was planned.
//! Guarantee: nobody approves what they opened or wrote a part of; where the forge does not know who wrote a commit, no
//! review counts.
use crate::client::forge::{ForgeError, Server};
use crate::settings::Forge;
use std::collections::BTreeMap;

/// How many pages are read of reviews and of commits: GitHub lists 250 commits of a pull request, and no more.
const PAGES_MAX: usize = 5;

/// Whose reviews approve.
#[derive(Clone, Debug, Default)]
pub struct Approvers {
    users: Vec<String>,
    teams: Vec<String>,
}

impl Approvers {
    /// Returns those of the settings.
    pub fn of(settings: Option<&Forge>) -> Self {
        let users = settings.iter().flat_map(|it| it.approvers.clone()).collect();
        Self { users, teams: settings.iter().flat_map(|it| it.approver_teams.clone()).collect() }
    }

    /// Whether nobody's do.
    pub fn are_none(&self) -> bool {
        self.users.is_empty() && self.teams.is_empty()
    }

    /// Whether a user's do; the forge is asked who is in a team.
    async fn include(&self, server: &Server, who: &str) -> Result<bool, ForgeError> {
        if self.users.iter().any(|user| user.eq_ignore_ascii_case(who)) {
            return Ok(true);
        }
        for team in &self.teams {
            let Some(call) = server.forge().membership(team, who) else { continue };
            match server.send(&call).await {
                // One who is invited is `pending`.
                Ok(answered) if answered.body["state"] == "active" => return Ok(true),
                Ok(_) => {}
                Err(error) if error.code() == Some(404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Returns who approved a pull request whose head is this commit; `author` opened it.
pub async fn approved_by(
    server: &Server,
    number: u64,
    head: &str,
    author: &str,
    approvers: &Approvers,
) -> Result<Option<String>, ForgeError> {
    let last = last_reviews(server, number).await?;
    let approves = |(who, (commit, approves)): (String, (String, bool))| {
        (approves && commit == head && !who.eq_ignore_ascii_case(author)).then_some(who)
    };
    let mut approving = Vec::new();
    for who in last.into_iter().filter_map(approves) {
        if approvers.include(server, &who).await? {
            approving.push(who);
        }
    }
    if approving.is_empty() {
        return Ok(None);
    }
    let Some(writers) = writers(server, number).await? else { return Ok(None) };
    Ok(approving.into_iter().find(|who| !writers.iter().any(|writer| writer.eq_ignore_ascii_case(who))))
}

/// Returns the last review of each reviewer: the commit, and whether it approves.
async fn last_reviews(server: &Server, number: u64) -> Result<BTreeMap<String, (String, bool)>, ForgeError> {
    let mut last = BTreeMap::new();
    for page in 1..=PAGES_MAX {
        let Some(call) = server.forge().reviews(number, page) else { return Ok(BTreeMap::new()) };
        let (reviews, is_more) = server.forge().read_reviews(&server.send(&call).await?.body);
        for review in reviews {
            last.insert(review.author, (review.commit, review.approves));
        }
        if !is_more {
            break;
        }
    }
    Ok(last)
}

/// Returns who wrote the commits; nothing where that is not known of all of them.
async fn writers(server: &Server, number: u64) -> Result<Option<Vec<String>>, ForgeError> {
    let mut writers = Vec::new();
    for page in 1..=PAGES_MAX {
        let (people, is_more) =
            server.forge().read_people(&server.send(&server.forge().commits_of(number, page)).await?.body);
        for one in people {
            let Some(one) = one else { return Ok(None) };
            writers.extend(one);
        }
        if !is_more {
            return Ok(Some(writers));
        }
    }
    // There are more than were read.
    Ok(None)
}
