//! In: a `PersistentVolumeClaim`. Out: its health.
//! Guarantee: healthy only when it is bound; one that waits for its first pod says so.
use super::Health;
use super::view::View;

/// What the scheduler and the volume controller leave on a claim, newest name first.
const NODE: &str = "volume.kubernetes.io/selected-node";
const PROVISIONERS: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];

pub(super) fn assess(view: View<'_>) -> Health {
    match view.text("status.phase") {
        "Bound" => Health::Current,
        // It is bound again if its volume comes back.
        "Lost" => Health::Failed(format!("its volume {} is lost", view.text("spec.volumeName"))),
        "" => Health::InProgress("it has no phase yet".into()),
        _ => Health::InProgress(pending(view)),
    }
}

/// The class, which may bind only for the first pod that uses a claim, is another object; what it leads to is seen here.
fn pending(view: View<'_>) -> String {
    let provisioner = PROVISIONERS.iter().find_map(|name| view.annotation(name));
    match (provisioner, view.annotation(NODE)) {
        (Some(provisioner), Some(node)) => format!("{provisioner} makes its volume for node {node}"),
        (Some(provisioner), None) => format!("{provisioner} makes its volume"),
        (None, Some(node)) => format!("its volume will be made for node {node}"),
        (None, None) => "it is not bound: no volume fits it, or it waits for the first pod that uses it".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(phase: &str, annotations: &Value) -> Value {
        let metadata = json!({"annotations": annotations});
        json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": metadata, "status": {"phase": phase}})
    }

    #[test]
    fn it_must_be_bound() {
        assert_eq!(health(with("Bound", &json!({}))), 'C');
        assert_eq!(health(with("Pending", &json!({}))), 'I');
        assert_eq!(health(with("Lost", &json!({}))), 'F');
        assert_eq!(health(with("", &json!({}))), 'I');
    }

    #[test]
    fn what_it_waits_for_is_told() {
        assert!(words(with("Pending", &json!({}))).ends_with("it waits for the first pod that uses it"));
        let made =
            json!({"volume.kubernetes.io/selected-node": "a", "volume.kubernetes.io/storage-provisioner": "csi"});
        assert_eq!(words(with("Pending", &made)), "csi makes its volume for node a");
    }
}
