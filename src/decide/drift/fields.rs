//! In: a live object of an API server, and the manifest that we applied. Out: each field of ours that is otherwise, and whose it is.
//! Guarantee: what the manifest does not state is nobody's concern; no value of a Secret comes out, nor one that we keep sealed.
use super::quantity::is_same;
use crate::decide::plan::diff::MERGE_KEYS;
use crate::decide::plan::ownership::fields::{Part, Step};
use crate::decide::plan::ownership::{Managed, Manager, managed};
use crate::decide::value::{Map, Pointer, Value, canonical};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What stands in the place of a secret.
const MASK: &str = "<sensitive>";

/// The most fields that are told of one object: more is another object, and nobody reads on.
const FIELDS_MAX: usize = 100;

/// What is never ours to state, or is stated in other words.
const NOT_STATED: [&str; 8] = [
    "/apiVersion", // an object may be read in another version than it was applied in
    "/status",
    "/metadata/creationTimestamp",
    "/metadata/generation",
    "/metadata/managedFields",
    "/metadata/resourceVersion",
    "/metadata/selfLink",
    "/metadata/uid",
];

/// A field that is not as we applied it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drifted {
    /// Which field of the manifest.
    pub pointer: Pointer,
    /// What we applied.
    pub wanted: Value,
    /// What stands there; nothing where it is gone.
    pub live: Option<Value>,
    /// Who owns it now, and since when, where another is told; the last who wrote.
    pub manager: Option<Manager>,
}

/// Returns what differs, in the order of the manifest.
pub fn fields(live: &Value, manifest: &Value) -> Vec<Drifted> {
    let all = managed(live);
    let (ours, others): (Vec<&Managed<'_>>, Vec<&Managed<'_>>) = all.iter().partition(|it| it.is_ours());
    let is_secret = manifest.get("kind").and_then(Value::as_str) == Some("Secret");
    let manifest = if is_secret { with_data(manifest) } else { manifest.clone() };
    // A file keeps the texts as they were written.
    let stated = is_secret.then(|| with_data(live));
    let owners = Owners {
        ours: ours.first().map_or(Part::None, |it| Part::of(it.fields)),
        others: others.into_iter().map(|it| (&it.manager, Part::of(it.fields))).collect(),
    };
    let mut walk = Walk { at: Pointer::default(), is_secret, found: Vec::new() };
    walk.value(&manifest, stated.as_ref().unwrap_or(live), &owners);
    walk.found
}

/// What is written as text stands there in base64; the text wins.
fn with_data(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let Some(texts) = manifest.get("stringData").and_then(Value::as_map).cloned() else { return manifest };
    let map = manifest.make_map();
    map.remove("stringData");
    let data = map.entry(&Arc::from("data")).make_map();
    for (key, text) in texts.iter() {
        let bytes = exposed(text).as_str().map(|text| Value::String(base64(text.as_bytes()).into()));
        data.insert(key.clone(), bytes.unwrap_or_default());
    }
    manifest
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).copied().map_or('=', char::from);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift));
        text.extend(digits.iter().take(chunk.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

fn exposed(value: &Value) -> &Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        value => value,
    }
}

/// What each manager owns of the place that is looked at.
struct Owners<'a> {
    ours: Part<'a>,
    others: Vec<(&'a Manager, Part<'a>)>,
}

impl Owners<'_> {
    fn step(&self, step: Step<'_>) -> Self {
        Self {
            ours: self.ours.step(step),
            others: self.others.iter().map(|(manager, part)| (*manager, part.step(step))).collect(),
        }
    }

    /// Returns the other one who owns the place and wrote last.
    fn owner(&self) -> Option<Manager> {
        let owners = self.others.iter().filter(|(_, part)| part.is_owned()).map(|(manager, _)| *manager);
        owners.max_by(|left, right| left.time.cmp(&right.time)).cloned()
    }
}

struct Walk {
    at: Pointer,
    is_secret: bool,
    found: Vec<Drifted>,
}

impl Walk {
    fn value(&mut self, wanted: &Value, live: &Value, owners: &Owners<'_>) {
        match (exposed(wanted), live) {
            (Value::Null, _) => {}
            (Value::Map(wanted), Value::Map(live)) => {
                for (key, value) in wanted.iter() {
                    self.at.push(key.clone());
                    self.entry(value, live.get(key), &owners.step(Step::Field(key)));
                    self.at.pop();
                }
            }
            (Value::List(items), Value::List(live_items)) => self.list(wanted, items, live, live_items, owners),
            (bare, live) if is_same(bare, live, &self.at) => {}
            _ => self.tell(wanted, Some(live), owners),
        }
    }

    fn entry(&mut self, wanted: &Value, live: Option<&Value>, owners: &Owners<'_>) {
        if NOT_STATED.contains(&self.at.to_string().as_str()) {
            return;
        }
        match live {
            Some(live) => self.value(wanted, live, owners),
            // The server leaves out what says nothing.
            None if says_nothing(exposed(wanted)) => {}
            None => self.tell(wanted, None, owners),
        }
    }

    fn list(&mut self, wanted: &Value, items: &[Value], live: &Value, live_items: &[Value], owners: &Owners<'_>) {
        match pairs(items, live_items, owners.ours) {
            Some(pairs) => {
                for (at, (item, other)) in items.iter().zip(pairs).enumerate() {
                    self.at.push(at.to_string().into());
                    self.entry(item, other.and_then(|other| live_items.get(other)), &owners.step(Step::Item(at, item)));
                    self.at.pop();
                }
            }
            None => self.tell(wanted, Some(live), owners),
        }
    }

    fn tell(&mut self, wanted: &Value, live: Option<&Value>, owners: &Owners<'_>) {
        if self.found.len() >= FIELDS_MAX {
            return;
        }
        let first = self.at.tokens().first().map(|token| &**token);
        let is_hidden = wanted.is_tainted() || self.is_secret && first == Some("data");
        let shown = |value: &Value| if is_hidden { Value::string(MASK) } else { value.clone() };
        self.found.push(Drifted {
            pointer: self.at.clone(),
            wanted: shown(wanted),
            live: live.map(shown),
            manager: owners.owner(),
        });
    }
}

/// Whether a value is what a field has that is not stated.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Integer(0) => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.iter().all(|(_, value)| says_nothing(value)),
        _ => false,
    }
}

/// Returns which live item each wanted one is; nothing where the list is one thing as a whole and differs in its items.
fn pairs(wanted: &[Value], live: &[Value], ours: Part<'_>) -> Option<Vec<Option<usize>>> {
    let by_place = || (wanted.len() == live.len()).then(|| (0..live.len()).map(Some).collect());
    // What we own as a whole the server does not merge.
    if matches!(ours, Part::Whole) {
        return by_place();
    }
    if wanted.iter().chain(live).all(|item| item.as_map().is_none()) {
        let is_set = matches!(ours, Part::Some(fields) if fields.as_map().is_some_and(has_values));
        let same = |item: &Value| live.iter().position(|other| exposed(item) == other);
        return if is_set { Some(wanted.iter().map(same).collect()) } else { by_place() };
    }
    match keys(wanted, live) {
        Some((wanted, live)) => Some(wanted.iter().map(|key| live.iter().position(|other| other == key)).collect()),
        None => by_place(),
    }
}

fn has_values(fields: &Map) -> bool {
    fields.iter().any(|(key, _)| key.starts_with("v:"))
}

/// Returns the items' keys, under the first key that all items have and that tells those of a list apart.
fn keys(wanted: &[Value], live: &[Value]) -> Option<(Vec<String>, Vec<String>)> {
    let under = |key: &str, items: &[Value]| -> Option<Vec<String>> {
        let of = |item: &Value| {
            let part = exposed(item.get(key)?);
            let scalar = matches!(part, Value::String(_) | Value::Integer(_)).then(|| canonical(part))?;
            // One number may be a port of several protocols.
            let protocol = item.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            Some(if key.to_lowercase().ends_with("port") { format!("{scalar} {protocol}") } else { scalar })
        };
        let found: Vec<String> = items.iter().map(of).collect::<Option<_>>()?;
        let all: BTreeSet<&String> = found.iter().collect();
        (all.len() == found.len()).then_some(found)
    };
    MERGE_KEYS.iter().find_map(|key| Some((under(key, wanted)?, under(key, live)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use crate::decide::value::Seal;
    use serde_json::{Value as Json, json};

    /// Returns what drifted: `pointer wanted live`, and by whom.
    fn drift(manifest: &Json, live: &Json) -> Vec<String> {
        told(&fields(&value(live), &value(manifest)))
    }

    fn told(drifted: &[Drifted]) -> Vec<String> {
        let one = |it: &Drifted| {
            let live = it.live.as_ref().map_or("gone".into(), canonical);
            let by = it.manager.as_ref().map(|manager| format!(" by {manager}")).unwrap_or_default();
            format!("{} {} {live}{by}", it.pointer, canonical(&it.wanted))
        };
        drifted.iter().map(one).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests are easier to read without a `&` before each `json!`")]
    fn spec(spec: Json) -> Json {
        json!({"spec": spec})
    }

    #[test]
    fn what_is_not_stated_is_no_drift() {
        let manifest =
            json!({"apiVersion": "v1", "metadata": {"name": "a", "labels": {"x": "1"}}, "spec": {"replicas": 1}});
        let live = json!({"apiVersion": "v2", "metadata": {"name": "a", "uid": "u", "labels": {"x": "1", "y": "2"}},
            "spec": {"replicas": 1, "paused": true}, "status": {"ready": 1}});
        assert!(drift(&manifest, &live).is_empty(), "it is all there");
    }

    #[test]
    fn each_field_is_told_by_itself() {
        let manifest = spec(json!({"replicas": 1, "paused": true, "template": {"a": "x"}}));
        let found = drift(&manifest, &spec(json!({"replicas": 5, "template": {"a": "y"}})));
        assert_eq!(found, ["/spec/paused true gone", "/spec/replicas 1 5", "/spec/template/a \"x\" \"y\""]);
    }

    #[test]
    fn whose_it_is_is_told_with_the_last_who_wrote() {
        let entry = |manager: &str, subresource: &str, time: &str, fields: Json| {
            json!({"manager": manager,
            "operation": "Update", "subresource": subresource, "time": time, "fieldsV1": fields})
        };
        let live = json!({"spec": {"replicas": 5, "paused": true}, "metadata": {"managedFields": [
            entry("kubectl", "scale", "2026-01-02T00:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
            entry("before", "", "2026-01-01T00:00:00Z", json!({"f:spec": {"f:replicas": {}, "f:paused": {}}})),
        ]}});
        let drifted = fields(&value(&live), &value(&spec(json!({"replicas": 1, "paused": false}))));
        let expected = ["/spec/paused false true by `before`", "/spec/replicas 1 5 by `kubectl` through `scale`"];
        assert_eq!(told(&drifted), expected);
        let since = drifted[1].manager.as_ref().and_then(|manager| manager.time.as_deref());
        assert_eq!(since, Some("2026-01-02T00:00:00Z"));
    }

    #[test]
    fn items_are_known_by_their_keys() {
        let containers = |containers: Json| spec(json!({"containers": containers}));
        let manifest =
            containers(json!([{"name": "a", "image": "1", "ports": [{"containerPort": 53, "protocol": "UDP"}]}]));
        let live = containers(json!([{"name": "proxy", "image": "0"},
            {"name": "a", "image": "2", "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]}]));
        assert_eq!(drift(&manifest, &live), ["/spec/containers/0/image \"1\" \"2\""], "others' items are theirs");
        let gone = drift(&manifest, &containers(json!([{"name": "b", "image": "1"}])));
        assert!(gone[0].starts_with("/spec/containers/0 ") && gone[0].ends_with(" gone"), "{gone:?}");
        let env = |env: Json| containers(json!([{"name": "a", "env": env}]));
        let found = drift(
            &env(json!([{"name": "A", "value": "1"}])),
            &env(json!([{"name": "B", "value": "0"}, {"name": "A", "value": "2"}])),
        );
        assert_eq!(found, ["/spec/containers/0/env/0/value \"1\" \"2\""]);
    }

    #[test]
    fn a_list_that_is_owned_as_a_whole_is_compared_as_a_whole() {
        let args = |args: Json| spec(json!({"args": args}));
        assert_eq!(drift(&args(json!(["a"])), &args(json!(["a", "b"]))), ["/spec/args [\"a\"] [\"a\",\"b\"]"]);
        let ours = |fields: Json, live: Json| json!({"spec": live, "metadata": {"managedFields": [{"manager": "stratify", "operation": "Apply", "fieldsV1": fields}]}});
        let (one, two) = (json!({"rules": [{"name": "a"}]}), json!({"rules": [{"name": "a"}, {"name": "b"}]}));
        let whole = ours(json!({"f:spec": {"f:rules": {}}}), two.clone());
        assert_eq!(drift(&spec(one.clone()), &whole).len(), 1, "nobody else may add to it");
        let merged = ours(json!({"f:spec": {"f:rules": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}}}), two);
        assert!(drift(&spec(one), &merged).is_empty(), "others may");
        let set = ours(json!({"f:spec": {"f:finalizers": {"v:\"a\"": {}}}}), json!({"finalizers": ["b", "a"]}));
        assert!(drift(&spec(json!({"finalizers": ["a"]})), &set).is_empty(), "a set is merged too");
        assert_eq!(drift(&spec(json!({"finalizers": ["c"]})), &set), ["/spec/finalizers/0 \"c\" gone"]);
    }

    #[test]
    fn one_thing_in_other_words_is_no_drift() {
        let manifest = spec(json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}, "port": 80,
            "hostNetwork": false, "tolerations": [], "selector": {}, "nodeName": "", "affinity": null}));
        let live = spec(json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "port": "80"}));
        assert!(drift(&manifest, &live).is_empty(), "{:?}", drift(&manifest, &live));
        let found = drift(&json!({"data": {"limits": "1000m"}}), &json!({"data": {"limits": "1"}}));
        assert_eq!(found.len(), 1, "a file's text is a text");
    }

    /// Manifests of many kinds, and what a kube-apiserver 1.37.2 showed once they were applied.
    const APPLIED: &str = include_str!("../../../tests/fixtures/objects/applied.json");

    #[test]
    fn what_a_server_made_of_a_manifest_is_no_drift() {
        let pairs: Vec<Json> = serde_json::from_str(APPLIED).expect("it is JSON");
        for pair in &pairs {
            let found = drift(&pair["manifest"], &pair["live"]);
            assert!(found.is_empty(), "{} {found:?}", pair["manifest"]["kind"]);
        }
        assert_eq!(pairs.len(), 19, "all kinds were looked at");
    }

    #[test]
    fn no_secret_is_told() {
        let secret = |data: Json| json!({"kind": "Secret", "type": "Opaque", "data": data});
        let found = drift(&secret(json!({"a": "c2VjcmV0"})), &secret(json!({"a": "b3RoZXI="})));
        assert_eq!(found, ["/data/a \"<sensitive>\" \"<sensitive>\""]);
        let texts = json!({"kind": "Secret", "stringData": {"a": "secret", "b": "ab", "c": "abcd"}});
        let live = secret(json!({"a": "c2VjcmV0", "b": "YWI=", "c": "YWJjZA=="}));
        assert!(drift(&texts, &live).is_empty(), "the server keeps texts in base64");
        let mut sealed = value(&spec(json!({})));
        let token = Seal::new(b"key").seal(Value::string("hunter2"));
        sealed.make_map().get_mut("spec").expect("it is there").make_map().insert("token".into(), token);
        assert!(fields(&value(&spec(json!({"token": "hunter2"}))), &sealed).is_empty(), "it is what we sealed");
        let found = told(&fields(&value(&spec(json!({"token": "hunter3"}))), &sealed));
        assert_eq!(found, ["/spec/token \"<sensitive>\" \"<sensitive>\""]);
    }
}
