//! In: a `GatewayClass` or a Gateway of the Gateway API. Out: its health.
//! Guarantee: healthy only when its controller has accepted it and, for a Gateway, given it what its listeners need.
use super::Health;
use super::view::{Condition, View};

/// Reasons for which an author has to act; others pass once what is referred to comes, or once there is time.
const OF_AUTHORS: [&str; 8] = [
    "Invalid",
    "InvalidParameters",
    "UnsupportedAddress",
    "UnsupportedValue",
    "UnsupportedProtocol",
    "IncompatibleFilters",
    "InvalidRouteKinds",
    "InvalidKind",
];

pub(super) fn assess(view: View<'_>) -> Health {
    let status = view.part("status");
    let is_class = view.text("kind") == "GatewayClass";
    let needed: &[&str] = if is_class { &["Accepted"] } else { &["Accepted", "Programmed"] };
    if let Some(health) = needed.iter().find_map(|name| must_hold(view, status, name)) {
        return health;
    }
    let of_listener = |listener: View<'_>| {
        let open =
            view.conditions_of(listener).find_map(|condition| missing(condition, &["ResolvedRefs", "Programmed"]));
        open.map(|health| prefixed(&format!("listener {}", listener.text("name")), health))
    };
    view.items("status.listeners").find_map(of_listener).unwrap_or(Health::Current)
}

/// Says what is missing while a condition of a part does not hold.
pub(super) fn must_hold(view: View<'_>, part: View<'_>, name: &str) -> Option<Health> {
    match view.condition_of(part, name) {
        Some(condition) => missing(condition, &[name]),
        None => Some(Health::InProgress(format!("{name} is not told yet"))),
    }
}

/// Says what is missing while a condition, which is of interest if it bears one of the names, does not hold.
fn missing(condition: Condition<'_>, names: &[&str]) -> Option<Health> {
    if !names.contains(&condition.name) || condition.is_true() {
        return None;
    }
    let is_final = condition.is_false() && OF_AUTHORS.contains(&condition.reason);
    Some(if is_final { Health::Failed(condition.words()) } else { Health::InProgress(condition.words()) })
}

/// Says of what part a health is told.
pub(super) fn prefixed(part: &str, health: Health) -> Health {
    match health {
        Health::InProgress(why) => Health::InProgress(format!("{part}: {why}")),
        Health::Failed(why) => Health::Failed(format!("{part}: {why}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, words};
    use serde_json::{Value, json};

    fn condition(name: &str, status: &str, reason: &str) -> Value {
        json!({"type": name, "status": status, "reason": reason, "observedGeneration": 1})
    }

    fn gateway(conditions: &Value, listener: &Value) -> Value {
        let status = json!({"conditions": conditions, "listeners": [{"name": "web", "conditions": [listener]}]});
        json!({"kind": "Gateway", "apiVersion": "gateway.networking.k8s.io/v1", "metadata": {"generation": 1}, "status": status})
    }

    #[test]
    fn it_must_be_accepted_and_programmed() {
        let (accepted, programmed) = (condition("Accepted", "True", ""), condition("Programmed", "True", ""));
        let both = json!([accepted, programmed]);
        let fine = condition("ResolvedRefs", "True", "");
        assert_eq!(health(gateway(&both, &fine)), 'C');
        assert_eq!(health(gateway(&json!([accepted]), &fine)), 'I', "nobody has programmed it");
        let waiting = json!([accepted, condition("Programmed", "False", "AddressNotAssigned")]);
        assert_eq!(health(gateway(&waiting, &fine)), 'I', "an address may come");
        assert_eq!(health(gateway(&json!([condition("Accepted", "False", "Invalid")]), &fine)), 'F');
        assert_eq!(health(gateway(&json!([condition("Accepted", "Unknown", "Pending")]), &fine)), 'I');
        let missing = gateway(&both, &condition("ResolvedRefs", "False", "InvalidCertificateRef"));
        assert_eq!(words(missing), "listener web: ResolvedRefs is False: InvalidCertificateRef");
    }

    #[test]
    fn a_class_must_be_accepted() {
        let class = |conditions: Value| json!({"kind": "GatewayClass", "apiVersion": "gateway.networking.k8s.io/v1", "status": {"conditions": conditions}});
        assert_eq!(health(class(json!([condition("Accepted", "True", "")]))), 'C');
        assert_eq!(health(class(json!([]))), 'I');
    }
}
