//! In: objects, namespaces and definitions of a real API server that go too late or too early. Out: what is told, and the end.
//! Guarantee: nothing that is on its way out is deleted again, and nothing of it is forgotten.
use super::fleet::{Fleet, ask, config_map, read, written};
use crate::testenv::Server;
use serde_json::{Value, json};

/// Has an object wait at its end for somebody, or for nobody any more.
async fn hold(server: &Server, namespace: &str, name: &str, finalizers: Value) {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
    let patch = json!({ "metadata": { "finalizers": finalizers } });
    ask(server, "PATCH", &path, &patch).await.expect("an administrator may");
}

#[tokio::test]
async fn a_deletion_that_is_stuck_is_told_with_its_finalizer_and_done_once() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "held");
    fleet.layer_option("health: { timeout: 2s }");
    fleet.sync("the fleet").ends_with(0);
    hold(server, "held", "b", json!(["example.org/never"])).await;
    fleet.remove("config", "b");
    let mark = server.audit().mark();
    fleet.sync("b goes").ends_with(1).says(&["ConfigMap held/b", "it is being deleted", "example.org/never"]);
    fleet.run(&["sync"]).ends_with(1).says(&["example.org/never"]);
    let deletions = written(server, mark, "held").into_iter().filter(|it| it.starts_with("delete "));
    let deletions: Vec<String> = deletions.filter(|it| it.contains("/configmaps/b")).collect();
    assert_eq!(deletions.len(), 1, "it is deleted once: {deletions:#?}");
    hold(server, "held", "b", Value::Null).await;
    assert_eq!(config_map(server, "held", "b").await, None, "nobody holds it");
    fleet.run(&["sync"]).ends_with(0);
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark, "held"), Vec::<String>::new(), "nothing is left to do");
}

#[tokio::test]
async fn what_is_wanted_in_a_namespace_that_goes_waits_until_it_is_gone() {
    let server = Server::shared_with_controllers();
    let fleet = Fleet::new(server, "leaving");
    fleet.layer_option("health: { timeout: 2s }");
    fleet.sync("the fleet").ends_with(0);
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "theirs", "namespace": "leaving", "finalizers": ["example.org/never"] },
    });
    server.apply(&theirs).await;
    ask(server, "DELETE", "/api/v1/namespaces/leaving", &Value::Null).await.expect("an administrator may");
    server.eventually("what is in it goes", async || config_map(server, "leaving", "b").await.is_none()).await;
    fleet.config_map("config", "c", "1");
    fleet.sync("c comes").ends_with(1).says(&["leaving", "being terminated"]);
    assert_eq!(config_map(server, "leaving", "c").await, None, "it cannot come");
    assert!(config_map(server, "leaving", "theirs").await.is_some(), "what others hold is not touched");
    hold(server, "leaving", "theirs", Value::Null).await;
    let is_gone = async || read(server, "/api/v1/namespaces/leaving").await.is_none();
    server.eventually("the namespace is gone", is_gone).await;
    fleet.run(&["sync"]).ends_with(0);
    for name in ["a", "b", "c"] {
        assert!(config_map(server, "leaving", name).await.is_some(), "{name} is there, in a namespace made anew");
    }
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark, "leaving"), Vec::<String>::new(), "nothing changed");
}

/// The definition of a kind of the test's own.
pub(super) fn definition(fleet: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{ name: widgets.{fleet}.example.org }}
spec:
  group: {fleet}.example.org
  scope: Namespaced
  names: {{ kind: Widget, plural: widgets, singular: widget }}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{ openAPIV3Schema: {{ type: object, x-kubernetes-preserve-unknown-fields: true }} }}
"
    )
}

/// An object of that kind.
pub(super) fn widget(fleet: &str) -> String {
    format!("apiVersion: {fleet}.example.org/v1\nkind: Widget\nmetadata: {{ name: w }}\nspec: {{ size: 3 }}\n")
}

#[tokio::test]
async fn a_definition_that_somebody_removed_comes_back_with_its_objects() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "undefined");
    fleet.layer_option("health: { timeout: 30s }");
    fleet.manifest("config", "definition", &definition("undefined"));
    fleet.manifest("config", "widget", &widget("undefined"));
    fleet.sync("a definition and its object").ends_with(0);
    let path = "/apis/undefined.example.org/v1/namespaces/undefined/widgets/w";
    let before = read(server, path).await.expect("it was applied");
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.undefined.example.org";
    ask(server, "DELETE", definition, &Value::Null).await.expect("an administrator may");
    let is_unserved = async || read(server, "/apis/undefined.example.org/v1").await.is_none();
    server.eventually("the kind is not served", is_unserved).await;
    fleet.run(&["sync"]).ends_with(0);
    let after = read(server, path).await.expect("it is there again");
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"], "the first one went with its definition");
    assert_eq!(after["spec"], before["spec"], "as it is wanted");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark, "undefined"), Vec::<String>::new(), "nothing changed");
}
