//! In: a real API server, a user of few rights. Out: what `doctor` finds missing, and that it is enough.
//! Guarantee: with exactly the rules that were missing, nothing is missing, and a sync comes to its end.
use super::fleet::{Fleet, config_map};
use crate::testenv::{Server, User};
use serde_json::{Value, json};

const FEW: User = User { name: "few", groups: &[] };

#[tokio::test]
async fn missing_rights_are_told_as_rules_and_are_enough() {
    let server = Server::shared();
    let fleet = Fleet::at("clinic", server.kubeconfig(FEW));
    fleet.checkout.commit("the fleet");
    let mark = server.audit().mark();
    fleet.run(&["doctor"]).ends_with(1).says(&[
        "target clinic: reachable, v1.",
        "rules:\n  - apiGroups: [\"\"]\n    resources: [configmaps, namespaces]\n    verbs: [get, list, watch, create, patch, delete]",
        "to a Role in the namespace stratify-system",
        "    resourceNames: [kube-system]\n    verbs: [get]",
        "1 of 3 need a hand",
    ]);
    let settings = fleet.folder().join("stratify.yaml").display().to_string();
    let (code, answer) = fleet.checkout.json(&["doctor", "--settings", &settings]);
    assert_eq!((code, &answer["well"]), (Some(1), &json!(false)), "{answer}");
    let reviews = |entry: &crate::testenv::Entry| entry.user_agent.starts_with("stratify/") && entry.is_write();
    let wrote = server.audit().since(mark, |entry| {
        reviews(entry) && !entry.uri.contains("selfsubjectaccessreviews") && entry.uri.contains("clinic")
    });
    assert!(wrote.is_empty(), "rights are reviewed, not tried: {wrote:?}");
    server.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "stratify-system" } })).await;
    let target = answer["checks"].as_array().expect("it lists them").iter().find(|check| check["target"] == "clinic");
    let missing = target.expect("the target is one")["missing"].as_array().expect("it lists them").clone();
    for (at, missing) in missing.iter().enumerate() {
        for object in given(&format!("clinic-{at}"), missing) {
            server.apply(&object).await;
        }
    }
    let may = async || fleet.run(&["doctor"]).code == Some(0);
    server.eventually("the server knows the rights", may).await;
    fleet.run(&["doctor"]).ends_with(0).says(&["to which the first sync binds its name", "nothing is missing"]);
    fleet.run(&["sync"]).ends_with(0);
    assert!(config_map(server, "clinic", "a").await.is_some(), "the rules were enough");
    fleet.run(&["doctor"]).ends_with(0).says(&["and its name stands for it"]);
    fleet.settings(", uid: 00000000-0000-0000-0000-000000000000");
    fleet.run(&["doctor"]).ends_with(1).says(&["another API server is behind the target clinic"]);
}

/// Returns what gives a missing rule: a role and its binding.
fn given(name: &str, missing: &Value) -> [Value; 2] {
    let api = "rbac.authorization.k8s.io";
    let prefix = if missing["namespace"].is_null() { "Cluster" } else { "" };
    let mut metadata = json!({ "name": name });
    if let Some(namespace) = missing["namespace"].as_str() {
        metadata["namespace"] = json!(namespace);
    }
    let kind = format!("{prefix}Role");
    [
        json!({ "apiVersion": format!("{api}/v1"), "kind": kind, "metadata": metadata, "rules": [missing["rule"]] }),
        json!({
            "apiVersion": format!("{api}/v1"), "kind": format!("{prefix}RoleBinding"), "metadata": metadata,
            "roleRef": { "apiGroup": api, "kind": kind, "name": name },
            "subjects": [{ "apiGroup": api, "kind": "User", "name": FEW.name }],
        }),
    ]
}

#[tokio::test]
async fn pods_that_say_why_a_workload_is_not_well_have_to_be_listed() {
    let server = Server::shared();
    let user = User { name: "few-pods", groups: &[] };
    let fleet = Fleet::at("clinic-pods", server.kubeconfig(user));
    let said = "  - apiGroups: [\"\"]\n    resources: [pods]\n    verbs: [list]";
    fleet.checkout.commit("no workload");
    let ran = fleet.run(&["doctor"]).ends_with(1);
    assert!(!ran.all().contains("[pods]"), "nothing of it has pods: {}", ran.all());
    fleet.manifest(
        "config",
        "web",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  \
         template: { metadata: { labels: { app: web } }, spec: { containers: [ { name: web, image: 'x:1' } ] } }\n",
    );
    fleet.checkout.commit("a workload");
    fleet.run(&["doctor"]).ends_with(1).says(&["to a Role in the namespace clinic-pods", said]);
}
