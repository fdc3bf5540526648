//! In: a cluster, perhaps one of its layers. Out: which objects stay and are ours no longer, and a commit that says so.
//! Guarantee: nothing is deleted by it and no value changes; `--dry-run` only tells.
//!
//! Why two commits of a layer: what becomes of its objects is asked of the layer as it was synced last, so that no commit
//! that takes a layer out says itself how. First it is `onRemove: keep`, and once that is synced, it is out.
use super::adopt::{id, name};
use super::current_fleet::{Here, on_large_stack, unknown};
use super::document::{Document, by_hand};
use super::{Answer, Failure};
use crate::cli::args::Release;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::control::preview::Preview;
use crate::control::sync::{Applied, Wanted, applied};
use crate::decide::document::edit;
use crate::decide::plan::LayerInventory;
use crate::decide::profile::OnRemove;
use crate::decide::value::{Owner, Warnings, counted};
use crate::name::{LayerName, ObjectId};
use serde_json::{Value, json};
use std::path::Path;

/// What is known of what is to be released.
struct Known {
    wanted: Wanted,
    /// The objects, by layer.
    objects: Vec<(LayerName, ObjectId)>,
    /// Whether the last sync has what becomes of the layer as it shall be.
    is_kept: bool,
}

/// Releases a cluster or a layer.
pub(super) fn run(options: &Release, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let document = Document::find(&here, &options.cluster)?;
    let preview = here.preview()?;
    let known = on_large_stack(async { known(options, &preview, &document).await })?;
    match &options.layer {
        None => of_cluster(options, &document, &known),
        Some(layer) => of_layer(options, layer, &document, &known),
    }
}

async fn known(options: &Release, preview: &Preview, document: &Document) -> Result<Known, Failure> {
    let cluster = &options.cluster;
    let wanted = preview.wanted(&document.fleet, cluster, &mut Warnings::default()).await?;
    let facts = preview.facts(&wanted).await?;
    let books = facts.inventory.layers.values();
    let books = books.filter(|book| options.layer.as_ref().is_none_or(|layer| book.layer == *layer));
    let of = |book: &LayerInventory| {
        let layer = book.layer.clone();
        book.entries.keys().map(move |(_, object)| (layer.clone(), object.clone())).collect::<Vec<_>>()
    };
    let objects = books.flat_map(of).collect();
    let mut is_kept = false;
    if let (Some(layer), Applied::Known(before)) = (&options.layer, applied(preview, &facts.record).await) {
        let of_it = before.layers.iter().find(|it| it.name == *layer);
        is_kept = of_it.is_some_and(|it| it.options.on_remove == OnRemove::Keep);
    }
    Ok(Known { wanted, objects, is_kept })
}

fn of_cluster(options: &Release, document: &Document, known: &Known) -> Result<Answer, Failure> {
    let (cluster, path) = (&options.cluster, document.path());
    let mut answer = told(options, known, &format!("{cluster}: no document describes it any longer"));
    if options.dry_run {
        answer.text.line(format!("nothing is committed; {path} would go"));
        return Ok(answer);
    }
    let commit = document.remove(&format!("clusters: release {cluster}"), &options.reason)?;
    answer
        .text
        .line(format!("committed: {commit}, in which {path} is no more; what stands beside it is read by nobody"));
    answer.text.line("next: push it, where the repository is remote; the next sync writes it into the record");
    answer.data["commit"] = json!(commit.to_string());
    Ok(answer)
}

fn of_layer(options: &Release, layer: &LayerName, document: &Document, known: &Known) -> Result<Answer, Failure> {
    let layers = &known.wanted.layers.layers;
    let Some(wanted) = layers.iter().find(|it| it.name == *layer) else {
        return Err(unknown("layer", layer.as_str(), layers.iter().map(|layer| layer.name.as_str())));
    };
    let of = format!("layer {layer} of {}", options.cluster);
    let is_said = wanted.options.on_remove == OnRemove::Keep;
    if is_said && !known.is_kept && !known.objects.is_empty() {
        let message = format!("could not take {of} out: it is `onRemove: keep`, and was not synced since");
        return Err(fault(Owner::Caller, true, message, "let it be synced, then run this again").into());
    }
    let of_profile = known.wanted.profile.layers.iter().find(|it| it.name == *layer);
    let is_added = of_profile.is_some_and(|it| it.profile.is_none());
    let is_out = is_said || known.objects.is_empty();
    let (edited, said, what) = if is_out {
        (
            edit::removed(&document.file, layer, is_added),
            format!("{{ name: {layer}, remove: true }}"),
            "is taken out, its objects stay",
        )
    } else {
        (
            edit::kept(&document.file, layer),
            format!("{{ name: {layer}, onRemove: keep }}"),
            "keeps its objects when it goes",
        )
    };
    let edited = edited.map_err(|at| by_hand(&at, &format!("{said}` under `layers")))?;
    let mut answer = told(options, known, &of);
    answer.data["step"] = json!(if is_out { "remove" } else { "keep" });
    if options.dry_run {
        answer.text.line(format!("nothing is committed; {} would say `{said}`", document.path()));
        return Ok(answer);
    }
    let commit = document.commit(&edited, &format!("clusters: {of} {what}"), &options.reason)?;
    answer.text.line(format!("committed: {commit}: {of} {what}"));
    answer.text.line(if is_out {
        "next: push it, where the repository is remote; the next sync lets go of them".to_owned()
    } else {
        format!("next: let it be synced; then `stratify release {} {layer}` takes the layer out", options.cluster)
    });
    answer.data["commit"] = json!(commit.to_string());
    Ok(answer)
}

fn told(options: &Release, known: &Known, what: &str) -> Answer {
    let mut text = Text::default();
    let stay = if known.objects.len() == 1 { "stays as it is, and is" } else { "stay as they are, and are" };
    text.pieces([
        (Tone::Strong, what.to_owned()),
        (Tone::Plain, format!(": {} {stay} ours no longer", counted(known.objects.len(), "object"))),
    ]);
    text.lines(known.objects.iter().map(|(layer, object)| format!("  · {} of layer {layer}", name(object))));
    let object = |(layer, object): &(LayerName, ObjectId)| json!({ "layer": layer.as_str(), "object": id(object) });
    let data = json!({
        "cluster": options.cluster.as_str(),
        "layer": options.layer.as_ref().map(LayerName::as_str),
        "objects": known.objects.iter().map(object).collect::<Vec<Value>>(),
        "commit": null,
    });
    Answer::new(text, data)
}
