//! In: a `DaemonSet`. Out: its health.
//! Guarantee: healthy only when each node that shall have a pod has an available one, which its strategy keeps newest.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let Some(wanted) = view.try_number("status.desiredNumberScheduled") else {
        return Health::InProgress("no controller has counted its nodes yet".into());
    };
    if let Some(unseen) = view.unseen() {
        return unseen;
    }
    let by_hand = view.text("spec.updateStrategy.type") == "OnDelete"; // people restart its pods, when they want
    let counts = [
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "updated"),
        ("numberReady", "ready"),
        ("numberAvailable", "available"),
    ];
    for (name, word) in counts.into_iter().filter(|(name, _)| !(by_hand && *name == "updatedNumberScheduled")) {
        let count = view.count(&format!("status.{name}"));
        if count < wanted {
            return Health::InProgress(format!("{count} of {wanted} pods are {word}"));
        }
    }
    Health::Current
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(counts: [i64; 4]) -> Value {
        let [current, updated, ready, available] = counts;
        json!({"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"generation": 1}, "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": current,
            "updatedNumberScheduled": updated, "numberReady": ready, "numberAvailable": available,
        }})
    }

    #[test]
    fn each_node_counts() {
        assert_eq!(health(with([2, 2, 2, 2])), 'C');
        assert_eq!(health(with([1, 2, 2, 2])), 'I', "a node has none");
        assert_eq!(health(with([2, 1, 2, 2])), 'I', "one is of the old template");
        assert_eq!(health(with([2, 2, 1, 2])), 'I', "one is not ready");
        assert_eq!(health(with([2, 2, 2, 1])), 'I', "one is not available");
        assert_eq!(health(json!({"kind": "DaemonSet", "apiVersion": "apps/v1"})), 'I', "nobody has seen it");
    }

    #[test]
    fn of_what_people_update_only_readiness_counts() {
        let by_hand = |counts| {
            let mut object = with(counts);
            object["spec"] = json!({"updateStrategy": {"type": "OnDelete"}});
            object
        };
        assert_eq!(health(by_hand([2, 0, 2, 2])), 'C', "people restart its pods");
        assert_eq!(health(by_hand([2, 0, 2, 1])), 'I', "those that are there must work");
    }
}
