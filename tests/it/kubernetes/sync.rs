//! In: commits of a fleet, edits by others, a real API server. Out: what a sync makes of the server.
//! Guarantee: what was sent comes from the server's own log.
use super::fleet::{Fleet, config_map, read};
use crate::testenv::{Entry, Mark, Server, User};
use serde_json::json;
use std::process::Command;

/// Returns the writes that the program did since a mark, without those that were only tried.
fn writes(server: &Server, mark: Mark, fleet: &str) -> Vec<String> {
    let is_ours = |entry: &Entry| {
        entry.user_agent.starts_with("stratify/")
            && entry.is_write()
            && (entry.uri.contains(&format!("/namespaces/{fleet}")) || entry.uri.contains(&format!(".{fleet}")))
    };
    server.audit().since(mark, is_ours).into_iter().map(|entry| format!("{} {}", entry.verb, entry.uri)).collect()
}

#[tokio::test]
async fn a_commit_becomes_objects_and_a_second_sync_writes_nothing() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "first");
    fleet.sync("the fleet").ends_with(0).says(&["first: synced 1 layer, 3 objects"]);
    let map = config_map(server, "first", "a").await.expect("it was applied");
    assert_eq!(map["data"]["key"], "1", "as written");
    assert_eq!(map["metadata"]["labels"]["stratify.dev/layer"], "config", "it bears our mark");
    let parent = read(server, "/api/v1/namespaces/stratify-system/secrets/layer.first.config").await;
    let parent = parent.expect("its layer has an inventory");
    let id = &parent["metadata"]["labels"]["applyset.kubernetes.io/id"];
    assert_eq!(&map["metadata"]["labels"]["applyset.kubernetes.io/part-of"], id, "it is a member of the layer's set");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(writes(server, mark, "first"), Vec::<String>::new(), "nothing changed");
}

#[tokio::test]
async fn a_secret_gets_its_values_and_no_output_shows_them() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "door");
    let secret = |password: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: door }}\nstringData: {{ password: {password} }}\n\
             data: {{ token: aHVudGVyMw== }}\n"
        )
    };
    fleet.manifest("config", "door", &secret("hunter2"));
    fleet.sync("the fleet").ends_with(0);
    let data =
        async || read(server, "/api/v1/namespaces/door/secrets/door").await.expect("it was applied")["data"].clone();
    assert_eq!(data().await, json!({ "password": "aHVudGVyMg==", "token": "aHVudGVyMw==" }), "as written");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0).says(&["nothing to change"]);
    assert_eq!(writes(server, mark, "door"), Vec::<String>::new(), "it is as it shall be");
    fleet.manifest("config", "door", &secret("hunter4"));
    fleet.checkout.commit("another password");
    let said = ["plan", "sync"].map(|command| fleet.run(&[command]).all()).concat();
    assert!(!said.contains("hunter") && !said.contains("aHVudGVy"), "nobody is shown it: {said}");
    assert_eq!(data().await["password"], "aHVudGVyNA==", "the cluster has it");
}

#[tokio::test]
async fn what_a_commit_changes_is_written_and_what_it_omits_is_deleted() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "second");
    fleet.sync("the fleet").ends_with(0);
    fleet.config_map("config", "a", "2");
    fleet.remove("config", "b");
    fleet.config_map("config", "c", "1");
    let mark = server.audit().mark();
    fleet.sync("a changes, b goes, c comes").ends_with(0).says(&["1 created, 1 changed, 1 removed"]);
    assert_eq!(config_map(server, "second", "a").await.expect("it stays")["data"]["key"], "2");
    assert_eq!(config_map(server, "second", "b").await, None, "it is gone");
    assert!(config_map(server, "second", "c").await.is_some(), "it is there");
    let writes = writes(server, mark, "second");
    // The inventory before and after the writes, and after the deletion.
    assert_eq!(writes.len(), 3 + 3 + 2, "three objects, three inventories, two records: {writes:#?}");
}

#[tokio::test]
async fn what_others_changed_is_corrected_and_what_others_own_is_refused() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "third");
    fleet.sync("the fleet").ends_with(0);
    let edited =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "key": "9" } });
    patch(server, "third", "a", &edited, true).await;
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(config_map(server, "third", "a").await.expect("it stays")["data"]["key"], "1", "it was corrected");

    let theirs =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": { "key": "9" } });
    patch(server, "third", "c", &theirs, false).await;
    fleet.config_map("config", "c", "1");
    fleet.sync("c comes").ends_with(1).says(&["ConfigMap c would be refused", "not ours, but of editor", "editor"]);
    let map = config_map(server, "third", "c").await.expect("it stays");
    assert_eq!((&map["data"]["key"], &map["metadata"]["labels"]), (&json!("9"), &json!(null)), "it was not touched");
}

#[tokio::test]
async fn an_object_that_somebody_made_anew_or_unmarked_is_not_deleted() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "fourth");
    fleet.sync("the fleet").ends_with(0);
    let path = "/api/v1/namespaces/fourth/configmaps/b";
    let request = http::Request::delete(path).body(Vec::new()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
    let theirs =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "b" }, "data": { "key": "9" } });
    patch(server, "fourth", "b", &theirs, false).await;
    fleet.remove("config", "b");
    fleet.sync("b goes").ends_with(0);
    assert_eq!(config_map(server, "fourth", "b").await.expect("it stays")["data"]["key"], "9", "it is another object");
}

#[tokio::test]
async fn a_definition_is_established_before_its_objects_come_and_goes_after_them() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "fifth");
    fleet.manifest("config", "definition", CRD);
    fleet.manifest(
        "config",
        "widget",
        "apiVersion: fifth.example.org/v1\nkind: Widget\nmetadata: { name: w }\nspec: { size: 3 }\n",
    );
    fleet.sync("a definition and its object").ends_with(0);
    let path = "/apis/fifth.example.org/v1/namespaces/fifth/widgets/w";
    assert_eq!(read(server, path).await.expect("it was applied")["spec"]["size"], 3);
    let tooling = Command::new("kubectl").arg("version").arg("--client").output();
    if tooling.is_ok() {
        let kubeconfig = server.kubeconfig_file(User::ADMIN);
        let listed = Command::new("kubectl")
            .args([
                "get",
                "widgets.fifth.example.org",
                "--all-namespaces",
                "-l",
                "stratify.dev/fleet=fifth",
                "-o",
                "name",
            ])
            .env("KUBECONFIG", kubeconfig)
            .output()
            .expect("it runs");
        assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "widget.fifth.example.org/w", "kubectl shows it");
    }
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.fifth.example.org }
spec:
  group: fifth.example.org
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { size: { type: integer } } } }
";

/// Lets definitions go without an approval.
fn unprotected(fleet: &Fleet) {
    let policy = "policies: { deletion: { maxPercent: 100, protectedKinds: [] } }";
    fleet.checkout.edit("fleet.yaml", "policies: { deletion: { maxPercent: 100 } }", policy);
}

fn widget(fleet: &str, size: u32) -> String {
    format!("apiVersion: {fleet}.example.org/v1\nkind: Widget\nmetadata: {{ name: w }}\nspec: {{ size: {size} }}\n")
}

#[tokio::test]
async fn an_object_waits_for_the_later_layer_with_its_definition_and_goes_before_it() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "eighth");
    unprotected(&fleet);
    fleet.layers(&["config", "definitions"]);
    fleet.manifest("definitions", "definition", &CRD.replace("fifth", "eighth"));
    fleet.manifest("config", "widget", &widget("eighth", 3));
    let mark = server.audit().mark();
    let synced = fleet.sync("a definition in a later layer").ends_with(0);
    synced.says(&["eighth: synced 2 layers, 5 objects"]);
    let sent = writes(server, mark, "eighth");
    let place = |what: &str| sent.iter().position(|write| write.contains(what)).expect("it was written");
    assert!(place("/configmaps/a") < place("/customresourcedefinitions/"), "its layer comes first: {sent:#?}");
    assert!(place("/customresourcedefinitions/") < place("/widgets/w"), "it waits: {sent:#?}");
    let path = "/apis/eighth.example.org/v1/namespaces/eighth/widgets/w";
    assert_eq!(read(server, path).await.expect("it was applied")["spec"]["size"], 3);
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(writes(server, mark, "eighth"), Vec::<String>::new(), "nothing changed");

    fleet.manifest("config", "widget", &widget("eighth", 4));
    fleet.sync("another size").ends_with(0).says(&["synced 1 layer, 1 object (0 created, 1 changed"]);
    assert_eq!(read(server, path).await.expect("it stays")["spec"]["size"], 4);

    fleet.layers(&["config"]);
    fleet.remove("config", "widget");
    let mark = server.audit().mark();
    fleet.sync("both go").ends_with(0).says(&["2 removed"]);
    let sent = writes(server, mark, "eighth");
    let place = |what: &str| sent.iter().position(|write| write.contains(what)).expect("it was deleted");
    assert!(place("/widgets/w") < place("/customresourcedefinitions/"), "the definition goes last: {sent:#?}");
    assert_eq!(read(server, path).await, None, "it is gone");
    assert!(config_map(server, "eighth", "a").await.is_some(), "the rest of its layer stays");
}

#[tokio::test]
async fn an_object_that_went_with_its_definition_is_gone() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "ninth");
    unprotected(&fleet);
    fleet.manifest("config", "definition", &CRD.replace("fifth", "ninth"));
    fleet.manifest("config", "widget", &widget("ninth", 3));
    fleet.sync("a definition and its object").ends_with(0);
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.ninth.example.org";
    let request = http::Request::delete(path).body(Vec::new()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
    while read(server, "/apis/ninth.example.org/v1").await.is_some() {
        tokio::task::yield_now().await;
    }
    fleet.remove("config", "definition");
    fleet.remove("config", "widget");
    fleet.sync("both go").ends_with(0).says(&["2 removed"]);
}

#[tokio::test]
async fn a_layer_adopts_from_whom_it_names_and_from_nobody_else() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "sixth");
    fleet.sync("the fleet").ends_with(0);
    let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": { "key": "9", "old": "1" } });
    patch(server, "sixth", "c", &theirs, false).await;
    fleet.config_map("config", "c", "1");
    fleet.layer_option("adopt: [somebody]");
    fleet.sync("c comes").ends_with(1).says(&["of editor"]);
    fleet.layer_option("adopt: [editor]");
    fleet.sync("c is adopted").ends_with(0);
    let map = config_map(server, "sixth", "c").await.expect("it stays");
    assert_eq!(map["data"], json!({ "key": "1" }), "what it had and we omit goes, since it is ours now");
    let managers = map["metadata"]["managedFields"].as_array().expect("servers keep them");
    let managers: Vec<_> = managers.iter().map(|entry| entry["manager"].as_str().unwrap_or_default()).collect();
    assert_eq!(managers, ["stratify"], "the one from whom it was taken has nothing of it any more");
}

#[tokio::test]
async fn what_a_layer_leaves_to_others_keeps_their_value() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "seventh");
    fleet.manifest("config", "web", DEPLOYMENT);
    fleet.layer_option("health: { expressions: [ { group: apps, kind: Deployment, current: 'true' } ] }");
    fleet.sync("the fleet").ends_with(0);
    let scaled = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" }, "spec": { "replicas": 5 } });
    apply(server, "/apis/apps/v1/namespaces/seventh/deployments/web", &scaled, true).await;
    fleet.layer_option(
        "ignore: [ { target: { kind: Deployment }, pointers: [/spec/replicas] } ], \
         health: { expressions: [ { group: apps, kind: Deployment, current: 'true' } ] }",
    );
    let replicas = async || {
        let web = read(server, "/apis/apps/v1/namespaces/seventh/deployments/web").await.expect("it was applied");
        (web["spec"]["replicas"].clone(), web["spec"]["template"]["spec"]["containers"][0]["image"].clone())
    };
    fleet.sync("replicas are left to others").ends_with(0);
    assert_eq!(replicas().await, (json!(5), json!("registry.example/web:1")), "what others said stands");
    fleet.manifest("config", "web", &DEPLOYMENT.replace("web:1", "web:2"));
    fleet.sync("another image").ends_with(0);
    assert_eq!(replicas().await, (json!(5), json!("registry.example/web:2")), "and stays when something else changes");
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [ { name: web, image: 'registry.example/web:1' } ] }
";

/// Applies a `ConfigMap` as another manager.
async fn patch(server: &Server, namespace: &str, name: &str, object: &serde_json::Value, force: bool) {
    apply(server, &format!("/api/v1/namespaces/{namespace}/configmaps/{name}"), object, force).await;
}

/// Applies as another manager.
async fn apply(server: &Server, path: &str, object: &serde_json::Value, force: bool) {
    let uri = format!("{path}?fieldManager=editor&force={force}");
    let request = http::Request::patch(uri).header("content-type", "application/apply-patch+yaml");
    let request = request.body(object.to_string().into_bytes()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
}
