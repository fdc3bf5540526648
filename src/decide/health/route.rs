//! In: an `HTTPRoute` or another route of the Gateway API. Out: its health.
//! Guarantee: healthy only when each parent that it names has accepted it and found all that it refers to.
use super::Health;
use super::gateway::{must_hold, prefixed};
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let wanted = view.items("spec.parentRefs").count();
    let told: Vec<View<'_>> = view.items("status.parents").collect();
    let of_parent = |parent: &View<'_>| {
        let open = ["Accepted", "ResolvedRefs"].iter().find_map(|name| must_hold(view, *parent, name))?;
        Some(prefixed(&format!("parent {}", parent.text("parentRef.name")), open))
    };
    if let Some(health) = told.iter().find_map(of_parent) {
        return health;
    }
    // Two controllers may tell of one parent.
    let mut parents: Vec<String> =
        told.iter().map(|parent| crate::decide::value::canonical(parent.value("parentRef"))).collect();
    parents.sort_unstable();
    parents.dedup();
    if parents.len() < wanted {
        return Health::InProgress(format!("{} of {wanted} parents have answered", parents.len()));
    }
    Health::Current
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn with(parents: &[&str], accepted: &str, resolved: &str) -> Value {
        let conditions = json!([
            {"type": "Accepted", "status": accepted, "reason": "NotAllowedByListeners"},
            {"type": "ResolvedRefs", "status": resolved, "reason": "BackendNotFound"},
        ]);
        let told = |name: &&str| json!({"parentRef": {"name": name}, "conditions": conditions});
        json!({
            "kind": "HTTPRoute", "apiVersion": "gateway.networking.k8s.io/v1",
            "spec": {"parentRefs": [{"name": "a"}, {"name": "b"}]},
            "status": {"parents": parents.iter().map(told).collect::<Vec<_>>()},
        })
    }

    #[test]
    fn each_parent_must_take_it() {
        assert_eq!(health(with(&["a", "b"], "True", "True")), 'C');
        assert_eq!(health(with(&["a", "b"], "False", "True")), 'I');
        assert_eq!(health(with(&["a", "b"], "True", "False")), 'I');
        assert_eq!(health(with(&["a", "a"], "True", "True")), 'I', "the other one has not answered");
        assert_eq!(health(with(&[], "", "")), 'I', "nobody has");
        assert_eq!(words(with(&["a"], "True", "False")), "parent a: ResolvedRefs is False: BackendNotFound");
    }
}
