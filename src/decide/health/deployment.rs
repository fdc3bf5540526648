//! In: a Deployment. Out: its health.
//! Guarantee: healthy only when all replicas are of the newest template and available, and no old one is left.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if let Some(progressing) = view.condition("Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Health::Failed(progressing.words());
    }
    let wanted = view.try_number("spec.replicas").unwrap_or(1);
    let [replicas, updated, ready, available] = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
        .map(|name| view.count(&format!("status.{name}")));
    if view.try_number("status.observedGeneration").is_none() {
        Health::InProgress("no controller has seen it yet".into())
    } else if updated < wanted {
        Health::InProgress(format!("{updated} of {wanted} replicas are updated"))
    } else if replicas > updated {
        Health::InProgress(format!("{} old replicas are left", replicas - updated))
    } else if available < updated.max(wanted) {
        Health::InProgress(format!("{available} of {wanted} replicas are available"))
    } else if ready < wanted {
        Health::InProgress(format!("{ready} of {wanted} replicas are ready"))
    } else if view.condition("Available").is_some_and(|condition| condition.status != "True") {
        Health::InProgress("it is not available".into())
    } else {
        Health::Current
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(counts: [i64; 4], reason: &str) -> Value {
        let [replicas, updated, ready, available] = counts;
        json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"generation": 1}, "spec": {"replicas": 2},
            "status": {
                "observedGeneration": 1, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready,
                "availableReplicas": available, "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
            },
        })
    }

    #[test]
    fn all_replicas_are_counted() {
        assert_eq!(health(with([2, 2, 2, 2], "NewReplicaSetAvailable")), 'C');
        assert_eq!(health(with([2, 1, 2, 2], "")), 'I', "one is of the old template");
        assert_eq!(health(with([3, 2, 3, 3], "")), 'I', "an old one is left");
        assert_eq!(health(with([2, 2, 2, 1], "")), 'I', "one is not available");
        assert_eq!(health(with([2, 2, 1, 2], "")), 'I', "one is not ready");
        assert_eq!(health(with([2, 1, 1, 1], "ProgressDeadlineExceeded")), 'F');
        assert_eq!(health(json!({"kind": "Deployment", "apiVersion": "apps/v1"})), 'I', "nobody has seen it");
    }
}
