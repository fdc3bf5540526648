//! In: a Service. Out: its health.
//! Guarantee: one that asks for a load balancer is healthy only when it has one.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let is_balanced = view.text("spec.type") == "LoadBalancer";
    if is_balanced && view.items("status.loadBalancer.ingress").next().is_none() {
        return Health::InProgress("its load balancer has no address".into());
    }
    Health::Current
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::json;

    #[test]
    fn a_load_balancer_needs_an_address() {
        let with = |kind: &str, ingress| json!({"kind": "Service", "apiVersion": "v1", "spec": {"type": kind}, "status": {"loadBalancer": {"ingress": ingress}}});
        assert_eq!(health(with("ClusterIP", json!([]))), 'C');
        assert_eq!(health(with("LoadBalancer", json!([]))), 'I');
        assert_eq!(health(with("LoadBalancer", json!([{"ip": "192.0.2.1"}]))), 'C');
    }
}
