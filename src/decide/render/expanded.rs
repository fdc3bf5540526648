//! In: what a program outside printed. Out: the objects in it, or why it is refused.
//! Guarantee: read by the one reader of YAML, within its limits; a refusal shows nothing of what was printed.
use crate::decide::document::yaml::{Limits, read};
use crate::decide::value::{Digest, Map, Pointer, Span, Text, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a request came to; the same whenever it is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Expanded {
    /// The objects, in their order.
    Objects(Vec<ExpandedObject>),
    /// What is wrong with what was to be rendered.
    Refused(Vec<Refusal>),
}

/// An object as a program printed it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpandedObject {
    /// The object.
    pub manifest: Value,
    /// The file that it comes from, where that is known.
    pub file: Option<Arc<str>>,
    /// Where another rendering of the same differs: what it makes up by itself.
    pub unstable: Vec<Pointer>,
}

/// Why something cannot be rendered, for its author.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What was found.
    pub message: String,
    /// Where, inside of what was to be rendered.
    pub at: Option<Span>,
    /// What to do.
    pub hint: Option<String>,
}

/// What requests came to, by their digests.
pub type ExpandedPacks = BTreeMap<Digest, Arc<Expanded>>;

impl Expanded {
    /// Returns about how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Objects(objects) => objects.iter().map(|object| size(&object.manifest)).sum(),
            Self::Refused(refusals) => refusals.iter().map(|refusal| refusal.message.len() + 64).sum(),
        }
    }
}

/// Returns about how many bytes a value takes: its nodes, and their texts.
fn size(value: &Value) -> usize {
    const NODE: usize = 40;
    NODE + match value {
        Value::String(text) => text.len() + 16,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + 16 + size(value)).sum(),
        _ => 0,
    }
}

impl Refusal {
    /// Returns a refusal without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None, hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// As `helm` says from which template a document is.
const SOURCE: &str = "# Source: ";

/// Reads the documents that a program printed; empty ones are left out.
pub fn read_output(text: &str) -> Result<Vec<ExpandedObject>, Refusal> {
    let text = Text(text.into());
    let stream = read(&text, &Limits::default()).map_err(|error| {
        let before = text.0.get(..error.bytes.start as usize).unwrap_or_default();
        let message = match file_before(before) {
            Some(file) => format!("what `{file}` renders to is no YAML: {}", error.message),
            None => format!("what it renders to is no YAML: {}", error.message),
        };
        Refusal { message, at: None, hint: error.hint.map(Into::into) }
    })?;
    let object = |tree: &Arc<crate::decide::document::yaml::Tree>| {
        let start = tree.root().bytes().start as usize;
        let file = file_before(text.0.get(..start).unwrap_or_default());
        (tree.root().value(), file)
    };
    let objects = stream.documents.iter().map(object).filter(|(value, _)| !is_empty(value));
    Ok(objects.map(|(manifest, file)| ExpandedObject { manifest, file, unstable: Vec::new() }).collect())
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_map().is_some_and(Map::is_empty)
}

fn file_before(text: &str) -> Option<Arc<str>> {
    let at = text.rfind(SOURCE)?;
    text.get(at + SOURCE.len()..)?.lines().next().map(|line| line.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_know_their_files_and_refusals_show_nothing() {
        let text = "---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/templates/b.yaml\n---\n# Source: web/templates/c.yaml\nkind: C\n";
        let objects = read_output(text).expect("it is YAML");
        let files: Vec<&str> = objects.iter().filter_map(|object| object.file.as_deref()).collect();
        assert_eq!(files, ["web/templates/a.yaml", "web/templates/c.yaml"], "empty documents are left out");
        let refused =
            read_output("---\n# Source: web/templates/a.yaml\na: hunter2\n b: [\n").expect_err("it is no YAML");
        assert!(refused.message.starts_with("what `web/templates/a.yaml` renders to is no YAML"), "{refused:?}");
        assert!(!refused.message.contains("hunter2"), "nothing is shown: {refused:?}");
    }
}
