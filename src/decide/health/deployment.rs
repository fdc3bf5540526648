//! In: a Deployment. Out: its health.
//! Guarantee: healthy only when all replicas are of the newest template and available, and no old one is left.
use super::Health;
use super::view::View;

/// What has exceeded its deadline may yet succeed, and a scaling shows the reason of the rollout before it for a
/// moment; so it is a failure that may pass, not an end.
pub(super) fn assess(view: View<'_>, wanted: Option<View<'_>>) -> Health {
    if let Some(progressing) = view.condition("Progressing")
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Health::Failed(progressing.words());
    }
    if let Some(unseen) = view.unseen() {
        return unseen;
    }
    if view.is_true("spec.paused") {
        // Those whose manifest pauses it do not wait for it.
        return match wanted {
            Some(wanted) if wanted.is_true("spec.paused") => Health::Current,
            _ => Health::InProgress("it is paused, which its manifest does not say".into()),
        };
    }
    replicas(view)
}

fn replicas(view: View<'_>) -> Health {
    let wanted = view.try_number("spec.replicas").unwrap_or(1);
    let [replicas, updated, ready, available] = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
        .map(|name| view.count(&format!("status.{name}")));
    if updated < wanted {
        let failure = view.condition("ReplicaFailure").filter(|failure| failure.is_true());
        let why = failure.map(|failure| format!(": {}", failure.words())).unwrap_or_default();
        Health::InProgress(format!("{updated} of {wanted} replicas are updated{why}"))
    } else if replicas > updated {
        Health::InProgress(format!("{} old replicas are left", replicas - updated))
    } else if ready < wanted {
        Health::InProgress(format!("{ready} of {wanted} replicas are ready"))
    } else if available < updated.max(wanted) {
        let seconds = view.count("spec.minReadySeconds");
        let rule = if seconds > 0 { format!(", ready for {seconds} s") } else { String::new() };
        Health::InProgress(format!("{available} of {wanted} replicas are available{rule}"))
    } else if let Some(available) = view.condition("Available").filter(|condition| !condition.is_true()) {
        Health::InProgress(available.words())
    } else {
        Health::Current
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, health_as_wanted, words};
    use serde_json::{Value, json};

    fn with(counts: [i64; 4], reason: &str) -> Value {
        let [replicas, updated, ready, available] = counts;
        json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"generation": 1}, "spec": {"replicas": 2, "minReadySeconds": 9},
            "status": {
                "observedGeneration": 1, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready,
                "availableReplicas": available, "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
            },
        })
    }

    fn and(mut object: Value, path: &str, value: Value) -> Value {
        *object.pointer_mut(path).expect("the path is there") = value;
        object
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

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(words(with([2, 2, 2, 1], "")), "1 of 2 replicas are available, ready for 9 s");
        let quota = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]);
        let failing = and(with([0, 0, 0, 0], ""), "/status/conditions", quota);
        assert_eq!(words(failing), "0 of 2 replicas are updated: ReplicaFailure is True: FailedCreate: quota");
        let minimum = json!([{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]);
        let short = and(with([2, 2, 2, 2], ""), "/status/conditions", minimum);
        assert_eq!(words(short), "Available is False: MinimumReplicasUnavailable");
    }

    #[test]
    fn a_pause_counts_only_if_it_is_wanted() {
        let paused = and(with([2, 0, 2, 2], "DeploymentPaused"), "/spec", json!({"paused": true}));
        assert_eq!(health_as_wanted(&paused, &json!({"spec": {"paused": true}})), 'C', "its author does not wait");
        assert_eq!(health_as_wanted(&paused, &json!({"spec": {}})), 'I', "somebody else paused it");
    }
}
