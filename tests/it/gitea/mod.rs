//! In: a real Gitea, the program as it serves. Out: what people see on the forge.
//! Guarantee: each test has a user and a repository of its own; what is read is read by Gitea's API.
mod statuses;
mod webhooks;
mod pulls;
mod approvals;
mod demo;

use crate::forges::fleet::Fleet;
use crate::testenv::{Account, Gitea};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// A fleet in a repository of a real Gitea.
struct Hosted {
    gitea: &'static Gitea,
    owner: Account,
    fleet: Fleet,
}

impl Hosted {
    /// Makes a user, a repository and the example fleet in it; `more` are lines of the settings.
    fn new(begins: &str, more: &str) -> Self {
        let gitea = Gitea::shared();
        let owner = gitea.account(begins);
        gitea.repository(&owner, "fleet");
        let hosted = Self { gitea, owner, fleet: Fleet::elsewhere() };
        fs::write(hosted.fleet.path("token"), &hosted.owner.token).expect("the scratch folder is ours");
        fs::write(hosted.fleet.path("secret"), "of-the-webhook\n").expect("the scratch folder is ours");
        hosted.settings(more);
        hosted.push("main");
        hosted
    }

    fn settings(&self, more: &str) {
        let url = format!("{}/{}/fleet.git\n  tokenFile: token", self.gitea.url(), self.owner.name);
        self.fleet.settings_of(&url, "kind: gitea, tokenFile: token, webhookSecretFile: secret", more);
    }

    /// Pushes what is checked out to a branch, over HTTP, and returns its commit.
    fn push(&self, branch: &str) -> String {
        self.push_as(&self.owner, branch)
    }

    fn push_as(&self, who: &Account, branch: &str) -> String {
        let url = self.gitea.git_url(who, &format!("{}/fleet", self.owner.name));
        self.fleet.checkout.git(&["push", "--quiet", "--force", &url, &format!("HEAD:refs/heads/{branch}")]);
        self.fleet.checkout.head()
    }

    /// Returns a path of the API below the repository.
    fn path(&self, path: &str) -> String {
        format!("/repos/{}/fleet{path}", self.owner.name)
    }

    fn get(&self, path: &str) -> Value {
        self.gitea.get(&self.owner.token, &self.path(path))
    }

    /// Lets Gitea deliver what happens to the program that serves.
    fn hook(&self) {
        let url = format!("http://{}/webhooks/fleet", self.fleet.door());
        let config = json!({ "url": url, "content_type": "json", "secret": "of-the-webhook" });
        let events = ["push", "pull_request", "pull_request_sync"];
        let body = json!({ "type": "gitea", "active": true, "events": events, "config": config });
        self.gitea.api(&self.owner.token, "POST", &self.path("/hooks"), &body).done();
    }

    /// Opens a pull request to main, and returns its number.
    fn open(&self, who: &Account, head: &str) -> u64 {
        let body = json!({ "title": "a change", "head": head, "base": "main" });
        let pull = self.gitea.api(&who.token, "POST", &self.path("/pulls"), &body).done();
        pull["number"].as_u64().expect("it has a number")
    }

    /// Returns the texts of a pull request's comments.
    fn comments(&self, number: u64) -> Vec<String> {
        let all = self.get(&format!("/issues/{number}/comments"));
        let text = |one: &Value| one["body"].as_str().unwrap_or_default().to_owned();
        all.as_array().map(|all| all.iter().map(text).collect()).unwrap_or_default()
    }

    /// Returns the state and the text of each context of a commit, as Gitea shows them.
    fn statuses(&self, commit: &str) -> BTreeMap<String, (String, String)> {
        let combined = self.get(&format!("/commits/{commit}/status"));
        let all = combined["statuses"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        all.iter().map(|one| (text(one, "context"), (text(one, "status"), text(one, "description")))).collect()
    }

    /// Waits until a commit is synced everywhere, and says so.
    #[track_caller]
    fn synced(&self, commit: &str) {
        for name in ["plan", "dev", "staging", "prod"] {
            self.until(commit, &format!("stratify/{name}"), "success");
        }
    }

    /// Waits until a context of a commit has a state, and returns its text.
    #[track_caller]
    fn until(&self, commit: &str, context: &str, state: &str) -> String {
        let found = || self.statuses(commit).remove(context).filter(|(found, _)| found == state).map(|(_, text)| text);
        let what = format!("{context} of {commit} is {state}: {:?}\n{}", self.statuses(commit), self.fleet.log());
        self.gitea.eventually(&what, found)
    }
}
