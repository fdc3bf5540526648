//! In: what a layer leaves to others, a manifest, the live object. Out: which of its fields are left now, and it without them.
//! Guarantee: an object that is not there yet is made whole; what a rule leaves to some is ours as long as they have not taken it.
use super::diff::diff;
use super::ownership::fields::{Part, Step};
use super::ownership::{Managed, managed};
use crate::decide::profile::{Ignore, Left};
use crate::decide::value::{Map, PatchOperation, Pointer, Value, apply};
use crate::name::{LayerName, ObjectId};
use std::sync::Arc;

/// Returns the pointers into a manifest whose fields are left to others as the object stands.
pub fn ignored(rules: &[Ignore], layer: &LayerName, object: &ObjectId, manifest: &Value, live: &Value) -> Vec<Pointer> {
    let mut pointers = Vec::new();
    for rule in rules.iter().filter(|rule| rule.left == Left::ToOthers && rule.target.selects(layer, object)) {
        if rule.managers.is_empty() {
            pointers.extend(rule.pointers.iter().filter(|pointer| pointer.get(manifest).is_some()).cloned());
        } else {
            let mut owned = Vec::new();
            taken(manifest, live, &rule.managers, &mut owned);
            pointers.extend(owned.into_iter().filter(|at| is_named(at, &rule.pointers)));
        }
    }
    pointers.sort();
    pointers.dedup();
    pointers
}

/// Returns the manifest to apply over what is there: what is generated has the value that it has there, sensitive as before.
#[must_use]
pub fn kept(rules: &[Ignore], layer: &LayerName, object: &ObjectId, manifest: &Value, live: &Value) -> Value {
    let mut kept = manifest.clone();
    let rules = rules.iter().filter(|rule| rule.left == Left::AsItIs && rule.target.selects(layer, object));
    for pointer in rules.flat_map(|rule| &rule.pointers) {
        let (Some(Value::Sensitive(wanted)), Some(there)) = (pointer.get(manifest), pointer.get(live)) else {
            continue;
        };
        let there = Value::Sensitive(wanted.holding(there.clone()));
        let _ = apply(&mut kept, &[PatchOperation::Replace(pointer.clone(), there)]);
    }
    kept
}

/// Returns the manifest to apply over what is there: without what is left to others.
#[must_use]
pub fn without(manifest: &Value, pointers: &[Pointer]) -> Value {
    let mut left = manifest.clone();
    let mut pointers: Vec<&Pointer> = pointers.iter().collect();
    // From the end, so that no index of a list moves before it is used.
    pointers.sort_by_key(|pointer| std::cmp::Reverse(places(pointer)));
    for pointer in pointers {
        // One that lies in another one is gone already.
        let _ = apply(&mut left, &[PatchOperation::Remove(pointer.clone())]);
    }
    left
}

/// Returns what a pointer is sorted by: indices by their number.
fn places(pointer: &Pointer) -> Vec<(usize, Arc<str>)> {
    pointer.tokens().iter().map(|token| (token.parse().unwrap_or_default(), token.clone())).collect()
}

/// Returns the parts of a live object that are ours and that a manifest does not state: an apply takes them away. What
/// bears no owners, as a file does, is ours as a whole.
pub fn unstated(live: &Value, manifest: &Value) -> Vec<Pointer> {
    let all = managed(live);
    if all.is_empty() {
        let gone = diff(live, manifest).into_iter().filter_map(|operation| match operation {
            PatchOperation::Remove(at) => Some(at),
            _ => None,
        });
        return gone.collect();
    }
    let mut owned = Vec::new();
    for ours in all.iter().filter(|it| it.is_ours()) {
        walk(live, Part::of(ours.fields), &mut Pointer::default(), &mut owned);
    }
    owned.retain(|at| at.get(manifest).is_none() && !is_own(at) && !is_text_of(at, manifest));
    owned
}

/// Whether a label or an annotation is one of ours.
fn is_own(at: &Pointer) -> bool {
    let key = at.tokens().get(2).map_or("", |key| &**key);
    at.tokens().first().is_some_and(|first| **first == *"metadata")
        && ["stratify.dev/", "applyset.kubernetes.io/"].iter().any(|ours| key.starts_with(ours))
}

/// Whether a part of a Secret is stated as text.
fn is_text_of(at: &Pointer, manifest: &Value) -> bool {
    let [first, key] = at.tokens() else { return false };
    **first == *"data" && manifest.get("stringData").is_some_and(|texts| texts.get(key).is_some())
}

/// A rule without pointers is about all fields of its managers.
fn is_named(at: &Pointer, pointers: &[Pointer]) -> bool {
    pointers.is_empty() || pointers.iter().any(|pointer| at.is_within(pointer))
}

/// Collects the parts of a manifest that these managers own, each as far up as they own it.
fn taken(manifest: &Value, live: &Value, managers: &[Arc<str>], owned: &mut Vec<Pointer>) {
    let all = managed(live);
    let is_theirs = |it: &&Managed<'_>| managers.contains(&it.manager.name) && !it.is_ours();
    for theirs in all.iter().filter(is_theirs) {
        walk(manifest, Part::of(theirs.fields), &mut Pointer::default(), owned);
    }
}

fn walk(value: &Value, part: Part<'_>, at: &mut Pointer, owned: &mut Vec<Pointer>) {
    match part {
        Part::Whole => owned.push(at.clone()),
        Part::None => {}
        Part::Some(_) => {
            let fields = value.as_map().into_iter().flat_map(Map::iter);
            let fields = fields.map(|(key, value)| (key.clone(), Step::Field(key), value));
            let items = value.as_list().unwrap_or_default().iter().enumerate();
            let items = items.map(|(index, item)| (index.to_string().into(), Step::Item(index, item), item));
            for (token, step, value) in fields.chain(items) {
                at.push(token);
                walk(value, part.step(step), at, owned);
                at.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use crate::decide::profile::ObjectSelector;
    use serde_json::json;

    fn manifest() -> Value {
        value(
            &json!({"spec": {"replicas": 2, "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}),
        )
    }

    fn live(manager: &str) -> Value {
        let fields = json!({"f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"b\"}": {"f:image": {}}}}});
        value(
            &json!({"metadata": {"managedFields": [{"manager": manager, "operation": "Update", "fieldsV1": fields}]}}),
        )
    }

    fn rule(kind: &str, pointers: &[&str], managers: &[&str]) -> Ignore {
        Ignore {
            target: ObjectSelector { kind: Some(kind.into()), ..ObjectSelector::default() },
            pointers: pointers.iter().map(|text| Pointer::parse(text).expect("it is a pointer")).collect(),
            managers: managers.iter().map(|name| Arc::from(*name)).collect(),
            left: Left::ToOthers,
        }
    }

    fn texts(rule: Ignore, live: &Value) -> Vec<String> {
        let layer = LayerName::new("web").expect("it is a label");
        let object = ObjectId { group: "apps".into(), kind: "Deployment".into(), namespace: None, name: "web".into() };
        ignored(&[rule], &layer, &object, &manifest(), live).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_leaves_its_pointers_of_its_objects() {
        let live = live("scaler");
        assert_eq!(texts(rule("Deployment", &["/spec/replicas", "/spec/absent"], &[]), &live), ["/spec/replicas"]);
        assert!(texts(rule("StatefulSet", &["/spec/replicas"], &[]), &live).is_empty(), "it is of another kind");
    }

    #[test]
    fn what_is_left_to_some_is_ours_until_they_take_it() {
        let replicas = || rule("Deployment", &["/spec/replicas"], &["scaler"]);
        assert_eq!(texts(replicas(), &live("scaler")), ["/spec/replicas"]);
        assert!(texts(replicas(), &live("kubectl")).is_empty(), "somebody else took it");
        assert!(texts(replicas(), &Value::Null).is_empty(), "nobody did");
        let all = texts(rule("Deployment", &[], &["scaler"]), &live("scaler"));
        assert_eq!(all, ["/spec/containers/1/image", "/spec/replicas"], "all that they have");
    }

    #[test]
    fn what_is_generated_is_applied_as_it_is_once_it_is_there() {
        let layer = LayerName::new("web").expect("it is a label");
        let object = ObjectId { group: "apps".into(), kind: "Deployment".into(), namespace: None, name: "web".into() };
        let rule = Ignore { left: Left::AsItIs, ..rule("Deployment", &["/spec/replicas", "/spec/absent"], &[]) };
        let seal = crate::decide::value::Seal::new(b"test");
        let mut manifest = manifest();
        manifest.make_map().entry_of("spec").make_map().insert("replicas".into(), seal.generated(Value::Integer(2)));
        let rules = [rule];
        let replicas = |live: &Value| {
            let kept = kept(&rules, &layer, &object, &manifest, live);
            let part = kept.get("spec").and_then(|spec| spec.get("replicas")).cloned();
            let Some(Value::Sensitive(sensitive)) = part else { panic!("it is sensitive whoever says it: {part:?}") };
            assert_eq!(kept, manifest, "it compares and digests as it did");
            sensitive.expose().clone()
        };
        assert_eq!(replicas(&value(&json!({"spec": {}}))), Value::Integer(2), "it is not there yet");
        assert_eq!(replicas(&value(&json!({"spec": {"replicas": 7}}))), Value::Integer(7), "it stays as it is");
        assert!(ignored(&rules, &layer, &object, &manifest, &Value::Null).is_empty(), "it is applied");
    }

    #[test]
    fn what_is_left_is_not_applied() {
        let pointers = ["/spec/containers/1", "/spec/containers/0", "/spec/containers/0/image", "/spec/replicas"];
        let pointers: Vec<Pointer> = pointers.iter().filter_map(|text| Pointer::parse(text)).collect();
        assert_eq!(without(&manifest(), &pointers), value(&json!({"spec": {"containers": []}})));
        assert_eq!(without(&manifest(), &[]), manifest());
    }
}
