//! In: the outbox of the process that serves, or of the last one. Out: what is still to be told, and why it waits.
//! Guarantee: reads only.
use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::print::{Table, Text, Tone};
use crate::client::clock::now;
use crate::client::store::Store;
use crate::control::engine::waiting_in;
use crate::decide::value::counted;
use crate::serve::socket::{Ask, try_ask};
use serde_json::{Value, json};
use std::path::Path;

/// How many digits of a commit people are shown.
const SHORT: usize = 7;

/// Prints what waits.
pub(super) fn run(settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let found = match try_ask(&here.settings.state, &Ask::Outbox)? {
        Some(answer) => answer,
        None if here.state_file().is_file() => {
            let receivers = here.settings.notifications.iter().map(|it| &*it.name);
            waiting_in(&Store::open(&here.state_file())?, receivers)?
        }
        None => json!({ "rows": [] }),
    };
    let list = |key: &str| found.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (rows, notices, troubles) = (list("rows"), list("notices"), list("troubles"));
    let comments = found.get("comments").and_then(Value::as_u64).unwrap_or_default();
    let is_looking = found.get("looking").and_then(Value::as_bool).unwrap_or_default();
    let mut text = Text::default();
    if rows.is_empty() && notices.is_empty() && comments == 0 {
        text.line("nothing waits: all that was to be told is told");
    }
    if !rows.is_empty() {
        let mut table = Table::new(&["commit", "context", "state", "text", "waits"]);
        for row in &rows {
            table.row(cells(row));
        }
        text.table(table);
    }
    if !notices.is_empty() {
        let mut table = Table::new(&["notice to", "commit", "context", "state", "text", "waits"]);
        let to = |row: &Value| row.get("forge").and_then(Value::as_str).unwrap_or_default().to_owned();
        for row in &notices {
            let [commit, context, state, said, waits] = cells(row);
            table.row([to(row), commit, context, state, said, waits]);
        }
        text.table(table);
    }
    if comments > 0 {
        let comments = usize::try_from(comments).unwrap_or(usize::MAX);
        text.line(format!("{} of pull requests to be put", counted(comments, "comment")));
    }
    if is_looking {
        text.line("pull requests are looked at now");
    }
    for trouble in troubles.iter().filter_map(Value::as_str) {
        text.pieces([(Tone::Bad, format!("! {trouble}"))]);
    }
    let data =
        json!({ "rows": rows, "notices": notices, "comments": comments, "looking": is_looking, "troubles": troubles });
    Ok(Answer::new(text, data))
}

/// Returns a row as people read it.
fn cells(row: &Value) -> [String; 5] {
    let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let commit: String = word("commit").chars().take(SHORT).collect();
    [commit, word("context"), word("state"), word("text"), why(row)]
}

/// Returns why a row waits, in words.
fn why(row: &Value) -> String {
    if let Some(refused) = row.get("refused").and_then(Value::as_str) {
        return format!("never: {refused}");
    }
    let number = |key: &str| row.get(key).and_then(Value::as_u64).unwrap_or_default();
    let left = number("notBefore").saturating_sub(now().0).div_ceil(1_000);
    match (usize::try_from(number("tries")).unwrap_or(usize::MAX), left) {
        (0, _) => "its turn".to_owned(),
        (tries, 0) => format!("not taken yet, {}, tried again now", said(tries)),
        (tries, left) => format!("not taken yet, {}, tried again in {left} s", said(tries)),
    }
}

fn said(tries: usize) -> String {
    if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") }
}
