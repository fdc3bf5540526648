//! In: a cluster, perhaps one of its layers. Out: a commit in the work tree that lets it stay as it is, or go on.
//! Guarantee: one line of the cluster's document is edited, and committed alone; what is so already is not committed.
use super::current_fleet::{Here, on_large_stack, unknown};
use super::document::{Document, by_hand};
use super::{Answer, Failure};
use crate::cli::args::Pause;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::decide::document::edit;
use crate::decide::value::{Owner, Warnings};
use crate::name::LayerName;
use serde_json::json;
use std::path::Path;

/// Pauses, or lets go on.
pub(super) fn run(options: &Pause, is_paused: bool, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let document = Document::find(&here, &options.cluster)?;
    let name = match &options.layer {
        None => options.cluster.to_string(),
        Some(layer) => format!("layer {layer} of {}", options.cluster),
    };
    let (verb, state) = if is_paused { ("pause", "paused") } else { ("resume", "active") };
    let edited = match &options.layer {
        None => of_cluster(&document, is_paused)?,
        Some(layer) => of_layer(&here, options, layer, &document, is_paused)?,
    };
    let Some(edited) = edited else {
        let data = json!({ "cluster": options.cluster.as_str(), "layer": options.layer.as_ref().map(LayerName::as_str), "state": state, "commit": null });
        return Ok(Answer::new(Text::of(format!("{name} is {state} already")), data));
    };
    let commit = document.commit(&edited, &format!("clusters: {verb} {name}"), &options.reason)?;
    let path = document.path();
    let mut text = Text::default();
    text.pieces([
        (Tone::Strong, name),
        (Tone::Plain, format!(" is {state} from commit {commit} on, which changes {path}")),
    ]);
    text.line("next: push it, where the repository is remote; the next sync takes it");
    let data = json!({
        "cluster": options.cluster.as_str(),
        "layer": options.layer.as_ref().map(LayerName::as_str),
        "state": state,
        "commit": commit.to_string(),
        "path": path.as_str(),
    });
    Ok(Answer::new(text, data))
}

/// Returns the document with another lifecycle; nothing where it is so already.
fn of_cluster(document: &Document, is_paused: bool) -> Result<Option<String>, Failure> {
    let (cluster, file) = (&document.cluster, &document.file);
    let (from, to) = if is_paused { ("active", "paused") } else { ("paused", "active") };
    if *cluster.lifecycle == *to {
        return Ok(None);
    }
    if *cluster.lifecycle != *from {
        let message = format!("could not make {} {to}: its lifecycle is `{}`", cluster.name, cluster.lifecycle);
        let hint = format!("where that is meant, edit {} by hand", file.path);
        return Err(fault(Owner::Caller, false, message, &hint).into());
    }
    edit::lifecycle(file, to).map(Some).map_err(|at| by_hand(&at, &format!("lifecycle: {to}")).into())
}

/// Returns the document that says of a layer whether it is paused; nothing where it is so already.
fn of_layer(
    here: &Here,
    options: &Pause,
    layer: &LayerName,
    document: &Document,
    is_paused: bool,
) -> Result<Option<String>, Failure> {
    let preview = here.preview()?;
    let wanted = on_large_stack(async {
        Ok(preview.wanted(&document.fleet, &options.cluster, &mut Warnings::default()).await?)
    })?;
    let layers = &wanted.layers.layers;
    let Some(known) = layers.iter().find(|known| known.name == *layer) else {
        return Err(unknown("layer", layer.as_str(), layers.iter().map(|layer| layer.name.as_str())));
    };
    if known.options.paused == is_paused {
        return Ok(None);
    }
    let said = format!("{{ name: {layer}, paused: {is_paused} }}` under `layers");
    edit::paused(&document.file, layer, is_paused).map(Some).map_err(|at| by_hand(&at, &said).into())
}
