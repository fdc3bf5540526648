//! In: a fleet on a real API server, the process that serves it. Out: it runs until the test ends, and what became of commits.
//! Guarantee: the process ends with its test; a test waits for what is told, never for a time.
use super::fleet::Fleet;
use crate::testenv::{Entry, Mark, Server};
use serde_json::Value;
use std::fs::File;
use std::process::{Child, Stdio};

/// A process that serves a fleet.
pub(crate) struct Serving<'a> {
    fleet: &'a Fleet,
    child: Child,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl<'a> Serving<'a> {
    /// Serves, and returns once the head is told.
    pub(crate) async fn start(server: &Server, fleet: &'a Fleet) -> Self {
        let serving = Self::begin(fleet);
        let head = fleet.checkout.head();
        server.eventually("the head is synced", async || serving.is_synced(&head)).await;
        serving
    }

    /// Serves.
    pub(crate) fn begin(fleet: &'a Fleet) -> Self {
        let settings = fleet.folder().join("stratify.yaml").display().to_string();
        let log = File::create(fleet.folder().join("serve.log")).expect("the scratch folder is ours");
        let mut command = fleet.checkout.command(&["serve", "--settings", &settings]);
        command.stdout(Stdio::null()).stderr(log);
        Self { fleet, child: command.spawn().expect("the program was built") }
    }

    /// Commits all there is, lets the process look, and returns the commit once it is synced.
    pub(crate) async fn commit(&self, server: &Server, message: &str) -> String {
        let commit = self.tell(server, message).await;
        assert!(self.is_synced(&commit), "{message} is synced: {:?}", self.status(&commit));
        commit
    }

    /// Commits all there is, lets the process look, and returns the commit once its verdict is told.
    pub(crate) async fn tell(&self, server: &Server, message: &str) -> String {
        let commit = self.wake(message);
        let is_told = |state: &str| state != "pending";
        server.eventually("it is told", async || self.state(&commit).as_deref().is_some_and(is_told)).await;
        commit
    }

    /// Commits all there is, lets the process look, and returns the commit.
    pub(crate) fn wake(&self, message: &str) -> String {
        let commit = self.fleet.checkout.commit(message);
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::HUP).expect("it is our child");
        commit
    }

    /// Whether the process says of a commit that all is synced.
    pub(crate) fn is_synced(&self, commit: &str) -> bool {
        self.state(commit).as_deref() == Some("success")
    }

    /// Returns the state of the environment's status of a commit.
    pub(crate) fn state(&self, commit: &str) -> Option<String> {
        Some(self.status(commit)?["state"].as_str()?.to_owned())
    }

    /// Returns the environment's status of a commit.
    pub(crate) fn status(&self, commit: &str) -> Option<Value> {
        let ran = self.fleet.run(&["status", commit, "--output", "json"]);
        let answer: Value = serde_json::from_str(&ran.out).ok()?;
        let statuses = answer["statuses"].as_array()?;
        statuses.iter().find(|status| status["context"] == "stratify/dev").cloned()
    }
}

/// Returns the requests of the program for a fleet since a mark, but for watches: `verb uri`.
pub(crate) fn requests(server: &Server, mark: Mark, user: &str) -> Vec<String> {
    let is_ours = |entry: &Entry| {
        entry.user_agent.starts_with("stratify/") && entry.user == user && !matches!(entry.verb.as_str(), "watch")
    };
    let told = server.audit().since(mark, is_ours);
    told.into_iter()
        .map(|entry| format!("{}{} {}", if entry.dry_run { "try " } else { "" }, entry.verb, entry.uri))
        .collect()
}
