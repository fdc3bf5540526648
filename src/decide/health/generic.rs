//! In: an object of any kind. Out: its health by the conditions that controllers agree on.
//! Guarantee: an object without any of them has nothing to wait for.
use super::Health;
use super::view::{Condition, View};

/// Says what `Stalled` and `Reconciling` say; they stand above what the kind says.
pub(super) fn reconciling(view: View<'_>) -> Option<Health> {
    let holds = |name| view.condition(name).filter(|condition| condition.is_true());
    if let Some(stalled) = holds("Stalled") {
        return Some(Health::Failed(stalled.words()));
    }
    holds("Reconciling").map(|condition| Health::InProgress(condition.words()))
}

pub(super) fn assess(view: View<'_>) -> Health {
    match view.condition("Ready").or(view.condition("Available")) {
        Some(ready) if !ready.is_true() => Health::InProgress(ready.words()),
        _ => Health::Current,
    }
}

/// Returns what keeps an object that is being deleted: its conditions, as a Namespace has them, else its finalizers.
pub(super) fn held_by(view: View<'_>) -> String {
    let tells = |condition: &Condition<'_>| condition.is_true() && !condition.message.is_empty();
    let is_namespace = view.group().is_empty() && view.text("kind") == "Namespace";
    let conditions = view.conditions_of(view.part("status")).filter(|_| is_namespace);
    let told: Vec<&str> = conditions.filter(tells).map(|condition| condition.message).collect();
    let finalizers: Vec<&str> = view.items("metadata.finalizers").filter_map(|item| item.0.as_str()).collect();
    match (told.is_empty(), finalizers.is_empty()) {
        (false, _) => told.join("; "),
        (true, false) => format!("finalizers hold it: {}", finalizers.join(", ")),
        (true, true) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(name: &str, status: &str) -> Value {
        json!({"kind": "Widget", "apiVersion": "example.org/v1", "status": {"conditions": [{"type": name, "status": status}]}})
    }

    #[test]
    fn conditions_are_believed() {
        assert_eq!(health(with("Ready", "True")), 'C');
        assert_eq!(health(with("Ready", "False")), 'I');
        assert_eq!(health(with("Ready", "Unknown")), 'I');
        assert_eq!(health(with("Available", "False")), 'I');
        assert_eq!(health(with("Stalled", "True")), 'F');
        assert_eq!(health(with("Reconciling", "True")), 'I');
        assert_eq!(health(with("Reconciling", "False")), 'C');
        assert_eq!(health(json!({"kind": "ConfigMap"})), 'C');
    }

    #[test]
    fn a_condition_of_an_older_generation_holds_nothing() {
        let of = |name: &str, generation: i64| {
            let conditions = json!([{"type": name, "status": "True", "observedGeneration": generation}]);
            json!({"kind": "Widget", "apiVersion": "example.org/v1", "metadata": {"generation": 2}, "status": {"conditions": conditions}})
        };
        assert_eq!((health(of("Ready", 1)), health(of("Ready", 2))), ('I', 'C'));
        assert_eq!((health(of("Stalled", 1)), health(of("Stalled", 2))), ('C', 'F'));
    }

    #[test]
    fn what_goes_says_what_holds_it() {
        let going = |kind: &str, status: Value| {
            let metadata = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.org/a"]});
            json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "status": status})
        };
        let remaining = json!({"conditions": [
            {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 2 resource instances"},
            {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "All is deleted"},
        ]});
        assert_eq!(health(going("ConfigMap", json!({}))), 'T');
        assert_eq!(words(going("ConfigMap", json!({}))), "finalizers hold it: example.org/a");
        assert_eq!(words(going("Namespace", remaining)), "pods. has 2 resource instances");
    }

    #[test]
    fn words_name_the_condition() {
        let conditions = json!([{"type": "Ready", "status": "False", "reason": "Pulling", "message": "20 MB"}]);
        let object = json!({"kind": "Widget", "apiVersion": "example.org/v1", "status": {"conditions": conditions}});
        assert_eq!(words(object), "Ready is False: Pulling: 20 MB");
        assert_eq!(words(with("Ready", "Unknown")), "Ready is Unknown");
    }
}
