//! In: objects of one layer. Out: the order in which they are written; deletions take it backwards.
//! Guarantee: definitions and namespaces first, then what others refer to, then what runs; equal objects keep one order.
use super::super::model::ObjectChange;
use crate::name::ObjectId;
use std::cmp::Ordering;

/// Kinds in the order in which Helm installs them; what is not named comes last, webhooks after it.
const KINDS: [&str; 34] = [
    "PriorityClass",
    "Namespace",
    "CustomResourceDefinition",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "-",
];

/// Sorts objects of a layer; each looks for its kind once.
pub(in crate::decide::plan) fn sort(objects: &mut Vec<ObjectChange>) {
    let mut keyed: Vec<(usize, ObjectChange)> =
        std::mem::take(objects).into_iter().map(|change| (key(&change.object).0, change)).collect();
    keyed.sort_by(|(left, one), (right, other)| left.cmp(right).then_with(|| one.object.cmp(&other.object)));
    objects.extend(keyed.into_iter().map(|(_, change)| change));
}

/// Returns what sorts an object among those of its layer.
pub(in crate::decide::plan) fn key(object: &ObjectId) -> (usize, &ObjectId) {
    let others = KINDS.iter().position(|kind| kind.is_empty()).unwrap_or(KINDS.len());
    (KINDS.iter().position(|kind| **kind == *object.kind).unwrap_or(others), object)
}

/// Returns what an object ends after: those of a lower stage are gone before it is deleted. Of what makes machines, the
/// workers go before the control plane that they report to, and the Cluster last, since all others belong to it. With a
/// definition or a namespace all goes that is of it, so they are deleted once all else of their layer is gone.
pub(in crate::decide::plan) fn stage(object: &ObjectId) -> u8 {
    match (&*object.group, &*object.kind) {
        _ if comes_first(object) => 5,
        ("cluster.x-k8s.io", "Cluster") => 3,
        ("cluster.x-k8s.io", "ClusterClass") => 4,
        ("cluster.x-k8s.io", _) => 0,
        ("controlplane.cluster.x-k8s.io", kind) if kind.ends_with("ControlPlane") => 1,
        _ => 2,
    }
}

/// Compares objects of one layer by when they end: stage by stage, and in each in the reverse of the order of writing.
pub(in crate::decide::plan) fn by_end(left: &ObjectId, right: &ObjectId) -> Ordering {
    stage(left).cmp(&stage(right)).then_with(|| key(right).cmp(&key(left)))
}

/// Whether others of the same plan need the object before they can be written.
pub(in crate::decide::plan) fn comes_first(object: &ObjectId) -> bool {
    matches!(&*object.kind, "CustomResourceDefinition" | "Namespace")
}

/// Returns the group of the kinds that an object defines, if it is a definition: its name ends with it.
pub(in crate::decide::plan) fn defined_group(object: &ObjectId) -> Option<&str> {
    let is_definition = &*object.kind == "CustomResourceDefinition" && &*object.group == "apiextensions.k8s.io";
    object.name.split_once('.').filter(|_| is_definition).map(|(_, group)| group)
}
