//! In: an API server's refusal of an apply, what we applied last, whom the layer adopts from. Out: whether to take the fields.
//! Guarantee: nothing is taken from anybody but what was ours, or what the layer says; who and what is named otherwise.
use super::model::ObjectChange;
use super::ownership::{Manager, Means, find, is_adopted};
use crate::decide::value::{Value, apply};
use std::sync::Arc;

/// What the server calls it when another manager has a field.
const REASON: &str = "FieldManagerConflict";

/// How many conflicts are named; the others are counted.
const NAMED_MAX: usize = 5;

/// A field that another manager has with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The manager.
    pub manager: Manager,
    /// The field, as the server writes its path.
    pub field: Arc<str>,
}

/// Why a field may be taken, or may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// We applied it last, so it stays ours whoever is named now.
    Ours,
    /// The layer adopts from its manager.
    Adopted,
    /// It is another's.
    Foreign,
}

/// What is to be done about an object's conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking {
    /// The apply overrules them, once these managers' fields are adopted.
    Overrule {
        /// The managers to adopt from first, each once.
        adopt: Vec<Arc<str>>,
    },
    /// The apply is not done; these are the others' fields.
    Refuse(Vec<Conflict>),
}

/// Returns the conflicts of a refusal, an object of kind `Status`; none where it was refused for another reason.
pub fn conflicts(status: &Value) -> Vec<Conflict> {
    let causes = status.get("details").and_then(|details| details.get("causes")).and_then(Value::as_list);
    let text = |cause: &Value, key: &str| cause.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = |cause: &Value| conflict(&text(cause, "reason"), &text(cause, "message"), &text(cause, "field"));
    causes.unwrap_or_default().iter().filter_map(read).collect()
}

/// Reads one cause of a refusal; nothing where it is another one.
pub fn conflict(reason: &str, message: &str, field: &str) -> Option<Conflict> {
    if reason != REASON {
        return None;
    }
    // `conflict with "kubectl" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z`; some versions add the field.
    let (name, rest) = quoted(message.strip_prefix("conflict with ")?)?;
    let (subresource, rest) = match rest.strip_prefix(" with subresource ").and_then(quoted) {
        Some((subresource, rest)) => (Some(subresource.into()), rest),
        None => (None, rest),
    };
    // Only those who did not apply are told with a version.
    let means = if rest.starts_with(" using ") { Means::Update } else { Means::Apply };
    let (about, inner) = rest.split_once(": ").map_or((rest, None), |(about, field)| (about, Some(field)));
    let time = about.split_once(" at ").map(|(_, time)| time.trim().into());
    let field = if field.is_empty() { inner? } else { field };
    Some(Conflict { manager: Manager { name: name.into(), means, subresource, time }, field: field.into() })
}

/// Reads a text in quotes at the head of `text`; Go writes it as JSON does, but for what no manager's name has.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = stream.next()?.ok()?;
    let end = stream.byte_offset();
    Some((name, text.get(end..)?))
}

/// Returns the manifest that was applied last, as the plan knows it; nothing where nothing was.
pub fn last_applied(change: &ObjectChange) -> Option<Value> {
    let mut manifest = change.manifest.as_deref()?.clone();
    apply(&mut manifest, &change.inverse).ok()?;
    manifest.as_map().is_some().then_some(manifest)
}

/// Says whose a field is.
pub fn claim(conflict: &Conflict, last_applied: Option<&Value>, adopt: &[Arc<str>]) -> Claim {
    if last_applied.is_some_and(|manifest| find(manifest, &conflict.field).is_some()) {
        Claim::Ours
    } else if is_adopted(&conflict.manager.name, adopt) {
        Claim::Adopted
    } else {
        Claim::Foreign
    }
}

/// Says what is to be done about conflicts; `last_applied` is the manifest that we applied last.
pub fn judge(conflicts: &[Conflict], last_applied: Option<&Value>, adopt: &[Arc<str>]) -> Taking {
    let of = |wanted: Claim| conflicts.iter().filter(move |it| claim(it, last_applied, adopt) == wanted);
    let foreign: Vec<Conflict> = of(Claim::Foreign).cloned().collect();
    if !foreign.is_empty() {
        return Taking::Refuse(foreign);
    }
    let mut managers: Vec<Arc<str>> = of(Claim::Adopted).map(|conflict| conflict.manager.name.clone()).collect();
    managers.sort_unstable();
    managers.dedup();
    Taking::Overrule { adopt: managers }
}

/// Says in words which fields are others'.
pub fn words(foreign: &[Conflict]) -> String {
    let one = |conflict: &Conflict| format!("{} ({})", conflict.field, conflict.manager);
    let mut said: Vec<String> = foreign.iter().take(NAMED_MAX).map(one).collect();
    if foreign.len() > NAMED_MAX {
        said.push(format!("and {} more", foreign.len() - NAMED_MAX));
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::document::Site;
    use crate::decide::plan::diff::{diff, inverse};
    use crate::decide::plan::test_objects::value;
    use crate::decide::plan::{Admission, Expected, Operation};
    use crate::name::ObjectId;
    use serde_json::json;

    fn status(causes: &[(&str, &str)]) -> Value {
        let cause = |(message, field): &(&str, &str)| json!({"reason": REASON, "message": message, "field": field});
        value(&json!({"kind": "Status", "code": 409, "reason": "Conflict", "details": {
            "causes": causes.iter().map(cause).collect::<Vec<_>>(),
        }}))
    }

    fn replicas_of(message: &str) -> Conflict {
        conflicts(&status(&[(message, ".spec.replicas")])).remove(0)
    }

    #[test]
    fn who_has_a_field_is_read_from_the_message() {
        let scaled =
            replicas_of(r#"conflict with "kubectl" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z"#);
        assert_eq!(scaled.manager.to_string(), "`kubectl` through `scale`");
        assert_eq!(
            (scaled.manager.means, scaled.manager.time.as_deref()),
            (Means::Update, Some("2026-01-01T00:00:00Z"))
        );
        let updated = replicas_of(r#"conflict with "kubectl-client-side-apply" using apps/v1"#);
        assert_eq!((&*updated.manager.name, updated.manager.means), ("kubectl-client-side-apply", Means::Update));
        let applied = replicas_of(r#"conflict with "kustomize-controller""#);
        assert_eq!((&*applied.manager.name, applied.manager.means), ("kustomize-controller", Means::Apply));
        let cause = json!({"reason": REASON, "message": "conflict with \"helm\" using apps/v1: .spec.replicas"});
        let inner = conflicts(&value(&json!({"details": {"causes": [cause]}}))).remove(0);
        assert_eq!(
            (&*inner.manager.name, &*inner.field),
            ("helm", ".spec.replicas"),
            "the field stands in the message"
        );
    }

    #[test]
    fn another_refusal_has_no_conflicts() {
        let invalid =
            json!({"details": {"causes": [{"reason": "FieldValueInvalid", "message": "no", "field": "spec"}]}});
        assert!(conflicts(&value(&invalid)).is_empty() && conflicts(&Value::Null).is_empty());
    }

    #[test]
    fn a_field_that_we_applied_last_stays_ours() {
        let ours = value(&json!({"spec": {"replicas": 2}}));
        let scaled = [replicas_of(r#"conflict with "kubectl" with subresource "scale" using apps/v1"#)];
        assert_eq!(judge(&scaled, Some(&ours), &[]), Taking::Overrule { adopt: vec![] });
        let without = value(&json!({"spec": {}}));
        assert_eq!(judge(&scaled, Some(&without), &[]), Taking::Refuse(scaled.to_vec()), "we never applied it");
        assert_eq!(judge(&scaled, None, &[]), Taking::Refuse(scaled.to_vec()), "we never applied anything");
    }

    #[test]
    fn what_was_applied_last_is_what_the_plan_leads_back_to() {
        let (old, new) = (value(&json!({"a": 1})), value(&json!({"a": 2, "b": 3})));
        let change = |old: &Value| ObjectChange {
            site: Site::Workload,
            object: ObjectId { group: "".into(), kind: "ConfigMap".into(), namespace: None, name: "a".into() },
            operation: Operation::Patch,
            patch: diff(old, &new),
            inverse: inverse(old, &new),
            manifest: Some(crate::decide::value::Digested::new(crate::decide::render::OBJECT, new.clone())),
            expected: Expected::Any,
            admission: Admission::default(),
            at: None,
        };
        assert_eq!(last_applied(&change(&old)), Some(old));
        assert_eq!(last_applied(&change(&Value::Null)), None, "it comes anew");
    }

    #[test]
    fn what_the_layer_adopts_is_adopted_and_nothing_else() {
        let helm = (r#"conflict with "helm" using apps/v1"#, ".spec.template.spec.containers[name=\"a\"].image");
        let other = (r#"conflict with "some-operator" using apps/v1"#, ".spec.replicas");
        let adopt: Vec<Arc<str>> = vec!["helm".into()];
        assert_eq!(judge(&conflicts(&status(&[helm])), None, &adopt), Taking::Overrule { adopt: adopt.clone() });
        let Taking::Refuse(foreign) = judge(&conflicts(&status(&[helm, other])), None, &adopt) else {
            panic!("one of them is foreign");
        };
        assert_eq!(words(&foreign), ".spec.replicas (`some-operator`)");
        assert_eq!(judge(&[], None, &adopt), Taking::Overrule { adopt: vec![] }, "nothing is in the way");
    }

    #[test]
    fn many_conflicts_are_counted() {
        let one = (r#"conflict with "x" using v1"#, ".data.a");
        assert!(words(&conflicts(&status(&[one; 7]))).ends_with("; and 2 more"));
    }
}
