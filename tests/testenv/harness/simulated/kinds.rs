//! In: a path of a request. Out: the kind, the namespace and the name that it is about; and what discovery tells.
//! Guarantee: the kinds are the server's own, at the versions that the real one prefers; it has no others, and defines none.
use serde_json::{Value, json};

/// A kind that is served.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    /// The plural in paths.
    pub(super) resource: &'static str,
    pub(super) is_namespaced: bool,
}

const fn kind(group: &'static str, name: &'static str, resource: &'static str, is_namespaced: bool) -> Kind {
    Kind { group, name, resource, is_namespaced }
}

/// All kinds; each at `v1`.
pub(super) const KINDS: &[Kind] = &[
    kind("", "Namespace", "namespaces", false),
    kind("", "ConfigMap", "configmaps", true),
    kind("", "Secret", "secrets", true),
    kind("", "Service", "services", true),
    kind("", "ServiceAccount", "serviceaccounts", true),
    kind("", "Pod", "pods", true),
    kind("", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    kind("apps", "Deployment", "deployments", true),
    kind("apps", "StatefulSet", "statefulsets", true),
    kind("apps", "DaemonSet", "daemonsets", true),
    kind("batch", "Job", "jobs", true),
    kind("batch", "CronJob", "cronjobs", true),
    kind("networking.k8s.io", "Ingress", "ingresses", true),
    kind("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
    kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", true),
    kind("rbac.authorization.k8s.io", "Role", "roles", true),
    kind("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", true),
    kind("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", false),
    kind("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", false),
    kind("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
];

/// The kind of namespaces, as its place in the table.
pub(super) const NAMESPACE: usize = 0;

/// What a path is about.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    /// The kind's place in the table.
    pub(super) kind: usize,
    /// Empty for kinds without, and for those of all namespaces.
    pub(super) namespace: String,
    /// Empty for all of a kind.
    pub(super) name: String,
}

impl Place {
    /// Reads a path; none where nothing of that kind is served.
    pub(super) fn read(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/').map(decoded);
        let group = match parts.next()?.as_str() {
            "api" => String::new(),
            "apis" => parts.next()?,
            _ => return None,
        };
        if parts.next()? != "v1" {
            return None;
        }
        let rest: Vec<String> = parts.collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let (namespace, resource, name) = match rest[..] {
            ["namespaces", namespace, resource] => (namespace, resource, ""),
            ["namespaces", namespace, resource, name] => (namespace, resource, name),
            [resource] => ("", resource, ""),
            [resource, name] => ("", resource, name),
            _ => return None,
        };
        let is_it = |kind: &Kind| kind.group == group && kind.resource == resource;
        let kind = KINDS.iter().position(is_it)?;
        // An object of a kind with namespaces has one.
        let is_whole = name.is_empty() || KINDS[kind].is_namespaced != namespace.is_empty();
        is_whole.then(|| Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// Returns a part of a path or of a query as it was before it was encoded.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the kind's group and version, as objects state it.
pub(super) fn api_version(kind: &Kind) -> String {
    if kind.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", kind.group) }
}

/// Returns the aggregated discovery of the core group, or of all others.
pub(super) fn discovery(is_core: bool) -> Value {
    let mut groups: Vec<&str> = KINDS.iter().map(|kind| kind.group).collect();
    groups.dedup();
    groups.retain(|group| group.is_empty() == is_core);
    let items: Vec<Value> = groups.iter().map(|group| discovered(group)).collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items })
}

fn discovered(group: &str) -> Value {
    const VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
    let resources = KINDS.iter().filter(|kind| kind.group == group).map(|kind| {
        json!({
            "resource": kind.resource,
            "responseKind": { "group": kind.group, "version": "v1", "kind": kind.name },
            "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.name.to_lowercase(),
            "verbs": VERBS,
        })
    });
    let resources: Vec<Value> = resources.collect();
    let versions = json!([{ "version": "v1", "freshness": "Current", "resources": resources }]);
    json!({ "metadata": { "name": group, "creationTimestamp": null }, "versions": versions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_kind_and_where_it_is() {
        let place = |kind: &str, namespace: &str, name: &str| {
            let kind = KINDS.iter().position(|it| it.name == kind).expect("it is served");
            Some(Place { kind, namespace: namespace.to_owned(), name: name.to_owned() })
        };
        assert_eq!(Place::read("/api/v1/namespaces/a/configmaps/b"), place("ConfigMap", "a", "b"), "an object");
        assert_eq!(Place::read("/api/v1/namespaces/a"), place("Namespace", "", "a"), "a namespace");
        assert_eq!(Place::read("/apis/apps/v1/deployments"), place("Deployment", "", ""), "those of all namespaces");
        let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b";
        assert_eq!(Place::read(role), place("ClusterRole", "", "system:a b"), "a name that is encoded");
        assert_eq!(Place::read("/api/v1/configmaps/b"), None, "it has a namespace");
        assert_eq!(Place::read("/apis/example.org/v1/widgets"), None, "nobody serves it");
    }
}
