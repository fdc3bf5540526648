//! In: a `MachineDeployment`, a `MachineSet` or a `MachinePool` of the Cluster API. Out: its health.
//! Guarantee: healthy only when all its machines are there, ready and, where that is counted, up to date and available.
use super::Form;
use crate::decide::health::Health;
use crate::decide::value::counted;

pub(super) fn assess(form: &Form<'_>) -> Health {
    missing(form).or_else(|| form.ongoing()).or_else(|| unavailable(form)).unwrap_or(Health::Current)
}

/// Says which replicas are missing, of those that are counted.
pub(super) fn missing(form: &Form<'_>) -> Option<Health> {
    let status = form.view.part("status");
    let Some(there) = status.try_number("replicas") else {
        return Some(Health::InProgress("no controller has counted its machines yet".into()));
    };
    // An autoscaler may be the one who says how many.
    let wanted = form.view.try_number("spec.replicas").unwrap_or(there);
    let counts = [
        (Some(there), "there"),
        (form.replicas("upToDateReplicas", "updatedReplicas"), "up to date"),
        (Some(form.replicas("readyReplicas", "readyReplicas").unwrap_or(0)), "ready"),
        (form.replicas("availableReplicas", "availableReplicas"), "available"),
    ];
    let short = counts.into_iter().find_map(|(count, word)| Some((count.filter(|count| *count < wanted)?, word)));
    if let Some((count, word)) = short {
        return Some(Health::InProgress(format!("{count} of {wanted} machines are {word}")));
    }
    let left = usize::try_from(there.saturating_sub(wanted)).ok().filter(|left| *left > 0)?;
    Some(Health::InProgress(format!("{} left to remove", counted(left, "machine"))))
}

/// A set has no such condition.
fn unavailable(form: &Form<'_>) -> Option<Health> {
    let condition = form.condition("Available", "Ready")?;
    (!condition.is_true()).then(|| Health::InProgress(condition.words()))
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(kind: &str, version: &str, status: &Value) -> Value {
        let version = format!("cluster.x-k8s.io/{version}");
        json!({"kind": kind, "apiVersion": version, "spec": {"replicas": 3}, "status": status})
    }

    /// All there, the rest as counted; and the condition of its kind.
    fn newer(counts: [i64; 3], available: &str) -> Value {
        let [updated, ready, able] = counts;
        json!({
            "replicas": 3, "upToDateReplicas": updated, "readyReplicas": ready, "availableReplicas": able,
            "conditions": [{"type": "Available", "status": available}],
        })
    }

    #[test]
    fn all_machines_are_counted() {
        let of = |counts, available| health(with("MachineDeployment", "v1beta2", &newer(counts, available)));
        assert_eq!(of([3, 3, 3], "True"), 'C');
        assert_eq!(of([2, 3, 3], "True"), 'I', "one is of the old template");
        assert_eq!(of([3, 2, 3], "True"), 'I', "one is not ready");
        assert_eq!(of([3, 3, 2], "True"), 'I', "one is not available");
        assert_eq!(of([3, 3, 3], "False"), 'I');
        assert_eq!(health(with("MachineSet", "v1beta2", &json!({}))), 'I', "nobody has counted");
        assert_eq!(words(with("MachineSet", "v1beta2", &newer([3, 1, 3], "True"))), "1 of 3 machines are ready");
    }

    #[test]
    fn older_versions_count_in_other_places() {
        let of = |updated: i64| {
            let counts = json!({"replicas": 3, "updatedReplicas": updated, "readyReplicas": 3, "availableReplicas": 3});
            health(with("MachineDeployment", "v1beta1", &counts))
        };
        assert_eq!((of(3), of(2)), ('C', 'I'));
        let both = |updated: i64| {
            let mut counts = json!({"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3});
            counts["v1beta2"] = newer([updated, 3, 3], "True");
            health(with("MachineDeployment", "v1beta1", &counts))
        };
        assert_eq!((both(3), both(2)), ('C', 'I'), "the newer counts count");
    }

    #[test]
    fn pools_do_not_count_what_is_up_to_date() {
        let pool = |ready: i64| json!({"replicas": 3, "readyReplicas": ready, "conditions": []});
        assert_eq!(health(with("MachinePool", "v1beta2", &pool(3))), 'C');
        assert_eq!(health(with("MachinePool", "v1beta2", &pool(2))), 'I');
        let shrinking = json!({"replicas": 4, "readyReplicas": 4});
        assert_eq!(words(with("MachinePool", "v1beta1", &shrinking)), "1 machine left to remove");
    }
}
