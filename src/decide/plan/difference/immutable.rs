//! In: an object, as it was applied and as it shall be. Out: the field of it that no API server changes in place, if one is
//! to change.
//! Guarantee: from tables of data: what is not in the first one is never made anew, whatever a server says.
use super::super::model::ObjectChange;
use crate::decide::value::{Patch, PatchOperation, Pointer, Value};
use crate::name::{LayerName, ObjectId};

/// Group, kind, and patterns of the fields that stay as they are while an object of the kind is there.
type Row = (&'static str, &'static str, &'static [&'static str]);

/// Kinds that hold nothing that would be lost: they may be deleted and made anew, where their layer allows it.
const ANEW: &[Row] = &[
    ("batch", "Job", &["/spec/template/**", "/spec/selector/**", "/spec/completionMode", "/spec/podFailurePolicy/**"]),
    ("", "Service", &["/spec/clusterIP", "/spec/clusterIPs/**"]),
    ("apps", "Deployment", &["/spec/selector/**"]),
    ("apps", "DaemonSet", &["/spec/selector/**"]),
    ("apps", "ReplicaSet", &["/spec/selector/**"]),
    ("", "Secret", &["/type"]),
    ("rbac.authorization.k8s.io", "RoleBinding", &["/roleRef/**"]),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", &["/roleRef/**"]),
    ("scheduling.k8s.io", "PriorityClass", &["/value"]),
    ("networking.k8s.io", "IngressClass", &["/spec/controller"]),
    ("node.k8s.io", "RuntimeClass", &["/handler"]),
    ("storage.k8s.io", "StorageClass", &["/provisioner", "/parameters/**", "/reclaimPolicy", "/volumeBindingMode"]),
];

/// Kinds of which all is so once they say that they are `immutable`.
const SEALED: &[Row] = &[
    ("", "ConfigMap", &["/data/**", "/binaryData/**", "/immutable"]),
    ("", "Secret", &["/data/**", "/stringData/**", "/immutable"]),
];

/// Kinds that hold what would be lost, or that others hold by: they are never made anew.
const NEVER: &[Row] = &[
    (
        "apps",
        "StatefulSet",
        &["/spec/volumeClaimTemplates/**", "/spec/serviceName", "/spec/selector/**", "/spec/podManagementPolicy"],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &[
            "/spec/accessModes/**",
            "/spec/storageClassName",
            "/spec/volumeName",
            "/spec/selector/**",
            "/spec/volumeMode",
        ],
    ),
];

/// Returns the field because of which an object has to be made anew to become what it shall be; `old` is what was applied.
pub(in crate::decide::plan) fn anew(object: &ObjectId, old: &Value, patch: &Patch) -> Option<Pointer> {
    let is_sealed = old.get("immutable").and_then(Value::as_bool) == Some(true);
    let sealed = || of(SEALED, object, patch).filter(|_| is_sealed);
    of(ANEW, object, patch).or_else(sealed)
}

/// Says what helps where a server would not change an object in place; nothing where that is no matter of such a field.
pub(in crate::decide::plan) fn hint(layer: &LayerName, change: &ObjectChange) -> Option<String> {
    let (object, patch) = (&change.object, &change.patch);
    let kind = &object.kind;
    let field = |at: &Pointer| format!("the field {at} of a {kind} cannot change while it is there");
    if let Some(at) = of(NEVER, object, patch) {
        return Some(format!(
            "{}, and a {kind} is never made anew: give it another name, or delete it by hand (a StatefulSet by \
             `kubectl delete --cascade=orphan`, so that its pods and volumes stay)",
            field(&at)
        ));
    }
    let at = of(ANEW, object, patch).or_else(|| of(SEALED, object, patch))?;
    Some(format!(
        "{}: write `recreate: true` in the layer `{layer}`, and it is deleted and made anew, which counts as a deletion; or \
         give it another name",
        field(&at)
    ))
}

fn of(table: &[Row], object: &ObjectId, patch: &Patch) -> Option<Pointer> {
    let (.., patterns) = table.iter().find(|(group, kind, _)| *group == &*object.group && *kind == &*object.kind)?;
    let touched = |operation: &&PatchOperation| {
        let path = operation.path().to_string();
        patterns.iter().any(|pattern| touches(pattern, &path))
    };
    patch.iter().find(touched).map(|operation| operation.path().clone())
}

/// Whether a change at a path changes what a pattern names: at it, below it, or above.
fn touches(pattern: &str, path: &str) -> bool {
    let (prefix, is_deep) = pattern.strip_suffix("/**").map_or((pattern, false), |prefix| (prefix, true));
    let is_below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    path == prefix || is_below(prefix, path) || (is_deep && is_below(path, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::diff::diff;
    use crate::decide::plan::test_objects::value;
    use serde_json::{Value as Json, json};

    fn found(group: &str, kind: &str, old: &Json, new: &Json) -> Option<String> {
        let object = ObjectId { group: group.into(), kind: kind.into(), namespace: None, name: "a".into() };
        let (old, new) = (value(old), value(new));
        anew(&object, &old, &diff(&old, &new)).map(|at| at.to_string())
    }

    #[test]
    fn a_kind_is_made_anew_for_the_fields_of_the_table_and_no_other() {
        let job = |image: &str, parallelism: u32| json!({"spec": {"parallelism": parallelism, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}}});
        let at = found("batch", "Job", &job("x:1", 1), &job("x:2", 1));
        assert_eq!(at.as_deref(), Some("/spec/template/spec/containers/0/image"));
        assert_eq!(found("batch", "Job", &job("x:1", 1), &job("x:1", 2)), None, "that may change");
        assert_eq!(found("example.org", "Job", &job("x:1", 1), &job("x:2", 1)), None, "a custom resource is never");
        let claims = |size: &str| json!({"spec": {"volumeClaimTemplates": [{"spec": {"size": size}}]}});
        assert_eq!(found("apps", "StatefulSet", &claims("1"), &claims("2")), None, "nor what holds data");
    }

    #[test]
    fn a_config_map_is_made_anew_once_it_is_immutable() {
        let map = |value: &str, immutable: bool| json!({"data": {"a": value}, "immutable": immutable});
        assert_eq!(found("", "ConfigMap", &map("1", false), &map("2", true)), None);
        assert_eq!(found("", "ConfigMap", &map("1", true), &map("2", true)).as_deref(), Some("/data/a"));
    }

    #[test]
    fn a_change_above_a_field_is_one_of_it() {
        assert!(touches("/spec/clusterIP", "/spec") && touches("/spec/template/**", "/spec/template/a"));
        assert!(!touches("/spec/clusterIP", "/spec/clusterIPs") && !touches("/roleRef/**", "/roleReference"));
    }
}
