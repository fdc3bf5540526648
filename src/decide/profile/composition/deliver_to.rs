//! In: a cluster, one of its layers. Out: the API server that the layer's objects go to, and their namespace there.
//! Guarantee: without a management server, every layer goes to the cluster itself.
use super::shape::Shaped;
use crate::decide::document::{Cluster, LayerRole, Site};
use crate::decide::value::Value;

/// Returns where a layer's objects go: what makes the machines goes to the server that makes the cluster.
pub(in crate::decide::profile) fn site(cluster: &Cluster, layer: &Shaped) -> Site {
    let makes_machines = matches!(layer.role, LayerRole::Os | LayerRole::Kubernetes);
    let is_managed = match layer.field("deliverTo").as_ref() {
        Some(stated) => stated.text() == "management",
        None => makes_machines,
    };
    if is_managed && cluster.management.is_some() { Site::Management } else { Site::Workload }
}

/// Returns the word for a site.
pub(in crate::decide::profile) fn word(site: Site) -> &'static str {
    match site {
        Site::Management => "management",
        Site::Workload => "workload",
    }
}

/// Returns the namespace given to a layer's objects without one; null where there is none to give.
pub(in crate::decide::profile) fn namespace(cluster: &Cluster, layer: &Shaped) -> Value {
    if let Some(stated) = layer.field("namespace") {
        return Value::string(stated.text());
    }
    let management = cluster.management.as_ref().filter(|_| layer.site == Site::Management);
    management.map_or(Value::Null, |management| Value::String(management.namespace.clone()))
}
