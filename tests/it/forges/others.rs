//! In: requests as Bitbucket Cloud, Bitbucket Data Center and Azure DevOps take them. Out: their answers.
//! Guarantee: what each requires and refuses: keys of forty characters, links, versions, ways to say who asks.
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What was posted, by the key under which it stands.
pub(super) type Builds = Arc<Mutex<BTreeMap<String, Value>>>;

/// A server with the builds that were posted to it.
pub(super) struct Other {
    pub(super) http: Http,
    pub(super) builds: Builds,
}

impl Other {
    fn start(answer: fn(&mut BTreeMap<String, Value>, &Request) -> Reply) -> Self {
        let builds = Builds::default();
        let answering = Arc::clone(&builds);
        let http = Http::start(move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, builds }
    }

    pub(super) fn bitbucket_cloud() -> Self {
        Self::start(bitbucket_cloud)
    }

    pub(super) fn bitbucket_data_center() -> Self {
        Self::start(bitbucket_data_center)
    }

    pub(super) fn azure_devops() -> Self {
        Self::start(azure_devops)
    }

    /// Returns what stands under each key.
    pub(super) fn builds(&self) -> BTreeMap<String, Value> {
        self.builds.lock().expect("no answer panics").clone()
    }
}

fn bitbucket_cloud(builds: &mut BTreeMap<String, Value>, request: &Request) -> Reply {
    let says = |code, message: &str| Reply::json(code, &json!({ "type": "error", "error": { "message": message } }));
    if request.header("authorization") != Some("Bearer bb-token") {
        return says(401, "Token is invalid or not supported for this endpoint.");
    }
    let Some(rest) = request.path.strip_prefix("/2.0/repositories/acme/fleet/commit/") else {
        return says(404, "Repository acme/fleet not found");
    };
    let Some((sha, "statuses/build")) = rest.split_once('/') else { return says(404, "Resource not found") };
    if sha.starts_with('0') {
        return says(404, "Commit not found");
    }
    let key = request.text("key").to_owned();
    let is_state = matches!(request.text("state"), "INPROGRESS" | "SUCCESSFUL" | "FAILED" | "STOPPED");
    if key.is_empty() || key.chars().count() > 40 || request.text("url").is_empty() || !is_state {
        return says(400, "key: Ensure this value has at most 40 characters; url: required key not provided");
    }
    let code = if builds.insert(key, request.body.clone()).is_some() { 200 } else { 201 };
    Reply::json(code, &request.body)
}

fn bitbucket_data_center(builds: &mut BTreeMap<String, Value>, request: &Request) -> Reply {
    let says = |code, message: &str| Reply::json(code, &json!({ "errors": [{ "message": message }] }));
    if request.header("authorization") != Some("Bearer dc-token") {
        return says(401, "You are not permitted to access this resource");
    }
    if request.header("x-atlassian-token") != Some("no-check") {
        return says(403, "XSRF check failed");
    }
    if !request.path.starts_with("/rest/api/latest/projects/OPS/repos/fleet/commits/") {
        return says(404, "Repository OPS/fleet does not exist.");
    }
    builds.insert(request.text("key").to_owned(), request.body.clone());
    Reply { code: 204, headers: Vec::new(), body: String::new() }
}

fn azure_devops(builds: &mut BTreeMap<String, Value>, request: &Request) -> Reply {
    // `:az-token`, as a personal token goes: a password without a user.
    if request.header("authorization") != Some("Basic OmF6LXRva2Vu") {
        // A page for people, as it sends one to who is not signed in.
        return Reply { code: 203, headers: Vec::new(), body: "<html>Azure DevOps Services | Sign In</html>".into() };
    }
    let is_there = request.path.starts_with("/acme/ops/_apis/git/repositories/fleet/commits/");
    if !is_there || !request.path.ends_with("/statuses?api-version=7.1") {
        return Reply::says(404, "TF401019: The Git repository does not exist");
    }
    let context = &request.body["context"];
    let key =
        format!("{}/{}", context["genre"].as_str().unwrap_or_default(), context["name"].as_str().unwrap_or_default());
    builds.insert(key, request.body.clone());
    Reply::json(201, &request.body)
}
