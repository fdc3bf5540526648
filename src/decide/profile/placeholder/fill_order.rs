//! In: the documents of all layers, and what expressions may name. Out: the same with all placeholders filled.
//! Guarantee: a layer is filled after those whose values it names; a circle is a diagnostic that prints it.
use super::super::codes;
use super::super::resolve::Sketch;
use super::scope::Roots;
use super::template::Templates;
use crate::decide::document::{Placeholders, Texts};
use crate::decide::value::{Diagnostic, Map, Pointer, Seal, Span, Value};
use std::sync::Arc;

/// Which variables flow into which part of a document.
type Flows = Vec<(Pointer, Arc<str>)>;

/// Fills the placeholders of all layers' values.
pub(in crate::decide::profile) fn fill(
    sketch: &Sketch,
    texts: &Texts,
    documents: &mut [Value],
    found: &[Placeholders],
    base: &Roots,
    seal: &Seal,
) -> Result<Vec<Flows>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut templates: Vec<Option<Templates<'_>>> = Vec::new();
    for (at, found) in found.iter().enumerate() {
        let read = Templates::of(found, &|pointer| place(sketch, texts, at, pointer));
        templates.push(read.map_err(|said| errors.extend(said)).ok().filter(|_| !found.is_empty()));
    }
    let before: Vec<Vec<usize>> = found.iter().enumerate().map(|(at, found)| named(sketch, found, at)).collect();
    let flows = found.iter().map(flows).collect();
    let mut open: Vec<usize> =
        (0..documents.len()).filter(|at| templates.get(*at).is_some_and(Option::is_some)).collect();
    while !open.is_empty() && errors.is_empty() {
        let is_ready =
            |at: &usize| before.get(*at).is_some_and(|before| !before.iter().any(|other| open.contains(other)));
        let Some(at) = open.iter().copied().find(is_ready) else {
            errors.push(circle(sketch, texts, &open, &before));
            break;
        };
        open.retain(|other| *other != at);
        // Asked of the names and not of what they lead to: a layer that is not there is told by its name.
        let names_layers = found.get(at).is_some_and(names_layers);
        let mut roots = if names_layers { with_layers(base, documents) } else { base.clone() };
        if let Some((layer, source)) = sketch.layers.get(at) {
            roots.set("vars", sketch.vars(layer).clone());
            let own = documents.get(at).and_then(|document| document.get("values")).cloned().unwrap_or_default();
            if let Err(said) = sketch.set_macros(layer, source, &own, &mut roots, seal) {
                errors.extend(said);
                break;
            }
        }
        let Some(templates) = templates.get(at).copied().flatten() else { continue };
        let Some(document) = documents.get_mut(at) else { continue };
        let mut values = document.make_map().remove("values").unwrap_or_default();
        let filled = templates.fill(&mut values, &roots.scope(seal), &|pointer| place(sketch, texts, at, pointer));
        document.make_map().insert("values".into(), values);
        errors.extend(filled.err().into_iter().flatten());
    }
    if errors.is_empty() { Ok(flows) } else { Err(errors) }
}

/// Returns the roots with what each layer shows to others.
pub(in crate::decide::profile) fn with_layers(base: &Roots, documents: &[Value]) -> Roots {
    let shown = |document: &Value| {
        let entries =
            ["version", "values", "namespace"].map(|key| (key, document.get(key).cloned().unwrap_or_default()));
        let name: Arc<str> = document.get("name").and_then(Value::as_str).unwrap_or_default().into();
        (name, Value::from(entries.into_iter().collect::<Map>()))
    };
    let mut roots = base.clone();
    roots.set("layers", documents.iter().map(shown).collect::<Map>().into());
    roots
}

/// Returns the layers whose values placeholders name; where a name is computed, all others.
pub(in crate::decide::profile) fn named(sketch: &Sketch, placeholders: &Placeholders, own: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for path in &placeholders.paths {
        if path.first().is_none_or(|root| &**root != "layers") {
            continue;
        }
        let name = path.get(1);
        for (at, (layer, _)) in sketch.layers.iter().enumerate() {
            let is_named = name.is_none_or(|name| layer.name.as_str() == &**name);
            if is_named && (at != own || name.is_some()) && !found.contains(&at) {
                found.push(at);
            }
        }
    }
    found
}

pub(in crate::decide::profile) fn names_layers(found: &Placeholders) -> bool {
    found.paths.iter().any(|path| path.first().is_some_and(|root| &**root == "layers"))
}

fn flows(found: &Placeholders) -> Flows {
    let flow = |(pointer, path): (&Pointer, Vec<Arc<str>>)| {
        let variable = path.first().filter(|root| &***root == "vars").and(path.get(1))?.clone();
        let inside = std::iter::once(Arc::from("values")).chain(pointer.tokens().iter().cloned());
        Some((inside.collect(), variable))
    };
    found.references().filter_map(flow).collect()
}

pub(in crate::decide::profile) fn place(sketch: &Sketch, texts: &Texts, at: usize, pointer: &Pointer) -> Option<Span> {
    let (layer, source) = sketch.layers.get(at)?;
    Some(sketch.place_of(layer, source, texts, &format!("/values{pointer}")))
}

pub(in crate::decide::profile) fn circle(
    sketch: &Sketch,
    texts: &Texts,
    open: &[usize],
    before: &[Vec<usize>],
) -> Diagnostic {
    let mut way: Vec<usize> = Vec::new();
    let mut at = open.first().copied().unwrap_or_default();
    while !way.contains(&at) {
        way.push(at);
        let next = before.get(at).into_iter().flatten().find(|other| open.contains(other));
        at = next.copied().unwrap_or(at);
    }
    let start = way.iter().position(|met| *met == at).unwrap_or_default();
    let circle = way.get(start..).unwrap_or_default();
    let name = |at: &usize| sketch.layers.get(*at).map_or("", |(layer, _)| layer.name.as_str());
    let mut names: Vec<&str> = circle.iter().map(name).collect();
    names.extend(circle.first().map(name));
    let message = format!("the values of layers name each other: {}", names.join(" → "));
    let said =
        Diagnostic::error(codes::VALUE_CYCLE, message).hint("give one of them a value of its own, or a variable");
    match sketch.layers.get(at) {
        Some((layer, source)) => said.at(sketch.place_of(layer, source, texts, "/values")),
        None => said,
    }
}
