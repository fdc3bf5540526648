//! In: a Service. Out: its health.
//! Guarantee: one that asks for a load balancer is healthy only when it has one.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let is_balanced = view.text("spec.type") == "LoadBalancer";
    // With addresses that people route by hand no balancer need answer.
    let by_hand = view.items("spec.externalIPs").next().is_some();
    if is_balanced && !by_hand && view.items("status.loadBalancer.ingress").next().is_none() {
        return Health::InProgress("its load balancer has no address".into());
    }
    Health::Current
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    #[test]
    fn a_load_balancer_needs_an_address() {
        let with = |spec: Value, ingress: Value| json!({"kind": "Service", "apiVersion": "v1", "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}});
        assert_eq!(health(with(json!({"type": "ClusterIP"}), json!([]))), 'C');
        assert_eq!(health(with(json!({"type": "LoadBalancer"}), json!([]))), 'I');
        assert_eq!(health(with(json!({"type": "LoadBalancer"}), json!([{"ip": "192.0.2.1"}]))), 'C');
        let by_hand = json!({"type": "LoadBalancer", "externalIPs": ["192.0.2.1"]});
        assert_eq!(health(with(by_hand, json!([]))), 'C');
    }
}
