//! In: a `StatefulSet`. Out: its health.
//! Guarantee: healthy only when all replicas that its strategy updates are of the newest revision and ready.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if view.text("spec.updateStrategy.type") == "OnDelete" {
        return Health::Current; // people restart its pods
    }
    let wanted = view.try_number("spec.replicas").unwrap_or(1);
    let [replicas, ready, updated] =
        ["replicas", "readyReplicas", "updatedReplicas"].map(|name| view.count(&format!("status.{name}")));
    let partition = view.count("spec.updateStrategy.rollingUpdate.partition");
    if view.try_number("status.observedGeneration").is_none() {
        Health::InProgress("no controller has seen it yet".into())
    } else if replicas != wanted {
        Health::InProgress(format!("there are {replicas} of {wanted} replicas"))
    } else if ready < wanted {
        Health::InProgress(format!("{ready} of {wanted} replicas are ready"))
    } else if partition > 0 && updated < wanted - partition {
        Health::InProgress(format!("{updated} of {} replicas are updated", wanted - partition))
    } else if partition == 0 && view.text("status.currentRevision") != view.text("status.updateRevision") {
        Health::InProgress(format!("{updated} of {wanted} replicas are updated"))
    } else {
        Health::Current
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(counts: [i64; 3], revision: &str, strategy: &Value) -> Value {
        let [replicas, ready, updated] = counts;
        json!({
            "kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {"generation": 1},
            "spec": {"replicas": 3, "updateStrategy": strategy},
            "status": {
                "observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "updatedReplicas": updated,
                "currentRevision": revision, "updateRevision": "b",
            },
        })
    }

    #[test]
    fn revisions_and_partitions_count() {
        let partition = json!({"rollingUpdate": {"partition": 2}});
        assert_eq!(health(with([3, 3, 3], "b", &json!({}))), 'C');
        assert_eq!(health(with([2, 2, 2], "b", &json!({}))), 'I', "one is missing");
        assert_eq!(health(with([3, 2, 3], "b", &json!({}))), 'I', "one is not ready");
        assert_eq!(health(with([3, 3, 1], "a", &json!({}))), 'I', "two are of the old revision");
        assert_eq!(health(with([3, 3, 1], "a", &partition)), 'C', "only one was to be updated");
        assert_eq!(health(with([3, 3, 0], "a", &partition)), 'I', "it was not");
        assert_eq!(health(with([0, 0, 0], "a", &json!({"type": "OnDelete"}))), 'C', "people restart its pods");
        assert_eq!(health(json!({"kind": "StatefulSet", "apiVersion": "apps/v1"})), 'I', "nobody has seen it");
    }
}
