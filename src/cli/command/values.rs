//! In: a cluster, a layer. Out: the layer's values as its templates see them, with who wrote each last, as YAML.
//! Guarantee: a chart's own values are among them; a sensitive one stands as its mark.
use super::current_fleet::{Here, find_cluster, find_layer, on_large_stack};
use super::{Answer, Failure};
use crate::cli::args::Values;
use crate::cli::print::Text;
use crate::decide::plan::view::{json_of, written};
use crate::decide::profile::Chain;
use crate::decide::value::{Map, Pointer, Value, Warnings, canonical};
use std::fmt::Write as _;
use std::path::Path;

/// Prints the values of a layer.
pub(super) fn run(options: &Values, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        find_cluster(&fleet, &options.cluster)?;
        let wanted = preview.wanted(&fleet, &options.cluster, &mut Warnings::default()).await?;
        let layer = find_layer(&wanted.profile, &options.layer)?;
        let texts = preview.opened(&wanted.sketch).await?;
        let chain = wanted.sketch.explain(&layer.name, &texts).unwrap_or_default();
        let values = wanted.sketch.effective(layer, &texts).get("values").cloned().unwrap_or_default();
        let mut text = String::new();
        match values.as_map().filter(|map| !map.is_empty()) {
            Some(map) => yaml(map, &chain, &mut vec!["values".into()], &mut text),
            None => text.push_str("{}\n"),
        }
        Ok(Answer::new(Text::raw(text), json_of(&values)))
    })
}

fn yaml(map: &Map, chain: &Chain, at: &mut Vec<std::sync::Arc<str>>, text: &mut String) {
    for (key, value) in map.iter() {
        let indent = "  ".repeat(at.len() - 1);
        at.push(key.clone());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        let is_word = key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(is_plain);
        let key = if is_word { key.to_string() } else { canonical(&Value::String(key.clone())) };
        if let Some(inner) = value.as_map().filter(|map| !map.is_empty()) {
            let _ = writeln!(text, "{indent}{key}:");
            yaml(inner, chain, at, text);
        } else {
            let pointer: Pointer = at.iter().cloned().collect();
            let writer = chain.last(&pointer).map(|it| format!("  # {} {}", it.at, it.what)).unwrap_or_default();
            let _ = writeln!(text, "{indent}{key}: {}{writer}", written(value));
        }
        at.pop();
    }
}
