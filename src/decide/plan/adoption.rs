//! In: a live object and whose fields of it are to become ours, nobody's, or others'. Out: the patch that says so.
//! Guarantee: only `metadata.managedFields` and our marks change, no value, and only of the version that was seen.
//!
//! Why: the server keeps a field as long as anybody owns it and removes it with its last owner's apply that omits it.
//! So what an earlier tool applied has to be ours before it can be removed, and what is to be left has to be nobody's
//! before we omit it. The resourceVersion is replaced by itself, which the server answers with 409 where it is old.
use super::ownership::{MANAGER, Managed, fields, managed};
use crate::decide::value::{Map, Patch, PatchOperation, Pointer, Value};
use std::sync::Arc;

/// Folds the fields of named managers into ours; those of the manifest that are ignored become nobody's, and so does a
/// status, which is never applied. Returns nothing where the managers have no fields.
pub fn adopt(
    live: &Value,
    manifest: &Value,
    managers: &[Arc<str>],
    ignored: &[Pointer],
) -> Result<Option<Patch>, String> {
    let version = manifest.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let all = managed(live);
    let is_named = |it: &&Managed<'_>| managers.contains(&it.manager.name) && it.manager.subresource.is_none();
    let named: Vec<&Managed<'_>> = all.iter().filter(is_named).filter(|it| !it.is_ours()).collect();
    if named.is_empty() {
        return Ok(None);
    }
    if let Some(other) = named.iter().find(|it| it.version != version) {
        let Managed { manager, version: found, .. } = other;
        return Err(format!("expected fields of {version} to adopt from {manager}, found fields of {found}"));
    }
    let ours = all.iter().find(|it| it.is_ours());
    let status = Pointer::default().join("status");
    let own =
        |set: &Value| ignored.iter().chain([&status]).fold(set.clone(), |set, at| fields::without(&set, manifest, at));
    let sets = ours.iter().map(|it| it.fields.clone()).chain(named.iter().map(|it| own(it.fields)));
    // A set that owns nothing is left out: beside others it would stand for the whole object.
    let sets = sets.filter(|set| set.as_map().is_some_and(|map| !map.is_empty()));
    let folded = sets.reduce(|all, set| fields::union(&all, &set)).unwrap_or_else(|| Map::default().into());
    let gone: Vec<usize> = named.iter().copied().chain(ours).map(|it| it.at).collect();
    Ok(Some(replaced(live, &gone, Some(entry(live, version, folded)))))
}

/// Makes an object nobody's: removes our fields from the books, and labels and annotations of ours by these names.
/// Returns nothing where there is neither.
pub fn release(live: &Value, labels: &[&str], annotations: &[&str]) -> Option<Patch> {
    let ours: Vec<usize> = managed(live).iter().filter(|it| it.is_ours()).map(|it| it.at).collect();
    let marks = marks(live, "labels", labels).chain(marks(live, "annotations", annotations)).collect::<Vec<_>>();
    if ours.is_empty() && marks.is_empty() {
        return None;
    }
    let mut patch = replaced(live, &ours, None);
    patch.extend(marks.into_iter().map(PatchOperation::Remove));
    Some(patch)
}

/// Leaves fields of a manifest to whoever takes them: they are ours no longer, and keep their values. Returns nothing
/// where none is ours.
pub fn hand_over(live: &Value, manifest: &Value, pointers: &[Pointer]) -> Option<Patch> {
    let all = managed(live);
    let ours = all.iter().find(|it| it.is_ours())?;
    let left = pointers.iter().fold(ours.fields.clone(), |set, pointer| fields::without(&set, manifest, pointer));
    (left != *ours.fields).then(|| replaced(live, &[ours.at], Some(entry(live, ours.version, left))))
}

fn marks<'a>(live: &'a Value, part: &'a str, names: &'a [&'a str]) -> impl Iterator<Item = Pointer> {
    let at = Pointer::default().join("metadata").join(part);
    let found = names
        .iter()
        .filter(move |name| live.get("metadata").and_then(|metadata| metadata.get(part)?.get(name)).is_some());
    found.map(move |name| at.join(name))
}

/// Returns our entry with these fields.
fn entry(live: &Value, version: &str, fields: Value) -> Value {
    let all = managed(live);
    let time = all.iter().filter_map(|it| it.manager.time.as_deref()).max().map(Value::string);
    let texts = [("apiVersion", version), ("fieldsType", "FieldsV1"), ("manager", MANAGER), ("operation", "Apply")];
    let texts = texts.into_iter().map(|(key, text)| (key, Value::string(text)));
    texts.chain([("fieldsV1", fields)]).chain(time.map(|time| ("time", time))).collect::<Map>().into()
}

/// Returns the patch that takes entries out of the books and puts one in.
fn replaced(live: &Value, gone: &[usize], new: Option<Value>) -> Patch {
    let metadata = Pointer::default().join("metadata");
    let of = |key: &str| live.get("metadata").and_then(|metadata| metadata.get(key));
    let entries = of("managedFields").and_then(Value::as_list).unwrap_or_default();
    let kept = entries.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, entry)| entry.clone());
    let mut entries: Vec<Value> = kept.chain(new).collect();
    if entries.is_empty() {
        // The server takes an empty list for none and keeps what is there; this is how it is told to forget all.
        entries.push(Map::default().into());
    }
    let version = of("resourceVersion").cloned().unwrap_or_default();
    vec![
        PatchOperation::Replace(metadata.join("resourceVersion"), version),
        PatchOperation::Replace(metadata.join("managedFields"), Value::list(entries)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use crate::decide::value::apply;
    use serde_json::{Value as Json, json};

    /// An object with the entries of its managers: name, operation, fields.
    fn live(entries: &[(&str, &str, Json)]) -> Value {
        let entry = |(manager, operation, fields): &(&str, &str, Json)| {
            json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
        };
        let entries: Vec<Json> = entries.iter().map(entry).collect();
        let labels = json!({"stratify.dev/layer": "web", "app": "web"});
        value(&json!({
            "metadata": {"resourceVersion": "7", "labels": labels, "managedFields": entries},
            "spec": {"replicas": 3, "paused": true},
        }))
    }

    /// Returns what the patch makes of the managers: name and fields.
    fn after(live: &Value, patch: &Patch) -> Vec<(String, Value)> {
        let mut patched = live.clone();
        apply(&mut patched, patch).expect("the patch fits");
        assert_eq!(patched.get("spec"), live.get("spec"), "no value changes");
        managed(&patched).into_iter().map(|it| (it.manager.name.to_string(), it.fields.clone())).collect()
    }

    fn manifest(version: &str) -> Value {
        value(&json!({"apiVersion": version, "spec": {"replicas": 3, "paused": true}}))
    }

    fn adopted(live: &Value, managers: &[&str], ignored: &[&str]) -> Vec<(String, Value)> {
        let managers: Vec<Arc<str>> = managers.iter().map(|name| Arc::from(*name)).collect();
        let ignored: Vec<Pointer> = ignored.iter().map(|text| Pointer::parse(text).expect("it is a pointer")).collect();
        let patch = adopt(live, &manifest("apps/v1"), &managers, &ignored).expect("the versions agree");
        after(live, &patch.expect("there is something to adopt"))
    }

    #[test]
    fn fields_of_named_managers_become_ours() {
        let live = live(&[
            ("kubectl-client-side-apply", "Update", json!({"f:spec": {"f:replicas": {}, "f:paused": {}}})),
            ("kube-controller-manager", "Update", json!({"f:status": {}})),
            ("stratify", "Apply", json!({"f:metadata": {"f:labels": {"f:app": {}}}})),
        ]);
        let after = adopted(&live, &["kubectl-client-side-apply"], &["/spec/paused"]);
        let ours = json!({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:replicas": {}}});
        let others = ("kube-controller-manager".to_owned(), value(&json!({"f:status": {}})));
        assert_eq!(after, [others, ("stratify".to_owned(), value(&ours))], "what is ignored is nobody's");
    }

    #[test]
    fn who_has_nothing_gives_nothing() {
        let scaled = live(&[("stratify", "Apply", json!({"f:spec": {}}))]);
        assert_eq!(
            adopt(&scaled, &manifest("apps/v1"), &["stratify".into(), "helm".into()], &[]),
            Ok(None),
            "ours is ours"
        );
    }

    #[test]
    fn fields_of_another_version_are_not_adopted() {
        let live = live(&[("helm", "Update", json!({"f:spec": {"f:replicas": {}}}))]);
        let said =
            adopt(&live, &manifest("apps/v1beta1"), &["helm".into()], &[]).expect_err("names of fields may differ");
        assert_eq!(said, "expected fields of apps/v1beta1 to adopt from `helm`, found fields of apps/v1");
    }

    #[test]
    fn a_release_takes_our_entry_and_our_marks() {
        let live = live(&[("helm", "Update", json!({"f:spec": {}})), ("stratify", "Apply", json!({"f:spec": {}}))]);
        let patch = release(&live, &["stratify.dev/layer", "stratify.dev/fleet"], &["absent"]).expect("it is ours");
        assert_eq!(after(&live, &patch), [("helm".to_owned(), value(&json!({"f:spec": {}})))]);
        assert!(matches!(&patch[0], PatchOperation::Replace(at, version)
            if at.to_string() == "/metadata/resourceVersion" && version.as_str() == Some("7")));
        let removed: Vec<String> = patch[2..].iter().map(|it| it.path().to_string()).collect();
        assert_eq!(removed, ["/metadata/labels/stratify.dev~1layer"], "only marks that are there");
        assert_eq!(release(&value(&json!({"metadata": {}})), &["stratify.dev/layer"], &[]), None, "it is nobody's");
    }

    #[test]
    fn where_only_we_are_named_the_server_forgets_all() {
        let live = live(&[("stratify", "Apply", json!({"f:spec": {}}))]);
        let patch = release(&live, &[], &[]).expect("it is ours");
        assert_eq!(patch[1].to_value().get("value"), Some(&value(&json!([{}]))), "an empty list would change nothing");
    }

    #[test]
    fn what_becomes_ignored_keeps_its_value() {
        let live = live(&[("stratify", "Apply", json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}))]);
        let replicas = Pointer::parse("/spec/replicas").expect("it is a pointer");
        let patch = hand_over(&live, &manifest("apps/v1"), std::slice::from_ref(&replicas)).expect("it is ours");
        let left = value(&json!({"f:spec": {"f:paused": {}}}));
        assert_eq!(after(&live, &patch), [("stratify".to_owned(), left)]);
        let other = Pointer::parse("/spec/template").expect("it is a pointer");
        assert_eq!(hand_over(&live, &manifest("apps/v1"), &[other]), None, "it was not ours");
    }
}
