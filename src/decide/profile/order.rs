//! In: layers with role, priority and what they depend on. Out: their order: waves, and edges with reasons.
//! Guarantee: each layer comes after all it has an edge to; a circle is a diagnostic that prints it.
use super::codes;
use super::full::{Edge, EdgeReason};
use crate::decide::document::LayerRole;
use crate::decide::value::{Diagnostic, Span};
use crate::name::LayerName;
use std::collections::BTreeMap;

/// What the order asks of a layer.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    /// Its name.
    pub name: LayerName,
    /// Its role.
    pub role: LayerRole,
    /// Its priority; lower first, add-ons only.
    pub priority: i64,
    /// Where the priority is written, if it is.
    pub priority_at: Option<Span>,
    /// What it names under `dependsOn`, each with its place.
    pub depends_on: Vec<(LayerName, Span)>,
    /// The layers of packs that its pack requires, each with the constraint's place.
    pub requires: Vec<(LayerName, Span)>,
    /// Where it is written.
    pub at: Span,
}

/// A layer's place in the order.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its index in what was given.
    pub layer: usize,
    /// Its wave.
    pub wave: u32,
    /// The layers before it.
    pub after: Vec<Edge>,
}

struct Step {
    from: usize,
    why: EdgeReason,
    at: Option<Span>,
}

/// Puts layers in order; within a wave they stand as they were given.
pub(super) fn order(layers: &[Ordered]) -> Result<Vec<Place>, Vec<Diagnostic>> {
    let names: BTreeMap<&LayerName, usize> = layers.iter().enumerate().map(|(at, layer)| (&layer.name, at)).collect();
    let mut errors = Vec::new();
    let mut steps: Vec<Vec<Step>> = layers.iter().map(|layer| from_roles(layer, layers)).collect();
    for (layer, steps) in layers.iter().zip(&mut steps) {
        for (other, at) in &layer.depends_on {
            if let Some(from) = names.get(other) {
                steps.push(Step { from: *from, why: EdgeReason::DependsOn, at: Some(at.clone()) });
            } else {
                let near = crate::decide::document::nearest(other.as_str(), names.keys().map(|name| name.as_str()));
                let message =
                    format!("the layer `{}` depends on `{other}`, which the cluster does not have", layer.name);
                errors.push(Diagnostic::error(codes::NO_LAYER, message).at(at.clone()).nearest(near));
            }
        }
        for (other, at) in &layer.requires {
            if let Some(from) = names.get(other) {
                steps.push(Step { from: *from, why: EdgeReason::Constraint, at: Some(at.clone()) });
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let waves = waves(&steps).map_err(|circle| vec![cycle(layers, &steps, &circle)])?;
    let mut places: Vec<Place> = (0..layers.len())
        .map(|layer| Place {
            layer,
            wave: waves.get(layer).copied().unwrap_or_default(),
            after: edges(layers, steps.get(layer).map_or(&[], Vec::as_slice)),
        })
        .collect();
    places.sort_by_key(|place| place.wave);
    Ok(places)
}

/// Roles stand in order; add-ons come after all infrastructure, and after add-ons of the next lower priority.
fn from_roles(layer: &Ordered, layers: &[Ordered]) -> Vec<Step> {
    let below = layers.iter().map(|other| other.role).filter(|role| *role < layer.role).max();
    let lower = layers
        .iter()
        .filter(|other| is_add_on(other) && other.priority < layer.priority)
        .map(|other| other.priority)
        .max();
    let mut steps = Vec::new();
    for (from, other) in layers.iter().enumerate() {
        if is_add_on(layer) && is_add_on(other) {
            if Some(other.priority) == lower {
                // Where only one of the two says its priority, that one made the order.
                let at = layer.priority_at.clone().or_else(|| other.priority_at.clone());
                steps.push(Step { from, why: EdgeReason::Priority, at });
            }
        } else if Some(other.role) == below {
            steps.push(Step { from, why: EdgeReason::Role, at: None });
        }
    }
    steps
}

fn is_add_on(layer: &Ordered) -> bool {
    layer.role == LayerRole::AddOn
}

/// Returns the length of the longest way to each layer, or the layers of a circle.
fn waves(steps: &[Vec<Step>]) -> Result<Vec<u32>, Vec<usize>> {
    let mut waves: Vec<Option<u32>> = vec![None; steps.len()];
    // Each round settles at least one layer or finds that none can be.
    for _ in 0..steps.len() {
        let mut settled = false;
        for (at, before) in steps.iter().enumerate() {
            if waves.get(at).copied().flatten().is_some() {
                continue;
            }
            let ready: Option<Vec<u32>> = before.iter().map(|step| waves.get(step.from).copied().flatten()).collect();
            if let (Some(ready), Some(wave)) = (ready, waves.get_mut(at)) {
                *wave = Some(ready.into_iter().max().map_or(0, |wave| wave + 1));
                settled = true;
            }
        }
        if !settled {
            break;
        }
    }
    let done: Option<Vec<u32>> = waves.iter().copied().collect();
    done.ok_or_else(|| circle(steps, &waves))
}

/// Walks back from an unsettled layer until one is met again.
fn circle(steps: &[Vec<Step>], waves: &[Option<u32>]) -> Vec<usize> {
    let open = |at: usize| waves.get(at).is_some_and(Option::is_none);
    let Some(mut at) = (0..steps.len()).find(|at| open(*at)) else { return Vec::new() };
    let mut way: Vec<usize> = Vec::new();
    loop {
        if let Some(start) = way.iter().position(|met| *met == at) {
            return way.split_off(start);
        }
        way.push(at);
        let before = steps.get(at).map_or(&[][..], Vec::as_slice).iter();
        // What people wrote makes a better message than what follows from roles.
        let next = before.filter(|step| open(step.from)).max_by_key(|step| step.at.is_some());
        match next {
            Some(step) => at = step.from,
            None => return way,
        }
    }
}

fn cycle(layers: &[Ordered], steps: &[Vec<Step>], circle: &[usize]) -> Diagnostic {
    let name = |at: usize| layers.get(at).map_or("", |layer| layer.name.as_str());
    let mut text = String::new();
    let mut places = Vec::new();
    for (position, at) in circle.iter().enumerate() {
        let next = circle.get((position + 1) % circle.len()).copied().unwrap_or(*at);
        let found = steps
            .get(*at)
            .and_then(|steps| steps.iter().filter(|step| step.from == next).max_by_key(|step| step.at.is_some()));
        let why = found.map_or("", |step| reason(&step.why));
        text.extend([name(*at), " → (", why, ") "]);
        if let Some(at) = found.and_then(|step| step.at.clone()) {
            places.push(at);
        }
    }
    text.push_str(circle.first().map_or("", |first| name(*first)));
    let mut places = places.into_iter();
    let first = places.next().or_else(|| circle.first().and_then(|at| layers.get(*at)).map(|layer| layer.at.clone()));
    let mut said = Diagnostic::error(codes::CYCLE, format!("layers wait for each other: {text}"))
        .hint("each arrow points to what has to come first: remove one of the reasons");
    if let Some(first) = first {
        said = said.at(first);
    }
    places.fold(said, |said, place| said.also(place, "and here"))
}

fn edges(layers: &[Ordered], steps: &[Step]) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    for step in steps {
        let Some(layer) = layers.get(step.from) else { continue };
        if !edges.iter().any(|edge| edge.layer == layer.name && edge.why == step.why) {
            edges.push(Edge { layer: layer.name.clone(), why: step.why.clone() });
        }
    }
    edges
}

/// Returns why an edge is there, in words.
pub fn reason(why: &EdgeReason) -> &'static str {
    match why {
        EdgeReason::Role => "role",
        EdgeReason::Priority => "priority",
        EdgeReason::DependsOn => "dependsOn",
        EdgeReason::Constraint => "constraint of its pack",
        EdgeReason::Kinds => "kinds that it uses",
    }
}

/// Returns the text by which edges are digested: that of their `Debug`, whose machinery takes longer than all of the order.
pub(super) fn digested(edges: &[Edge]) -> String {
    let mut text = String::from("[");
    for (at, Edge { layer, why }) in edges.iter().enumerate() {
        let why = match why {
            EdgeReason::Role => "Role",
            EdgeReason::Priority => "Priority",
            EdgeReason::DependsOn => "DependsOn",
            EdgeReason::Constraint => "Constraint",
            EdgeReason::Kinds => "Kinds",
        };
        let comma = if at > 0 { ", " } else { "" };
        // A name is a label, of which nothing has to be escaped.
        text.extend([comma, "Edge { layer: LayerName(\"", layer.as_str(), "\"), why: ", why, " }"]);
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_digested_as_they_always_were() {
        let edge = |why| Edge { layer: LayerName::new("cni-0").expect("it is a label"), why };
        let reasons = [EdgeReason::Role, EdgeReason::Priority, EdgeReason::DependsOn];
        let all: Vec<Edge> = reasons.into_iter().chain([EdgeReason::Constraint, EdgeReason::Kinds]).map(edge).collect();
        for edges in [all.get(..0), all.get(..1), Some(&*all)].into_iter().flatten() {
            assert_eq!(digested(edges), format!("{edges:?}"), "digests that clusters have recorded hold on");
        }
    }
}
