//! In: a `PodDisruptionBudget`. Out: its health.
//! Guarantee: healthy once its controller has counted; a budget that allows nothing just now does what it is for.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    view.unseen().unwrap_or(Health::Current)
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    #[test]
    fn it_must_be_counted() {
        let with = |status: Value| json!({"kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": {"generation": 1}, "status": status});
        assert_eq!(health(with(json!({"observedGeneration": 1, "disruptionsAllowed": 0}))), 'C');
        assert_eq!(health(with(json!({"observedGeneration": 0}))), 'I');
        assert_eq!(health(with(json!({}))), 'I');
    }
}
