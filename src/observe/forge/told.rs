//! In: a commit. Out: what its forge has of us there, as an earlier process may have told it.
//! Guarantee: one request, and not longer than a moment: a forge that does not answer holds nothing up.
use crate::client::forge::Server;
use crate::decide::report::{Context, State, Status};
use crate::decide::value::Timestamp;
use crate::name::CommitId;
use std::time::Duration;

/// How long it is waited for: a push is synced meanwhile by nobody.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns our statuses of a commit; none where the forge does not tell them.
pub async fn told(server: &Server, commit: CommitId, now: Timestamp) -> Vec<Status> {
    let call = server.forge().statuses(&commit.to_string());
    let answered = match tokio::time::timeout(PATIENCE, server.send(&call)).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => {
            tracing::debug!(%error, "what was told before is not known");
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    let ours = server.forge().read_statuses(&answered.body).into_iter().filter_map(|one| {
        let context = Context::parse(&one.context)?;
        Some(Status::new(commit, context, state(&one.state)?, &one.text, now))
    });
    ours.collect()
}

/// Returns a state by the word of any forge; nothing for one that says that nobody knows.
fn state(word: &str) -> Option<State> {
    match word {
        "success" | "successful" | "succeeded" => Some(State::Success),
        "failure" | "failed" => Some(State::Failure),
        "error" => Some(State::Error),
        "pending" | "running" | "inprogress" => Some(State::Pending),
        _ => None,
    }
}
