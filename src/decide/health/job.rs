//! In: a Job. Out: its health.
//! Guarantee: healthy only when it is complete; a gate stands for its end, not for its start.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let failed = ["Failed", "FailureTarget"].into_iter().filter_map(|name| view.condition(name));
    if let Some(failed) = failed.into_iter().find(|condition| condition.status == "True") {
        return Health::Failed(failed.words());
    }
    if view.holds("Complete") {
        return Health::Current;
    }
    // People who suspend a job do not wait for it.
    if view.holds("Suspended") && view.value("spec.suspend").as_bool() == Some(true) {
        return Health::Current;
    }
    let [active, succeeded] = ["active", "succeeded"].map(|name| view.count(&format!("status.{name}")));
    Health::InProgress(format!("{succeeded} pods have succeeded, {active} are at work"))
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(condition: &str) -> Value {
        json!({"kind": "Job", "apiVersion": "batch/v1", "spec": {"suspend": condition == "Suspended"}, "status": {
            "active": 1, "conditions": [{"type": condition, "status": "True"}],
        }})
    }

    #[test]
    fn its_end_is_waited_for() {
        assert_eq!(health(with("Complete")), 'C');
        assert_eq!(health(with("Failed")), 'F');
        assert_eq!(health(with("FailureTarget")), 'F');
        assert_eq!(health(with("Suspended")), 'C');
        assert_eq!(health(with("Other")), 'I');
        assert_eq!(health(json!({"kind": "Job", "apiVersion": "batch/v1"})), 'I');
    }
}
