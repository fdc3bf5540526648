//! In: a workload that is not well, later its pods. Out: which pods to look at, and what the worst of them says.
//! Guarantee: only tells; whether a workload is well is judged by the workload alone.
use super::view::View;
use super::{Health, pod};
use crate::decide::value::{Live, Value};
use std::sync::Arc;

/// How many pods are worth looking at: those of one workload fail alike.
pub const PODS_MAX: usize = 50;

/// The pods that may say why a workload is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspects {
    /// Their namespace.
    pub namespace: Arc<str>,
    /// The selector of their labels, as a query of the API has it.
    pub selector: Arc<str>,
}

/// Whether objects of a kind have pods that may say why they are not well.
pub fn has_pods(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | ("", "ReplicationController")
    )
}

/// Returns the pods of a workload; nothing where the object has none, or would select all.
pub fn suspects(live: &Live) -> Option<Suspects> {
    let Live::Present { object, .. } = live else { return None };
    let view = View(object);
    let selector = match (view.group(), view.text("kind")) {
        ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            labels(view.value("spec.selector.matchLabels")).chain(expressions(view)).collect::<Vec<_>>()
        }
        ("", "ReplicationController") => labels(view.value("spec.selector")).collect(),
        _ => return None,
    };
    let namespace = view.text("metadata.namespace").into();
    (!selector.is_empty()).then(|| Suspects { namespace, selector: selector.join(",").into() })
}

fn labels(map: &Value) -> impl Iterator<Item = String> {
    let entries = map.as_map().into_iter().flat_map(crate::decide::value::Map::iter);
    entries.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
}

fn expressions(view: View<'_>) -> impl Iterator<Item = String> {
    view.items("spec.selector.matchExpressions").map(|expression| {
        let key = expression.text("key");
        let values: Vec<&str> = expression.items("values").filter_map(|value| value.0.as_str()).collect();
        match expression.text("operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        }
    })
}

/// Returns what the newest pod that fails says, else the newest that is not ready; those that go say nothing.
pub fn reason(pods: &[Live]) -> Option<String> {
    let said = pods.iter().filter_map(|live| {
        let Live::Present { object, .. } = live else { return None };
        let view = View(object);
        if !view.value("metadata.deletionTimestamp").is_null() {
            return None;
        }
        // Items of a list do not say their kind.
        let (rank, why) = match pod::assess(view) {
            Health::Failed(why) | Health::Ended(why) => (1, why),
            Health::InProgress(why) => (0, why),
            _ => return None,
        };
        // Times of the API are texts that sort as they pass.
        Some(((rank, view.text("metadata.creationTimestamp")), format!("pod {}: {why}", view.text("metadata.name"))))
    });
    said.max_by(|(left, _), (right, _)| left.cmp(right)).map(|(_, said)| said)
}

#[cfg(test)]
mod tests {
    use super::super::example::live;
    use super::*;
    use serde_json::{Value as Json, json};

    #[test]
    fn a_workload_selects_its_pods() {
        let expressions = json!([
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "NotIn", "values": ["c"]},
            {"key": "y", "operator": "Exists"}, {"key": "z", "operator": "DoesNotExist"},
        ]);
        let spec = json!({"selector": {"matchLabels": {"app": "web"}, "matchExpressions": expressions}});
        let object =
            json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"namespace": "shop"}, "spec": spec});
        let found = suspects(&live(&object)).expect("it has pods");
        assert_eq!((&*found.namespace, &*found.selector), ("shop", "app=web,tier in (a,b),x notin (c),y,!z"));
        let controller =
            json!({"kind": "ReplicationController", "apiVersion": "v1", "spec": {"selector": {"app": "web"}}});
        assert_eq!(suspects(&live(&controller)).map(|it| it.selector), Some("app=web".into()));
        assert_eq!(
            suspects(&live(&json!({"kind": "Service", "apiVersion": "v1", "spec": {"selector": {"a": "b"}}}))),
            None
        );
        assert_eq!(suspects(&live(&json!({"kind": "Job", "apiVersion": "batch/v1"}))), None, "it would select all");
    }

    #[test]
    fn the_newest_pod_that_fails_says_why() {
        let pod = |name: &str, created: &str, status: Json| {
            live(&json!({"metadata": {"name": name, "creationTimestamp": created}, "status": status}))
        };
        let waiting = |reason: &str| json!({"phase": "Pending", "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": reason}}}]});
        let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        let [old, new, late] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"];
        let crashing = pod("a", old, waiting("CrashLoopBackOff"));
        let pulling = pod("b", new, waiting("ImagePullBackOff"));
        let creating = pod("c", late, waiting("ContainerCreating"));
        let well = pod("d", late, ready);
        let of = |pods: &[&Live]| reason(&pods.iter().map(|pod| (*pod).clone()).collect::<Vec<_>>());
        assert_eq!(of(&[&pulling, &crashing, &creating]).as_deref(), Some("pod b: container a: ImagePullBackOff"));
        assert_eq!(of(&[&creating, &well]).as_deref(), Some("pod c: it is not ready"));
        assert_eq!(of(&[&well]), None, "nobody has anything to say");
    }
}
