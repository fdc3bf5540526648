//! In: a cluster. Out: what it waits for.
//! Guarantee: from the plan that would be executed now, or from the sync that runs.
use super::here::{Here, on_large_stack};
use super::{Answer, Failure};
use crate::cli::args::Why;
use crate::cli::print::Text;
use crate::decide::plan::{Hold, view};
use crate::decide::value::Warnings;
use crate::serve::socket::{Ask, try_ask};
use serde_json::json;
use std::path::Path;

/// Says what a cluster waits for.
pub(super) fn run(options: &Why, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let running = try_ask(&here.settings.state, &Ask::Why(options.cluster.clone()))?;
    let preview = here.preview()?;
    let plan = on_large_stack(async {
        let fleet = preview.fleet(Some("HEAD"))?;
        Ok(preview.plan(&fleet, None, &options.cluster, &mut Warnings::default()).await?)
    })?;
    let mut text = Text::default();
    let lines = running
        .as_ref()
        .and_then(|answer| answer.get("lines"))
        .and_then(|lines| lines.as_array().cloned())
        .unwrap_or_default();
    lines.iter().filter_map(|line| line.as_str()).for_each(|line| text.line(line));
    if plan.is_empty() {
        text.line(format!("{} is at HEAD: it waits for nothing", options.cluster));
    } else if plan.holds.iter().any(|hold| *hold != Hold::Paused) || !plan.holds.is_empty() {
        for line in view::lines(&plan) {
            text.line(line);
        }
    } else if lines.is_empty() {
        text.line(format!(
            "{} has pending changes and waits for `stratify sync` or a running `stratify serve`",
            options.cluster
        ));
    }
    Ok(Answer::new(text, json!({ "cluster": options.cluster.as_str(), "running": running, "plan": view::data(&plan) })))
}
