//! In: a cluster, a layer, a path. Out: the value, and the chain of files and lines that wrote it.
//! Guarantee: the chain is that of the resolution itself; the last writer stands last.
use super::current_fleet::{Here, find_cluster, find_layer, on_large_stack};
use super::{Answer, Failure};
use crate::cli::args::Explain;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::control::sync::Wanted;
use crate::decide::plan::view::{json_of, source, source_data, written};
use crate::decide::profile::{Chain, ProfileLayer, reason, role_word};
use crate::decide::value::{Owner, Pointer, Value, Warnings};
use serde_json::json;
use std::path::Path;

/// Explains the order of a cluster's layers, or the values of one.
pub(super) fn run(options: &Explain, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        find_cluster(&fleet, &options.cluster)?;
        let wanted = preview.wanted(&fleet, &options.cluster, &mut Warnings::default()).await?;
        let Some(place) = &options.place else { return Ok(layers(&wanted)) };
        let (name, path) = match place.split_once('/') {
            Some((name, path)) => (name, format!("/{path}")),
            None => (place.as_str(), "/values".to_owned()),
        };
        let layer = find_layer(&wanted.profile, name)?;
        let texts = preview.opened(&wanted.sketch).await?;
        let chain = wanted.sketch.explain(&layer.name, &texts).unwrap_or_default();
        if let Some(name) = path.strip_prefix("/vars/") {
            return variable(&wanted, layer, name);
        }
        value(&wanted, (layer, &wanted.sketch.effective(layer, &texts)), &chain, &path)
    })
}

fn layers(wanted: &Wanted) -> Answer {
    let profile = &wanted.profile;
    let mut text = Text::default();
    text.line(format!(
        "{} ({}, full profile {})",
        profile.cluster,
        profile.environment,
        short(&profile.digest.to_string())
    ));
    profile.pins.iter().for_each(|pin| text.line(format!("  {}", source(pin))));
    let mut data = Vec::new();
    for layer in &profile.layers {
        let after: Vec<String> =
            layer.after.iter().map(|edge| format!("{} by {}", edge.layer, reason(&edge.why))).collect();
        let version = layer.document.get("version").and_then(Value::as_str).unwrap_or("manifests").to_owned();
        text.pieces([
            (Tone::Strong, format!("  {:>2} {}", layer.wave, layer.name)),
            (Tone::Plain, format!(" {version} ({})", role_word(layer.role))),
            (
                Tone::Faint,
                format!(
                    "  {}{}",
                    layer.at,
                    if after.is_empty() { String::new() } else { format!(", after {}", after.join(", ")) }
                ),
            ),
        ]);
        data.push(json!({ "layer": layer.name.as_str(), "wave": layer.wave, "version": version, "at": layer.at.to_string(), "after": after }));
    }
    Answer::new(
        text,
        json!({
            "cluster": profile.cluster.as_str(),
            "digest": profile.digest.to_string(),
            "pins": profile.pins.iter().map(source_data).collect::<Vec<_>>(),
            "layers": data,
        }),
    )
}

fn value(
    wanted: &Wanted,
    (layer, document): (&ProfileLayer, &Value),
    chain: &Chain,
    path: &str,
) -> Result<Answer, Failure> {
    // People write what they see in values; a path of the document works too.
    let pointers = [path.to_owned(), format!("/values{path}")];
    let found = pointers.iter().filter_map(|path| Pointer::parse(path)).find_map(|pointer| {
        let value = pointer.get(document)?.clone();
        Some((pointer, value))
    });
    let Some((pointer, value)) = found else {
        let message = format!("the layer {} has nothing at {path}", layer.name);
        return Err(
            fault(Owner::Caller, false, message, &format!("see `stratify explain CLUSTER {}`", layer.name)).into()
        );
    };
    let mut text = Text::default();
    let mut data = Vec::new();
    for (leaf, value) in leaves(&pointer, &value) {
        text.pieces([(Tone::Strong, format!("{leaf}: ")), (Tone::Plain, written(&value))]);
        let mut writers = Vec::new();
        for writer in chain.of(&leaf) {
            text.pieces([(Tone::Faint, format!("    {} {}", writer.at, writer.what))]);
            writers.push(json!({ "at": writer.at.to_string(), "what": &*writer.what }));
        }
        for (_, name) in layer.flows.iter().filter(|(at, _)| leaf.is_within(at)) {
            for writer in
                wanted.sketch.explain_variable(&layer.name, name).map(|(_, writers)| writers).unwrap_or_default()
            {
                text.pieces([(Tone::Faint, format!("    {} {}", writer.at, writer.what))]);
                writers.push(json!({ "at": writer.at.to_string(), "what": &*writer.what }));
            }
        }
        if writers.is_empty() {
            text.pieces([(Tone::Faint, format!("    {} layer {}", layer.at, layer.name))]);
        }
        data.push(json!({ "pointer": leaf.to_string(), "value": json_of(&value), "writers": writers }));
    }
    Ok(Answer::new(text, json!({ "layer": layer.name.as_str(), "values": data })))
}

/// A variable that only templates name.
fn variable(wanted: &Wanted, layer: &ProfileLayer, name: &str) -> Result<Answer, Failure> {
    let Some((value, writers)) = wanted.sketch.explain_variable(&layer.name, name) else {
        let message = format!("the layer {} has no variable {name}", layer.name);
        return Err(fault(Owner::Caller, false, message, "variables belong to the layer's profile").into());
    };
    let mut text = Text::default();
    text.pieces([(Tone::Strong, format!("vars.{name}: ")), (Tone::Plain, written(&value))]);
    for writer in &writers {
        text.pieces([(Tone::Faint, format!("    {} {}", writer.at, writer.what))]);
    }
    let chain: Vec<_> =
        writers.iter().map(|writer| json!({ "at": writer.at.to_string(), "what": &*writer.what })).collect();
    Ok(Answer::new(
        text,
        json!({ "layer": layer.name.as_str(), "variable": name, "value": json_of(&value), "writers": chain }),
    ))
}

fn leaves(pointer: &Pointer, value: &Value) -> Vec<(Pointer, Value)> {
    match value.as_map().filter(|map| !map.is_empty()) {
        Some(map) => map.iter().flat_map(|(key, value)| leaves(&pointer.join(key), value)).collect(),
        None => vec![(pointer.clone(), value.clone())],
    }
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
