//! In: a `StatefulSet`. Out: its health.
//! Guarantee: healthy only when all replicas are ready, and those that its strategy updates are of the newest revision.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if let Some(unseen) = view.unseen() {
        return unseen;
    }
    let wanted = view.try_number("spec.replicas").unwrap_or(1);
    let [replicas, ready, available] =
        ["replicas", "readyReplicas", "availableReplicas"].map(|name| view.count(&format!("status.{name}")));
    let seconds = view.count("spec.minReadySeconds");
    if replicas != wanted {
        Health::InProgress(format!("there are {replicas} of {wanted} replicas"))
    } else if ready < wanted {
        Health::InProgress(format!("{ready} of {wanted} replicas are ready"))
    } else if seconds > 0 && available < wanted {
        Health::InProgress(format!("{available} of {wanted} replicas are available, ready for {seconds} s"))
    } else if view.text("spec.updateStrategy.type") == "OnDelete" {
        Health::Current // people restart its pods, when they want
    } else {
        revisions(view, wanted)
    }
}

/// Only pods from the partition's number on are updated.
fn revisions(view: View<'_>, wanted: i64) -> Health {
    let updated = view.count("status.updatedReplicas");
    let partition = view.count("spec.updateStrategy.rollingUpdate.partition");
    let is_newest = view.text("status.currentRevision") == view.text("status.updateRevision");
    if partition > 0 && updated < wanted - partition {
        Health::InProgress(format!("{updated} of {} replicas are updated", wanted - partition))
    } else if partition == 0 && !is_newest {
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
        assert_eq!(health(with([4, 3, 3], "b", &json!({}))), 'I', "one is too many");
        assert_eq!(health(with([3, 2, 3], "b", &json!({}))), 'I', "one is not ready");
        assert_eq!(health(with([3, 3, 1], "a", &json!({}))), 'I', "two are of the old revision");
        assert_eq!(health(with([3, 3, 1], "a", &partition)), 'C', "only one was to be updated");
        assert_eq!(health(with([3, 3, 0], "a", &partition)), 'I', "it was not");
        assert_eq!(health(json!({"kind": "StatefulSet", "apiVersion": "apps/v1"})), 'I', "nobody has seen it");
    }

    #[test]
    fn of_what_people_update_only_readiness_counts() {
        let by_hand = json!({"type": "OnDelete"});
        assert_eq!(health(with([3, 3, 0], "a", &by_hand)), 'C', "people restart its pods");
        assert_eq!(health(with([3, 1, 0], "a", &by_hand)), 'I', "those that are there must work");
    }

    #[test]
    fn replicas_must_stay_ready() {
        let mut object = with([3, 3, 3], "b", &json!({}));
        object["spec"]["minReadySeconds"] = json!(9);
        object["status"]["availableReplicas"] = json!(2);
        assert_eq!(health(object), 'I');
    }
}
