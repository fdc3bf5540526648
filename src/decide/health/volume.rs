//! In: a `PersistentVolume`. Out: its health.
//! Guarantee: healthy once it can be claimed, or was; a volume that waits for its owner is as it was left.
use super::Health;
use super::view::View;

pub(super) fn assess(view: View<'_>) -> Health {
    let said = [view.text("status.reason"), view.text("status.message")];
    let said = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    match view.text("status.phase") {
        "Available" | "Bound" | "Released" => Health::Current,
        "Failed" => Health::Failed(if said.is_empty() { "it could not be reclaimed".into() } else { said }),
        _ => Health::InProgress("it cannot be claimed yet".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::health;
    use serde_json::json;

    #[test]
    fn it_must_be_there_to_claim() {
        let with = |phase: &str| json!({"kind": "PersistentVolume", "apiVersion": "v1", "status": {"phase": phase}});
        assert_eq!(health(with("Available")), 'C');
        assert_eq!(health(with("Bound")), 'C');
        assert_eq!(health(with("Released")), 'C');
        assert_eq!(health(with("Failed")), 'F');
        assert_eq!(health(with("Pending")), 'I');
        assert_eq!(health(with("")), 'I');
    }
}
