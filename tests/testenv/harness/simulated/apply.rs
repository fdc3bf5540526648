//! In: an object as it stands, what a manager wants of it. Out: the object then, or the fields that others hold.
//! Guarantee: server-side apply as far as one client and a few editors see it: conflicts, force, and fields that go when
//! their last owner drops them.
use super::fields::{Fields, Path, merge, named, read, remove, stated, value_at, written};
use serde_json::{Map, Value, json};

/// Who writes, and at which version of the kind.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) manager: &'a str,
    pub(super) api_version: &'a str,
}

/// A field that another manager holds.
#[derive(Debug, PartialEq)]
pub(super) struct Conflict {
    pub(super) manager: String,
    /// None where it applied them.
    pub(super) api_version: Option<String>,
    pub(super) field: String,
}

/// What one manager owns.
struct Owned {
    manager: String,
    operation: String,
    api_version: String,
    fields: Fields,
}

/// Applies what is wanted.
pub(super) fn apply(
    live: Option<&Value>,
    wanted: &Value,
    writer: Writer,
    is_forced: bool,
) -> Result<Value, Vec<Conflict>> {
    let ours = stated(wanted);
    let Some(live) = live else {
        let mut object = wanted.clone();
        set_owned(&mut object, &[owned(writer, "Apply", ours)]);
        return Ok(object);
    };
    let mut all = owned_of(live);
    let is_ours = |it: &Owned| it.manager == writer.manager && it.operation == "Apply";
    let before = all.iter().find(|it| is_ours(it)).map(|it| it.fields.clone()).unwrap_or_default();
    let is_other =
        |path: &Path| path.last().is_some_and(|part| part != ".") && value_at(live, path) != value_at(wanted, path);
    let mut conflicts = Vec::new();
    for other in all.iter_mut().filter(|it| !is_ours(it)) {
        let taken: Vec<Path> = other.fields.intersection(&ours).filter(|path| is_other(path)).cloned().collect();
        conflicts.extend(taken.iter().map(|path| Conflict {
            manager: other.manager.clone(),
            api_version: Some(other.api_version.clone()).filter(|_| other.operation != "Apply"),
            field: named(path),
        }));
        other.fields.retain(|path| !taken.contains(path));
    }
    if !conflicts.is_empty() && !is_forced {
        return Err(conflicts);
    }
    all.retain(|it| !is_ours(it));
    let mut object = live.clone();
    let held = |path: &Path| ours.contains(path) || all.iter().any(|other| other.fields.contains(path));
    // An item goes after its fields.
    for path in before.iter().rev().filter(|path| !held(path)) {
        remove(&mut object, path);
    }
    merge(&mut object, &without_meta(wanted), "");
    all.push(owned(writer, "Apply", ours));
    set_owned(&mut object, &all);
    Ok(object)
}

/// Takes an object that was written as a whole: what changed is the writer's.
pub(super) fn update(live: Option<&Value>, mut object: Value, writer: Writer) -> Value {
    let fields = stated(&object);
    let said = owned_of(&object);
    let was_said = live.is_some_and(|live| managed(live) == managed(&object));
    let mut all = match live {
        // Who writes the entries themselves, as at an adoption, has them as they are written.
        Some(_) if !was_said && !said.is_empty() => said,
        Some(live) => owned_of(live),
        None => Vec::new(),
    };
    let is_changed =
        |path: &&Path| live.is_none_or(|live| value_at(live, path.as_slice()) != value_at(&object, path.as_slice()));
    let changed: Fields = fields.iter().filter(is_changed).cloned().collect();
    for one in &mut all {
        one.fields.retain(|path| value_at(&object, path).is_some() && !changed.contains(path));
    }
    let mine = all.iter_mut().find(|it| it.manager == writer.manager && it.operation == "Update");
    match mine {
        Some(mine) => mine.fields.extend(changed),
        None => all.push(owned(writer, "Update", changed)),
    }
    set_owned(&mut object, &all);
    object
}

fn owned(writer: Writer, operation: &str, fields: Fields) -> Owned {
    let Writer { manager, api_version } = writer;
    Owned { manager: manager.into(), operation: operation.into(), api_version: api_version.into(), fields }
}

fn managed(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

fn owned_of(object: &Value) -> Vec<Owned> {
    let entries = managed(object).and_then(Value::as_array);
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entry = |entry: &Value| Owned {
        manager: text(entry, "manager"),
        operation: text(entry, "operation"),
        api_version: text(entry, "apiVersion"),
        fields: read(&entry["fieldsV1"]),
    };
    entries.into_iter().flatten().map(entry).collect()
}

fn set_owned(object: &mut Value, all: &[Owned]) {
    let entry = |one: &Owned| {
        json!({
            "manager": one.manager, "operation": one.operation, "apiVersion": one.api_version,
            "time": super::store::TIME, "fieldsType": "FieldsV1", "fieldsV1": written(&one.fields),
        })
    };
    let entries: Vec<Value> = all.iter().filter(|one| !one.fields.is_empty()).map(entry).collect();
    let metadata = object.as_object_mut().map(|map| map.entry("metadata").or_insert_with(|| json!({})));
    if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }
}

/// What is applied has no say in what the server counts.
fn without_meta(wanted: &Value) -> Value {
    let mut wanted = wanted.clone();
    let map = wanted.as_object_mut();
    let metadata = map.and_then(|map: &mut Map<_, _>| map.get_mut("metadata")).and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        for key in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"] {
            metadata.remove(key);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(data: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
    }

    fn by(manager: &str) -> Writer<'_> {
        Writer { manager, api_version: "v1" }
    }

    #[test]
    fn a_field_of_another_is_a_conflict_and_force_takes_it() {
        let first = apply(None, &map(&json!({ "key": "1" })), by("a"), false).expect("nobody has it");
        let said = apply(Some(&first), &map(&json!({ "key": "2" })), by("b"), false).expect_err("it is another's");
        let conflict = Conflict { manager: "a".into(), api_version: None, field: ".data.key".into() };
        assert_eq!(said, [conflict], "and says whose");
        let taken = apply(Some(&first), &map(&json!({ "key": "2" })), by("b"), true).expect("it is forced");
        assert_eq!(taken["data"]["key"], "2", "it is written");
        let managers: Vec<_> = owned_of(&taken).into_iter().map(|it| it.manager).collect();
        assert_eq!(managers, ["b"], "the other has nothing left");
        apply(Some(&first), &map(&json!({ "key": "1" })), by("b"), false).expect("the same value can be shared");
    }

    #[test]
    fn a_field_goes_with_its_last_owner() {
        let first = apply(None, &map(&json!({ "a": "1", "b": "1" })), by("a"), false).expect("nobody has it");
        let both = apply(Some(&first), &map(&json!({ "b": "1" })), by("b"), false).expect("it is shared");
        let one = apply(Some(&both), &map(&json!({ "a": "1" })), by("a"), false).expect("it is its own");
        assert_eq!(one["data"], json!({ "a": "1", "b": "1" }), "the other holds it");
        let none = apply(Some(&one), &map(&json!({})), by("b"), false).expect("it is its own");
        assert_eq!(none["data"], json!({ "a": "1" }), "nobody does");
    }

    #[test]
    fn who_writes_the_whole_owns_what_changed() {
        let first = apply(None, &map(&json!({ "a": "1", "b": "1" })), by("a"), false).expect("nobody has it");
        let mut edited = first.clone();
        edited["data"]["a"] = json!("2");
        let edited = update(Some(&first), edited, by("editor"));
        let said = apply(Some(&edited), &map(&json!({ "a": "1", "b": "1" })), by("a"), false).expect_err("it is taken");
        assert_eq!((said.len(), said[0].manager.as_str(), said[0].field.as_str()), (1, "editor", ".data.a"), "one");
    }
}
