//! In: a `ReplicaSet`, or a `ReplicationController`. Out: its health.
//! Guarantee: healthy only with exactly the replicas that it shall have, all available.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if let Some(failure) = view.condition("ReplicaFailure").filter(|condition| condition.is_true()) {
        return Health::InProgress(failure.words());
    }
    if let Some(unseen) = view.unseen() {
        return unseen;
    }
    let wanted = view.try_number("spec.replicas").unwrap_or(1);
    let [replicas, ready, available] =
        ["replicas", "readyReplicas", "availableReplicas"].map(|name| view.count(&format!("status.{name}")));
    if replicas != wanted {
        Health::InProgress(format!("there are {replicas} of {wanted} replicas"))
    } else if ready < wanted {
        Health::InProgress(format!("{ready} of {wanted} replicas are ready"))
    } else if available < wanted {
        Health::InProgress(format!("{available} of {wanted} replicas are available"))
    } else {
        Health::Current
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(counts: [i64; 3], failure: &str) -> Value {
        let [replicas, ready, available] = counts;
        json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "spec": {"replicas": 2}, "status": {
            "observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "availableReplicas": available,
            "conditions": [{"type": "ReplicaFailure", "status": failure}],
        }})
    }

    #[test]
    fn all_replicas_are_counted() {
        assert_eq!(health(with([2, 2, 2], "False")), 'C');
        assert_eq!(health(with([3, 2, 2], "False")), 'I', "one is too many");
        assert_eq!(health(with([2, 1, 2], "False")), 'I', "one is not ready");
        assert_eq!(health(with([2, 2, 1], "False")), 'I', "one is not available");
        assert_eq!(health(with([2, 2, 2], "True")), 'I', "one could not be made");
        let controller = |seen: Value| json!({"kind": "ReplicationController", "apiVersion": "v1", "status": seen});
        assert_eq!(health(controller(json!({}))), 'I', "nobody has seen it");
        let one = json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1});
        assert_eq!(health(controller(one)), 'C');
    }
}
