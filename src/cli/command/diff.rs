//! In: a cluster, perhaps one of its layers. Out: where its target is not as the fleet wants it.
//! Guarantee: nothing is written; exit code 2 where something differs; sensitive values stand as their mark.
use super::current_fleet::{Here, find_cluster, on_large_stack, unknown};
use super::{Answer, Exit, Failure, Found, once};
use crate::cli::args::Diff;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::control::difference::{Difference, Differences, What, differences};
use crate::decide::document::Site;
use crate::decide::drift::Drifted;
use crate::decide::plan::view;
use crate::decide::value::{Owner, Warnings, counted};
use crate::name::LayerName;
use serde_json::{Value, json};
use std::path::Path;

/// Compares a cluster's target with what is wanted.
pub(super) fn run(options: &Diff, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (all, warnings) = on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        find_cluster(&fleet, &options.cluster)?;
        let mut warnings = Warnings::default();
        Ok((differences(&preview, &fleet, &options.cluster, &mut warnings).await?, warnings.0))
    })?;
    let Differences { layers, mut found } = all;
    if let Some(layer) = &options.layer {
        if !layers.iter().any(|known| known.as_str() == layer) {
            return Err(unknown("layer", layer, layers.iter().map(LayerName::as_str)));
        }
        found.retain(|one| one.layer.as_str() == layer);
    }
    let mut answer = Answer::new(text(options.cluster.as_str(), &found), data(options.cluster.as_str(), &found));
    answer.warnings = once(Found::of_all(warnings));
    if found.iter().any(|one| !matches!(one.what, What::Unread(_))) {
        answer.exit = Exit::Pending;
    }
    answer.failures = found.iter().filter_map(unread).collect();
    Ok(answer)
}

/// Returns why an object could not be compared: then nobody knows whether it differs.
fn unread(one: &Difference) -> Option<Failure> {
    let What::Unread(why) = &one.what else { return None };
    let message = format!("could not compare {} of layer {}: {why}", name(one), one.layer);
    Some(fault(Owner::Outside, true, message, "see whether the target can be reached, by `stratify doctor`").into())
}

fn text(cluster: &str, found: &[Difference]) -> Text {
    let mut text = Text::default();
    let count = |is: fn(&What) -> bool| found.iter().filter(|one| is(&one.what)).count();
    let differing = count(|what| matches!(what, What::Fields { .. }));
    let (missing, unwanted) =
        (count(|what| matches!(what, What::Missing)), count(|what| matches!(what, What::Unwanted)));
    let unread = count(|what| matches!(what, What::Unread(_)));
    let mut last: Option<&LayerName> = None;
    for one in found {
        if last != Some(&one.layer) {
            text.pieces([(Tone::Strong, one.layer.to_string())]);
            last = Some(&one.layer);
        }
        tell(one, &mut text);
    }
    if found.is_empty() {
        text.line(format!("{cluster} is as it is wanted"));
        return text;
    }
    let mut parts = vec![format!("{differing} differ{}", if differing == 1 { "s" } else { "" })];
    parts.push(format!("{missing} missing"));
    parts.push(format!("{unwanted} to go"));
    let (stays, runs) = (count(|what| matches!(what, What::Stays)), count(|what| matches!(what, What::Runs)));
    if stays > 0 {
        parts.push(format!("{stays} to be let go of"));
    }
    if runs > 0 {
        parts.push(format!("{} to run", counted(runs, "hook")));
    }
    if unread > 0 {
        parts.push(format!("{unread} that could not be read"));
    }
    text.line(format!("{cluster}: {} not as wanted: {}", counted(found.len(), "object"), parts.join(", ")));
    text
}

fn tell(one: &Difference, text: &mut Text) {
    let name = name(one);
    match &one.what {
        What::Missing => text.pieces([(Tone::Good, format!("  + {name}")), (Tone::Plain, " is missing".into())]),
        What::Runs => {
            text.pieces([(Tone::Warning, format!("  * {name}")), (Tone::Plain, " runs with the next sync".into())]);
        }
        What::Unwanted => {
            text.pieces([(Tone::Bad, format!("  - {name}")), (Tone::Plain, " is wanted no longer".into())]);
        }
        What::Stays => {
            let why = " is wanted no longer, and stays: the next sync lets go of it";
            text.pieces([(Tone::Warning, format!("  = {name}")), (Tone::Plain, why.into())]);
        }
        What::Unread(_) => {
            text.pieces([(Tone::Warning, format!("  ? {name}")), (Tone::Plain, " could not be read".into())]);
        }
        What::Fields { stated, unstated } => {
            text.pieces([(Tone::Warning, format!("  ~ {name}"))]);
            text.lines(stated.iter().map(field));
            text.lines(unstated.iter().map(|at| format!("      - {at}: stated no longer")));
            if stated.is_empty() && unstated.is_empty() {
                text.line("      not as it was written, in what only the target can tell");
            }
        }
    }
}

/// Says of a field what is there, what is wanted, and who made it so.
fn field(field: &Drifted) -> String {
    let Drifted { pointer, wanted, live, manager } = field;
    let by = manager.as_ref().map_or_else(String::new, |manager| format!(", by {manager}"));
    match live {
        Some(live) => format!("      ~ {pointer}: {} → {}{by}", view::shown(live), view::shown(wanted)),
        None => format!("      + {pointer}: {}{by}", view::shown(wanted)),
    }
}

fn name(one: &Difference) -> String {
    let place = one.object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    format!("{} {place}{}", one.object.kind, one.object.name)
}

fn data(cluster: &str, found: &[Difference]) -> Value {
    let field = |field: &Drifted| {
        json!({
            "path": field.pointer.to_string(),
            "live": field.live.as_ref().map(view::json_of),
            "wanted": view::json_of(&field.wanted),
            "manager": field.manager.as_ref().map(|manager| &*manager.name),
        })
    };
    let object = |one: &Difference| {
        let (mut fields, mut removed) = (Vec::new(), Vec::new());
        let (state, why) = match &one.what {
            What::Missing => ("missing", None),
            What::Runs => ("runs", None),
            What::Unwanted => ("unwanted", None),
            What::Stays => ("stays", None),
            What::Unread(why) => ("unread", Some(why)),
            What::Fields { stated, unstated } => {
                fields.extend(stated.iter().map(field));
                removed.extend(unstated.iter().map(ToString::to_string));
                ("differs", None)
            }
        };
        json!({
            "layer": one.layer.as_str(),
            "site": if one.site == Site::Management { "management" } else { "workload" },
            "group": &*one.object.group,
            "kind": &*one.object.kind,
            "namespace": one.object.namespace.as_deref(),
            "name": &*one.object.name,
            "state": state,
            "fields": fields,
            "unstated": removed,
            "why": why,
        })
    };
    json!({ "cluster": cluster, "objects": found.iter().map(object).collect::<Vec<_>>() })
}
