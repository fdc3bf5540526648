//! In: a commit. Out: its statuses, and where the clusters stand now.
//! Guarantee: as they were posted, or will be; decisions never read them. Where the clusters stand is asked of the clusters.
mod live;
mod now;

use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::args::{self, Output};
use crate::cli::print::{Table, Text};
use crate::client::git::fault;
use crate::decide::report::{State, Status};
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use crate::observe::forge::notes;
use crate::serve::socket::{Ask, try_ask};
pub(super) use now::Now;
use serde_json::{Value, json};
use std::path::Path;

/// Prints the statuses of a commit: by default of the checked-out one, without a work tree of the watched branch's head.
pub(super) fn run(options: &args::Status, output: Output, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let revision = match (&options.rev, here.is_remote()) {
        (Some(revision), true) => Some(revision.clone()),
        (None, true) => None,
        (revision, false) => Some(local(&here, revision.as_deref().unwrap_or("HEAD"))?.to_string()),
    };
    let served = try_ask(&here.settings.state, &Ask::Status(revision.clone()))?;
    let (commit, statuses) = match &served {
        Some(answer) => answered(answer)?,
        None => read(&here, revision.as_deref())?,
    };
    let now = served.as_ref().map_or_else(|| Now::remembered(&here), Now::answered);
    let mut answer = match commit {
        Some(commit) => shown(commit, &statuses, &now.lines()),
        None => Answer::new(Text::of("nothing was synced yet"), json!({ "commit": null, "statuses": [] })),
    };
    now.add(&mut answer.data);
    // Who asks what became of one commit does not ask for the clusters.
    if options.rev.is_none() {
        live::add(&here, options, output == Output::Wide, &mut answer)?;
    }
    now.tell(&mut answer.text);
    Ok(answer)
}

fn local(here: &Here, revision: &str) -> Result<CommitId, Fault> {
    match CommitId::parse(revision) {
        Some(commit) => Ok(commit),
        None => here.local()?.resolve(revision),
    }
}

/// Takes what the process that serves answers.
fn answered(answer: &Value) -> Result<(Option<CommitId>, Vec<Status>), Fault> {
    if let Some(error) = answer.get("error").and_then(Value::as_str) {
        let hint = answer.get("hint").and_then(Value::as_str).unwrap_or("look at the log of `stratify serve`");
        return Err(fault(Owner::Operator, false, error, hint));
    }
    let commit = answer.get("commit").and_then(Value::as_str).and_then(CommitId::parse);
    let lines = answer.get("statuses").and_then(Value::as_array).into_iter().flatten();
    let statuses = lines.filter_map(Value::as_str).map(Status::decode).collect::<Result<Vec<_>, _>>();
    Ok((commit, statuses.map_err(Fault::bug)?))
}

/// Reads the notes of the repository around, or of the remote one as they are there now.
fn read(here: &Here, revision: Option<&str>) -> Result<(Option<CommitId>, Vec<Status>), Fault> {
    if !here.is_remote() {
        let commit = local(here, revision.unwrap_or("HEAD"))?;
        return Ok((Some(commit), notes::read(here.local()?.objects(), commit)?));
    }
    here.look(|mirror| notes::fetch(mirror.objects(), &mirror.address()))?;
    let Some(seen) = here.seen()? else { return Ok((None, Vec::new())) };
    let commit = match revision {
        Some(revision) => Some(seen.objects().find_commit(revision)?),
        None => seen.branch()?,
    };
    let statuses = commit.map(|commit| notes::read(seen.objects(), commit)).transpose()?;
    Ok((commit, statuses.unwrap_or_default()))
}

/// Shows the statuses; what `now` says below in the same words is not said twice.
fn shown(commit: CommitId, statuses: &[Status], now: &[String]) -> Answer {
    if statuses.is_empty() {
        let text = Text::of(format!("{commit} has no status yet: `stratify sync` or `stratify serve` gives it one"));
        return Answer::new(text, json!({ "commit": commit.to_string(), "statuses": [] }));
    }
    let mut table = Table::new(&["context", "state", "text"]);
    let mut data = Vec::new();
    for status in statuses {
        let state = word(status.state);
        table.row([status.context.as_str(), state, status.text()]);
        data.push(json!({ "context": status.context.as_str(), "state": state, "text": status.text(), "detail": status.try_detail() }));
    }
    let mut text = Text::of(format!("commit {commit}"));
    text.table(table);
    for status in statuses {
        let lines = status.try_detail().into_iter().flat_map(str::lines);
        let lines: Vec<&str> = lines.filter(|line| !now.iter().any(|known| known == line)).collect();
        if !lines.is_empty() {
            text.line(format!("{}:", status.context.as_str()));
            text.lines(lines.iter().map(|line| format!("  {line}")));
        }
    }
    Answer::new(text, json!({ "commit": commit.to_string(), "statuses": data }))
}

/// Returns the word of a state.
fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Success => "success",
        State::Failure => "failure",
        State::Error => "error",
    }
}
