//! In: a commit. Out: its statuses, as the forge has them.
//! Guarantee: read from the forge now; ours and those of others alike.
use super::current_fleet::Here;
use super::forge::{asked, once, server};
use super::{Answer, Failure};
use crate::cli::args::Statuses;
use crate::cli::print::{Table, Text};
use crate::client::forge::{Forge, ForgeError, Server, Told};
use crate::client::git::fault;
use crate::decide::report::Context;
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use crate::observe::forge::notes;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// Prints what the forge has of a commit.
pub(super) fn run(options: &Statuses, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let server = server(&here)?;
    let commit = commit(&here, options.rev.as_deref())?;
    let id = commit.to_string();
    let (told, is_ours_only) = match asked(&server, &server.forge().statuses(&id))? {
        Ok(answered) => (server.forge().read_statuses(&answered.body), false),
        Err(error) => match named(&here, &server, commit, &error)? {
            Some(told) => (told, true),
            None => return Err(once(&server, error).into()),
        },
    };
    let mut text = Text::of(format!("commit {id}, on {}", server.forge().url()));
    let mut table = Table::new(&["context", "state", "text"]);
    for one in &told {
        table.row([one.context.as_str(), one.state.as_str(), one.text.as_str()]);
    }
    if told.is_empty() {
        text.line("it has no status there");
    } else {
        text.table(table);
    }
    if is_ours_only {
        text.line("what others told is not listed by this forge");
    }
    let all = told.iter().map(|one| json!({ "context": one.context, "state": one.state, "text": one.text }));
    let data = json!({ "commit": id, "statuses": all.collect::<Vec<_>>() });
    Ok(Answer::new(text, data))
}

/// Returns what we told of the commit, each as the forge has it by its name: some list nothing.
fn named(here: &Here, server: &Server, commit: CommitId, error: &ForgeError) -> Result<Option<Vec<Told>>, Fault> {
    let forge = server.forge();
    let (id, plan) = (commit.to_string(), Context::plan(None));
    if !matches!(error.code(), Some(404 | 405 | 410)) || forge.status_named(&id, plan.as_str()).is_none() {
        return Ok(None);
    }
    let told = here.seen()?.map(|seen| notes::read(seen.objects(), commit)).transpose()?.unwrap_or_default();
    let contexts: BTreeSet<Context> = told.into_iter().map(|status| status.context).chain([plan]).collect();
    let mut found = Vec::new();
    for call in contexts.iter().filter_map(|context| forge.status_named(&id, context.as_str())) {
        match asked(server, &call)? {
            Ok(answered) => found.push(Forge::read_status(&answered.body)),
            Err(error) if error.code() == Some(404) => {}
            Err(error) => return Err(once(server, error)),
        }
    }
    Ok(Some(found))
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
