//! In: the presets that a layer names, and its pack. Out: what they change.
//! Guarantee: one of each group; an unknown one is told with those that there are.
use super::super::codes;
use super::super::composition::shape::Shaped;
use super::super::trace::Trace;
use crate::decide::document::{Fragment, Pack, Preset, nearest};
use crate::decide::value::{Diagnostic, Nulls, Pointer, Value, merge};
use std::sync::Arc;

pub(in crate::decide::profile) fn presets(
    layer: &Shaped,
    pack: &Pack,
    known: &[Preset],
    errors: &mut Vec<Diagnostic>,
) -> Vec<Preset> {
    let mut chosen: Vec<Preset> = Vec::new();
    for part in layer.field("presets").iter().flat_map(Fragment::items) {
        let Some(preset) = known.iter().find(|preset| *preset.name == *part.text()) else {
            let near = nearest(part.text(), known.iter().map(|preset| &*preset.name));
            let message = format!("the pack `{}@{}` has no preset `{}`", pack.name, pack.version, part.text());
            let known: Vec<&str> = known.iter().map(|preset| &*preset.name).collect();
            let said = Diagnostic::error(codes::PRESET, message).at(part.span()).nearest(near);
            errors.push(if known.is_empty() { said } else { said.expected(format!("one of: {}", known.join(", "))) });
            continue;
        };
        let same = chosen.iter().find(|other| other.group.is_some() && other.group == preset.group);
        if let Some(other) = same {
            let message = format!("the presets `{}` and `{}` exclude each other", other.name, preset.name);
            errors.push(Diagnostic::error(codes::PRESET, message).at(part.span()).expected("one preset of each group"));
        }
        chosen.push(preset.clone());
    }
    chosen
}

/// Removes a preset's keys, then merges what it adds.
pub(in crate::decide::profile) fn apply<T: Trace>(preset: &Preset, values: &mut Value, at: &Pointer, trace: &mut T) {
    let what = format!("preset {}", preset.name);
    for key in &preset.remove {
        let tokens: Vec<Arc<str>> = key.text().split('.').map(Arc::from).collect();
        remove(values, &tokens);
        trace.wrote(&what, &key.span(), &at.tokens().iter().cloned().chain(tokens).collect());
    }
    if let Some(add) = &preset.add {
        merge(values, &add.value(), Nulls::Drop);
        trace.merged(&what, add, at);
    }
}

fn remove(value: &mut Value, tokens: &[Arc<str>]) {
    let Some((first, rest)) = tokens.split_first() else { return };
    if value.get(first).is_none() {
        return;
    }
    let map = value.make_map();
    if rest.is_empty() {
        map.remove(first);
    } else if let Some(inner) = map.get_mut(first) {
        remove(inner, rest);
    }
}
