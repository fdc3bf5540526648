//! In: an object of any kind. Out: its health by the conditions that controllers agree on.
//! Guarantee: an object without any of them has nothing to wait for.
use super::Health;
use super::view::View;

/// Says what `Stalled` and `Reconciling` say; they stand above what the kind says.
pub(super) fn reconciling(view: View<'_>) -> Option<Health> {
    let holds = |name| view.condition(name).filter(|condition| condition.status == "True");
    if let Some(stalled) = holds("Stalled") {
        return Some(Health::Failed(stalled.words()));
    }
    holds("Reconciling").map(|condition| Health::InProgress(condition.words()))
}

pub(super) fn assess(view: View<'_>) -> Health {
    match view.condition("Ready").or(view.condition("Available")) {
        Some(ready) if ready.status != "True" => Health::InProgress(ready.words()),
        _ => Health::Current,
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
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
}
