//! In: two packs, mostly two versions of one. Out: how their values, rules, constraints and rendered objects differ.
//! Guarantee: both are rendered alike; sensitive values stand as their marks.
use super::{files, packs, wishes};
use crate::cli::args::PackDiff;
use crate::cli::command::current_fleet::on_large_stack;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Text, Tone};
use crate::control::pack_about::{about, text_of};
use crate::control::pack_trial::{Files, Trial, trial};
use crate::decide::plan::directory_layout::encode_object;
use crate::decide::value::counted;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;
use std::path::Path;

/// The lines around a difference.
const CONTEXT: usize = 2;

/// Compares two packs.
pub(super) fn run(options: &PackDiff, settings: Option<&Path>) -> Result<Answer, Failure> {
    let packs = packs(settings)?;
    let (left, right) = (files(&options.left, settings, &packs)?, files(&options.right, settings, &packs)?);
    let wishes = wishes(&options.presets, options.kubernetes.as_ref());
    let (sides, tried) = on_large_stack(async {
        let sides = (about(&left)?, about(&right)?);
        Ok((sides, (trial(&left, &wishes, &packs)?, trial(&right, &wishes, &packs)?)))
    })?;
    let (mut text, mut data) = (Text::default(), serde_json::Map::new());
    text.line(format!("{} → {}", sides.0.name, sides.1.name));
    let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let file = |files: &Files, name: &str| text_of(files, name).unwrap_or_default();
    for (head, before, after) in [
        ("constraints", lines(&sides.0.constraints), lines(&sides.1.constraints)),
        ("presets", lines(&sides.0.presets), lines(&sides.1.presets)),
        ("rules of values", lines(&sides.0.rules), lines(&sides.1.rules)),
        ("values", file(&left, "values.yaml"), file(&right, "values.yaml")),
    ] {
        data.insert(head.into(), differing(head, &before, &after, &mut text));
    }
    let objects = objects(&tried.0, &tried.1, &mut text);
    data.insert("objects".into(), objects);
    let mut answer = Answer::new(text, Value::Object(data));
    for trial in [tried.0, tried.1] {
        if !trial.errors.is_empty() {
            answer.failures.push(trial.errors.into());
        }
    }
    Ok(answer)
}

/// Prints how two texts differ; as data, the lines that came and went.
fn differing(head: &str, before: &str, after: &str, text: &mut Text) -> Value {
    let diff = TextDiff::from_lines(before, after);
    let mut changed = Vec::new();
    if before == after {
        text.pieces([(Tone::Faint, format!("  {head}: the same"))]);
        return json!([]);
    }
    text.pieces([(Tone::Strong, format!("  {head}"))]);
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            text.pieces([(Tone::Faint, "    …".to_owned())]);
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ('-', Tone::Bad),
                ChangeTag::Insert => ('+', Tone::Good),
                ChangeTag::Equal => (' ', Tone::Plain),
            };
            let line = format!("{sign} {}", change.value().trim_end_matches('\n'));
            if sign != ' ' {
                changed.push(line.clone());
            }
            text.pieces([(tone, format!("    {line}"))]);
        }
    }
    json!(changed)
}

/// Returns the objects of a pack, by what they are, as they would be written.
fn printed(trial: &Trial) -> BTreeMap<String, String> {
    let Some(layers) = &trial.layers else { return BTreeMap::new() };
    let own = layers.layers.iter().filter(|layer| layer.source.pack().is_some());
    let object = |layer: &crate::decide::render::Layer, object: &crate::decide::render::Object| {
        let id = &object.id;
        let namespace = id.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let bytes = encode_object(&object.manifest, &layers.fleet, layers.cluster.as_str(), layer.name.as_str());
        let text = String::from_utf8_lossy(&bytes);
        // The first line is for whoever has the file, and no part of the object.
        let text = text.split_once('\n').map_or("", |(_, object)| object);
        (format!("{} {namespace}{}", id.kind, id.name), text.to_owned())
    };
    own.flat_map(|layer| layer.objects.iter().map(move |one| object(layer, one))).collect()
}

fn objects(left: &Trial, right: &Trial, text: &mut Text) -> Value {
    let (before, after) = (printed(left), printed(right));
    let mut data = Vec::new();
    for (name, _) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        text.pieces([(Tone::Bad, format!("  - {name}"))]);
        data.push(json!({ "object": name, "change": "removed" }));
    }
    for (name, object) in &after {
        match before.get(name) {
            None => {
                text.pieces([(Tone::Good, format!("  + {name}"))]);
                data.push(json!({ "object": name, "change": "added" }));
            }
            Some(was) if was != object => {
                let lines = differing(name, was, object, text);
                data.push(json!({ "object": name, "change": "changed", "lines": lines }));
            }
            Some(_) => {}
        }
    }
    text.line(format!("  {} before, {} after", counted(before.len(), "object"), counted(after.len(), "object")));
    json!(data)
}
