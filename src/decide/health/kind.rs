//! In: an object whose generation is observed. Out: its health, by the rule of its kind.
//! Guarantee: a kind without a rule of its own is judged by its conditions, and is well where it has none.
//!
//! Why: nothing here waits for an Ingress to get an address (many controllers publish none), a `CronJob` to run, or a
//! `ConfigMap`, Secret, role, policy or class: what is stored of these is all there is.
use super::view::View;
use super::{
    Health, api_service, autoscaler, cluster_api, daemon_set, definition, deployment, disruption_budget, gateway,
    generic, job, pod, replica_set, route, service, stateful_set, volume, volume_claim,
};

pub(super) fn assess(view: View<'_>, wanted: Option<View<'_>>) -> Health {
    match (view.group(), view.text("kind")) {
        ("apps" | "extensions", "Deployment") => deployment::assess(view, wanted),
        ("apps", "StatefulSet") => stateful_set::assess(view),
        ("apps" | "extensions", "DaemonSet") => daemon_set::assess(view),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => replica_set::assess(view),
        ("", "Pod") => pod::assess(view),
        ("batch", "Job") => job::assess(view),
        ("", "PersistentVolumeClaim") => volume_claim::assess(view),
        ("", "PersistentVolume") => volume::assess(view),
        ("", "Service") => service::assess(view),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::assess(view),
        ("policy", "PodDisruptionBudget") => disruption_budget::assess(view),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::assess(view),
        ("apiregistration.k8s.io", "APIService") => api_service::assess(view),
        ("gateway.networking.k8s.io", "GatewayClass" | "Gateway") => gateway::assess(view),
        ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => route::assess(view),
        ("cluster.x-k8s.io" | "controlplane.cluster.x-k8s.io", kind) => cluster_api::assess(view, kind, wanted),
        _ => generic::assess(view),
    }
}

/// Whether objects of this kind get their status from a controller, some time after they are written; those of unknown
/// kinds are custom resources, whose controllers may be slow to take notice.
pub fn is_asynchronous(group: &str, kind: &str) -> bool {
    let plain = ["ConfigMap", "Secret", "ServiceAccount", "LimitRange", "ResourceQuota", "Endpoints", "PodTemplate"];
    match group {
        "" => !plain.contains(&kind),
        "rbac.authorization.k8s.io"
        | "scheduling.k8s.io"
        | "node.k8s.io"
        | "admissionregistration.k8s.io"
        | "discovery.k8s.io"
        | "coordination.k8s.io"
        | "events.k8s.io" => false,
        "storage.k8s.io" => kind == "VolumeAttachment",
        "networking.k8s.io" => !matches!(kind, "NetworkPolicy" | "IngressClass" | "IPAddress"),
        "apps" => kind != "ControllerRevision",
        "batch" => kind != "CronJob",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use super::*;
    use serde_json::json;

    /// Objects of many kinds as a kube-apiserver 1.37.2 with its controllers showed them, each with its health.
    const SEEN: &str = include_str!("../../../tests/fixtures/objects/seen.json");

    #[test]
    fn what_controllers_say_is_understood() {
        let seen: Vec<serde_json::Value> = serde_json::from_str(SEEN).expect("it is JSON");
        for case in &seen {
            let object = &case["object"];
            let said = health(object.clone()).to_string();
            assert_eq!(said, case["expected"], "{} {}", object["kind"], object["metadata"]["name"]);
        }
        assert_eq!(seen.len(), 29, "all were looked at");
    }

    #[test]
    fn plain_data_has_no_status_to_wait_for() {
        assert!(!is_asynchronous("", "ConfigMap") && !is_asynchronous("rbac.authorization.k8s.io", "Role"));
        assert!(!is_asynchronous("networking.k8s.io", "NetworkPolicy") && !is_asynchronous("batch", "CronJob"));
        assert!(is_asynchronous("apps", "Deployment") && is_asynchronous("example.org", "Widget"));
    }

    #[test]
    fn what_is_only_stored_is_well() {
        let kinds = ["v1/ConfigMap", "v1/Secret", "v1/Namespace", "v1/ServiceAccount", "v1/ResourceQuota"];
        let more = ["networking.k8s.io/v1/NetworkPolicy", "networking.k8s.io/v1/Ingress", "batch/v1/CronJob"];
        let roles = ["rbac.authorization.k8s.io/v1/ClusterRole", "storage.k8s.io/v1/StorageClass"];
        for (version, kind) in kinds.iter().chain(&more).chain(&roles).filter_map(|text| text.rsplit_once('/')) {
            assert_eq!(health(json!({"apiVersion": version, "kind": kind})), 'C', "{kind}");
        }
    }
}
