//! In: the presets that a layer names, and its pack. Out: what they change.
//! Guarantee: one of each group; an unknown one is told with those that there are.
use super::codes;
use super::shape::Shaped;
use crate::decide::document::{Fragment, Pack, Preset, nearest};
use crate::decide::value::Diagnostic;

pub(super) fn presets(layer: &Shaped, pack: &Pack, errors: &mut Vec<Diagnostic>) -> Vec<Preset> {
    let mut chosen: Vec<Preset> = Vec::new();
    for part in layer.field("presets").iter().flat_map(Fragment::items) {
        let Some(preset) = pack.presets.iter().find(|preset| *preset.name == *part.text()) else {
            let near = nearest(part.text(), pack.presets.iter().map(|preset| &*preset.name));
            let message = format!("the pack `{}@{}` has no preset `{}`", pack.name, pack.version, part.text());
            let known: Vec<&str> = pack.presets.iter().map(|preset| &*preset.name).collect();
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
