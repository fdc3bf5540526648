//! In: requests as GitHub takes them. Out: its answers, with its limits and in its words.
//! Guarantee: a thousand statuses a context, 140 characters, 255 characters of a context, four causes of 422; requests and
//! answers are as GitHub's own description of its API has them; what a test puts first is answered first.
use super::app::App;
use super::described::{like, violations};
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Whose token it is.
const OURSELVES: &str = "stratify-bot";

pub(crate) const TOKEN: &str = "ghp_0123456789abcdef";

/// GitHub's own bounds.
const STATUSES_MAX: usize = 1_000;
const DESCRIPTION_MAX: usize = 140;
const CONTEXT_MAX: usize = 255;
const ANNOTATIONS_MAX: usize = 50;

/// What it takes in a minute: a read costs one point, a write five; of comments it takes so many, and so many in an hour.
const POINTS_MAX: u64 = 900;
const COMMENTS_MAX: usize = 80;
const COMMENTS_IN_AN_HOUR_MAX: usize = 500;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

#[derive(Default)]
pub(crate) struct State {
    /// The commits that it has; all, where none is named.
    pub(crate) commits: Vec<String>,
    /// What it answers first, whatever is asked.
    pub(crate) first: VecDeque<Reply>,
    /// By commit and context in small letters, the newest last.
    pub(crate) statuses: BTreeMap<(String, String), Vec<Value>>,
    /// Check runs, the oldest first.
    pub(crate) runs: Vec<Value>,
    /// The pull requests that are open, as it tells them.
    pub(crate) pulls: Vec<Value>,
    /// The heads of its merge queue: their refs and commits.
    pub(crate) queue: Vec<(String, String)>,
    /// Comments: their ids, of which pull request, and their texts.
    pub(crate) comments: Vec<(u64, u64, String)>,
    /// How many comments were ever made.
    pub(crate) made: u64,
    /// The comments that another user made.
    pub(crate) foreign: Vec<u64>,
    /// Reviews: of which pull request, whose, their states, and the commits that they are of; the oldest first.
    pub(crate) reviews: Vec<(u64, String, String, String)>,
    /// Who wrote and who committed the commits of each pull request, as far as it knows them.
    pub(crate) people: Vec<[Option<String>; 2]>,
    /// Who is in `acme/platform`, and how.
    pub(crate) members: Vec<(String, String)>,
    /// Its webhooks.
    pub(crate) hooks: Vec<Value>,
    /// The deliveries of its webhooks.
    pub(crate) deliveries: Vec<Value>,
    /// The deliveries that were asked for again.
    pub(crate) redelivered: Vec<u64>,
    /// Another token than [`TOKEN`].
    pub(crate) token: Option<String>,
    /// The app that it knows, in the place of a token.
    pub(crate) app: Option<App>,
    /// Whether it bounds how much is asked.
    pub(crate) is_bounded: bool,
    /// What was asked within the last hour: when, for how many points, and whether it made a comment.
    asked: VecDeque<(Instant, u64, bool)>,
    /// How often it said that it is too much.
    pub(crate) limited: usize,
    /// What was not as the description has it.
    violations: Vec<String>,
}

/// A GitHub.
pub(crate) struct GitHub {
    pub(crate) http: Http,
    pub(crate) state: Arc<Mutex<State>>,
}

impl GitHub {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let http = Http::start(move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, state }
    }

    /// Starts one where another one was, which has what that one had.
    pub(crate) fn start_at(address: std::net::SocketAddr, state: Arc<Mutex<State>>) -> Self {
        let answering = Arc::clone(&state);
        let http =
            Http::start_at(address, move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }

    /// Answers so before anything else.
    pub(crate) fn first(&self, reply: Reply) {
        self.state().first.push_back(reply);
    }

    /// Returns the state and text of each context of a commit, the newest of each.
    pub(crate) fn latest(&self, commit: &str) -> BTreeMap<String, (String, String)> {
        let state = self.state();
        let of_it = state.statuses.iter().filter(|((of, _), _)| of == commit);
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        of_it
            .filter_map(|((_, context), all)| Some((context.clone(), all.last()?)))
            .map(|(context, last)| (context, (text(last, "state"), text(last, "description"))))
            .collect()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if let Ok(state) = self.state.lock() {
            assert!(thread::panicking() || state.violations.is_empty(), "as described: {:#?}", state.violations);
        }
    }
}

/// Answers, and notes what is not as it is described: of what a test puts first only what was asked.
fn answer(state: &mut State, request: &Request) -> Reply {
    if let Some(reply) = state.first.pop_front() {
        return reply;
    }
    let reply = limit(state, request).unwrap_or_else(|| answer_known(state, request));
    let found = violations(request, &reply);
    state.violations.extend(found);
    reply
}

/// Says that it is too much, where it is.
fn limit(state: &mut State, request: &Request) -> Option<Reply> {
    if !state.is_bounded {
        return None;
    }
    let now = Instant::now();
    while state.asked.front().is_some_and(|(at, ..)| now - *at >= HOUR) {
        state.asked.pop_front();
    }
    let is_comment = request.method != "GET" && request.path.contains("comments");
    state.asked.push_back((now, if request.method == "GET" { 1 } else { 5 }, is_comment));
    let minute = || state.asked.iter().filter(|(at, ..)| now - *at < MINUTE);
    let comments = |all: &mut dyn Iterator<Item = &(Instant, u64, bool)>| all.filter(|(.., is)| *is).count();
    let is_too_much = minute().map(|(_, points, _)| points).sum::<u64>() > POINTS_MAX
        || comments(&mut minute()) > COMMENTS_MAX
        || comments(&mut state.asked.iter()) > COMMENTS_IN_AN_HOUR_MAX;
    is_too_much.then(|| {
        state.limited += 1;
        Reply::says(403, "You have exceeded a secondary rate limit.").with("retry-after", "60")
    })
}

fn answer_known(state: &mut State, request: &Request) -> Reply {
    if request.header("user-agent").is_none() || request.header("x-github-api-version") != Some("2022-11-28") {
        return Reply::says(403, "Request forbidden by administrative rules");
    }
    let path = request.path.trim_start_matches("/api/v3");
    let given = request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ");
    if let Some(app) = &mut state.app
        && let Some(reply) = app.answer(&request.method, path, given)
    {
        return reply;
    }
    let is_known = match &state.app {
        Some(app) => app.is_token(given),
        None => given == state.token.as_deref().unwrap_or(TOKEN),
    };
    if !is_known {
        return Reply::says(401, "Bad credentials");
    }
    if path == "/user" {
        return Reply::json(200, &like("GET", "/user", 200, &json!({ "login": OURSELVES })));
    }
    let path: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let ["orgs", "acme", "teams", "platform", "memberships", user] = path.as_slice() {
        let told = |state: &str| {
            like("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}", 200, &json!({ "state": state }))
        };
        let found = state.members.iter().find(|(name, _)| name == user);
        return found.map_or_else(|| Reply::says(404, "Not Found"), |(_, state)| Reply::json(200, &told(state)));
    }
    let ["repos", "acme", "fleet", rest @ ..] = path.as_slice() else { return Reply::says(404, "Not Found") };
    let about = json!({ "full_name": "acme/fleet", "permissions": { "push": true } });
    match (request.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &like("GET", REPO, 200, &about)),
        ("POST", ["statuses", sha]) => status(state, request, sha),
        ("GET", ["commits", sha, list]) if list.starts_with("status?") => combined(state, sha),
        (_, ["check-runs", ..]) if state.app.is_none() => Reply::says(403, "You must authenticate via a GitHub App."),
        ("POST", ["check-runs"]) => check(state, request, None),
        ("PATCH", ["check-runs", run]) => check(state, request, Some(run)),
        ("GET", ["git", "matching-refs", reference @ ..]) => refs(state, &reference.join("/")),
        (_, [first, ..]) if first.starts_with("hooks") => hooks(state, request, rest),
        ("GET", [pulls]) if pulls.starts_with("pulls?") => {
            let whole = |one: &Value| like("GET", &of_repo("/pulls"), 200, one);
            Reply::json(200, &Value::Array(page(pulls, state.pulls.iter().map(whole).collect())))
        }
        ("GET", ["pulls", number, list]) => reviews(state, number, list),
        (_, ["issues", ..]) => comments(state, request, rest),
        _ => Reply::says(404, "Not Found"),
    }
}

const REPO: &str = "/repos/{owner}/{repo}";

fn of_repo(path: &str) -> String {
    format!("{REPO}{path}")
}

fn comments(state: &mut State, request: &Request, path: &[&str]) -> Reply {
    let list = of_repo("/issues/{issue_number}/comments");
    let foreign = state.foreign.clone();
    let told = |method: &str, code: u16, id: u64, text: &str| {
        let login = if foreign.contains(&id) { "eve" } else { OURSELVES };
        let template = if method == "PATCH" { of_repo("/issues/comments/{comment_id}") } else { list.clone() };
        like(method, &template, code, &json!({ "id": id, "body": text, "user": { "login": login } }))
    };
    match (request.method.as_str(), path) {
        ("GET", ["issues", number, comments]) if comments.starts_with("comments?") => {
            let of_it = state.comments.iter().filter(|(_, of, _)| of.to_string() == *number);
            let all = of_it.map(|(id, _, text)| told("GET", 200, *id, text)).collect();
            Reply::json(200, &Value::Array(page(comments, all)))
        }
        ("POST", ["issues", number, "comments"]) => {
            state.made += 1;
            let (id, number) = (state.made, number.parse().expect("it is a number"));
            state.comments.push((id, number, request.text("body").to_owned()));
            Reply::json(201, &told("POST", 201, id, request.text("body")))
        }
        ("PATCH", ["issues", "comments", id]) => {
            match state.comments.iter_mut().find(|(known, ..)| known.to_string() == *id) {
                None => Reply::says(404, "Not Found"),
                Some((id, _, text)) => {
                    request.text("body").clone_into(text);
                    Reply::json(200, &told("PATCH", 200, *id, request.text("body")))
                }
            }
        }
        _ => Reply::says(404, "Not Found"),
    }
}

/// The newest status of each context of a commit.
fn combined(state: &State, sha: &str) -> Reply {
    let newest = state.statuses.iter().filter(|((of, _), _)| of == sha).filter_map(|(_, all)| all.last());
    let example = like("GET", &of_repo("/commits/{ref}/status"), 200, &json!({ "sha": sha }));
    let whole = |told: &Value| {
        let mut one = example["statuses"][0].clone();
        for key in ["context", "state", "description"] {
            one[key] = told[key].clone();
        }
        one
    };
    let statuses: Vec<Value> = newest.map(whole).collect();
    let mut told = example.clone();
    (told["total_count"], told["statuses"]) = (statuses.len().into(), statuses.into());
    Reply::json(200, &told)
}

/// The reviews of a pull request, or its commits.
fn reviews(state: &State, number: &str, list: &str) -> Reply {
    let review = |(at, (_, who, verdict, commit)): (usize, &(u64, String, String, String))| {
        let told = json!({ "id": 80 + at, "user": { "login": who }, "state": verdict, "commit_id": commit });
        like("GET", &of_repo("/pulls/{pull_number}/reviews"), 200, &told)
    };
    let commit = |[author, committer]: &[Option<String>; 2]| {
        let user = |who: &Option<String>| who.as_ref().map_or(Value::Null, |who| json!({ "login": who }));
        let told = json!({ "author": user(author), "committer": user(committer) });
        like("GET", &of_repo("/pulls/{pull_number}/commits"), 200, &told)
    };
    let of_it = state.reviews.iter().enumerate().filter(|(_, (of, ..))| of.to_string() == number);
    match list.split('?').next() {
        Some("reviews") => Reply::json(200, &Value::Array(page(list, of_it.map(review).collect()))),
        Some("commits") => Reply::json(200, &Value::Array(page(list, state.people.iter().map(commit).collect()))),
        _ => Reply::says(404, "Not Found"),
    }
}

/// Returns the page that a query asks for.
fn page(path: &str, all: Vec<Value>) -> Vec<Value> {
    let number = |key: &str| {
        let value = path.split(['?', '&']).find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse::<usize>().ok())
    };
    let (size, page) = (number("per_page").unwrap_or(30), number("page").unwrap_or(1));
    all.into_iter().skip(size * (page - 1)).take(size).collect()
}

fn refs(state: &State, wanted: &str) -> Reply {
    let whole = |(name, commit): &(String, String)| {
        let object = json!({ "type": "commit", "sha": commit });
        like("GET", &of_repo("/git/matching-refs/{ref}"), 200, &json!({ "ref": name, "object": object }))
    };
    let is_it = |(name, _): &&(String, String)| name.strip_prefix("refs/").is_some_and(|name| name.starts_with(wanted));
    Reply::json(200, &Value::Array(state.queue.iter().filter(is_it).map(whole).collect()))
}

fn hooks(state: &mut State, request: &Request, path: &[&str]) -> Reply {
    let whole = |one: &Value| like("GET", &of_repo("/hooks"), 200, one);
    match (request.method.as_str(), path) {
        ("GET", [list]) => Reply::json(200, &Value::Array(page(list, state.hooks.iter().map(whole).collect()))),
        ("POST", ["hooks"]) => {
            let mut hook = request.body.clone();
            hook["id"] = (state.hooks.len() + 1).into();
            // It never tells the secret.
            hook["config"]["secret"] = "********".into();
            state.hooks.push(hook.clone());
            Reply::json(201, &like("POST", &of_repo("/hooks"), 201, &hook))
        }
        ("PATCH", ["hooks", id]) => {
            let Some(hook) = state.hooks.iter_mut().find(|hook| hook["id"].as_u64() == id.parse().ok()) else {
                return Reply::says(404, "Not Found");
            };
            for (key, value) in request.body.as_object().into_iter().flatten() {
                hook[key] = value.clone();
            }
            Reply::json(200, &like("PATCH", &of_repo("/hooks/{hook_id}"), 200, hook))
        }
        ("GET", ["hooks", _, list]) if list.starts_with("deliveries") => {
            let whole = |one: &Value| like("GET", &of_repo("/hooks/{hook_id}/deliveries"), 200, one);
            Reply::json(200, &Value::Array(state.deliveries.iter().map(whole).collect()))
        }
        ("POST", ["hooks", _, "deliveries", id, "attempts"]) => {
            state.redelivered.push(id.parse().expect("it is a number"));
            Reply::json(202, &json!({}))
        }
        _ => Reply::says(404, "Not Found"),
    }
}

fn invalid(resource: &str, message: &str) -> Reply {
    let errors = json!([{ "resource": resource, "code": "custom", "message": message }]);
    Reply::json(422, &json!({ "message": "Validation Failed", "errors": errors, "documentation_url": "" }))
}

fn status(state: &mut State, request: &Request, sha: &str) -> Reply {
    let invalid = |message| invalid("Status", message);
    let (context, text) = (request.text("context"), request.text("description"));
    if !state.commits.is_empty() && !state.commits.iter().any(|commit| commit == sha) {
        return Reply::json(422, &json!({ "message": format!("No commit found for SHA: {sha}") }));
    }
    if !matches!(request.text("state"), "error" | "failure" | "pending" | "success") {
        return invalid("State is not included in the list");
    }
    if text.chars().count() > DESCRIPTION_MAX {
        return invalid("description is too long (maximum is 140 characters)");
    }
    if context.chars().count() > CONTEXT_MAX {
        return invalid("context is too long (maximum is 255 characters)");
    }
    let all = state.statuses.entry((sha.to_owned(), context.to_lowercase())).or_default();
    if all.len() >= STATUSES_MAX {
        return invalid("This SHA and context has reached the maximum number of statuses.");
    }
    all.push(request.body.clone());
    let mut body = request.body.clone();
    body["id"] = all.len().into();
    Reply::json(201, &like("POST", &of_repo("/statuses/{sha}"), 201, &body))
}

fn check(state: &mut State, request: &Request, run: Option<&str>) -> Reply {
    let annotations = request.body["output"]["annotations"].as_array().map_or(0, Vec::len);
    if annotations > ANNOTATIONS_MAX {
        return invalid("CheckRun", "No more than 50 annotations are allowed");
    }
    if request.body["details_url"] == "" {
        return invalid("CheckRun", "details_url is not a URL");
    }
    let Some(run) = run else {
        let mut made = request.body.clone();
        made["id"] = (state.runs.len() + 1).into();
        state.runs.push(made.clone());
        let told = json!({ "id": made["id"], "name": made["name"], "head_sha": made["head_sha"] });
        return Reply::json(201, &like("POST", &of_repo("/check-runs"), 201, &told));
    };
    let Some(known) = state.runs.iter_mut().find(|known| known["id"].as_u64() == run.parse().ok()) else {
        return Reply::says(404, "Not Found");
    };
    if known["status"] == "completed" && request.body["status"] != "completed" {
        return invalid("CheckRun", "A completed run is not opened again");
    }
    for (key, value) in request.body.as_object().into_iter().flatten() {
        known[key] = value.clone();
    }
    let told = json!({ "id": known["id"], "name": known["name"], "head_sha": known["head_sha"] });
    Reply::json(200, &like("PATCH", &of_repo("/check-runs/{check_run_id}"), 200, &told))
}
