//! In: policies, webhooks and quotas of a real API server that refuse what a fleet wants. Out: what is told, and what goes on.
//! Guarantee: what was written comes from the server's own log; what was refused is neither forgotten nor half done.
use super::fleet::{Fleet, ask, config_map, read, written};
use super::serve::Serving;
use crate::testenv::{Server, User};
use serde_json::{Value, json};

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// What the policies of these tests say.
const MESSAGE: &str = "the guild of clerks says no";

/// Makes a policy that refuses one operation on the `ConfigMap` of a name, wherever it is.
async fn policy(server: &Server, name: &str, operations: &[&str]) {
    let api = "admissionregistration.k8s.io/v1";
    let rule =
        json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": ["configmaps"] });
    let spec = json!({
        "failurePolicy": "Fail", "matchConstraints": { "resourceRules": [rule] },
        "validations": [{ "expression": format!("request.name != '{name}'"), "message": MESSAGE }],
    });
    let metadata = json!({ "name": name });
    let policy = json!({ "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec });
    let spec = json!({ "policyName": name, "validationActions": ["Deny"] });
    let binding =
        json!({ "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec });
    server.apply(&policy).await;
    server.apply(&binding).await;
}

async fn without_policy(server: &Server, name: &str) {
    for path in [BINDINGS, POLICIES] {
        ask(server, "DELETE", &format!("{path}/{name}"), &Value::Null).await.expect("an administrator may");
    }
}

/// Tries to make or change a `ConfigMap`, as the program would.
async fn is_taken(server: &Server, namespace: &str, name: &str) -> bool {
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "tried": "1" } });
    let uri = format!("/api/v1/namespaces/{namespace}/configmaps/{name}?fieldManager=trial&dryRun=All");
    let request = http::Request::patch(uri).header("content-type", "application/apply-patch+yaml");
    let request = request.body(map.to_string().into_bytes()).expect("it is a request");
    server.client().await.request_text(request).await.is_ok()
}

async fn is_deletable(server: &Server, namespace: &str, name: &str) -> bool {
    let uri = format!("/api/v1/namespaces/{namespace}/configmaps/{name}?dryRun=All");
    ask(server, "DELETE", &uri, &Value::Null).await.is_ok()
}

#[tokio::test]
async fn what_a_policy_refuses_holds_its_layer_or_the_plan_and_is_told_with_its_message() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "policed");
    policy(server, "policed-bad", &["CREATE", "UPDATE"]).await;
    server.eventually("the policy holds", async || !is_taken(server, "default", "policed-bad").await).await;
    fleet.layers(&["one", "two", "three"]);
    fleet.checkout.edit("profiles/apps/profile.yaml", "dependsOn: [two]", "dependsOn: [one]");
    for (layer, name) in [("one", "one-a"), ("two", "two-a"), ("two", "policed-bad"), ("three", "three-a")] {
        fleet.config_map(layer, name, "1");
    }
    // The namespace comes with the plan, so that nothing in it can be tried before.
    fleet.sync("the fleet").ends_with(1).says(&["policed-bad", MESSAGE]);
    for (name, is_there) in [("one-a", true), ("two-a", false), ("policed-bad", false), ("three-a", true)] {
        let found = config_map(server, "policed", name).await.is_some();
        assert_eq!(found, is_there, "{name}: its layer is not begun, and others go on");
    }
    fleet.remove("two", "policed-bad");
    fleet.sync("without it").ends_with(0);
    assert!(config_map(server, "policed", "two-a").await.is_some(), "its layer is synced");

    fleet.config_map("one", "one-a", "2");
    fleet.config_map("two", "policed-bad", "1");
    let mark = server.audit().mark();
    fleet.sync("it comes again").ends_with(1).says(&["ConfigMap policed-bad would be refused", MESSAGE]);
    assert_eq!(written(server, mark, "policed"), Vec::<String>::new(), "a mistake of the author holds the plan");
    without_policy(server, "policed-bad").await;
    server.eventually("the policy is gone", async || is_taken(server, "default", "policed-bad").await).await;
    fleet.run(&["sync"]).ends_with(0);
    assert!(config_map(server, "policed", "policed-bad").await.is_some(), "nobody refuses it");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark, "policed"), Vec::<String>::new(), "nothing changed");
}

#[tokio::test]
async fn what_a_policy_keeps_from_being_deleted_stays_ours_until_it_can_be() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "undeletable");
    fleet.config_map("config", "undeletable-c", "1");
    fleet.sync("the fleet").ends_with(0);
    policy(server, "undeletable-c", &["DELETE"]).await;
    let is_free = async || is_deletable(server, "undeletable", "undeletable-c").await;
    server.eventually("the policy holds", async || !is_free().await).await;
    fleet.remove("config", "undeletable-c");
    fleet.remove("config", "b");
    fleet.config_map("config", "a", "2");
    fleet.sync("two go, one changes").ends_with(1).says(&["undeletable-c", MESSAGE]);
    assert_eq!(config_map(server, "undeletable", "a").await.expect("it stays")["data"]["key"], "2", "others go on");
    assert_eq!(config_map(server, "undeletable", "b").await, None, "others go on");
    fleet.run(&["sync"]).ends_with(1).says(&["undeletable-c", MESSAGE]);
    without_policy(server, "undeletable-c").await;
    server.eventually("the policy is gone", is_free).await;
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(config_map(server, "undeletable", "undeletable-c").await, None, "it was not forgotten");
}

#[tokio::test]
async fn what_a_dead_webhook_refuses_is_told_and_tried_again_until_it_is_gone() {
    let server = Server::shared();
    let user = User { name: "unhooked", groups: &["system:masters"] };
    let fleet = Fleet::at("unhooked", server.kubeconfig(user));
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"],
    });
    let webhook = json!({
        "name": "unhooked.example.org", "rules": [rule], "failurePolicy": "Fail", "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "clientConfig": { "url": "https://127.0.0.1:1/" },
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "unhooked" } },
    });
    server
        .apply(&json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "unhooked" }, "webhooks": [webhook],
        }))
        .await;
    server.eventually("the webhook is asked", async || !is_taken(server, "unhooked", "a").await).await;
    fleet.config_map("config", "a", "2");
    let commit = serving.wake("a changes");
    let told =
        async || serving.status(&commit).is_some_and(|status| status.to_string().contains("unhooked.example.org"));
    server.eventually("the webhook is named", told).await;
    assert_eq!(config_map(server, "unhooked", "a").await.expect("it stays")["data"]["key"], "1", "it is refused");
    ask(server, "DELETE", &format!("{WEBHOOKS}/unhooked"), &Value::Null).await.expect("an administrator may");
    let is_changed = async || config_map(server, "unhooked", "a").await.is_some_and(|map| map["data"]["key"] == "2");
    server.eventually("it is tried again by itself", is_changed).await;
    server.eventually("it is told", async || serving.is_synced(&commit)).await;
}

#[tokio::test]
async fn a_quota_that_is_exceeded_is_told_and_what_was_written_is_known() {
    let server = Server::shared_with_controllers();
    let fleet = Fleet::new(server, "rationed");
    fleet.sync("the fleet").ends_with(0);
    let path = "/api/v1/namespaces/rationed/resourcequotas/ration";
    let quota = |hard: u64| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "ration", "namespace": "rationed" },
            "spec": { "hard": { "configmaps": hard.to_string() } },
        })
    };
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok());
    let used = async || read(server, path).await.and_then(|quota| number(&quota["status"]["used"]["configmaps"]));
    // Controllers put one into each namespace.
    let root = async || config_map(server, "rationed", "kube-root-ca.crt").await.is_some();
    server.eventually("the namespace is whole", root).await;
    server.apply(&quota(100)).await;
    server.eventually("they are counted", async || used().await == Some(3)).await;
    server.apply(&quota(4)).await;
    let hard = async || read(server, path).await.and_then(|quota| number(&quota["status"]["hard"]["configmaps"]));
    server.eventually("there is room for one", async || hard().await == Some(4)).await;
    fleet.config_map("config", "c", "1");
    fleet.config_map("config", "d", "1");
    fleet.sync("two come").ends_with(1).says(&["exceeded quota: ration"]);
    let there = async |name: &str| config_map(server, "rationed", name).await.is_some();
    assert!(!(there("c").await && there("d").await), "there is room for one only");
    // What was written without the other is ours all the same: it goes when nobody wants it.
    fleet.remove("config", "c");
    fleet.remove("config", "d");
    fleet.sync("none of them").ends_with(0);
    assert!(!there("c").await && !there("d").await, "no orphan is left");
    fleet.config_map("config", "c", "1");
    fleet.config_map("config", "d", "1");
    fleet.sync("two come again").ends_with(1).says(&["exceeded quota: ration"]);
    server.apply(&quota(100)).await;
    server.eventually("there is room for all", async || hard().await == Some(100)).await;
    fleet.run(&["sync"]).ends_with(0);
    assert!(there("c").await && there("d").await, "both are there");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark, "rationed"), Vec::<String>::new(), "nothing changed");
}
