//! In: a commit. Out: its statuses, as the forge has them.
//! Guarantee: read from the forge now; ours and those of others alike.
use super::current_fleet::Here;
use super::forge::{ask, server};
use super::{Answer, Failure};
use crate::cli::args::Statuses;
use crate::cli::print::{Table, Text};
use crate::client::git::fault;
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use serde_json::json;
use std::path::Path;

/// Prints what the forge has of a commit.
pub(super) fn run(options: &Statuses, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let server = server(&here)?;
    let commit = commit(&here, options.rev.as_deref())?.to_string();
    let Some(call) = server.forge().statuses(&commit) else {
        let message = format!("{} does not tell all statuses of a commit", server.forge().kind().word());
        return Err(fault(Owner::Caller, false, message, "see `stratify status`: what was told to it").into());
    };
    let told = server.forge().read_statuses(&ask(&server, &call)?.body);
    let mut text = Text::of(format!("commit {commit}, on {}", server.forge().url()));
    let mut table = Table::new(&["context", "state", "text"]);
    for one in &told {
        table.row([one.context.as_str(), one.state.as_str(), one.text.as_str()]);
    }
    if told.is_empty() {
        text.line("it has no status there");
    } else {
        text.table(table);
    }
    let all = told.iter().map(|one| json!({ "context": one.context, "state": one.state, "text": one.text }));
    let data = json!({ "commit": commit, "statuses": all.collect::<Vec<_>>() });
    Ok(Answer::new(text, data))
}

/// Returns the commit that is meant: an id may be of any branch, names are those of the mirror.
fn commit(here: &Here, revision: Option<&str>) -> Result<CommitId, Fault> {
    if let Some(commit) = revision.and_then(CommitId::parse) {
        return Ok(commit);
    }
    let unseen = || fault(Owner::Caller, false, "the branch was not seen yet", "run `stratify sync`, or give a commit");
    let seen = here.seen()?.ok_or_else(unseen)?;
    match revision {
        Some(revision) => seen.objects().find_commit(revision),
        None => seen.branch()?.ok_or_else(unseen),
    }
}
