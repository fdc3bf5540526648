//! In: plans of clusters on real API servers. Out: what is tried, what that says, and that a sync has the same plan.
//! Guarantee: nothing is written by a plan, by the server's own log.
use super::fleet::{Fleet, ask};
use crate::testenv::{Entry, Server};
use serde_json::{Value, json};

/// A definition, and an object of its kind.
const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.plans.example.org }
spec:
  group: plans.example.org
  scope: Namespaced
  names: { kind: Gadget, plural: gadgets, singular: gadget }
  versions: [ { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } } ]
";

fn settings(fleet: &Fleet) -> String {
    fleet.folder().join("stratify.yaml").display().to_string()
}

/// Returns the verdict of each object of a plan, by kind and name.
fn verdicts(plan: &Value) -> Vec<String> {
    let layers = plan["layers"].as_array().expect("it lists them").iter();
    let objects = layers.flat_map(|layer| layer["objects"].as_array().expect("it lists them"));
    let word = |object: &Value| {
        format!("{} {}", object["name"].as_str().unwrap_or(""), object["admission"]["verdict"].as_str().unwrap_or("-"))
    };
    objects.map(word).collect()
}

#[tokio::test]
async fn a_plan_is_tried_on_the_server_and_is_the_one_that_is_applied() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "plans");
    fleet.sync("the fleet").ends_with(0);
    fleet.config_map("config", "a", "2");
    fleet.manifest("config", "definition", DEFINITION);
    fleet.manifest("config", "gadget", "apiVersion: plans.example.org/v1\nkind: Gadget\nmetadata: { name: g }\n");
    fleet.checkout.commit("a changes, a kind comes");
    let mark = server.audit().mark();
    fleet.run(&["plan"]).ends_with(2).says(&["3 writes tried on the server: 2 admitted, 1 schema-checked"]);
    let (_, answer) = fleet.checkout.json(&["plan", "--settings", &settings(&fleet)]);
    let plan = &answer["plans"][0];
    let verdicts = verdicts(plan);
    for verdict in ["a admitted", "b -", "g schema-checked", "gadgets.plans.example.org admitted"] {
        assert!(verdicts.iter().any(|found| found == verdict), "{verdict}: {verdicts:?}");
    }
    let ours = |entry: &Entry| entry.user_agent.starts_with("stratify/") && entry.uri.contains("plans");
    let tried = server.audit().since(mark, |entry| ours(entry) && entry.dry_run);
    assert!(!tried.is_empty(), "it is tried");
    let wrote = server.audit().since(mark, |entry| ours(entry) && entry.is_write());
    assert!(wrote.is_empty(), "it is only tried: {wrote:?}");
    let mark = server.audit().mark();
    let left = fleet.run(&["plan", "--no-probe"]).ends_with(2);
    assert!(!left.all().contains("tried on the server"), "{}", left.all());
    assert!(server.audit().since(mark, |entry| ours(entry) && entry.dry_run).is_empty(), "nothing is tried");
    fleet.run(&["sync"]).ends_with(0);
    let (_, status) = fleet.checkout.json(&["status", "--settings", &settings(&fleet)]);
    assert_eq!(status["live"][0]["plan"], plan["plan"], "what was reviewed is what was applied");
    fleet.run(&["plan"]).ends_with(0);
}

#[tokio::test]
async fn who_has_a_field_is_named_by_the_plan_and_all_else_is_shown() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "claims");
    fleet.sync("the fleet").ends_with(0);
    let theirs =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "b" }, "data": { "more": "9" } });
    let path = "/api/v1/namespaces/claims/configmaps/b?fieldManager=editor";
    ask(server, "PATCH", path, &theirs).await.expect("an administrator may");
    let edit = json!({ "data": { "key": "9" } });
    let path = "/api/v1/namespaces/claims/configmaps/a?fieldManager=editor";
    ask(server, "PATCH", path, &edit).await.expect("an administrator may");
    fleet.manifest(
        "config",
        "b",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b }\ndata: { key: '1', more: '2' }\n",
    );
    fleet.config_map("config", "c", "1");
    let said = [
        "+ ConfigMap claims/c",
        "! ConfigMap b would be refused: .data.more (`editor`)",
        "! /data/key of ConfigMap claims/a is of `editor`, and taken back: it was ours",
        "3 writes tried on the server: 2 admitted, 1 refused",
    ];
    fleet.run(&["plan"]).ends_with(1).says(&said);
    let (_, answer) = fleet.checkout.json(&["plan", "--settings", &settings(&fleet)]);
    assert!(verdicts(&answer["plans"][0]).contains(&"b refused".to_owned()), "{answer}");
    let conflicts = answer["plans"][0]["conflicts"].as_array().expect("it lists them");
    let named = (&conflicts[0]["field"], &conflicts[0]["manager"], &conflicts[0]["taken"]);
    assert_eq!((conflicts.len(), named), (1, (&json!("/data/key"), &json!("editor"), &json!(true))), "{answer}");
    fleet.layer_option("adopt: [editor]");
    fleet.run(&["plan"]).ends_with(2).says(&["! ConfigMap b changes hands, from editor"]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_leaves_a_plan_unverified_and_is_told() {
    let server = Server::shared();
    let kubeconfig = server.kubeconfig(crate::testenv::User::ADMIN);
    let fleet = Fleet::new(server, "away");
    fleet.sync("the fleet").ends_with(0);
    let (before, after) = kubeconfig.split_once("https://127.0.0.1:").expect("it is on the loopback");
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    let fleet = fleet.reached_by(format!("{before}https://127.0.0.1:1{after}"));
    fleet.config_map("config", "a", "2");
    let ran = fleet.run(&["plan"]).ends_with(2);
    ran.says(&["~ ConfigMap away/a", "! ConfigMap a could not be tried: ", "1 cluster to change, 0 as they should be"]);
    let (code, answer) = fleet.checkout.json(&["plan", "--settings", &settings(&fleet)]);
    let verdicts = verdicts(&answer["plans"][0]);
    assert!(code == Some(2) && verdicts.contains(&"a unverified".to_owned()), "{verdicts:?}");
    assert!(verdicts.contains(&"b -".to_owned()), "what this machine saw applied is the old side: {verdicts:?}");
}
