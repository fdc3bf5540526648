//! In: a `DaemonSet`. Out: its health.
//! Guarantee: healthy only when each node that shall have a pod has an available one of the newest template.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if view.text("spec.updateStrategy.type") == "OnDelete" {
        return Health::Current; // people restart its pods
    }
    let Some(wanted) = view.try_number("status.desiredNumberScheduled") else {
        return Health::InProgress("no controller has counted its nodes yet".into());
    };
    if view.try_number("status.observedGeneration").is_none() {
        return Health::InProgress("no controller has seen it yet".into());
    }
    let counts = [
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "updated"),
        ("numberReady", "ready"),
        ("numberAvailable", "available"),
    ];
    for (name, word) in counts {
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
}
