//! In: a `KubeadmControlPlane`, or another control plane of the Cluster API. Out: its health.
//! Guarantee: healthy only when all its machines are of the wanted version and template, and the API server answers.
use super::Form;
use super::machines::missing;
use crate::decide::health::Health;

pub(super) fn assess(form: &Form<'_>) -> Health {
    if let Some(health) = form.must_hold("Available", "Ready") {
        return health;
    }
    // Managed control planes have no replicas.
    let has_replicas = form.view.try_number("spec.replicas").is_some();
    if let Some(health) = Some(form).filter(|_| has_replicas).and_then(missing).or_else(|| form.ongoing()) {
        return health;
    }
    let [wanted, lowest] = ["spec.version", "status.version"].map(|path| form.view.text(path));
    if !lowest.is_empty() && lowest.trim_start_matches('v') != wanted.trim_start_matches('v') {
        return Health::InProgress(format!("a machine has version {lowest}, expected {wanted}"));
    }
    Health::Current
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(version: &str, status: &Value) -> Value {
        let api_version = format!("controlplane.cluster.x-k8s.io/{version}");
        let spec = json!({"replicas": 3, "version": "v1.33.1"});
        json!({"kind": "KubeadmControlPlane", "apiVersion": api_version, "spec": spec, "status": status})
    }

    fn newer(up_to_date: i64, kubernetes: &str, rolling: &str) -> Value {
        json!({
            "replicas": 3, "upToDateReplicas": up_to_date, "readyReplicas": 3, "availableReplicas": 3, "version": kubernetes,
            "conditions": [{"type": "Available", "status": "True"}, {"type": "RollingOut", "status": rolling}],
        })
    }

    #[test]
    fn all_machines_must_be_of_the_wanted_version() {
        assert_eq!(health(with("v1beta2", &newer(3, "v1.33.1", "False"))), 'C');
        assert_eq!(health(with("v1beta2", &newer(2, "v1.33.1", "False"))), 'I');
        assert_eq!(health(with("v1beta2", &newer(3, "v1.33.1", "True"))), 'I');
        assert_eq!(
            words(with("v1beta2", &newer(3, "v1.32.0", "False"))),
            "a machine has version v1.32.0, expected v1.33.1"
        );
        assert_eq!(health(with("v1beta2", &json!({}))), 'I', "nobody has told");
    }

    #[test]
    fn older_versions_tell_it_in_other_places() {
        let of = |ready: &str, updated: i64| {
            let conditions = json!([{"type": "Ready", "status": ready}, {"type": "Available", "status": "True"}]);
            let counts =
                json!({"replicas": 3, "updatedReplicas": updated, "readyReplicas": 3, "conditions": conditions});
            health(with("v1beta1", &counts))
        };
        assert_eq!((of("True", 3), of("False", 3), of("True", 2)), ('C', 'I', 'I'));
    }

    #[test]
    fn a_managed_control_plane_has_no_replicas() {
        let status = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        let managed = json!({"kind": "SomeControlPlane", "apiVersion": "controlplane.cluster.x-k8s.io/v1beta1", "status": status});
        assert_eq!(health(managed), 'C');
    }
}
