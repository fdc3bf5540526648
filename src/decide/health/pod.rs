//! In: a Pod. Out: its health, and why it does not start.
//! Guarantee: healthy only when it is ready, or has come to a good end.
use super::Health;
use super::view::View;

/// Why a container waits although nothing goes on; the kubelet tries again, mostly in vain, and shows these in turn.
const WAITING_IN_VAIN: [&str; 10] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

pub(super) fn assess(view: View<'_>) -> Health {
    match view.text("status.phase") {
        "Succeeded" => Health::Current,
        "Failed" => Health::Ended(end(view).unwrap_or_else(|| "it failed".into())),
        "Running" if view.holds("Ready") => Health::Current,
        "Running" | "Pending" => match in_vain(view) {
            Some(why) => Health::Failed(why),
            None => Health::InProgress(not_ready(view)),
        },
        "" => Health::InProgress("it has no phase yet".into()),
        other => Health::InProgress(format!("its phase is {other}")),
    }
}

/// Returns why a pod will not become ready by waiting: a container that does not start, or no node that takes it.
pub(super) fn in_vain(view: View<'_>) -> Option<String> {
    let unschedulable = view.condition("PodScheduled").filter(|it| it.is_false() && it.reason == "Unschedulable");
    container_in_vain(view).or_else(|| unschedulable.map(super::view::Condition::words))
}

fn container_in_vain(view: View<'_>) -> Option<String> {
    let is_in_vain = |container: &View<'_>| WAITING_IN_VAIN.contains(&container.text("state.waiting.reason"));
    let container = containers(view).find(is_in_vain)?;
    let waiting = container.part("state.waiting");
    let last = container.part("lastState.terminated");
    let before = if waiting.text("reason") == "CrashLoopBackOff" { exit(last) } else { None };
    let told = before.unwrap_or_else(|| waiting.text("message").to_owned());
    let rest = if told.is_empty() { String::new() } else { format!(": {told}") };
    Some(format!("container {}: {}{rest}", container.text("name"), waiting.text("reason")))
}

fn containers(view: View<'_>) -> impl Iterator<Item = View<'_>> {
    view.items("status.initContainerStatuses").chain(view.items("status.containerStatuses"))
}

/// Returns how a container ended, where it did so badly; its message may be its log, and a log may hold secrets.
fn exit(terminated: View<'_>) -> Option<String> {
    let code = terminated.try_number("exitCode").filter(|code| *code != 0)?;
    let reason = Some(terminated.text("reason")).filter(|reason| !matches!(*reason, "" | "Error"));
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Some(format!("it ended with code {code}{reason}"))
}

/// Returns what a pod that failed says of its end.
fn end(view: View<'_>) -> Option<String> {
    let said = [view.text("status.reason"), view.text("status.message")];
    let said = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    let of_container = |container: View<'_>| {
        let how = exit(container.part("state.terminated"))?;
        Some(format!("container {}: {how}", container.text("name")))
    };
    if said.is_empty() { containers(view).find_map(of_container) } else { Some(said) }
}

fn not_ready(view: View<'_>) -> String {
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    let open = conditions.into_iter().filter_map(|name| view.condition(name)).find(|condition| condition.is_false());
    open.map_or_else(|| "it is not ready".into(), super::view::Condition::words)
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(phase: &str, ready: &str, state: &Value) -> Value {
        json!({"kind": "Pod", "apiVersion": "v1", "status": {
            "phase": phase, "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{
                "name": "a", "state": state, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            }],
        }})
    }

    fn waiting(reason: &str) -> Value {
        json!({"waiting": {"reason": reason, "message": "more"}})
    }

    #[test]
    fn phase_and_containers_count() {
        assert_eq!(health(with("Running", "True", &json!({}))), 'C');
        assert_eq!(health(with("Succeeded", "False", &json!({}))), 'C');
        assert_eq!(health(with("Running", "False", &json!({}))), 'I');
        assert_eq!(health(with("Pending", "False", &waiting("ContainerCreating"))), 'I');
        assert_eq!(health(with("Pending", "False", &waiting("ImagePullBackOff"))), 'F');
        assert_eq!(health(with("Pending", "False", &waiting("ErrImagePull"))), 'F', "they come in turn");
        assert_eq!(health(with("Running", "False", &waiting("CrashLoopBackOff"))), 'F');
        assert_eq!(health(with("Failed", "False", &json!({}))), 'E');
        assert_eq!(health(with("", "", &json!({}))), 'I');
    }

    #[test]
    fn why_it_does_not_start_is_told() {
        let crashing = with("Running", "False", &waiting("CrashLoopBackOff"));
        assert_eq!(words(crashing), "container a: CrashLoopBackOff: it ended with code 137 (OOMKilled)");
        assert_eq!(words(with("Pending", "False", &waiting("ErrImagePull"))), "container a: ErrImagePull: more");
        let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "message": "no database\n"}});
        assert_eq!(words(with("Failed", "False", &ended)), "container a: it ended with code 1", "no log is shown");
    }

    #[test]
    fn what_no_node_takes_fails() {
        let with = |reason: &str| {
            let scheduled = json!({"type": "PodScheduled", "status": "False", "reason": reason, "message": "no nodes"});
            json!({"kind": "Pod", "apiVersion": "v1", "status": {"phase": "Pending", "conditions": [scheduled]}})
        };
        assert_eq!(health(with("Unschedulable")), 'F');
        assert_eq!(words(with("Unschedulable")), "PodScheduled is False: Unschedulable: no nodes");
        assert_eq!(health(with("SchedulingGated")), 'I', "others open its gates");
    }
}
