//! In: a Machine of the Cluster API. Out: its health.
//! Guarantee: healthy only when its node is, and it is not being updated.
use super::Form;
use crate::decide::health::Health;

pub(super) fn assess(form: &Form<'_>) -> Health {
    // Before there were newer conditions, none spoke of the node's own readiness unless somebody checked it.
    let node = form.condition("NodeReady", "NodeHealthy").filter(|condition| condition.is_false());
    let missing = form.must_hold("Ready", "Ready").or_else(|| form.ongoing());
    missing.or_else(|| node.map(|node| Health::InProgress(node.words()))).unwrap_or(Health::Current)
}

#[cfg(test)]
mod tests {
    use super::super::super::example::health;
    use serde_json::{Value, json};

    fn with(version: &str, pairs: &[(&str, &str)]) -> Value {
        let condition = |(name, status): &(&str, &str)| json!({"type": name, "status": status});
        let conditions: Vec<Value> = pairs.iter().map(condition).collect();
        json!({"kind": "Machine", "apiVersion": format!("cluster.x-k8s.io/{version}"), "status": {"conditions": conditions}})
    }

    #[test]
    fn its_node_must_be_ready() {
        assert_eq!(health(with("v1beta2", &[("Ready", "True"), ("NodeReady", "True")])), 'C');
        assert_eq!(health(with("v1beta2", &[("Ready", "False")])), 'I');
        assert_eq!(health(with("v1beta2", &[("Ready", "True"), ("NodeReady", "False")])), 'I');
        assert_eq!(health(with("v1beta2", &[("Ready", "True"), ("Updating", "True")])), 'I');
        assert_eq!(health(with("v1beta1", &[("Ready", "True"), ("NodeHealthy", "True")])), 'C');
        assert_eq!(health(with("v1beta1", &[("Ready", "True"), ("NodeHealthy", "False")])), 'I');
        assert_eq!(health(with("v1beta1", &[])), 'I', "nobody has told");
    }
}
