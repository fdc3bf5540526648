//! In: a pull request, who may approve. Out: whose review approves it, on exactly the head that was planned.
//! Guarantee: nobody approves what they opened or wrote a part of; where the forge does not know who wrote a commit, no
//! review counts.
use crate::client::forge::{Arrival, ForgeError, Of, Reviewing, Server};
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
            let forge = server.forge();
            let id = number_of(server, team).await?;
            let Some(call) = forge.membership(team, id, who) else { continue };
            match server.send(&call).await {
                Ok(answered) if forge.read_membership(who, &answered.body) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.code() == Some(404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Returns the number of a team, where the forge asks for it.
async fn number_of(server: &Server, team: &str) -> Result<Option<u64>, ForgeError> {
    for page in 1..=PAGES_MAX {
        let Some(call) = server.forge().teams(team, page) else { break };
        let (id, is_more) = server.forge().read_team(team, &server.send(&call).await?.body);
        if id.is_some() || !is_more {
            return Ok(id);
        }
    }
    Ok(None)
}

/// A review that approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who gave it, as the forge names them.
    pub by: String,
    /// What tells it from another one of theirs of the same head: its number, or its time. Bitbucket Data Center has nothing.
    pub review: String,
}

/// What the reviews of a pull request are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviews {
    /// Those that approve its head.
    pub approvals: Vec<Approval>,
    /// Whose approve, and do not count, each with why.
    pub refused: Vec<(String, &'static str)>,
}

/// Returns what the reviews of a pull request are worth whose head is this commit; `author` opened it.
pub async fn reviews(
    server: &Server,
    number: u64,
    head: &str,
    author: &str,
    approvers: &Approvers,
) -> Result<Reviews, ForgeError> {
    let mut found = Reviews::default();
    let mut approving = BTreeMap::new();
    for (by, review) in last_reviews(server, number).await?.into_iter().filter(|(_, review)| review.approves) {
        if !approvers.include(server, &by).await? {
            continue;
        }
        if by.eq_ignore_ascii_case(author) {
            found.refused.push((by, "they opened it themselves"));
        } else {
            approving.insert(by, review);
        }
    }
    let all: Vec<String> = approving.keys().cloned().collect();
    of_head(server, number, head, &mut approving).await?;
    let earlier = all.into_iter().filter(|by| !approving.contains_key(by));
    found.refused.extend(earlier.map(|by| (by, "it is not of the head that is there now")));
    if approving.is_empty() {
        return Ok(found);
    }
    let writers = writers(server, number).await?;
    for (by, review) in approving {
        match &writers {
            None => found.refused.push((by, "the forge does not tell who wrote each of the commits")),
            Some(writers) if writers.iter().any(|writer| writer.eq_ignore_ascii_case(&by)) => {
                found.refused.push((by, "they wrote a part of it"));
            }
            Some(_) => found.approvals.push(Approval { review: told_apart(&review), by }),
        }
    }
    Ok(found)
}

fn told_apart(review: &Reviewing) -> String {
    match (review.number, &review.of) {
        (Some(id), _) => id.to_string(),
        (None, Of::Moment(at)) => at.0.to_string(),
        (None, _) => String::new(),
    }
}

/// Keeps the reviews of exactly this head; of those that say when they were given, those that came after it.
async fn of_head(
    server: &Server,
    number: u64,
    head: &str,
    reviews: &mut BTreeMap<String, Reviewing>,
) -> Result<(), ForgeError> {
    if reviews.values().all(|review| matches!(review.of, Of::Commit(_))) {
        reviews.retain(|_, review| review.of == Of::Commit(head.to_owned()));
        return Ok(());
    }
    let Some(arrival) = arrival(server, number).await?.filter(|arrival| head.starts_with(&arrival.commit)) else {
        reviews.clear();
        return Ok(());
    };
    if reviews.values().any(|review| review.of == Of::Untold) {
        date(server, number, reviews).await?;
    }
    reviews.retain(|_, review| matches!(review.of, Of::Moment(at) if at > arrival.at));
    Ok(())
}

/// Returns how the head came that is there now.
async fn arrival(server: &Server, number: u64) -> Result<Option<Arrival>, ForgeError> {
    let Some(mut call) = server.forge().arrival(number) else { return Ok(None) };
    for _ in 0..PAGES_MAX {
        let page = server.send(&call).await?.body;
        if let Some(arrival) = server.forge().read_arrival(&page) {
            return Ok(Some(arrival));
        }
        let Some(next) = server.forge().following(&call, &page) else { break };
        call = next;
    }
    Ok(None)
}

/// Dates the reviews that do not say when they were given, where the forge noted it beside them.
async fn date(server: &Server, number: u64, reviews: &mut BTreeMap<String, Reviewing>) -> Result<(), ForgeError> {
    let Some(call) = server.forge().approval_times(number) else { return Ok(()) };
    let times = server.forge().read_approval_times(&server.send(&call).await?.body);
    for review in reviews.values_mut().filter(|review| review.of == Of::Untold) {
        if let Some((_, at)) = times.iter().find(|(id, _)| *id == review.id) {
            review.of = Of::Moment(*at);
        }
    }
    Ok(())
}

/// Returns the last review of each reviewer.
async fn last_reviews(server: &Server, number: u64) -> Result<BTreeMap<String, Reviewing>, ForgeError> {
    let mut last = BTreeMap::new();
    for page in 1..=PAGES_MAX {
        let answered = server.send(&server.forge().reviews(number, page)).await?.body;
        let (reviews, is_more) = server.forge().read_reviews(&answered);
        for review in reviews {
            last.insert(review.author.clone(), review);
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
    let forge = server.forge();
    if forge.knows_pushers() {
        return pushers(server, number).await;
    }
    let mut call = forge.commits_of(number, 1);
    for page in 1..=PAGES_MAX {
        let answered = server.send(&call).await?.body;
        let (people, is_more) = forge.read_people(&answered);
        for one in people {
            let Some(one) = one else { return Ok(None) };
            writers.extend(one);
        }
        if !is_more {
            return Ok(Some(writers));
        }
        call = forge.following(&call, &answered).unwrap_or_else(|| forge.commits_of(number, page + 1));
    }
    // There are more than were read.
    Ok(None)
}

/// Returns the same where each commit says who pushed it.
async fn pushers(server: &Server, number: u64) -> Result<Option<Vec<String>>, ForgeError> {
    let forge = server.forge();
    let listed = server.send(&forge.commits_of(number, 1)).await?.body;
    let Some(calls) = forge.pushed(number, &listed) else { return Ok(None) };
    let Some(heads) = forge.arrival(number) else { return Ok(None) };
    let heads = server.send(&heads).await?.body;
    let mut commits = Vec::new();
    for call in calls {
        commits.push(server.send(&call).await?.body);
    }
    Ok(forge.read_pushers(&heads, &commits))
}
