//! In: the name of a kind. Out: its JSON Schema, for editors.
//! Guarantee: from the table by which documents are read.
use super::{Answer, Failure};
use crate::cli::args::Schema;
use crate::cli::print::Text;
use crate::client::git::fault;
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::{nearest, schema};
use crate::decide::value::Owner;
use serde_json::json;

/// Prints the schema of a kind, or of all.
pub(super) fn run(options: &Schema) -> Result<Answer, Failure> {
    let Some(name) = &options.kind else {
        let all: serde_json::Map<String, serde_json::Value> =
            DocumentKind::ALL.iter().map(|kind| (kind.name().to_owned(), schema(*kind))).collect();
        let mut text = Text::default();
        for kind in &DocumentKind::ALL {
            text.line(kind.name());
        }
        text.line("`stratify schema KIND` prints one; --output json prints all");
        return Ok(Answer::new(text, json!(all)));
    };
    let names = || DocumentKind::ALL.iter().map(|kind| kind.name());
    let Some(kind) = DocumentKind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(name)) else {
        let hint = nearest(name, names()).map_or_else(
            || format!("one of: {}", names().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean {near}?"),
        );
        return Err(fault(Owner::Caller, false, format!("there is no kind {name}"), &hint).into());
    };
    let schema = schema(*kind);
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    Ok(Answer::new(Text::raw(format!("{text}\n")), schema))
}
