//! In: the same requests, and the same syncs, to a real API server and to a simulated one. Out: where their answers differ
//! in what the program reads of them. Guarantee: what benches measure on simulated clusters is what real ones are asked.
use super::fleet::Fleet;
use crate::testenv::{Death, Server, Simulated, User};
use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";

/// A request; `$uid` and `$version` stand for those of the last object that was answered, `$ns` for the namespace.
#[derive(Clone)]
struct Ask(&'static str, &'static str, &'static str, Value);

/// A server that is asked, with what it answered last.
struct Asked {
    client: kube::Client,
    namespace: String,
    uid: String,
    version: String,
}

impl Asked {
    async fn answer(&mut self, Ask(method, uri, content_type, body): &Ask) -> (u16, Value) {
        let own = |text: &str| {
            let text = text.replace("$ns", &self.namespace).replace("$uid", &self.uid);
            text.replace("$version", &self.version)
        };
        let request = Request::builder().method(*method).uri(own(uri)).header("content-type", *content_type);
        let body = if body.is_null() { String::new() } else { own(&body.to_string()) };
        let request = request.header("accept", JSON).body(Body::from(body.into_bytes())).expect("it is a request");
        let answer = self.client.send(request).await.expect("it answers");
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("it is whole").to_bytes();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |key: &str| value["metadata"][key].as_str().map(str::to_owned);
        if let (Some(uid), Some(version)) = (text("uid"), text("resourceVersion")) {
            (self.uid, self.version) = (uid, version);
        }
        (code, value)
    }
}

/// Returns what the program reads of an answer.
fn read(code: u16, answer: &Value) -> Value {
    if code >= 300 {
        let causes = answer["details"]["causes"].as_array().into_iter().flatten();
        // An editor's time is in the real one's message.
        let message =
            |cause: &Value| cause["message"].as_str().unwrap_or_default().split(" at ").next().map(str::to_owned);
        let causes: Vec<Value> = causes
            .map(|cause| json!({ "reason": cause["reason"], "field": cause["field"], "message": message(cause) }))
            .collect();
        let name = answer["details"]["name"].as_str().unwrap_or_default();
        return json!({ "reason": answer["reason"], "name": name, "causes": causes });
    }
    if answer["kind"] == "Status" {
        return json!({ "status": answer["status"] });
    }
    if let Some(items) = answer["items"].as_array() {
        let name = |item: &Value| item["metadata"]["name"].clone();
        let more = answer["metadata"]["continue"].as_str().is_some_and(|text| !text.is_empty());
        return json!({ "kind": answer["kind"], "names": items.iter().map(name).collect::<Vec<_>>(), "more": more });
    }
    let metadata = &answer["metadata"];
    let entries = metadata["managedFields"].as_array().into_iter().flatten();
    // What controllers write is theirs.
    let entries = entries.filter(|entry| entry["subresource"].is_null()).map(|entry| {
        json!({
            "manager": entry["manager"], "operation": entry["operation"], "apiVersion": entry["apiVersion"],
            "fields": if entry["operation"] == "Apply" { entry["fieldsV1"].clone() } else { Value::Null },
        })
    });
    let mut entries: Vec<Value> = entries.collect();
    entries.sort_by_key(ToString::to_string);
    json!({
        "kind": answer["kind"], "apiVersion": answer["apiVersion"], "name": metadata["name"],
        "labels": metadata["labels"], "data": answer["data"], "generation": metadata["generation"],
        "replicas": answer["spec"]["replicas"], "managed": entries,
        "has": json!([metadata["uid"].is_string(), metadata["resourceVersion"].is_string()]),
    })
}

fn map(name: &str, labels: &Value, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels }, "data": data })
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{
                    "name": "main", "image": image, "ports": [{ "containerPort": 80, "protocol": "TCP" }],
                }] },
            },
        },
    })
}

const MAP: &str = "/api/v1/namespaces/$ns/configmaps/a";
const TRY: &str = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=stratify&force=false&dryRun=All";
const WRITE: &str = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=stratify&fieldValidation=Strict&force=false";
const EDIT: &str = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=editor";

/// The object whose fields are written.
fn a(data: &Value) -> Value {
    map("a", &json!({ "stratify.dev/fleet": "f" }), data)
}

/// The same, over what is expected.
fn over(uid: &str, version: &str, data: &Value) -> Value {
    let mut over = a(data);
    over["metadata"]["resourceVersion"] = json!(version);
    if !uid.is_empty() {
        over["metadata"]["uid"] = json!(uid);
    }
    over
}

/// What the program does with its objects.
fn applies() -> Vec<Ask> {
    let other = "00000000-0000-0000-0000-000000000000";
    let (first, second) = (json!({ "x": "1", "y": "1" }), json!({ "x": "2" }));
    vec![
        Ask("GET", MAP, JSON, Value::Null),
        Ask("GET", "/api/v1/namespaces/absent/configmaps/a", JSON, Value::Null),
        Ask("GET", "/apis/example.org/v1/widgets/a", JSON, Value::Null),
        Ask("PATCH", "/api/v1/namespaces/absent/configmaps/a?fieldManager=stratify", APPLY, a(&first)),
        // Tried, made over nothing, made again over nothing.
        Ask("PATCH", TRY, APPLY, a(&first)),
        Ask("GET", MAP, JSON, Value::Null),
        Ask("PATCH", WRITE, APPLY, over("", "1", &first)),
        Ask("PATCH", WRITE, APPLY, over("", "1", &second)),
        // Nothing changes, one changes and one goes.
        Ask("PATCH", WRITE, APPLY, a(&first)),
        Ask("PATCH", TRY, APPLY, over("$uid", "$version", &second)),
        Ask("PATCH", WRITE, APPLY, over("$uid", "$version", &second)),
        Ask("PATCH", WRITE, APPLY, over("$uid", "1", &first)),
        Ask("PATCH", WRITE, APPLY, over(other, "$version", &first)),
    ]
}

/// Another manager comes, and is overruled.
fn fights() -> Vec<Ask> {
    let (ours, theirs) = (a(&json!({ "x": "2" })), a(&json!({ "x": "9" })));
    let forced = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=editor&force=true";
    let try_forced = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=stratify&force=true&dryRun=All";
    let write_forced = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=stratify&force=true";
    vec![
        Ask("PATCH", EDIT, APPLY, theirs.clone()),
        Ask("PATCH", forced, APPLY, theirs),
        Ask("PATCH", TRY, APPLY, ours.clone()),
        Ask("PATCH", try_forced, APPLY, ours.clone()),
        Ask("PATCH", write_forced, APPLY, ours.clone()),
        Ask("PATCH", EDIT, JSON_PATCH, json!([{ "op": "replace", "path": "/data/x", "value": "8" }])),
        Ask("PATCH", TRY, APPLY, ours),
        Ask("PATCH", EDIT, "application/merge-patch+json", json!({ "data": { "z": "1" } })),
        Ask("PATCH", EDIT, JSON_PATCH, json!([{ "op": "test", "path": "/metadata/resourceVersion", "value": "1" }])),
    ]
}

/// A kind with a status and a list of named items; the books.
fn others() -> Vec<Ask> {
    let web = "/apis/apps/v1/namespaces/$ns/deployments/web?fieldManager=stratify&force=false";
    let secrets = "/api/v1/namespaces/$ns/secrets";
    let record = "/api/v1/namespaces/$ns/secrets/record?fieldManager=stratify";
    let secret = |version: Option<&str>, text: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "record", "resourceVersion": version },
            "data": { "record": text },
        })
    };
    vec![
        Ask("PATCH", web, APPLY, deployment("i:1", 2)),
        Ask("PATCH", web, APPLY, deployment("i:2", 2)),
        Ask("PATCH", web, APPLY, deployment("i:2", 3)),
        Ask("PUT", record, JSON, secret(Some("$version"), "YQ==")),
        Ask("POST", secrets, JSON, secret(None, "YQ==")),
        Ask("POST", secrets, JSON, secret(None, "Yg==")),
        Ask("PUT", record, JSON, secret(Some("$version"), "Yg==")),
        Ask("PUT", record, JSON, secret(Some("1"), "Yw==")),
    ]
}

/// Lists, and ends.
fn ends() -> Vec<Ask> {
    let (b, c) = ("/api/v1/namespaces/$ns/configmaps/b", "/api/v1/namespaces/$ns/configmaps/c?fieldManager=stratify");
    let labelled = "/api/v1/namespaces/$ns/configmaps?labelSelector=stratify.dev%2Ffleet%3Df";
    let paged = "/api/v1/namespaces/$ns/configmaps?limit=1&labelSelector=stratify.dev%2Ffleet%3Df";
    let condition = |uid: &str, version: &str| {
        json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
            "preconditions": { "uid": uid, "resourceVersion": version },
        })
    };
    let of_fleet = |name: &str, fleet: &str| map(name, &json!({ "stratify.dev/fleet": fleet }), &json!({}));
    vec![
        Ask("PATCH", "/api/v1/namespaces/$ns/configmaps/b?fieldManager=stratify", APPLY, of_fleet("b", "f")),
        Ask("PATCH", c, APPLY, of_fleet("c", "g")),
        Ask("GET", labelled, JSON, Value::Null),
        Ask("GET", paged, JSON, Value::Null),
        Ask("DELETE", b, JSON, condition("00000000-0000-0000-0000-000000000000", "1")),
        Ask("GET", b, JSON, Value::Null),
        Ask("DELETE", b, JSON, condition("$uid", "1")),
        Ask("DELETE", b, JSON, condition("$uid", "$version")),
        Ask("DELETE", b, JSON, condition("$uid", "$version")),
    ]
}

#[tokio::test]
async fn a_simulated_server_answers_what_a_real_one_answers() {
    let (server, simulated) = (Server::shared(), Simulated::start(1));
    let namespace = server.namespace("simulated").await;
    let asked = |client, namespace: &str| Asked {
        client,
        namespace: namespace.into(),
        uid: String::new(),
        version: String::new(),
    };
    let mut real = asked(server.client().await, &namespace);
    let mut light = asked(simulated.client(0).await, "default");
    let mut differences = Vec::new();
    let script = [applies(), fights(), others(), ends()].concat();
    for (at, ask) in script.iter().enumerate() {
        // The namespace that is named in a refusal is each one's own.
        let shown = |(code, answer): &(u16, Value)| {
            let text = json!({ "code": code, "read": read(*code, answer) }).to_string();
            text.replace(&namespace, "default")
        };
        let (expected, found) = (real.answer(ask).await, light.answer(ask).await);
        let (expected, found) = (shown(&expected), shown(&found));
        if expected != found {
            differences
                .push(format!("{at}: {} {} {}\n  real:      {expected}\n  simulated: {found}", ask.0, ask.1, ask.3));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns the events of a watch, as the program reads them.
async fn events(asked: &mut Asked, from: &str) -> Vec<String> {
    let uri = format!(
        "/api/v1/namespaces/{}/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=2&resourceVersion={from}\
         &labelSelector=stratify.dev%2Ffleet%3Df",
        asked.namespace
    );
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let request = Request::get(uri).header("accept", accept).body(Vec::new()).expect("it is a request");
    let text = asked.client.request_text(request).await.expect("a watch that ends is no error");
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).expect("each line is JSON");
        let object = &event["object"];
        format!("{} {} {}", event["type"], object["kind"], object["metadata"]["name"])
    };
    // The real server ends a watch with a bookmark, or not.
    text.lines().map(event).filter(|event| !event.contains("BOOKMARK")).collect()
}

#[tokio::test]
async fn a_watch_of_a_simulated_server_tells_what_a_real_one_tells() {
    let (server, simulated) = (Server::shared(), Simulated::start(1));
    let namespace = server.namespace("simulated").await;
    let asked = |client, namespace: &str| Asked {
        client,
        namespace: namespace.into(),
        uid: String::new(),
        version: String::new(),
    };
    let real = asked(server.client().await, &namespace);
    let light = asked(simulated.client(0).await, "default");
    let mut told = Vec::new();
    for mut asked in [real, light] {
        let uri = "/api/v1/namespaces/$ns/configmaps/a?fieldManager=stratify";
        let other = "/api/v1/namespaces/$ns/configmaps/b?fieldManager=stratify";
        let label = |name: &str, value: &str| map(name, &json!({ "stratify.dev/fleet": value }), &json!({}));
        asked.answer(&Ask("PATCH", other, APPLY, label("b", "f"))).await;
        let from = asked.version.clone();
        for (uri, object) in [
            (uri, label("a", "f")),
            (uri, map("a", &json!({ "stratify.dev/fleet": "f", "x": "y" }), &json!({}))),
            (other, label("b", "g")),
        ] {
            assert!(asked.answer(&Ask("PATCH", uri, APPLY, object)).await.0 < 300, "it is taken");
        }
        asked.answer(&Ask("DELETE", "/api/v1/namespaces/$ns/configmaps/a", JSON, Value::Null)).await;
        told.push(events(&mut asked, &from).await);
    }
    assert_eq!(told[0], told[1], "the real one's, and the simulated one's");
    assert_eq!(told[0].len(), 4, "it came, changed, another left, it went: {told:?}");
    assert_eq!(simulated.cluster(0).watches(), 1, "it was watched once");
}

#[tokio::test]
async fn the_program_asks_a_simulated_server_what_it_asks_a_real_one() {
    let (server, simulated) = (Server::shared(), Simulated::start(2));
    let user = User { name: "simulated-sync", groups: &["system:masters"] };
    let mut asked: Vec<Vec<usize>> = Vec::new();
    for is_real in [true, false] {
        let kubeconfig = if is_real { server.kubeconfig(user) } else { simulated.kubeconfig(0) };
        let fleet = Fleet::at("simulated-sync", kubeconfig);
        let mut counts = Vec::new();
        let mut run = |message: &str| {
            let (mark, before) = (server.audit().mark(), simulated.cluster(0).requests());
            fleet.sync(message).ends_with(0);
            let real = super::serve::requests(server, mark, "simulated-sync").len();
            let light = usize::try_from(simulated.cluster(0).requests() - before).expect("they are few");
            counts.push(if is_real { real } else { light });
        };
        run("the fleet");
        run("nothing changes");
        fleet.config_map("config", "a", "2");
        run("one changes");
        fleet.remove("config", "b");
        run("one goes");
        asked.push(counts);
    }
    // Other tests may have made the namespace of the books on the real one before: a try and a write less.
    let is_made = |first: usize| [0, 2].contains(&asked[1][0].saturating_sub(first));
    assert!(is_made(asked[0][0]), "requests of a first sync: {asked:?}");
    assert_eq!(asked[0][1..], asked[1][1..], "requests of a real server, and of a simulated one");
    // Without controllers no Deployment gets ready on the real one.
    let fleet = Fleet::at("simulated-web", simulated.kubeconfig(1));
    fleet.manifest("config", "web", &deployment("i:1", 1).to_string());
    let (tell, written) = std::sync::mpsc::channel();
    simulated.cluster(1).on_write(move |path, _| tell.send(path.to_owned()).expect("the test listens"));
    fleet.sync("a deployment").ends_with(0);
    let record = "/api/v1/namespaces/stratify-system/secrets/record.simulated-sync";
    assert!(simulated.cluster(0).read(record).is_some(), "its books are there");
    let written: Vec<String> = written.try_iter().filter(|path| path.contains("/deployments/")).collect();
    assert_eq!(written, ["/apis/apps/v1/namespaces/simulated-web/deployments/web"], "each write is told, no try is");
}

#[tokio::test]
async fn a_simulated_server_that_is_dead_answers_nothing_and_lives_again() {
    let simulated = Simulated::start(1);
    let fleet = Fleet::at("simulated-death", simulated.kubeconfig(0));
    fleet.sync("the fleet").ends_with(0);
    simulated.set(0, Some(Death::Refuses));
    fleet.config_map("config", "a", "2");
    fleet.sync("a changes").ends_with(1).says(&["the server cannot be reached"]);
    simulated.set(0, None);
    fleet.run(&["sync"]).ends_with(0);
    for death in [Death::Silent, Death::Slow] {
        simulated.set(0, Some(death));
        let request = Request::get("/version").body(Vec::new()).expect("it is a request");
        let client = simulated.client(0).await;
        let asked = client.request_text(request);
        tokio::time::timeout(std::time::Duration::from_secs(2), asked).await.expect_err("no whole answer comes");
    }
}
