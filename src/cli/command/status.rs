//! In: a commit. Out: its statuses.
//! Guarantee: as they were posted; decisions never read them.
use super::here::{Here, objects};
use super::{Answer, Failure};
use crate::cli::args::Status;
use crate::cli::print::{Table, Text};
use crate::decide::report::State;
use crate::name::CommitId;
use crate::observe::forge::notes;
use serde_json::json;
use std::path::Path;

/// Prints the statuses of a commit, of the checked-out one by default.
pub(super) fn run(options: &Status, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let commit = match (&options.rev, CommitId::parse(options.rev.as_deref().unwrap_or_default())) {
        (_, Some(commit)) => commit,
        (rev, None) => here.local()?.resolve(rev.as_deref().unwrap_or("HEAD"))?,
    };
    let statuses = notes::read(objects(&here.statuses(None)?), commit)?;
    if statuses.is_empty() {
        let text = Text::of(format!("{commit} has no status yet: `stratify sync` or `stratify serve` gives it one"));
        return Ok(Answer::new(text, json!({ "commit": commit.to_string(), "statuses": [] })));
    }
    let mut table = Table::new(&["context", "state", "text"]);
    let mut data = Vec::new();
    for status in &statuses {
        let state = word(status.state);
        table.row([status.context.as_str(), state, status.text()]);
        data.push(json!({ "context": status.context.as_str(), "state": state, "text": status.text(), "detail": status.try_detail() }));
    }
    let mut text = Text::of(format!("commit {commit}"));
    text.table(table);
    for detail in statuses.iter().filter_map(|status| status.try_detail()) {
        detail.lines().for_each(|line| text.line(format!("  {line}")));
    }
    Ok(Answer::new(text, json!({ "commit": commit.to_string(), "statuses": data })))
}

/// Returns the word of a state.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Success => "success",
        State::Failure => "failure",
        State::Error => "error",
    }
}
