//! In: the packs of a cluster, and its nodes. Out: which constraints are not met, or were not checked.
//! Guarantee: a required constraint that is not met is an error before anything is planned; none is silently skipped.
use super::codes;
use super::full::UpgradeBound;
use crate::decide::document::{Cluster, Constraint, ConstraintKind, LayerRole, Pack, Resource, version as parse};
use crate::decide::value::{Diagnostic, Value};
use crate::name::LayerName;
use semver::Version;
use std::sync::Arc;

/// A layer that is made from a pack.
pub(super) struct PackLayer<'a> {
    pub(super) name: &'a LayerName,
    pub(super) role: LayerRole,
    pub(super) pack: &'a Arc<Pack>,
}

/// Checks all constraints.
pub(super) fn check(
    cluster: &Cluster,
    layers: &[PackLayer<'_>],
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    for layer in layers {
        for constraint in &layer.pack.constraints {
            dependency(layer, constraint, layers, errors);
        }
        // What the values say the need of is checked when there are values.
        for resource in layer.pack.resources.iter().filter(|resource| resource.components.is_empty()) {
            nodes(layer, resource, &cluster.nodes, errors, warnings);
        }
    }
}

/// Returns the layers that a pack requires, for the order.
pub(super) fn required<'a>(
    pack: &'a Pack,
    layers: &'a [PackLayer<'_>],
) -> impl Iterator<Item = (LayerName, &'a Constraint)> {
    let needed = pack.constraints.iter().filter(|constraint| constraint.kind == ConstraintKind::Required);
    needed.flat_map(move |constraint| {
        let of = move |layer: &&PackLayer<'_>| is_of(layer, constraint) && layer.pack.name != pack.name;
        layers.iter().filter(of).map(move |layer| (layer.name.clone(), constraint))
    })
}

fn is_of(layer: &PackLayer<'_>, constraint: &Constraint) -> bool {
    layer.pack.name == constraint.pack && constraint.role.is_none_or(|role| role == layer.role)
}

fn dependency(layer: &PackLayer<'_>, constraint: &Constraint, layers: &[PackLayer<'_>], errors: &mut Vec<Diagnostic>) {
    let mut found = layers.iter().filter(|other| is_of(other, constraint)).peekable();
    let range = range(constraint);
    let pack = &constraint.pack;
    match constraint.kind {
        ConstraintKind::Required if found.peek().is_none() => errors.push(
            Diagnostic::error(
                codes::CONSTRAINT,
                format!("the layer `{}` needs the pack `{pack}`, which the cluster does not have", layer.name),
            )
            .at(constraint.part.span())
            .expected(format!("a layer with the pack `{pack}`{range}"))
            .hint("add a layer with it, or remove this one"),
        ),
        ConstraintKind::Required | ConstraintKind::Optional => {
            for other in found.filter(|other| !is_within(&other.pack.version, constraint)) {
                errors.push(
                    Diagnostic::error(
                        codes::CONSTRAINT,
                        format!(
                            "the layer `{}` does not work with `{pack}@{}` of layer `{}`",
                            layer.name, other.pack.version, other.name
                        ),
                    )
                    .at(constraint.part.span())
                    .expected(format!("`{pack}`{range}")),
                );
            }
        }
        ConstraintKind::NotSupported => {
            for other in found.filter(|other| is_within(&other.pack.version, constraint)) {
                errors.push(
                    Diagnostic::error(
                        codes::CONSTRAINT,
                        format!(
                            "the layer `{}` does not work beside `{pack}@{}` of layer `{}`",
                            layer.name, other.pack.version, other.name
                        ),
                    )
                    .at(constraint.part.span()),
                );
            }
        }
        // What is applied is not known here: the plan judges it.
        ConstraintKind::Upgrade => {}
    }
}

/// Returns what the pack of a layer says of upgrades in place.
pub(super) fn upgrades(pack: &Pack, role: LayerRole) -> Vec<UpgradeBound> {
    let said = pack.constraints.iter().filter(|it| it.kind == ConstraintKind::Upgrade);
    let of_role = said.filter(|it| it.role.is_none_or(|wanted| wanted == role));
    let bound = |it: &Constraint| UpgradeBound {
        pack: it.pack.clone(),
        min: it.min.clone(),
        max: it.max.clone(),
        at: it.part.span(),
    };
    of_role.map(bound).collect()
}

impl UpgradeBound {
    /// Whether it allows a version.
    pub fn contains(&self, version: &str) -> bool {
        is_between(version, self.min.as_deref(), self.max.as_deref())
    }

    /// Returns the versions that it allows, in words after the name of the pack.
    pub fn range(&self) -> String {
        words(self.min.as_deref(), self.max.as_deref())
    }
}

fn range(constraint: &Constraint) -> String {
    words(constraint.min.as_deref(), constraint.max.as_deref())
}

fn words(min: Option<&str>, max: Option<&str>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" up to {max}"),
        (None, None) => String::new(),
    }
}

fn is_within(version: &str, constraint: &Constraint) -> bool {
    is_between(version, constraint.min.as_deref(), constraint.max.as_deref())
}

/// Both bounds are included; what has no bound is within.
fn is_between(version: &str, min: Option<&str>, max: Option<&str>) -> bool {
    let Some(version) = parse(version) else { return false };
    min.and_then(parse).is_none_or(|min: Version| version >= min)
        && max.and_then(parse).is_none_or(|max| version <= max)
}

fn nodes(
    layer: &PackLayer<'_>,
    resource: &Resource,
    nodes: &Value,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let key = match &*resource.kind {
        "cpu" => "cpu",
        "memory" => "memoryGiB",
        _ => "diskGiB",
    };
    let pools = nodes.get("pools").and_then(Value::as_list).unwrap_or_default();
    let amounts: Option<Vec<(i64, i64)>> =
        pools.iter().map(|pool| Some((pool.get("count")?.as_i64()?, pool.get(key)?.as_i64()?))).collect();
    let amounts = amounts.map(|amounts| -> Vec<(i64, i64)> {
        amounts.into_iter().map(|(count, each)| (count, each.saturating_mul(resource.units))).collect()
    });
    let Some(amounts) = amounts.filter(|amounts| !amounts.is_empty()) else {
        let message = format!(
            "the {} that layer `{}` needs was not checked: the cluster does not say its nodes",
            resource.kind, layer.name
        );
        warnings.push(Diagnostic::warning(codes::NOT_CHECKED, message).at(resource.part.span()));
        return;
    };
    let have = if resource.each_node {
        amounts.iter().map(|(_, each)| *each).min().unwrap_or_default()
    } else {
        amounts.iter().map(|(count, each)| count.saturating_mul(*each)).fold(0, i64::saturating_add)
    };
    if have < resource.minimum {
        let of = if resource.each_node { "on each worker node" } else { "over all worker nodes" };
        errors.push(
            Diagnostic::error(
                codes::CONSTRAINT,
                format!("the layer `{}` needs more {} than the cluster has", layer.name, resource.kind),
            )
            .at(resource.part.span())
            .expected(format!("at least {} {of}; the cluster has {have}", resource.minimum)),
        );
    }
}
