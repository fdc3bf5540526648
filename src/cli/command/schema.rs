//! In: the name of a kind. Out: its JSON Schema, for editors.
//! Guarantee: from the table by which documents are read.
use super::{Answer, Failure};
use crate::cli::args::Schema;
use crate::cli::print::Text;
use crate::client::git::fault;
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::{nearest, schema};
use crate::decide::value::Owner;
use crate::settings;
use serde_json::json;

/// Prints the schema of a kind, or of all.
pub(super) fn run(options: &Schema) -> Result<Answer, Failure> {
    let Some(name) = &options.kind else {
        let all: serde_json::Map<String, serde_json::Value> =
            all().into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        let mut text = Text::default();
        all.keys().for_each(|name| text.line(name));
        text.line("`stratify schema KIND` prints one; --output json prints all");
        return Ok(Answer::new(text, json!(all)));
    };
    let all = all();
    let names = || all.iter().map(|(name, _)| *name);
    let Some((_, schema)) = all.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(name)) else {
        let hint = nearest(name, names()).map_or_else(
            || format!("one of: {}", names().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean {near}?"),
        );
        return Err(fault(Owner::Caller, false, format!("there is no kind {name}"), &hint).into());
    };
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    Ok(Answer::new(Text::raw(format!("{text}\n")), schema.clone()))
}

/// Returns the schemas of all documents of a repository, and of the operator's settings.
fn all() -> Vec<(&'static str, serde_json::Value)> {
    let documents = DocumentKind::ALL.iter().map(|kind| (kind.name(), schema(*kind)));
    documents.chain([("Settings", settings::schema())]).collect()
}
