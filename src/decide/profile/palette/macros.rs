//! In: a cluster, the `macros` of the Fleet. Out: what macros of Palette may name beside variables and values of layers.
//! Guarantee: what a cluster does not know of itself is there only where the Fleet says it: never empty, never guessed.
use super::super::placeholder::scope::Roots;
use super::super::placeholder::template::Templates;
use super::super::resolve::Sketch;
use crate::decide::document::{Fragment, Placeholders};
use crate::decide::fleet::Index;
use crate::decide::value::{Diagnostic, Map, Nulls, Pointer, Seal, Value, merge};

/// The key of the Fleet's macros that stands over what is known as `.spectro.system`.
const SYSTEM: &str = "system";

/// Returns the macros of a Fleet, where they are written.
pub(in crate::decide::profile) fn fleet_macros(head: &Index) -> Option<Fragment> {
    head.fleet().ok().and_then(|fleet| fleet.macros.clone())
}

/// Sets what macros may name, for a layer that is of a pack of Palette.
pub(in crate::decide::profile) fn set_roots(
    sketch: &Sketch,
    profile: Option<&str>,
    roots: &mut Roots,
    seal: &Seal,
) -> Result<(), Vec<Diagnostic>> {
    let mut macros = match fleet_macros(&sketch.selection.head) {
        Some(part) => filled(&part, roots, seal)?,
        None => Value::map(Map::default()),
    };
    let mut system = system(sketch, profile);
    if let Some(own) = macros.make_map().remove(SYSTEM) {
        merge(&mut system, &own, Nulls::Drop);
    }
    roots.set("system", system);
    roots.set("macros", macros);
    Ok(())
}

/// Macros may have placeholders, for what differs from cluster to cluster.
fn filled(part: &Fragment, roots: &Roots, seal: &Seal) -> Result<Value, Vec<Diagnostic>> {
    let mut value = part.value();
    let found = Placeholders::of(&value);
    if !found.is_empty() {
        let place = |pointer: &Pointer| part.node().find(pointer.tokens()).map(|node| part.file.span(node));
        Templates::of(&found, &place)?.fill(&mut value, &roots.scope(seal), &place)?;
    }
    Ok(value)
}

/// What Palette calls system macros, as far as it is known here.
fn system(sketch: &Sketch, profile: Option<&str>) -> Value {
    let selection = &sketch.selection;
    let map = |entries: Vec<(&str, Option<Value>)>| -> Value {
        let known = entries.into_iter().filter_map(|(key, value)| Some((key, value?)));
        known.collect::<Map>().into()
    };
    let text = |text: &str| Some(Value::string(text));
    let about = |wanted: &dyn Fn(&crate::decide::document::Profile) -> bool| {
        let found = selection.profiles.iter().find(|found| wanted(found));
        found.map(|found| vec![("name", text(found.name.as_str())), ("version", text(&found.version))])
    };
    let infra = about(&|found| found.kind != crate::decide::document::ProfileType::AddOn);
    let mut own = about(&|found| profile == Some(found.name.as_str())).unwrap_or_default();
    own.push(("infra", infra.map(map)));
    let region = selection.cluster.labels.get("region").cloned();
    map(vec![
        ("cluster", Some(map(vec![("name", text(selection.cluster.name.as_str()))]))),
        ("clusterprofile", Some(map(own))),
        ("cloud", Some(map(vec![("type", text(&selection.cluster.cloud)), ("region", region)]))),
        ("kubernetes", Some(map(vec![("version", sketch.kubernetes_version().map(Value::String))]))),
    ])
}
