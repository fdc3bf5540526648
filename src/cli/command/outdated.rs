//! In: the working tree. Out: the packs that are not the newest, or not to be used for long; on request, a commit that names
//! the newest.
//! Guarantee: only versions are edited, each where it stands; what was edited says exactly that, or nothing is written.
use super::current_fleet::{Here, on_large_stack, unknown};
use super::document::by_hand;
use super::{Answer, Failure};
use crate::act::commit::into_work_tree;
use crate::cli::args;
use crate::cli::print::{Table, Text};
use crate::client::git::{fault, in_folder};
use crate::decide::document::{File, Fragment, edit};
use crate::decide::lock::{Outdated, outdated};
use crate::decide::report::counted;
use crate::decide::value::Owner;
use crate::name::{BlobId, RepoPath};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How many places of one version a table shows.
const PLACES_SHOWN: usize = 2;

/// Lists what is outdated, and brings it up where that is asked for.
pub(super) fn run(options: &args::Outdated, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let fleet = on_large_stack(async { Ok(preview.fleet(None)?) })?;
    let known: Vec<&str> = fleet.index.pack_names().map(|(name, _)| &**name).collect();
    if let Some(absent) = options.pack.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown("pack", absent, known.iter().copied()));
    }
    let is_asked = |one: &Outdated| options.pack.is_empty() || options.pack.iter().any(|name| **name == *one.name);
    let found: Vec<Outdated> = outdated(&fleet.index).into_iter().filter(is_asked).collect();
    let mut answer = told(&found);
    if options.commit {
        let commit = commit(here.root()?, &found)?;
        answer.text.line(match &commit {
            Some(commit) => format!("committed as {commit}: look at `stratify plan`, then push it"),
            None => "nothing is to be committed".to_owned(),
        });
        answer.data = json!({ "packs": answer.data, "commit": commit });
    }
    Ok(answer)
}

fn told(found: &[Outdated]) -> Answer {
    let mut text = Text::default();
    if found.is_empty() {
        text.line("all packs that layers name are the newest that may be used");
    } else {
        let mut table = Table::new(&["pack", "version", "newest", "state", "named at"]);
        for one in found {
            table.row(cells(one));
        }
        text.table(table);
    }
    Answer::new(text, found.iter().map(data).collect())
}

fn cells(one: &Outdated) -> Vec<String> {
    let mut places: Vec<String> = one.places.iter().take(PLACES_SHOWN).map(|part| part.span().to_string()).collect();
    let more = one.places.len() - places.len();
    places.extend((more > 0).then(|| format!("and {more} more")));
    let state = match (&one.state, &one.message) {
        (Some(state), Some(message)) => format!("{state}: {message}"),
        (state, _) => state.as_deref().unwrap_or("-").to_owned(),
    };
    let newest = one.newest.as_deref().unwrap_or("-").to_owned();
    vec![one.name.to_string(), one.version.to_string(), newest, state, places.join(", ")]
}

fn data(one: &Outdated) -> Value {
    json!({
        "pack": &*one.name,
        "version": &*one.version,
        "newest": one.newest.as_deref(),
        "state": one.state.as_deref(),
        "message": one.message.as_deref(),
        "places": one.places.iter().map(|part| part.span().to_string()).collect::<Vec<_>>(),
    })
}

/// Commits the newest versions; nothing where there is none.
fn commit(root: &Path, found: &[Outdated]) -> Result<Option<String>, Failure> {
    let mut edits: BTreeMap<RepoPath, Vec<(&Fragment, String)>> = BTreeMap::new();
    let mut lines = Vec::new();
    for one in found {
        let Some(newest) = &one.newest else { continue };
        lines.push(format!("{}: {} -> {newest}", one.name, one.version));
        for place in &one.places {
            let text = place.text();
            let is_both = text.contains('@');
            let edited = if is_both { format!("{}@{newest}", one.name) } else { newest.to_string() };
            edits.entry(place.file.path.clone()).or_default().push((place, edited));
        }
    }
    let mut files = Vec::new();
    for (path, edits) in &edits {
        files.push((path.clone(), edited(root, path, edits)?));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let message = format!("packs: {} brought up\n\n{}\n", counted(lines.len(), "version"), lines.join("\n"));
    Ok(Some(into_work_tree(root, &files, &message, None)?.to_string()))
}

fn edited(root: &Path, path: &RepoPath, edits: &[(&Fragment, String)]) -> Result<Vec<u8>, Failure> {
    let attempt = format!("could not read {path}");
    let bytes = std::fs::read(root.join(path.as_str())).map_err(in_folder(&attempt))?;
    let file: Arc<File> = File::read_one(path, BlobId([0; 20]), &bytes)?;
    let same = edits.first().is_none_or(|(part, _)| part.file.root().value() == file.root().value());
    if !same {
        let message = format!("{path} has changed while it was read");
        return Err(fault(Owner::Caller, true, message, "run the command again").into());
    }
    let at: Vec<_> = edits.iter().map(|(part, text)| (part.node().bytes(), text.clone())).collect();
    let text = edit::texts(&file, &at).map_err(|at| by_hand(&at, "the newest version"))?;
    let mark = bytes.get(..3).filter(|mark| *mark == "\u{feff}".as_bytes()).unwrap_or_default();
    Ok([mark, text.as_bytes()].concat())
}
