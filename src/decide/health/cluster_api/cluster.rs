//! In: a Cluster of the Cluster API. Out: its health.
//! Guarantee: healthy only when control plane and workers are available, and nothing rolls out, grows or shrinks.
use super::Form;
use crate::decide::health::Health;

/// Reasons for which the topology cannot be reconciled as it stands; others mean that it waits for its turn.
const TOPOLOGY_FAILED: [&str; 2] = ["ReconcileFailed", "TopologyReconcileFailed"];

pub(super) fn assess(form: &Form<'_>) -> Health {
    let topology = form.condition("TopologyReconciled", "TopologyReconciled").filter(|it| !it.is_true());
    if let Some(topology) = topology {
        let has_failed = topology.is_false() && TOPOLOGY_FAILED.contains(&topology.reason);
        return if has_failed { Health::Failed(topology.words()) } else { Health::InProgress(topology.words()) };
    }
    form.must_hold("Available", "Ready").or_else(|| form.ongoing()).unwrap_or(Health::Current)
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(version: &str, status: &Value) -> Value {
        json!({"kind": "Cluster", "apiVersion": format!("cluster.x-k8s.io/{version}"), "status": status})
    }

    fn conditions(pairs: &[(&str, &str)]) -> Value {
        let condition = |(name, status): &(&str, &str)| json!({"type": name, "status": status, "reason": "Reason"});
        json!({"conditions": pairs.iter().map(condition).collect::<Vec<_>>()})
    }

    #[test]
    fn it_must_be_available_and_at_rest() {
        assert_eq!(health(with("v1beta2", &conditions(&[("Available", "True"), ("RollingOut", "False")]))), 'C');
        assert_eq!(health(with("v1beta2", &conditions(&[("Available", "False")]))), 'I');
        assert_eq!(health(with("v1beta2", &conditions(&[("Available", "True"), ("RollingOut", "True")]))), 'I');
        assert_eq!(health(with("v1beta2", &conditions(&[("Available", "True"), ("ScalingUp", "True")]))), 'I');
        assert_eq!(health(with("v1beta2", &json!({}))), 'I', "nobody has told");
        let waits = conditions(&[("Available", "True"), ("TopologyReconciled", "False")]);
        assert_eq!(words(with("v1beta2", &waits)), "TopologyReconciled is False: Reason");
    }

    #[test]
    fn older_versions_tell_it_in_other_places() {
        let newer = |pairs: &[(&str, &str)]| json!({"conditions": [{"type": "Ready", "status": "True"}], "v1beta2": conditions(pairs)});
        assert_eq!(health(with("v1beta1", &newer(&[("Available", "True")]))), 'C');
        assert_eq!(health(with("v1beta1", &newer(&[("Available", "False")]))), 'I', "the newer conditions count");
        assert_eq!(health(with("v1beta1", &conditions(&[("Ready", "True")]))), 'C');
        assert_eq!(health(with("v1beta1", &conditions(&[("Ready", "False")]))), 'I');
        let deprecated = |status: &str| json!({"deprecated": {"v1beta1": conditions(&[("Ready", status)])}});
        assert_eq!(health(with("v1beta2", &deprecated("True"))), 'C');
        assert_eq!(health(with("v1beta2", &deprecated("False"))), 'I');
    }

    #[test]
    fn a_topology_that_cannot_be_reconciled_fails() {
        let failed =
            json!({"conditions": [{"type": "TopologyReconciled", "status": "False", "reason": "ReconcileFailed"}]});
        assert_eq!(health(with("v1beta2", &failed)), 'F');
    }
}
