//! In: a Job. Out: its health.
//! Guarantee: healthy only when it is complete; a gate stands for its end, not for its start.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    // `FailureTarget` and `SuccessCriteriaMet` say how it will end, while its last pods still go.
    let failed = ["Failed", "FailureTarget"].into_iter().filter_map(|name| view.condition(name));
    if let Some(failed) = failed.into_iter().find(|condition| condition.is_true()) {
        return Health::Ended(failed.words());
    }
    if view.holds("Complete") {
        return Health::Current;
    }
    // People who suspend a job do not wait for it.
    if view.holds("Suspended") && view.is_true("spec.suspend") {
        return Health::Current;
    }
    if view.text("status.startTime").is_empty() {
        return Health::InProgress("it has not started yet".into());
    }
    let [active, succeeded, failed] =
        ["active", "succeeded", "failed"].map(|name| view.count(&format!("status.{name}")));
    let failed = if failed > 0 { format!(", {failed} have failed") } else { String::new() };
    Health::InProgress(format!("{succeeded} pods have succeeded, {active} are at work{failed}"))
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(condition: &str) -> Value {
        json!({"kind": "Job", "apiVersion": "batch/v1", "spec": {"suspend": condition == "Suspended"}, "status": {
            "startTime": "2026-01-01T00:00:00Z", "active": 1, "failed": 2,
            "conditions": [{"type": condition, "status": "True", "reason": "BackoffLimitExceeded"}],
        }})
    }

    #[test]
    fn its_end_is_waited_for() {
        assert_eq!(health(with("Complete")), 'C');
        assert_eq!(health(with("Failed")), 'E');
        assert_eq!(health(with("FailureTarget")), 'E');
        assert_eq!(health(with("Suspended")), 'C');
        assert_eq!(health(with("SuccessCriteriaMet")), 'I');
        assert_eq!(health(json!({"kind": "Job", "apiVersion": "batch/v1"})), 'I');
        assert_eq!(words(with("Other")), "0 pods have succeeded, 1 are at work, 2 have failed");
        assert_eq!(words(with("Failed")), "Failed is True: BackoffLimitExceeded");
    }
}
