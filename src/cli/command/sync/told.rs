//! In: what a sync came to, of this process or of the one that serves. Out: the same text, data and exit code for both.
//! Guarantee: what was asked for and is not there, is not good, or could not be looked at is no success. That others could
//! not be told of it is a warning: it waits in the outbox, and the clusters are as they are to be.
use super::super::current_fleet::unknown;
use super::super::{Answer, Exit, Failure, Found, once};
use crate::cli::print::{Text, Tone, data};
use crate::client::git::fault;
use crate::decide::value::Owner;
use crate::serve::socket::Chosen;
use serde_json::{Value, json};

/// What a sync came to.
pub(super) struct Told {
    pub(super) head: Option<String>,
    /// The branch that it is the head of, in words.
    pub(super) branch: String,
    /// Why no commit is synced, if none is.
    pub(super) held: Option<String>,
    /// What went wrong that concerns no cluster.
    pub(super) troubles: Vec<String>,
    /// What could not be told to others.
    pub(super) untold: Vec<String>,
    /// What is told of each cluster, as programs read it.
    pub(super) reports: Vec<Value>,
    pub(super) diagnostics: Vec<Found>,
    /// What was asked for and is not there.
    pub(super) unknown: Option<Failure>,
}

impl Told {
    /// Returns the command's answer.
    pub(super) fn answer(self) -> Result<Answer, Failure> {
        if let Some(why) = self.held {
            return Err(fault(Owner::Operator, false, why, "see `stratify status`").into());
        }
        if let Some(unknown) = self.unknown {
            if self.reports.is_empty() {
                return Err(unknown);
            }
            let told = Self { unknown: None, held: None, ..self };
            let mut answer = told.answer()?;
            answer.failures.push(unknown);
            return Ok(answer);
        }
        let mut text = Text::default();
        if let Some(head) = &self.head {
            text.line(format!("head {head} of {}", self.branch));
        }
        self.reports.iter().for_each(|report| told(report, &mut text));
        let all = self.troubles.iter().chain(&self.untold);
        all.for_each(|trouble| text.pieces([(Tone::Warning, format!("! {trouble}"))]));
        if !self.untold.is_empty() {
            text.line("  it waits in the outbox (`stratify outbox`), and goes out with the next `sync` or `serve`");
        }
        let diagnostics = once(self.diagnostics);
        let is_good = self.troubles.is_empty() && self.reports.iter().all(|report| report["synced"] == true);
        let said: Vec<Value> = diagnostics.iter().map(data).collect();
        let data = json!({
            "head": self.head,
            "clusters": self.reports,
            "troubles": self.troubles,
            "untold": self.untold,
            "diagnostics": said,
        });
        let mut answer = Answer::new(text, data);
        answer.warnings = diagnostics;
        if !is_good {
            answer.exit = Exit::Failed;
        }
        Ok(answer)
    }
}

/// Adds what people read of one cluster.
fn told(report: &Value, text: &mut Text) {
    let tone = if report["synced"] == true { Tone::Good } else { Tone::Bad };
    let mut lines = report["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let cluster = report["cluster"].as_str().unwrap_or_default();
    text.pieces([(tone, format!("{cluster}: {}", lines.next().unwrap_or("nothing was done")))]);
    lines.for_each(|line| text.line(format!("    {line}")));
}

/// Says what was asked for and is none of what is known, if that is so: clusters, or else environments.
pub(super) fn missing(chosen: &Chosen, known: &[&str]) -> Option<Failure> {
    let environment = chosen.environment.iter().map(|name| ("environment", name.as_str()));
    let mut asked = environment.chain(chosen.clusters.iter().map(|name| ("cluster", name.as_str())));
    let (what, absent) = asked.find(|(_, name)| !known.contains(name))?;
    Some(unknown(what, absent, known.iter().copied()))
}
