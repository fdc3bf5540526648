//! In: requests to GitHub and its answers. Out: what of them is not as GitHub itself describes its API, and answers that are.
//! Guarantee: the description is GitHub's own (tests/fixtures/github); nothing of it is worded here.
use super::http::{Reply, Request};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

/// What is kept of the description.
static API: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../fixtures/github/api.json");
    serde_json::from_str(text).expect("it was written as JSON")
});

/// The validators that were needed up to now: each takes a while to be made.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Returns the operation of a request, if it is described.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let operations = API["operations"].as_array().expect("it lists them");
    let is_it = |one: &&Value| one["method"] == method && is_of(one["path"].as_str().unwrap_or_default(), path);
    // The most literal one: `/pulls/{number}/commits` is no `/pulls/{number}/{other}`.
    operations.iter().filter(is_it).min_by_key(|one| one["path"].as_str().map_or(0, |path| path.matches('{').count()))
}

/// Whether a path is one of a template; a ref at its end has slashes.
fn is_of(template: &str, path: &str) -> bool {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let is_open = template.ends_with("/matching-refs/{ref}") && found.len() >= wanted.len();
    let is_part = |(wanted, found): (&&str, &&str)| (wanted.starts_with('{') && !found.is_empty()) || wanted == found;
    (wanted.len() == found.len() || is_open) && wanted.iter().zip(&found).all(is_part)
}

/// Returns what of a request and its answer is not as described; of a path that is not described, that.
pub(super) fn violations(request: &Request, reply: &Reply) -> Vec<String> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = path.trim_start_matches("/api/v3");
    let what = format!("{} {path}", request.method);
    let Some(operation) = operation(&request.method, path) else { return vec![format!("{what} is not described")] };
    let mut found = Vec::new();
    let names: Vec<&str> = operation["query"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let asked = query.split('&').filter_map(|part| part.split('=').next()).filter(|name| !name.is_empty());
    found.extend(asked.filter(|name| !names.contains(name)).map(|name| format!("{what}: it has no query {name}")));
    match &operation["request"] {
        Value::Null if !request.body.is_null() => found.push(format!("{what}: it takes no body")),
        Value::Null => {}
        schema => {
            found.extend(unknown(schema, &request.body).map(|name| format!("{what}: it takes no {name}")));
            found.extend(mistakes(&format!("{what} request"), schema, &request.body));
        }
    }
    match &operation["answers"][reply.code.to_string()] {
        Value::Null if reply.code < 400 => found.push(format!("{what}: it never answers {}", reply.code)),
        // Refusals that hold for all are described nowhere.
        Value::Null => {}
        answer if answer["schema"].is_null() => {}
        answer => {
            let body = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
            found.extend(mistakes(&format!("{what} answers {}", reply.code), &answer["schema"], &body));
        }
    }
    found
}

/// Returns the fields of a request that are not described: they would be ignored silently.
fn unknown<'a>(schema: &'a Value, body: &'a Value) -> impl Iterator<Item = &'a str> {
    let known = schema["properties"].as_object();
    let fields = body.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    fields.filter(move |name| known.is_some_and(|known| !known.contains_key(*name)))
}

fn mistakes(what: &str, schema: &Value, body: &Value) -> Vec<String> {
    let key = schema.to_string();
    let mut known = VALIDATORS.lock().expect("no validator panics");
    let validator = known.entry(key).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["$defs"] = API["$defs"].clone();
        Arc::new(jsonschema::validator_for(&whole).expect("it is a schema"))
    });
    let validator = Arc::clone(validator);
    drop(known);
    let say = |error: jsonschema::ValidationError<'_>| format!("{what}: {}: {error}", error.instance_path());
    validator.iter_errors(body).map(say).collect()
}

/// Returns GitHub's own example of an answer, with these values in the place of its own.
pub(super) fn like(method: &str, template: &str, code: u16, values: &Value) -> Value {
    let operation = operation(method, template).unwrap_or_else(|| panic!("{method} {template} is described"));
    let mut example = operation["answers"][code.to_string()]["example"].clone();
    if example.is_array() {
        example = example[0].take();
    }
    mend(&mut example);
    overlay(&mut example, values);
    example
}

/// Two of its examples lack what the description requires.
fn mend(example: &mut Value) {
    if let Some(fields) = example.as_object_mut() {
        fields.remove("template_repository");
        if fields.contains_key("requested_teams") {
            fields.insert("requested_teams".into(), json!([]));
        }
        if fields.contains_key("forks_count") {
            fields.entry("language").or_insert(Value::Null);
        }
        fields.values_mut().for_each(mend);
    }
}

/// Puts values into others of the same shape.
fn overlay(on: &mut Value, values: &Value) {
    match (on, values) {
        (Value::Object(on), Value::Object(values)) => {
            for (name, value) in values {
                overlay(on.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (on, values) => on.clone_from(values),
    }
}

#[test]
fn what_is_not_as_described_is_found() {
    let request = |method: &str, path: &str, body: Value| Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: Vec::new(),
        body,
        bytes: Vec::new(),
    };
    let statuses = "/repos/acme/fleet/statuses/beef";
    let body = json!({ "state": "success", "context": "x" });
    let whole = Reply::json(201, &like("POST", "/repos/{owner}/{repo}/statuses/{sha}", 201, &body));
    assert_eq!(violations(&request("POST", statuses, body.clone()), &whole), Vec::<String>::new());
    for (method, path, body, reply, why) in [
        ("POST", "/repos/acme/fleet/stati/beef", body.clone(), whole.clone(), "is not described"),
        ("POST", statuses, json!({ "context": "x" }), whole.clone(), "\"state\" is a required property"),
        ("POST", statuses, json!({ "state": "good" }), whole.clone(), "is not one of"),
        ("POST", statuses, json!({ "state": "error", "text": "x" }), whole.clone(), "it takes no text"),
        ("POST", statuses, body.clone(), Reply::json(200, &json!({})), "it never answers 200"),
        ("POST", statuses, body.clone(), Reply::json(201, &json!({})), "required property"),
        ("GET", "/repos/acme/fleet/pulls?limit=5", Value::Null, Reply::json(200, &json!([])), "no query limit"),
    ] {
        let found = violations(&request(method, path, body), &reply);
        assert!(found.iter().any(|found| found.contains(why)), "{why}: {found:?}");
    }
}

#[test]
fn the_examples_are_as_described() {
    for operation in API["operations"].as_array().expect("it lists them") {
        let (method, path) = (operation["method"].as_str().unwrap_or_default(), operation["path"].as_str());
        let path = path.expect("it has one");
        for (code, answer) in operation["answers"].as_object().expect("it has some") {
            if answer["example"].is_null() || answer["schema"].is_null() {
                continue;
            }
            let code: u16 = code.parse().expect("it is a number");
            let mut body = like(method, path, code, &json!({}));
            if answer["example"].is_array() {
                body = json!([body]);
            }
            let found = mistakes(&format!("{method} {path}"), &answer["schema"], &body);
            assert!(found.is_empty(), "{found:?}");
        }
    }
}
