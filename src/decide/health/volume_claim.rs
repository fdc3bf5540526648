//! In: a `PersistentVolumeClaim`. Out: its health.
//! Guarantee: healthy only when it is bound.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    match view.text("status.phase") {
        "Bound" => Health::Current,
        "Lost" => Health::Failed("its volume is lost".into()),
        _ => Health::InProgress("it is not bound".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::json;

    #[test]
    fn it_must_be_bound() {
        let with =
            |phase: &str| json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "status": {"phase": phase}});
        assert_eq!(health(with("Bound")), 'C');
        assert_eq!(health(with("Pending")), 'I');
        assert_eq!(health(with("Lost")), 'F');
        assert_eq!(health(with("")), 'I');
    }
}
