//! In: requests as GitLab takes them. Out: its answers: the state machine of external statuses, with its 400, 404 and 409.
//! Guarantee: as `app/services/ci/create_commit_status_service.rb` has it.
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub(super) const TOKEN: &str = "glpat-0123456789abcdef";

/// An external status: one job of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) state: String,
    pub(super) text: String,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) jobs: Vec<Job>,
    /// How many requests find another update of the same commit under way.
    pub(super) busy: usize,
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

    pub(super) fn jobs(&self) -> Vec<Job> {
        self.state.lock().expect("no answer panics").jobs.clone()
    }
}

fn answer(state: &mut State, request: &Request) -> Reply {
    if request.header("private-token") != Some(TOKEN) {
        return Reply::says(401, "401 Unauthorized");
    }
    // The whole name of the project is one part of the path.
    let Some(sha) = request.path.strip_prefix("/api/v4/projects/acme%2Fplatform%2Ffleet/statuses/") else {
        return Reply::says(404, "404 Project Not Found");
    };
    if sha.starts_with('0') {
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
    let open = state.jobs.iter_mut().filter(is_open).find(|job| job.name == name && job.branch == branch);
    match (open, wanted.as_str()) {
        (Some(job), "pending" | "running") if job.state == wanted || wanted == "pending" => {
            let event = if wanted == "pending" { "enqueue" } else { "run" };
            let message = format!("Cannot transition status via :{event} from :{}", job.state);
            return Reply::says(400, &message);
        }
        (Some(job), _) => (job.state, job.text) = (wanted, text("description")),
        (None, "pending" | "running" | "success" | "failed" | "canceled" | "skipped") => {
            state.jobs.push(Job { name, branch, state: wanted, text: text("description") });
        }
        _ => return Reply::json(400, &json!({ "error": "state does not have a valid value" })),
    }
    Reply::json(201, &json!({ "id": state.jobs.len(), "status": request.body["state"], "name": Value::Null }))
}
