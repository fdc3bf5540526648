//! In: what components of a pack need by its values, the nodes of the cluster. Out: what the nodes do not have.
//! Guarantee: a request of a node's resources that is met nowhere is an error before anything is planned; one that cannot
//! be told is a warning.
use super::super::codes;
use super::super::composition::shape::Shaped;
use super::super::layer::source::Source;
use crate::decide::document::{Cluster, Component, Measure, Nodes, Resource, amount};
use crate::decide::value::{Diagnostic, Value};

/// Checks the resources of which the values of a layer say how much is needed.
pub(in crate::decide::profile) fn check_components(
    cluster: &Cluster,
    layer: &Shaped,
    source: &Source,
    document: &Value,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let values = document.get("values").unwrap_or(&Value::Null);
    let resources = source.pack.iter().flat_map(|pack| &pack.resources);
    for resource in resources.filter(|resource| !resource.components.is_empty()) {
        for nodes in [Nodes::ControlPlane, Nodes::Workers, Nodes::All] {
            let of = |component: &&Component| component.nodes == nodes;
            let components: Vec<&Component> = resource.components.iter().filter(of).collect();
            if components.is_empty() {
                continue;
            }
            let needed: Option<i64> = components
                .iter()
                .map(|component| needed(resource, component, values))
                .try_fold(0, |sum: i64, one| Some(sum.saturating_add(one?)));
            match (needed, available(resource, nodes, &cluster.nodes)) {
                (Some(needed), Some(have)) if have < needed => errors.push(too_little(layer, resource, needed, have)),
                (Some(_), Some(_)) => {}
                (None, _) => warnings.push(not_checked(layer, resource, "the values do not say how much")),
                (_, None) => warnings.push(not_checked(layer, resource, "the cluster does not say its nodes")),
            }
        }
    }
}

fn measure(resource: &Resource) -> Measure {
    match &*resource.kind {
        "cpu" => Measure::MilliCores,
        "memory" => Measure::MebiBytes,
        _ => Measure::GigaBytes,
    }
}

fn needed(resource: &Resource, component: &Component, values: &Value) -> Option<i64> {
    let at = |path: &str| path.split('.').try_fold(values, |value, key| value.get(key));
    let each = amount(at(component.request.as_deref()?)?, measure(resource))?;
    let replicas = match &component.replicas {
        None => 1,
        Some(path) => at(path)?.as_i64()?,
    };
    Some(each.saturating_mul(replicas.max(0)))
}

fn available(resource: &Resource, which: Nodes, nodes: &Value) -> Option<i64> {
    let key = match &*resource.kind {
        "cpu" => "cpu",
        "memory" => "memoryGiB",
        _ => "diskGiB",
    };
    let of = |pool: &Value| {
        let total = pool.get("count")?.as_i64()?.checked_mul(pool.get(key)?.as_i64()?)?;
        total.checked_mul(resource.units)
    };
    let workers = || {
        let pools = nodes.get("pools").and_then(Value::as_list).filter(|pools| !pools.is_empty())?;
        pools.iter().map(of).try_fold(0, |sum: i64, one| sum.checked_add(one?))
    };
    let control = || of(nodes.get("controlPlane")?);
    match which {
        Nodes::ControlPlane => control(),
        Nodes::Workers => workers(),
        Nodes::All => workers()?.checked_add(control()?),
    }
}

fn too_little(layer: &Shaped, resource: &Resource, needed: i64, have: i64) -> Diagnostic {
    let message = format!("the layer `{}` needs more {} than the cluster has", layer.name, resource.kind);
    let unit = match &*resource.kind {
        "cpu" => "thousandths of a core",
        "memory" => "MiB",
        _ => "GB",
    };
    let said = Diagnostic::error(codes::CONSTRAINT, message).at(resource.part.span());
    said.expected(format!("at least {needed} {unit}, by the values; the cluster has {have}"))
}

fn not_checked(layer: &Shaped, resource: &Resource, why: &str) -> Diagnostic {
    let message = format!("the {} that layer `{}` needs was not checked: {why}", resource.kind, layer.name);
    Diagnostic::warning(codes::NOT_CHECKED, message).at(resource.part.span())
}
