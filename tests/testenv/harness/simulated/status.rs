//! In: an object that is written. Out: the same with the status that its controllers would give it in the end.
//! Guarantee: each is as it is wanted at once, at the generation that was written; nothing starts, stops or fails.
use super::kinds::Kind;
use super::store::TIME;
use serde_json::{Value, json};

/// Sets what the server and its controllers say of an object.
pub(super) fn with_status(kind: &Kind, before: Option<&Value>, object: &mut Value) {
    let generation = match before {
        None => 1,
        Some(before) => {
            let known = before["metadata"]["generation"].as_u64().unwrap_or(1);
            known + u64::from(before["spec"] != object["spec"])
        }
    };
    // Kinds without a spec have no generation.
    if object["spec"].is_object() && !matches!(kind.name, "Namespace" | "Service") {
        object["metadata"]["generation"] = json!(generation);
    }
    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let condition = |name: &str, reason: &str| json!({ "type": name, "status": "True", "reason": reason, "lastTransitionTime": TIME, "lastUpdateTime": TIME });
    let status = match kind.name {
        "Namespace" => json!({ "phase": "Active" }),
        "Deployment" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [
                condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable"),
            ],
        }),
        "StatefulSet" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas, "currentReplicas": replicas,
            "currentRevision": "1", "updateRevision": "1",
        }),
        "DaemonSet" => json!({
            "observedGeneration": generation, "desiredNumberScheduled": 1, "currentNumberScheduled": 1,
            "updatedNumberScheduled": 1, "numberAvailable": 1, "numberReady": 1, "numberMisscheduled": 0,
        }),
        "Job" => {
            json!({ "succeeded": 1, "completionTime": TIME, "conditions": [condition("Complete", "CompletionsReached")] })
        }
        "Pod" => json!({ "phase": "Running", "conditions": [condition("Ready", "")] }),
        "PersistentVolumeClaim" => json!({ "phase": "Bound" }),
        "PodDisruptionBudget" => json!({ "observedGeneration": generation, "currentHealthy": 1, "desiredHealthy": 1 }),
        "CustomResourceDefinition" => json!({
            "conditions": [condition("NamesAccepted", "NoConflicts"), condition("Established", "InitialNamesAccepted")],
        }),
        "Service" | "Ingress" => json!({ "loadBalancer": {} }),
        _ => return,
    };
    object["status"] = status;
}
