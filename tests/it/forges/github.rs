//! In: requests as GitHub takes them. Out: its answers, with its limits and in its words.
//! Guarantee: a thousand statuses a context, 140 characters, 255 characters of a context, four causes of 422; what a test
//! puts first is answered first.
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

pub(super) const TOKEN: &str = "ghp_0123456789abcdef";

/// GitHub's own bounds.
const STATUSES_MAX: usize = 1_000;
const DESCRIPTION_MAX: usize = 140;
const CONTEXT_MAX: usize = 255;

#[derive(Default)]
pub(super) struct State {
    /// The commits that it has; all, where none is named.
    pub(super) commits: Vec<String>,
    /// What it answers first, whatever is asked.
    pub(super) first: VecDeque<Reply>,
    /// By commit and context in small letters, the newest last.
    pub(super) statuses: BTreeMap<(String, String), Vec<Value>>,
    /// The pull requests that are open, as it tells them.
    pub(super) pulls: Vec<Value>,
    /// Comments: their ids, of which pull request, and their texts.
    pub(super) comments: Vec<(u64, u64, String)>,
    /// How many comments were ever made.
    made: u64,
    /// Another token than [`TOKEN`].
    pub(super) token: Option<String>,
}

/// A GitHub.
pub(super) struct GitHub {
    pub(super) http: Http,
    pub(super) state: Arc<Mutex<State>>,
}

impl GitHub {
    pub(super) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let http = Http::start(move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, state }
    }

    /// Starts one where another one was, which has what that one had.
    pub(super) fn start_at(address: std::net::SocketAddr, state: Arc<Mutex<State>>) -> Self {
        let answering = Arc::clone(&state);
        let http =
            Http::start_at(address, move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, state }
    }

    /// Answers so before anything else.
    pub(super) fn first(&self, reply: Reply) {
        self.state.lock().expect("no answer panics").first.push_back(reply);
    }

    /// Returns the state and text of each context of a commit, the newest of each.
    pub(super) fn latest(&self, commit: &str) -> BTreeMap<String, (String, String)> {
        let state = self.state.lock().expect("no answer panics");
        let of_it = state.statuses.iter().filter(|((of, _), _)| of == commit);
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        of_it
            .filter_map(|((_, context), all)| Some((context.clone(), all.last()?)))
            .map(|(context, last)| (context, (text(last, "state"), text(last, "description"))))
            .collect()
    }
}

pub(super) fn answer(state: &mut State, request: &Request) -> Reply {
    if let Some(reply) = state.first.pop_front() {
        return reply;
    }
    let token = state.token.as_deref().unwrap_or(TOKEN);
    if request.header("authorization") != Some(&format!("Bearer {token}")) {
        return Reply::says(401, "Bad credentials");
    }
    if request.header("user-agent").is_none() || request.header("x-github-api-version") != Some("2022-11-28") {
        return Reply::says(403, "Request forbidden by administrative rules");
    }
    let path: Vec<&str> = request.path.trim_start_matches("/api/v3").trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["repos", "acme", "fleet", "statuses", sha]) => status(state, request, sha),
        ("GET", ["repos", "acme", "fleet", pulls]) if pulls.starts_with("pulls?") => {
            Reply::json(200, &Value::Array(page(pulls, state.pulls.clone())))
        }
        ("GET", ["repos", "acme", "fleet", "issues", number, comments]) if comments.starts_with("comments?") => {
            let of = |(id, of, text): &(u64, u64, String)| {
                (of.to_string() == *number).then(|| json!({ "id": id, "body": text }))
            };
            Reply::json(200, &Value::Array(page(comments, state.comments.iter().filter_map(of).collect())))
        }
        ("POST", ["repos", "acme", "fleet", "issues", number, "comments"]) => {
            state.made += 1;
            let (id, number) = (state.made, number.parse().expect("it is a number"));
            state.comments.push((id, number, request.text("body").to_owned()));
            Reply::json(201, &json!({ "id": id, "body": request.body["body"] }))
        }
        ("PATCH", ["repos", "acme", "fleet", "issues", "comments", id]) => {
            match state.comments.iter_mut().find(|(known, ..)| known.to_string() == *id) {
                None => Reply::says(404, "Not Found"),
                Some((.., text)) => {
                    request.text("body").clone_into(text);
                    Reply::json(200, &request.body)
                }
            }
        }
        ("GET", ["repos", "acme", "fleet"]) => Reply::json(200, &json!({ "full_name": "acme/fleet" })),
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

fn invalid(message: &str) -> Reply {
    let errors = json!([{ "resource": "Status", "code": "custom", "message": message }]);
    Reply::json(422, &json!({ "message": "Validation Failed", "errors": errors }))
}

fn status(state: &mut State, request: &Request, sha: &str) -> Reply {
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
    Reply::json(201, &body)
}
