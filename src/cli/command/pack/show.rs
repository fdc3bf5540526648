//! In: a pack. Out: what it is: versions, role, clouds, lifecycle, constraints, presets, the rules of its values.
//! Guarantee: from the pack's own files, by the readers of a sync.
use super::{files, packs, wishes};
use crate::cli::args::PackShow;
use crate::cli::command::current_fleet::on_large_stack;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Text, Tone};
use crate::control::pack_about::{About, about};
use crate::control::pack_trial::trial;
use serde_json::json;
use std::path::Path;

/// Shows a pack.
pub(super) fn run(options: &PackShow, settings: Option<&Path>) -> Result<Answer, Failure> {
    let packs = packs(settings)?;
    let files = files(&options.pack, settings, &packs)?;
    let (about, trial) = on_large_stack(async {
        let about = about(&files)?;
        Ok((about, trial(&files, &wishes(&[], None), &packs)))
    })?;
    let mut text = Text::default();
    text.pieces([
        (Tone::Strong, about.name.clone()),
        (Tone::Plain, format!(" ({}, {})", about.format, about.lifecycle)),
    ]);
    for (head, lines) in sections(&about) {
        if !lines.is_empty() {
            text.line(format!("  {head}"));
            text.lines(lines.iter().map(|line| format!("    {line}")));
        }
    }
    if let Ok(trial) = trial {
        for name in &trial.names {
            text.line(format!("  names .spectro.{name}"));
        }
    }
    Ok(Answer::new(text, data(&about)))
}

fn sections(about: &About) -> [(&'static str, &[String]); 7] {
    [
        ("for", &about.for_what),
        ("constraints", &about.constraints),
        ("presets", &about.presets),
        ("values", &about.rules),
        ("charts", &about.charts),
        ("manifests", &about.manifests),
        ("annotations", &about.annotations),
    ]
}

fn data(about: &About) -> serde_json::Value {
    let sections: serde_json::Map<String, serde_json::Value> =
        sections(about).into_iter().map(|(head, lines)| (head.to_owned(), json!(lines))).collect();
    json!({ "pack": about.name, "format": about.format, "lifecycle": about.lifecycle, "about": sections })
}
