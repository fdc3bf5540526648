//! In: a team of the settings, a user. Out: the requests by which the forge tells whether the user is in the team, and its answer.
//! Guarantee: who is only invited is in no team.
use super::call::{Call, listed, part};
use super::github;
use super::kind::Forge;
use super::pulls::{PAGE, text};
use crate::settings::ForgeKind;
use serde_json::Value as Json;

impl Forge {
    /// Returns the request for a page of an organisation's teams, where members are asked for by the number of theirs. Its
    /// search would find those alone that the token's user is in.
    pub fn teams(&self, team: &str, page: usize) -> Option<Call> {
        let (organisation, _) = team.split_once('/').filter(|_| self.kind() == ForgeKind::Gitea)?;
        let path = format!("/orgs/{}/teams?{}", part(organisation), github::paged(self, page));
        Some(Call::list(&format!("look for the team {team}"), path))
    }

    /// Reads the number of a team; says whether another page may follow.
    pub fn read_team(&self, team: &str, page: &Json) -> (Option<u64>, bool) {
        let name = team.split_once('/').map_or(team, |(_, name)| name);
        let is_it = |one: &&Json| text(one, "/name").is_some_and(|found| found.eq_ignore_ascii_case(name));
        let all = listed(page).unwrap_or_default();
        (all.iter().find(is_it).and_then(|one| one.get("id")?.as_u64()), all.len() >= PAGE)
    }

    /// Returns the request for whether a user is in a team; none where teams are not asked. `id` is the team's number.
    pub fn membership(&self, team: &str, id: Option<u64>, user: &str) -> Option<Call> {
        let attempt = format!("look for {user} in the team {team}");
        match self.kind() {
            ForgeKind::GitHub => {
                let (organisation, team) = team.split_once('/')?;
                let path = format!("/orgs/{}/teams/{}/memberships/{}", part(organisation), part(team), part(user));
                Some(Call::get(&attempt, path))
            }
            ForgeKind::Gitea => Some(Call::get(&attempt, format!("/teams/{}/members/{}", id?, part(user)))),
            // Also those of the groups around it, as GitLab has it.
            ForgeKind::GitLab => {
                let path = format!("/groups/{}/members/all?query={}&per_page=100", part(team), part(user));
                Some(Call::list(&attempt, path))
            }
            ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter | ForgeKind::AzureDevOps => None,
        }
    }

    /// Reads whether the user is in the team; who is not is answered by 404, but for GitLab.
    pub fn read_membership(&self, user: &str, body: &Json) -> bool {
        let is_active = |one: &Json| text(one, "/state") == Some("active");
        let is_it = |one: &Json| text(one, "/username").is_some_and(|name| name.eq_ignore_ascii_case(user));
        match self.kind() {
            // One who is invited is `pending`.
            ForgeKind::GitHub => is_active(body),
            ForgeKind::GitLab => listed(body).unwrap_or_default().iter().any(|one| is_it(one) && is_active(one)),
            _ => text(body, "/login").is_some_and(|name| name.eq_ignore_ascii_case(user)),
        }
    }
}
