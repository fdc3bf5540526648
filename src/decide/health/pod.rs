//! In: a Pod. Out: its health.
//! Guarantee: healthy only when it is ready, or has come to a good end.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    match view.text("status.phase") {
        "Succeeded" => Health::Current,
        "Failed" => Health::Failed(words(view, "it failed")),
        "Running" if view.holds("Ready") => Health::Current,
        "Running" if view.text("spec.restartPolicy") != "Never" && crashing(view).is_none() => {
            Health::InProgress("it is not ready".into())
        }
        "Running" | "Pending" => match crashing(view) {
            Some(why) => Health::Failed(why),
            None => Health::InProgress(view.condition("PodScheduled").map_or_else(
                || "it is not ready".into(),
                |condition| if condition.status == "False" { condition.words() } else { "it is not ready".into() },
            )),
        },
        _ => Health::InProgress("it has no phase yet".into()),
    }
}

/// Returns why a container does not start; the kubelet tries again, mostly in vain.
fn crashing(view: View<'_>) -> Option<String> {
    let all = view.items("status.initContainerStatuses").chain(view.items("status.containerStatuses"));
    let mut reasons = all.map(|container| (container.text("name"), container.text("state.waiting.reason")));
    let (name, reason) = reasons.find(|(_, reason)| {
        matches!(*reason, "CrashLoopBackOff" | "ImagePullBackOff" | "InvalidImageName" | "CreateContainerConfigError")
    })?;
    Some(format!("container {name}: {reason}"))
}

fn words(view: View<'_>, otherwise: &str) -> String {
    let texts = [view.text("status.reason"), view.text("status.message")];
    let said = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    if said.is_empty() { otherwise.into() } else { said }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    fn with(phase: &str, ready: &str, waiting: &str) -> Value {
        json!({"kind": "Pod", "apiVersion": "v1", "status": {
            "phase": phase, "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": waiting}}}],
        }})
    }

    #[test]
    fn phase_and_containers_count() {
        assert_eq!(health(with("Running", "True", "")), 'C');
        assert_eq!(health(with("Succeeded", "False", "")), 'C');
        assert_eq!(health(with("Running", "False", "")), 'I');
        assert_eq!(health(with("Pending", "False", "ContainerCreating")), 'I');
        assert_eq!(health(with("Pending", "False", "ImagePullBackOff")), 'F');
        assert_eq!(health(with("Running", "False", "CrashLoopBackOff")), 'F');
        assert_eq!(health(with("Failed", "False", "")), 'F');
        assert_eq!(health(with("", "", "")), 'I');
    }
}
