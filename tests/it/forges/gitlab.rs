//! In: requests as GitLab takes them. Out: its answers: the state machine of external statuses, with its 400, 404 and 409;
//! merge requests with their versions, approvals and notes.
//! Guarantee: as `app/services/ci/create_commit_status_service.rb`, `lib/api/merge_request_approvals.rb`,
//! `lib/api/merge_request_diffs.rb` and `lib/api/members.rb` have it.
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

pub(super) const TOKEN: &str = "glpat-0123456789abcdef";

/// Whose token it is.
const OURSELVES: &str = "stratify-bot";

const PROJECT: &str = "/api/v4/projects/acme%2Fplatform%2Ffleet";

/// An external status: one job of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) sha: String,
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) state: String,
    pub(super) text: String,
}

/// A merge request.
pub(super) struct MergeRequest {
    number: u64,
    is_open: bool,
    author: String,
    base: String,
    /// Its versions: heads, each with when it came.
    versions: Vec<(String, u64)>,
    /// Who approves, and since when.
    approvals: Vec<(String, u64)>,
    /// Its notes: their ids, authors, texts, whether GitLab made them, and when.
    notes: Vec<(u64, String, String, bool, u64)>,
    /// Its commits: the addresses of author and committer, and the user that GitLab knows by the author's.
    pub(super) commits: Vec<(String, String, Option<String>)>,
}

pub(super) struct State {
    pub(super) jobs: Vec<Job>,
    /// How many requests find another update of the same commit under way.
    pub(super) busy: usize,
    pub(super) requests: Vec<MergeRequest>,
    /// The members of `acme/platform`, each with its state.
    pub(super) members: Vec<(String, String)>,
    /// Whether approvals say when they were given, as they do since 18.
    pub(super) tells_times: bool,
    /// Whether a push takes approvals back: a setting of the project.
    pub(super) resets: bool,
    /// Whether authors may approve: a setting of the project.
    pub(super) lets_authors: bool,
    /// What it says to any query of GraphQL, where that is an error.
    pub(super) graphql: Option<Value>,
    /// Its webhooks, with their tokens.
    pub(super) hooks: Vec<Value>,
    seconds: u64,
    made: u64,
}

impl Default for State {
    fn default() -> Self {
        let (jobs, requests, members) = (Vec::new(), Vec::new(), Vec::new());
        let (tells_times, resets, lets_authors, graphql) = (true, false, false, None);
        let hooks = Vec::new();
        Self {
            jobs,
            busy: 0,
            requests,
            members,
            tells_times,
            resets,
            lets_authors,
            graphql,
            hooks,
            seconds: 0,
            made: 0,
        }
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.seconds += 1;
        self.seconds
    }

    fn request(&mut self, number: u64) -> &mut MergeRequest {
        self.requests.iter_mut().find(|request| request.number == number).expect("it is open")
    }

    /// Opens a merge request of one commit, which its author wrote.
    pub(super) fn open(&mut self, number: u64, author: &str, sha: &str) {
        let at = self.tick();
        let mail = format!("{author}@acme.example");
        self.requests.push(MergeRequest {
            number,
            is_open: true,
            author: author.to_owned(),
            base: "main".to_owned(),
            versions: vec![(sha.to_owned(), at)],
            approvals: Vec::new(),
            notes: Vec::new(),
            commits: vec![(mail.clone(), mail, Some(author.to_owned()))],
        });
    }

    /// Merges it: it is listed no longer, and stays what it was.
    pub(super) fn merge(&mut self, number: u64) {
        self.request(number).is_open = false;
    }

    /// Pushes a head: another version.
    pub(super) fn push(&mut self, number: u64, sha: &str) {
        let (at, resets) = (self.tick(), self.resets);
        let request = self.request(number);
        request.versions.push((sha.to_owned(), at));
        if resets {
            request.approvals.clear();
        }
    }

    /// Approves as a user, if the head is this one; returns the code of the answer.
    pub(super) fn approve(&mut self, number: u64, who: &str, sha: Option<&str>) -> u16 {
        let (at, lets_authors) = (self.tick(), self.lets_authors);
        self.made += 1;
        let id = self.made;
        let request = self.request(number);
        let head = request.versions.last().map(|(head, _)| head.as_str());
        if sha.is_some() && sha != head {
            return 409;
        }
        let is_author = request.author == who && !lets_authors;
        if is_author || request.approvals.iter().any(|(known, _)| known == who) {
            return 401;
        }
        request.approvals.push((who.to_owned(), at));
        request.notes.push((id, who.to_owned(), "approved this merge request".to_owned(), true, at));
        201
    }

    pub(super) fn unapprove(&mut self, number: u64, who: &str) {
        self.request(number).approvals.retain(|(known, _)| known != who);
    }

    /// Writes a note as a user.
    pub(super) fn note(&mut self, number: u64, who: &str, text: &str) -> u64 {
        let at = self.tick();
        self.made += 1;
        let id = self.made;
        self.request(number).notes.push((id, who.to_owned(), text.to_owned(), false, at));
        id
    }

    /// Forgets what it noted itself, as where it lies behind very many others.
    pub(super) fn forget_notes(&mut self, number: u64) {
        self.request(number).notes.clear();
    }

    /// Returns the texts of our notes.
    pub(super) fn ours(&self, number: u64) -> Vec<String> {
        let of_it = self.requests.iter().filter(|request| request.number == number);
        let notes = of_it.flat_map(|request| &request.notes);
        notes.filter(|(_, author, ..)| author == OURSELVES).map(|(_, _, text, ..)| text.clone()).collect()
    }
}

/// A GitLab.
pub(super) struct GitLab {
    pub(super) http: Http,
    pub(super) state: Arc<Mutex<State>>,
}

impl GitLab {
    pub(super) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let http = Http::start(move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }

    pub(super) fn jobs(&self) -> Vec<Job> {
        self.state().jobs.clone()
    }
}

fn time(seconds: u64) -> String {
    format!("2026-01-01T00:{:02}:{:02}.500Z", seconds / 60, seconds % 60)
}

fn answer(state: &mut State, request: &Request) -> Reply {
    if request.header("private-token") != Some(TOKEN) {
        return Reply::says(401, "401 Unauthorized");
    }
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match path {
        "/api/v4/user" => return Reply::json(200, &json!({ "id": 1, "username": OURSELVES })),
        "/api/v4/personal_access_tokens/self" => {
            let told = json!({ "id": 1, "active": true, "scopes": ["api", "read_user"], "expires_at": "2027-01-01" });
            return Reply::json(200, &told);
        }
        "/api/graphql" => return graphql(state, request),
        "/api/v4/groups/acme%2Fplatform/members/all" => return members(state, query),
        _ => {}
    }
    // The whole name of the project is one part of the path.
    let Some(rest) = path.strip_prefix(PROJECT) else { return Reply::says(404, "404 Project Not Found") };
    if let Some(sha) = rest.strip_prefix("/statuses/") {
        return status(state, request, sha);
    }
    match rest.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        [""] => {
            let access = json!({ "project_access": { "access_level": 40 }, "group_access": null });
            let told = json!({ "path_with_namespace": "acme/platform/fleet", "permissions": access });
            Reply::json(200, &told).with("ratelimit-remaining", "1999").with("ratelimit-limit", "2000")
        }
        ["hooks", rest @ ..] => hooks(state, request, rest),
        ["merge_requests"] => {
            Reply::json(200, &paged(query, state.requests.iter().filter(|one| one.is_open).map(told).collect()))
        }
        ["merge_requests", number, rest @ ..] => {
            let Some(number) = number.parse().ok().filter(|it| state.requests.iter().any(|one| one.number == *it))
            else {
                return Reply::says(404, "404 Not found");
            };
            of_request(state, request, number, rest, query)
        }
        _ => Reply::says(404, "404 Not Found"),
    }
}

/// It never tells the token of a webhook, nor whether there is one.
fn hooks(state: &mut State, request: &Request, path: &[&str]) -> Reply {
    let told = |hook: &Value| {
        let mut told = hook.clone();
        told.as_object_mut().expect("it is one").remove("token");
        told
    };
    match (request.method.as_str(), path) {
        ("GET", []) => Reply::json(200, &Value::Array(state.hooks.iter().map(told).collect())),
        (_, _) if request.text("url").is_empty() => Reply::json(400, &json!({ "error": "url is missing" })),
        ("POST", []) => {
            let mut hook = request.body.clone();
            hook["id"] = (state.hooks.len() + 1).into();
            hook["alert_status"] = "executable".into();
            state.hooks.push(hook.clone());
            Reply::json(201, &told(&hook))
        }
        ("PUT", [id]) => match state.hooks.iter_mut().find(|hook| hook["id"].as_u64() == id.parse().ok()) {
            None => Reply::says(404, "404 Not found"),
            Some(hook) => {
                for (key, value) in request.body.as_object().into_iter().flatten() {
                    hook[key] = value.clone();
                }
                // Changing one lets it send again.
                hook["alert_status"] = "executable".into();
                Reply::json(200, &told(hook))
            }
        },
        _ => Reply::says(404, "404 Not Found"),
    }
}

fn told(request: &MergeRequest) -> Value {
    let head = request.versions.last().map(|(head, _)| head);
    json!({
        "iid": request.number, "sha": head, "source_branch": "change", "target_branch": request.base, "state": "opened",
        "source_project_id": 1, "target_project_id": 1, "author": { "username": request.author },
    })
}

fn paged(query: &str, all: Vec<Value>) -> Value {
    let number = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')?.parse().ok());
    let (size, page) = (number("per_page").unwrap_or(20), number("page").unwrap_or(1));
    assert!(size <= 100, "GitLab gives no more on a page");
    Value::Array(all.into_iter().skip(size * (page - 1)).take(size).collect())
}

fn of_request(state: &mut State, request: &Request, number: u64, rest: &[&str], query: &str) -> Reply {
    let tells_times = state.tells_times;
    match (request.method.as_str(), rest) {
        ("GET", ["approvals"]) => {
            let approval = |(who, at): &(String, u64)| {
                let user = json!({ "username": who, "state": "active" });
                if tells_times { json!({ "user": user, "approved_at": time(*at) }) } else { json!({ "user": user }) }
            };
            let by: Vec<Value> = state.request(number).approvals.iter().map(approval).collect();
            let told = json!({ "user_has_approved": false, "user_can_approve": false, "approved": !by.is_empty(), "approved_by": by });
            Reply::json(200, &told)
        }
        ("GET", ["versions"]) => {
            let newest_first = state.request(number).versions.iter().enumerate().rev();
            let version = |(at, (sha, came)): (usize, &(String, u64))| json!({ "id": at, "head_commit_sha": sha, "created_at": time(*came) });
            Reply::json(200, &paged(query, newest_first.map(version).collect()))
        }
        ("GET", ["notes"]) => {
            let newest_first = state.request(number).notes.iter().rev();
            let note = |(id, who, text, system, at): &(u64, String, String, bool, u64)| json!({ "id": id, "author": { "username": who }, "body": text, "system": system, "created_at": time(*at) });
            Reply::json(200, &paged(query, newest_first.map(note).collect()))
        }
        ("POST", ["notes"]) => {
            let id = state.note(number, OURSELVES, request.text("body"));
            Reply::json(201, &json!({ "id": id, "body": request.body["body"] }))
        }
        ("PUT", ["notes", id]) => {
            let note = state.request(number).notes.iter_mut().find(|note| note.0.to_string() == *id);
            let Some(note) = note else { return Reply::says(404, "404 Note Not Found") };
            if note.1 != OURSELVES {
                return Reply::says(403, "403 Forbidden");
            }
            request.text("body").clone_into(&mut note.2);
            Reply::json(200, &json!({ "id": note.0, "body": note.2 }))
        }
        _ => Reply::says(404, "404 Not Found"),
    }
}

/// Answers the one query that is asked: the users of a merge request's commits.
fn graphql(state: &State, request: &Request) -> Reply {
    if let Some(error) = &state.graphql {
        return Reply::json(200, error);
    }
    let (query, variables) = (request.text("query"), &request.body["variables"]);
    let fields =
        ["mergeRequest(iid: $request)", "commits(first: 100)", "authorEmail committerEmail author { username }"];
    for field in fields {
        assert!(query.contains(field), "{query}");
    }
    if variables["project"] != "acme/platform/fleet" {
        return Reply::json(200, &json!({ "data": { "project": null } }));
    }
    let number = variables["request"].as_str().and_then(|number| number.parse().ok()).unwrap_or(0);
    let found = state.requests.iter().find(|request| request.number == number);
    let node = |(author, committer, user): &(String, String, Option<String>)| {
        let user = user.as_ref().map(|user| json!({ "username": user }));
        json!({ "authorEmail": author, "committerEmail": committer, "author": user })
    };
    let nodes: Vec<Value> = found.iter().flat_map(|request| &request.commits).take(100).map(node).collect();
    let has_more = found.is_some_and(|request| request.commits.len() > 100);
    let commits = json!({ "pageInfo": { "hasNextPage": has_more }, "nodes": nodes });
    Reply::json(200, &json!({ "data": { "project": { "mergeRequest": { "commits": commits } } } }))
}

/// It finds all whose names hold the words.
fn members(state: &State, query: &str) -> Reply {
    let wanted = query.split('&').find_map(|part| part.strip_prefix("query=")).unwrap_or_default();
    let found = state.members.iter().filter(|(name, _)| name.contains(wanted));
    let told = found.map(|(name, state)| json!({ "username": name, "state": state, "access_level": 30 }));
    Reply::json(200, &paged(query, told.collect()))
}

fn status(state: &mut State, request: &Request, sha: &str) -> Reply {
    if sha.starts_with("00000000") {
        return Reply::says(404, "404 Commit Not Found");
    }
    if state.busy > 0 {
        state.busy -= 1;
        return Reply::says(409, "Another update to this commit status is in progress");
    }
    let text = |key: &str| request.text(key).to_owned();
    let (name, branch, wanted) = (text("name"), text("ref"), text("state"));
    if branch.is_empty() {
        return Reply::says(404, "404 References for commit Not Found");
    }
    let is_open = |job: &&mut Job| matches!(job.state.as_str(), "pending" | "running");
    let is_same = |job: &&mut Job| job.sha == sha && job.name == name && job.branch == branch;
    let open = state.jobs.iter_mut().filter(is_open).find(is_same);
    match (open, wanted.as_str()) {
        (Some(job), "pending" | "running") if job.state == wanted || wanted == "pending" => {
            let event = if wanted == "pending" { "enqueue" } else { "run" };
            let message = format!("Cannot transition status via :{event} from :{}", job.state);
            return Reply::says(400, &message);
        }
        (Some(job), _) => (job.state, job.text) = (wanted, text("description")),
        (None, "pending" | "running" | "success" | "failed" | "canceled" | "skipped") => {
            let sha = sha.to_owned();
            state.jobs.push(Job { sha, name, branch, state: wanted, text: text("description") });
        }
        _ => return Reply::json(400, &json!({ "error": "state does not have a valid value" })),
    }
    Reply::json(201, &json!({ "id": state.jobs.len(), "status": request.body["state"], "name": Value::Null }))
}
