//! In: a layer as its overlays shaped it. Out: how it is written, changed and removed.
//! Guarantee: what is not said is the safe way: new before old, nothing taken from others, removal prunes.
use super::super::composition::shape::Shaped;
use super::super::full::{About, Generated, Ignore, LayerOptions, Left, OnRemove, Propagation, Swap};
use super::super::object_selector::ObjectSelector;
use crate::decide::document::Fragment;
use crate::decide::value::Pointer;
use crate::name::LayerName;
use std::sync::Arc;

/// Reads the options of a layer but for its health, which its document says.
pub(in crate::decide::profile) fn options(layer: &Shaped) -> LayerOptions {
    let word = |key: &str| layer.field(key).map(|part| part.text().to_owned()).unwrap_or_default();
    LayerOptions {
        paused: layer.field("paused").is_some_and(|part| part.value().as_bool() == Some(true)),
        recreate: layer.field("recreate").is_some_and(|part| part.value().as_bool() == Some(true)),
        swap: if word("swap") == "remove-first" { Swap::RemoveFirst } else { Swap::NewFirst },
        on_remove: if word("onRemove") == "keep" { OnRemove::Keep } else { OnRemove::Prune },
        propagation: match &*word("propagation") {
            "foreground" => Propagation::Foreground,
            "orphan" => Propagation::Orphan,
            _ => Propagation::Background,
        },
        adopt: layer.field("adopt").iter().flat_map(texts).collect(),
        ignore: ignore(layer, "ignore", Left::ToOthers).chain(ignore(layer, "generated", Left::AsItIs)).collect(),
        ..LayerOptions::default()
    }
}

fn texts(part: &Fragment) -> Vec<Arc<str>> {
    part.items().map(|item| item.text().into()).collect()
}

fn ignore(layer: &Shaped, field: &str, left: Left) -> impl Iterator<Item = Ignore> {
    let rules: Vec<Fragment> = layer.field(field).iter().flat_map(Fragment::items).collect();
    rules.into_iter().filter_map(move |part| {
        let list = |key: &str| part.get(key).iter().flat_map(texts).collect::<Vec<_>>();
        let pointers = list("pointers").into_iter().filter_map(|text| Pointer::parse(&text));
        let pointers = match left {
            Left::ToOthers => pointers.collect(),
            Left::AsItIs => pointers.map(|pointer| as_kept(&pointer)).collect(),
        };
        Some(Ignore { target: selector(&part.get("target")?), pointers, managers: list("managers"), left })
    })
}

/// Returns where a server keeps a field: texts of a Secret stand among its data.
fn as_kept(pointer: &Pointer) -> Pointer {
    match pointer.tokens() {
        [first, rest @ ..] if **first == *"stringData" => {
            rest.iter().fold(Pointer::default().join("data"), |at, token| at.join(token))
        }
        _ => pointer.clone(),
    }
}

/// Returns what the charts of a layer make up by themselves.
pub(in crate::decide::profile) fn generated(layer: &Shaped) -> Vec<Generated> {
    let rules: Vec<Fragment> = layer.field("generated").iter().flat_map(Fragment::items).collect();
    let pointer = |part: Fragment| Some((as_kept(&Pointer::parse(part.text())?), part.span()));
    let rule = |part: &Fragment| {
        let pointers = part.get("pointers").iter().flat_map(Fragment::items).filter_map(pointer).collect();
        Some(Generated { target: selector(&part.get("target")?), pointers })
    };
    rules.iter().filter_map(rule).collect()
}

/// Returns what a layer says of some of its objects.
pub(in crate::decide::profile) fn about(layer: &Shaped) -> Vec<About> {
    let rules = |field, part: Option<Fragment>, target: fn(&Fragment) -> Option<Fragment>| {
        let rules = part.iter().flat_map(Fragment::items).collect::<Vec<_>>();
        let about = move |rule: Fragment| Some(About { field, target: selector(&target(&rule)?), at: rule.span() });
        rules.into_iter().filter_map(about)
    };
    let ignored = rules("ignore", layer.field("ignore"), |rule| rule.get("target"));
    let generated = rules("generated", layer.field("generated"), |rule| rule.get("target"));
    let judged = rules("health.expressions", layer.health("expressions"), |rule| Some(rule.clone()));
    ignored.chain(generated).chain(judged).collect()
}

/// Reads which objects something is about.
pub(in crate::decide::profile) fn selector(target: &Fragment) -> ObjectSelector {
    let text = |key: &str| target.get(key).map(|part| part.text().into());
    ObjectSelector {
        layer: target.get("layer").and_then(|part| LayerName::new(part.text()).ok()),
        group: text("group"),
        kind: text("kind"),
        namespace: text("namespace"),
        name: text("name"),
    }
}
