//! In: a cluster. Out: its objects as they would be written, layer by layer.
//! Guarantee: sensitive values stand as their marks; nothing is written but where `--to` says.
use super::current_fleet::{Here, find_cluster, on_large_stack};
use super::{Answer, Failure};
use crate::cli::args::Render;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::decide::plan::directory_layout::{encode_object, object_path};
use crate::decide::plan::view::json_of;
use crate::decide::render::Layers;
use crate::decide::value::{Fault, Owner, Warnings, counted};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// Renders a cluster, or one of its layers.
pub(super) fn run(options: &Render, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let (layers, warnings) = on_large_stack(async {
        let fleet = preview.fleet(options.rev.as_deref())?;
        find_cluster(&fleet, &options.cluster)?;
        let mut warnings = Warnings::default();
        let wanted = preview.wanted(&fleet, &options.cluster, &mut warnings).await?;
        Ok((wanted.layers, warnings.0))
    })?;
    let layers = chosen(layers, options)?;
    let mut answer = match &options.to {
        Some(folder) => written(&layers, folder)?,
        None => printed(&layers),
    };
    answer.warnings = warnings;
    Ok(answer)
}

fn chosen(mut layers: Layers, options: &Render) -> Result<Layers, Failure> {
    let Some(name) = &options.layer else { return Ok(layers) };
    let names: Vec<String> = layers.layers.iter().map(|layer| layer.name.to_string()).collect();
    layers.layers.retain(|layer| layer.name.as_str() == name);
    if layers.layers.is_empty() {
        let message = format!("the cluster {} has no layer {name}", options.cluster);
        return Err(fault(Owner::Caller, false, message, &format!("its layers are {}", names.join(", "))).into());
    }
    Ok(layers)
}

fn printed(layers: &Layers) -> Answer {
    let mut out = String::new();
    for layer in &layers.layers {
        for object in &layer.objects {
            let bytes = encode_object(&object.manifest, &layers.fleet, layers.cluster.as_str(), layer.name.as_str());
            out.push_str("---\n");
            out.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    let data = layers.layers.iter().map(|layer| {
        let objects: Vec<serde_json::Value> = layer.objects.iter().map(|object| json_of(&object.manifest)).collect();
        json!({ "layer": layer.name.as_str(), "wave": layer.wave, "objects": objects })
    });
    Answer::new(Text::raw(out), data.collect::<Vec<_>>().into())
}

fn written(layers: &Layers, folder: &Path) -> Result<Answer, Failure> {
    let mut files = Vec::new();
    for layer in &layers.layers {
        for object in &layer.objects {
            let path = folder.join(object_path(&layer.name, layer.site, &object.id));
            let attempt = format!("could not write {}", path.display());
            fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(not_written(&attempt))?;
            let bytes = encode_object(&object.manifest, &layers.fleet, layers.cluster.as_str(), layer.name.as_str());
            fs::write(&path, bytes).map_err(not_written(&attempt))?;
            files.push(path.display().to_string());
        }
    }
    let mut others = Vec::new();
    others_in(folder, &files.iter().cloned().collect(), &mut others);
    let mut text = Text::default();
    text.line(format!(
        "{} of {} are in {}",
        counted(files.len(), "object"),
        counted(layers.layers.len(), "layer"),
        folder.display()
    ));
    if let Some(first) = others.first() {
        let count = counted(others.len(), "file");
        text.pieces([(
            Tone::Warning,
            format!("{count} there are of no object of these: {first}, … : remove what an earlier rendering left"),
        )]);
    }
    Ok(Answer::new(text, json!({ "files": files, "others": others })))
}

/// Collects the files of a folder that were not written now; hidden ones, as Git's own, are nobody's.
fn others_in(folder: &Path, written: &BTreeSet<String>, others: &mut Vec<String>) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let shown = path.display().to_string();
        if is_hidden || written.contains(&shown) {
            continue;
        }
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => others_in(&path, written, others),
            _ => others.push(shown),
        }
    }
}

fn not_written(attempt: &str) -> impl FnOnce(io::Error) -> Fault + '_ {
    let hint = "name a folder by --to that can be written to";
    move |error| fault(Owner::Caller, false, format!("{attempt}: {error}"), hint)
}
