//! In: the outbox of the process that serves, or of the last one. Out: what is still to be told, and why it waits.
//! Guarantee: reads only.
use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::print::{Table, Text, Tone};
use crate::client::clock::now;
use crate::client::store::Store;
use crate::control::engine::waiting_in;
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
        None if here.state_file().is_file() => waiting_in(&Store::open(&here.state_file())?)?,
        None => json!({ "rows": [] }),
    };
    let rows = found.get("rows").and_then(Value::as_array).cloned().unwrap_or_default();
    let troubles = found.get("troubles").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut text = Text::default();
    if rows.is_empty() {
        text.line("nothing waits: all that was to be told is told");
    } else {
        let mut table = Table::new(&["commit", "context", "state", "text", "waits"]);
        for row in &rows {
            let word = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let commit: String = word("commit").chars().take(SHORT).collect();
            table.row([commit, word("context"), word("state"), word("text"), why(row)]);
        }
        text.table(table);
    }
    for trouble in troubles.iter().filter_map(Value::as_str) {
        text.pieces([(Tone::Bad, format!("! {trouble}"))]);
    }
    Ok(Answer::new(text, json!({ "rows": rows, "troubles": troubles })))
}

/// Returns why a row waits, in words.
fn why(row: &Value) -> String {
    if let Some(refused) = row.get("refused").and_then(Value::as_str) {
        return format!("never: {refused}");
    }
    let number = |key: &str| row.get(key).and_then(Value::as_u64).unwrap_or_default();
    let left = number("notBefore").saturating_sub(now().0).div_ceil(1_000);
    match (number("tries"), left) {
        (0, _) => "its turn".to_owned(),
        (tries, 0) => format!("refused {tries} times, tried again now"),
        (tries, left) => format!("refused {tries} times, tried again in {left} s"),
    }
}
