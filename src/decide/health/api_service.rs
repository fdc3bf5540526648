//! In: an `APIService`. Out: its health.
//! Guarantee: healthy only when the server behind it answers.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    match view.condition("Available") {
        Some(available) if available.is_true() => Health::Current,
        Some(available) => Health::InProgress(available.words()),
        None => Health::InProgress("nobody has asked its server yet".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::{Value, json};

    #[test]
    fn its_server_must_answer() {
        let with = |conditions: Value| json!({"kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1", "status": {"conditions": conditions}});
        assert_eq!(health(with(json!([{"type": "Available", "status": "True"}]))), 'C');
        assert_eq!(health(with(json!([{"type": "Available", "status": "False"}]))), 'I');
        assert_eq!(health(with(json!([]))), 'I', "nobody has asked it");
    }
}
