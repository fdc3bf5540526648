//! In: a pack. Out: everything that is wrong with it.
//! Guarantee: what has no error here renders in a layer; what it asks of others is told apart.
use super::{files, packs, wishes};
use crate::cli::args::PackLint;
use crate::cli::command::current_fleet::on_large_stack;
use crate::cli::command::{Answer, Exit, Failure};
use crate::cli::print::{Text, Tone, data};
use crate::control::pack_trial::{Reached, Trial, trial};
use crate::decide::value::{Diagnostic, counted};
use serde_json::json;
use std::path::Path;

/// Tries a pack.
pub(super) fn run(options: &PackLint, settings: Option<&Path>) -> Result<Answer, Failure> {
    let packs = packs(settings)?;
    let files = files(&options.pack, settings, &packs)?;
    let wishes = wishes(&options.presets, options.kubernetes.as_ref());
    let trial = on_large_stack(async { Ok(trial(&files, &wishes, &packs)?) })?;
    Ok(answer(trial))
}

fn answer(trial: Trial) -> Answer {
    let mut text = Text::default();
    if trial.reached == Reached::Rendered {
        text.pieces([
            (Tone::Good, trial.about.clone()),
            (Tone::Plain, format!(" renders to {}", counted(trial.objects(), "object"))),
        ]);
    }
    for need in &trial.needs {
        text.line(format!(
            "  needs: {}{}",
            need.message,
            need.expected.as_ref().map(|it| format!(": {it}")).unwrap_or_default()
        ));
    }
    for name in &trial.names {
        text.line(format!("  names: .spectro.{name}"));
    }
    let all = |said: &[Diagnostic]| said.iter().map(data).collect::<Vec<_>>();
    let data = json!({
        "pack": trial.about,
        "reached": word(trial.reached),
        "objects": trial.objects(),
        "diagnostics": all(&trial.errors),
        "needs": all(&trial.needs),
        "names": trial.names,
    });
    let mut answer = Answer::new(text, data);
    answer.warnings = trial.warnings;
    if !trial.errors.is_empty() {
        answer.exit = Exit::Failed;
        answer.failures.push(trial.errors.into());
    }
    answer
}

/// Returns how far a pack came, as programs read it.
pub(super) fn word(reached: Reached) -> &'static str {
    match reached {
        Reached::Nothing => "nothing",
        Reached::Loaded => "loaded",
        Reached::Resolved => "resolved",
        Reached::Rendered => "rendered",
    }
}
