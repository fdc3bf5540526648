//! In: requests as Bitbucket Cloud, Bitbucket Data Center and Azure DevOps take them. Out: their answers.
//! Guarantee: what each requires and refuses: keys of forty characters, links, versions, ways to say who asks.
use super::http::{Http, Reply, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What it has.
#[derive(Default)]
pub(super) struct Kept {
    /// What was posted, by the key under which it stands.
    builds: BTreeMap<String, Value>,
    /// Its pull requests, as it tells them.
    pub(super) pulls: Vec<Value>,
    /// The comments of its pull requests: each with how often it was worded anew.
    pub(super) comments: Vec<(u64, String)>,
    /// The places of those that were deleted.
    pub(super) deleted: Vec<usize>,
    /// Who took part in a pull request, as it tells them.
    pub(super) participants: Vec<Value>,
    /// What happened to it, the newest first.
    pub(super) activity: Vec<Value>,
    /// Its commits.
    pub(super) commits: Vec<Value>,
    /// The statuses of pull requests.
    pub(super) of_pulls: Vec<Value>,
    /// Its webhooks, with their secrets.
    pub(super) hooks: Vec<Value>,
    /// Whether the token may not see them.
    pub(super) hides_hooks: bool,
    /// Whether it lists the builds of a commit no longer.
    pub(super) lists_no_builds: bool,
    /// The heads of its pull request; the third, where there are none.
    pub(super) iterations: Vec<Value>,
    /// What it noted itself of its pull request.
    pub(super) notes: Vec<Value>,
}

/// A server with what was posted to it.
pub(super) struct Other {
    pub(super) http: Http,
    pub(super) kept: Arc<Mutex<Kept>>,
}

impl Other {
    fn start(answer: fn(&mut Kept, &Request) -> Reply) -> Self {
        let kept = Arc::<Mutex<Kept>>::default();
        let answering = Arc::clone(&kept);
        let http = Http::start(move |request| answer(&mut answering.lock().expect("no answer panics"), request));
        Self { http, kept }
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no answer panics")
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

    /// Puts what somebody else posted under a key.
    pub(super) fn post(&self, key: &str, build: Value) {
        self.kept().builds.insert(key.to_owned(), build);
    }

    /// Returns what stands under each key.
    pub(super) fn builds(&self) -> BTreeMap<String, Value> {
        self.kept().builds.clone()
    }
}

fn bitbucket_cloud(kept: &mut Kept, request: &Request) -> Reply {
    let says = |code, message: &str| Reply::json(code, &json!({ "type": "error", "error": { "message": message } }));
    if request.header("authorization") != Some("Bearer bb-token") {
        return says(401, "Token is invalid or not supported for this endpoint.");
    }
    if request.path == "/2.0/user" {
        return Reply::json(200, &json!({ "account_id": "ours", "username": "stratify", "nickname": "stratify" }));
    }
    if request.path == "/2.0/repositories/acme/fleet" {
        return Reply::json(200, &json!({ "full_name": "acme/fleet", "uuid": "{fleet}" }));
    }
    let Some(rest) = request.path.strip_prefix("/2.0/repositories/acme/fleet/") else {
        return says(404, "Repository acme/fleet not found");
    };
    if rest.starts_with("hooks") {
        return super::other_hooks::cloud(kept, request, rest);
    }
    if rest.starts_with("pullrequests") {
        return cloud_pulls(kept, request, rest);
    }
    let Some(rest) = rest.strip_prefix("commit/") else { return says(404, "Resource not found") };
    if let Some((begins, "fields=hash")) = rest.split_once('?') {
        let whole = |pull: &Value| pull["source"]["commit"]["hash"].as_str().map(str::to_owned);
        let mut found = kept.pulls.iter().filter_map(whole).filter(|whole| whole.starts_with(begins));
        return match found.next() {
            Some(hash) => Reply::json(200, &json!({ "hash": hash })),
            None => says(404, "Commit not found"),
        };
    }
    let Some((sha, "statuses/build")) = rest.split_once('/') else { return says(404, "Resource not found") };
    if sha.starts_with("00000000") {
        return says(404, "Commit not found");
    }
    let key = request.text("key").to_owned();
    let is_state = matches!(request.text("state"), "INPROGRESS" | "SUCCESSFUL" | "FAILED" | "STOPPED");
    if key.is_empty() || key.chars().count() > 40 || request.text("url").is_empty() || !is_state {
        return says(400, "key: Ensure this value has at most 40 characters; url: required key not provided");
    }
    let code = if kept.builds.insert(key, request.body.clone()).is_some() { 200 } else { 201 };
    Reply::json(code, &request.body)
}

fn bitbucket_data_center(kept: &mut Kept, request: &Request) -> Reply {
    let says = |code, message: &str| Reply::json(code, &json!({ "errors": [{ "message": message }] }));
    if request.header("authorization") != Some("Bearer dc-token") {
        return says(401, "You are not permitted to access this resource");
    }
    if request.header("x-atlassian-token") != Some("no-check") {
        return says(403, "XSRF check failed");
    }
    if request.path.starts_with("/rest/build-status/latest/commits/") && !kept.lists_no_builds {
        let all: Vec<&Value> = kept.builds.values().collect();
        return Reply::json(200, &json!({ "values": all, "size": all.len(), "isLastPage": true }));
    }
    if request.path == "/rest/api/latest/projects/OPS/repos/fleet" {
        return Reply::json(200, &json!({ "slug": "fleet", "id": 1, "project": { "key": "OPS" } }));
    }
    let Some(path) = request.path.strip_prefix("/rest/api/latest/projects/OPS/repos/fleet/") else {
        return says(404, "Repository OPS/fleet does not exist.");
    };
    if path.starts_with("webhooks") {
        return super::other_hooks::center(kept, request, path);
    }
    if path.starts_with("pull-requests") {
        return data_center_pulls(kept, request, path);
    }
    if let Some((_, key)) = path.split_once("/builds?key=") {
        let found = kept.builds.get(&key.replace("%2F", "/"));
        return found.map_or_else(|| says(404, "No build status has this key."), |build| Reply::json(200, build));
    }
    kept.builds.insert(request.text("key").to_owned(), request.body.clone());
    Reply { code: 204, headers: Vec::new(), body: String::new() }
}

fn azure_devops(kept: &mut Kept, request: &Request) -> Reply {
    // `:az-token`, as a personal token goes: a password without a user.
    if request.header("authorization") != Some("Basic OmF6LXRva2Vu") {
        // A page for people, as it sends one to who is not signed in.
        return Reply { code: 203, headers: Vec::new(), body: "<html>Azure DevOps Services | Sign In</html>".into() };
    }
    if let Some(path) = request.path.strip_prefix("/acme/_apis/hooks/") {
        return super::other_hooks::azure(kept, request, path);
    }
    if request.path == "/acme/ops/_apis/git/repositories/fleet?api-version=7.1" {
        let project = json!({ "id": super::other_hooks::PROJECT, "name": "ops" });
        return Reply::json(200, &json!({ "id": super::other_hooks::REPOSITORY, "name": "fleet", "project": project }));
    }
    let path = request.path.strip_prefix("/acme/ops/_apis/git/repositories/fleet/");
    let Some(path) = path.filter(|path| path.ends_with("api-version=7.1")) else {
        return Reply::says(404, "TF401019: The Git repository does not exist");
    };
    if path.to_lowercase().starts_with("pullrequests") {
        return azure_pulls(kept, request, path);
    }
    let of_one = path.strip_prefix("commits/").and_then(|rest| rest.split_once('?'));
    if let Some((sha, _)) = of_one.filter(|(sha, _)| !sha.contains('/')) {
        let found = kept.commits.iter().find(|commit| commit["commitId"] == sha);
        return found.map_or_else(|| Reply::says(404, "TF401175: it has no such commit"), |it| Reply::json(200, it));
    }
    if !path.starts_with("commits/") || !path.ends_with("/statuses?api-version=7.1") {
        return Reply::says(404, "TF401019: The Git repository does not exist");
    }
    let context = &request.body["context"];
    let key =
        format!("{}/{}", context["genre"].as_str().unwrap_or_default(), context["name"].as_str().unwrap_or_default());
    kept.builds.insert(key, request.body.clone());
    Reply::json(201, &request.body)
}

/// Bitbucket Cloud tells twelve digits of a commit, shows a comment that was deleted as such, and names the next page of what
/// it has no numbers for.
fn cloud_pulls(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    const SIZE: usize = 2;
    let says = |code, message: &str| Reply::json(code, &json!({ "type": "error", "error": { "message": message } }));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let number = |key: &str| query.split('&').find_map(|part| part.strip_prefix(key)?.parse::<usize>().ok());
    let shown = |pull: &Value| {
        let mut shown = pull.clone();
        let whole = shown["source"]["commit"]["hash"].as_str().unwrap_or_default().to_owned();
        shown["source"]["commit"]["hash"] = whole[..12].into();
        shown
    };
    let (all_comments, deleted) = (kept.comments.clone(), kept.deleted.clone());
    let comment = |id: usize| {
        let is_deleted = deleted.contains(&id);
        let text = all_comments.get(id).map_or("", |(_, text)| text.as_str());
        let raw = if is_deleted { "" } else { text };
        json!({ "id": id, "deleted": is_deleted, "content": { "raw": raw }, "user": { "account_id": "ours" } })
    };
    let by_cursor = |all: &[Value], what: &str| {
        let from = number("ctx=").unwrap_or(0);
        let mut page = json!({ "values": all.iter().skip(from).take(SIZE).collect::<Vec<_>>() });
        if from + SIZE < all.len() {
            // Wherever it says that this is, the token goes to the forge of the settings.
            let next = from + SIZE;
            page["next"] = format!("https://elsewhere.example/2.0/{what}?ctx={next}&pagelen=50").into();
        }
        Reply::json(200, &page)
    };
    match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["pullrequests"]) => {
            let (size, page) = (number("pagelen=").unwrap_or(10), number("page=").unwrap_or(1));
            assert!(size <= 50, "Bitbucket gives no more on a page");
            let values: Vec<Value> = kept.pulls.iter().map(shown).skip(size * (page - 1)).take(size).collect();
            Reply::json(200, &json!({ "values": values, "pagelen": size, "page": page }))
        }
        ("GET", ["pullrequests", _]) => {
            let Some(pull) = kept.pulls.first() else { return says(404, "Resource not found") };
            let mut pull = shown(pull);
            pull["participants"] = kept.participants.clone().into();
            Reply::json(200, &pull)
        }
        ("GET", ["pullrequests", _, "activity"]) => by_cursor(&kept.activity, "activity"),
        ("GET", ["pullrequests", _, "commits"]) => by_cursor(&kept.commits, "commits"),
        ("GET", ["pullrequests", _, "comments"]) => {
            let all: Vec<Value> = (0..kept.comments.len()).map(comment).collect();
            Reply::json(200, &json!({ "values": all }))
        }
        ("POST", ["pullrequests", _, "comments"]) => {
            let Some(text) = request.body["content"]["raw"].as_str() else { return says(400, "content: required key") };
            kept.comments.push((0, text.to_owned()));
            Reply::json(201, &json!({ "id": kept.comments.len() - 1 }))
        }
        ("PUT", ["pullrequests", _, "comments", id]) => {
            let id: usize = id.parse().expect("it is a number");
            if kept.deleted.contains(&id) {
                return says(403, "You may not edit a deleted comment.");
            }
            let text = request.body["content"]["raw"].as_str().unwrap_or_default().to_owned();
            kept.comments[id] = (kept.comments[id].0 + 1, text);
            Reply::json(200, &json!({ "id": id }))
        }
        _ => says(404, "Resource not found"),
    }
}

/// One pull request has all the comments: what is told among other activities, and worded anew by its version.
fn data_center_pulls(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    let all = |values: Vec<Value>| Reply::json(200, &json!({ "values": values, "isLastPage": true }));
    let told = |(id, (version, text)): (usize, &(u64, String))| json!({ "id": id, "version": version, "text": text });
    let path = path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["pull-requests"]) => all(kept.pulls.clone()),
        ("GET", ["pull-requests", _, "activities"]) => {
            let comments = kept.comments.iter().enumerate().map(told);
            let activities = comments.map(|comment| json!({ "action": "COMMENTED", "comment": comment }));
            all(activities.chain([json!({ "action": "OPENED" })]).collect())
        }
        ("GET", ["pull-requests", _, "participants"]) => all(kept.participants.clone()),
        ("GET", ["pull-requests", _, "commits"]) => all(kept.commits.clone()),
        ("POST", ["pull-requests", _, "comments"]) => {
            kept.comments.push((0, request.text("text").to_owned()));
            Reply::json(201, &told((kept.comments.len() - 1, &kept.comments[kept.comments.len() - 1])))
        }
        ("PUT", ["pull-requests", _, "comments", id]) => {
            let id: usize = id.parse().expect("it is a number");
            let (version, text) = &mut kept.comments[id];
            if request.body["version"] != *version {
                return Reply::json(
                    409,
                    &json!({ "errors": [{ "message": "you are attempting to modify it based on out-of-date information" }] }),
                );
            }
            (*version, *text) = (*version + 1, request.text("text").to_owned());
            Reply::json(200, &told((id, &kept.comments[id])))
        }
        _ => Reply::json(404, &json!({ "errors": [{ "message": "no such pull request" }] })),
    }
}

/// One pull request has all the threads, whose numbers begin with one.
fn azure_pulls(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    let all = |values: Vec<Value>| Reply::json(200, &json!({ "count": values.len(), "value": values }));
    let told = |at: usize, text: &str| json!({ "id": at + 1, "comments": [{ "id": 1, "content": text }] });
    let path = path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["pullrequests"]) => all(kept.pulls.clone()),
        ("GET", ["pullRequests", _, "reviewers"]) => all(kept.participants.clone()),
        // Who pushed a commit, it tells of each alone.
        ("GET", ["pullRequests", _, "commits"]) => {
            let told = |commit: &Value| {
                let mut told = commit.clone();
                told.as_object_mut().expect("it is one").remove("push");
                told
            };
            all(kept.commits.iter().map(told).collect())
        }
        ("GET", ["pullRequests", _, "iterations"]) if !kept.iterations.is_empty() => all(kept.iterations.clone()),
        ("GET", ["pullRequests", _, "iterations"]) => {
            let head = kept.pulls.first().map(|pull| pull["lastMergeSourceCommit"].clone());
            all(head.into_iter().map(|head| json!({ "id": 3, "sourceRefCommit": head })).collect())
        }
        ("POST", ["pullRequests", _, "statuses"]) => {
            kept.of_pulls.push(request.body.clone());
            Reply::json(200, &request.body)
        }
        ("GET", ["pullRequests", _, "threads"]) => {
            let comments = kept.comments.iter().enumerate().map(|(at, (_, text))| told(at, text));
            all(comments.chain(kept.notes.iter().cloned()).collect())
        }
        ("POST", ["pullRequests", _, "threads"]) => {
            let text = request.body["comments"][0]["content"].as_str().unwrap_or_default().to_owned();
            kept.comments.push((0, text.clone()));
            Reply::json(200, &told(kept.comments.len() - 1, &text))
        }
        ("PATCH", ["pullRequests", _, "threads", thread, "comments", "1"]) => {
            let at = thread.parse::<usize>().expect("it is a number") - 1;
            kept.comments[at] = (kept.comments[at].0 + 1, request.text("content").to_owned());
            Reply::json(200, &json!({ "id": 1, "content": request.text("content") }))
        }
        _ => Reply::says(404, "TF401180: The requested pull request was not found."),
    }
}
