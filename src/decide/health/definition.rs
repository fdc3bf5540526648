//! In: a `CustomResourceDefinition`. Out: its health.
//! Guarantee: healthy only when objects of its kind are served.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    if let Some(names) = view.condition("NamesAccepted").filter(|condition| condition.is_false()) {
        return Health::Failed(names.words());
    }
    match view.condition("Established") {
        Some(condition) if condition.is_true() => Health::Current,
        // `Installing` is the state before, anything else is a refusal.
        Some(condition) if condition.is_false() && condition.reason != "Installing" => {
            Health::Failed(condition.words())
        }
        _ => Health::InProgress("its kind is not served yet".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::json;

    #[test]
    fn its_kind_must_be_served() {
        let with = |name: &str, status: &str, reason: &str| {
            let conditions = json!([{"type": name, "status": status, "reason": reason}]);
            json!({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "status": {"conditions": conditions}})
        };
        assert_eq!(health(with("Established", "True", "")), 'C');
        assert_eq!(health(with("Established", "False", "Installing")), 'I');
        assert_eq!(health(with("Established", "False", "NotAccepted")), 'F');
        assert_eq!(health(with("NamesAccepted", "False", "ListKindConflict")), 'F');
        assert_eq!(health(with("Other", "True", "")), 'I');
    }
}
