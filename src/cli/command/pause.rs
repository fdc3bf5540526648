//! In: a cluster, perhaps one of its layers. Out: a commit in the work tree that lets it stay as it is, or go on.
//! Guarantee: one line of the cluster's document is edited, and committed alone; what is so already is not committed.
use super::current_fleet::{Here, find_cluster, on_large_stack, unknown};
use super::{Answer, Failure};
use crate::act::commit::into_work_tree;
use crate::cli::args::Pause;
use crate::cli::print::{Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::decide::document::{Cluster, File, edit};
use crate::decide::value::{Fault, Owner, Span, Warnings};
use crate::name::{BlobId, LayerName};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Pauses, or lets go on.
pub(super) fn run(options: &Pause, is_paused: bool, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let root = here.root()?;
    let cluster = cluster(&here, options)?;
    let path = cluster.file.path.clone();
    let attempt = format!("could not read {path}");
    let bytes = std::fs::read(root.join(path.as_str())).map_err(in_folder(&attempt))?;
    let file = File::read_one(&path, BlobId([0; 20]), &bytes)?;
    let name = match &options.layer {
        None => options.cluster.to_string(),
        Some(layer) => format!("layer {layer} of {}", options.cluster),
    };
    let (verb, state) = if is_paused { ("pause", "paused") } else { ("resume", "active") };
    let edited = match &options.layer {
        None => of_cluster(&cluster, &file, is_paused)?,
        Some(layer) => of_layer(&here, options, layer, &file, is_paused)?,
    };
    let Some(edited) = edited else {
        let data = json!({ "cluster": options.cluster.as_str(), "layer": options.layer.as_ref().map(LayerName::as_str), "state": state, "commit": null });
        return Ok(Answer::new(Text::of(format!("{name} is {state} already")), data));
    };
    let mark = if bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) { BYTE_ORDER_MARK } else { "" };
    let reason = if options.reason.is_empty() { String::new() } else { format!("\n{}\n", options.reason) };
    let message = format!("clusters: {verb} {name}\n{reason}");
    let commit = into_work_tree(root, &[(path.clone(), format!("{mark}{edited}").into_bytes())], &message, None)?;
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

/// Returns the document of the checked-out commit.
fn cluster(here: &Here, options: &Pause) -> Result<Arc<Cluster>, Failure> {
    let fleet = here.preview()?.committed()?;
    find_cluster(&fleet, &options.cluster)?;
    Ok(fleet.index.cluster(&options.cluster)?.clone())
}

/// Returns the document with another lifecycle; nothing where it is so already.
fn of_cluster(cluster: &Cluster, file: &Arc<File>, is_paused: bool) -> Result<Option<String>, Failure> {
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
    file: &Arc<File>,
    is_paused: bool,
) -> Result<Option<String>, Failure> {
    let preview = here.preview()?;
    let wanted = on_large_stack(async {
        let fleet = preview.committed()?;
        Ok(preview.wanted(&fleet, &options.cluster, &mut Warnings::default()).await?)
    })?;
    let layers = &wanted.layers.layers;
    let Some(known) = layers.iter().find(|known| known.name == *layer) else {
        return Err(unknown("layer", layer.as_str(), layers.iter().map(|layer| layer.name.as_str())));
    };
    if known.options.paused == is_paused {
        return Ok(None);
    }
    let said = format!("{{ name: {layer}, paused: {is_paused} }}` under `layers");
    edit::paused(file, layer, is_paused).map(Some).map_err(|at| by_hand(&at, &said).into())
}

fn by_hand(at: &Span, what: &str) -> Fault {
    let message = format!("could not edit {at}: no edit of one line says `{what}` there and nothing else");
    fault(Owner::Caller, false, message, "edit that place by hand, and commit it")
}
