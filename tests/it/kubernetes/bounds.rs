//! In: what the operator's settings allow a repository, and a real API server. Out: what is refused, and as whom objects
//! are written. Guarantee: what is refused writes nothing, by the server's own log.
use super::fleet::{Fleet, config_map};
use crate::testenv::{Options, Server};
use serde_json::{Value, json};

/// Returns how many writes of the program that were no tries the log has since a mark.
fn written(server: &Server, mark: crate::testenv::Mark, fleet: &str) -> usize {
    let of_fleet = |uri: &str| uri.contains(&format!("/namespaces/{fleet}")) || uri.contains(&format!(".{fleet}"));
    server
        .audit()
        .since(mark, |entry| entry.user_agent.starts_with("stratify/") && entry.is_write() && of_fleet(&entry.uri))
        .len()
}

#[tokio::test]
async fn another_server_behind_a_name_is_not_touched() {
    let (first, second) = (Server::shared(), Server::start(Options::default()));
    let fleet = Fleet::new(first, "bound");
    fleet.sync("the fleet").ends_with(0);
    let fleet = fleet.reached_by(second.kubeconfig(crate::testenv::User::ADMIN));
    let mark = second.audit().mark();
    let ran = fleet.run(&["sync"]);
    ran.ends_with(1).says(&["another API server is behind the target bound", "set `uid: "]);
    assert_eq!(written(&second, mark, "bound"), 0, "nothing was written there");
    let uid = uid(&second).await;
    fleet.settings(&format!(", uid: {uid}"));
    fleet.run(&["sync"]).ends_with(0);
    assert!(config_map(&second, "bound", "a").await.is_some(), "the operator said so");
    fleet.settings(", uid: 00000000-0000-0000-0000-000000000000");
    fleet.run(&["sync"]).ends_with(1).says(&["the settings name the one whose kube-system has the UID 00000000-"]);
}

#[tokio::test]
async fn a_record_that_was_restored_elsewhere_is_not_believed() {
    let (first, second) = (Server::shared(), Server::start(Options::default()));
    let fleet = Fleet::new(first, "restored");
    fleet.sync("the fleet").ends_with(0);
    let path = "/api/v1/namespaces/stratify-system/secrets/record.restored";
    let mut record = super::fleet::read(first, path).await.expect("there is a record");
    record["metadata"] = json!({
        "name": "record.restored", "namespace": "stratify-system", "labels": record["metadata"]["labels"],
    });
    second.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "stratify-system" } })).await;
    second.apply(&record).await;
    std::fs::remove_dir_all(fleet.folder().join("state")).expect("it is ours");
    let fleet = fleet.reached_by(second.kubeconfig(crate::testenv::User::ADMIN));
    fleet.run(&["sync"]).ends_with(1).says(&["another API server is behind the target restored", "its record names"]);
    assert!(config_map(&second, "restored", "a").await.is_none(), "nothing was written");
}

#[tokio::test]
async fn what_is_outside_of_the_bounds_is_told_and_nothing_is_written() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "outside");
    fleet.settings_of(", allow: { namespaces: ['web-*'], kinds: [ConfigMap, Namespace] }", "");
    let mark = server.audit().mark();
    fleet.sync("the fleet").ends_with(1).says(&[
        "error[ST0510]: ConfigMap outside/a of layer `config` is outside of what this repository may touch",
        "--> ",
        "the namespace `outside`",
    ]);
    assert_eq!(written(server, mark, "outside"), 0, "nothing was written");
    fleet.run(&["plan"]).ends_with(1).says(&["ST0510"]);
    fleet.settings_of(", allow: { namespaces: [outside], kinds: [Secret, Namespace] }", "");
    fleet.run(&["sync"]).ends_with(1).says(&["the kind `ConfigMap`"]);
    fleet.settings_of(", allow: { targets: [others] }", "");
    fleet.run(&["sync"]).ends_with(1).says(&["the target `outside` is outside of what this repository may touch"]);
    fleet.settings_of(", allow: { targets: [out*], namespaces: [outside], kinds: ['*'] }", "");
    fleet.run(&["sync"]).ends_with(0);
    // Deletions, too.
    fleet.settings_of(", allow: { kinds: [Namespace, Deployment.apps] }", "");
    fleet.remove("config", "b");
    fleet.sync("b goes").ends_with(1).says(&["ConfigMap outside/b of layer `config`"]);
    assert!(config_map(server, "outside", "b").await.is_some(), "it stays");
}

#[tokio::test]
async fn objects_are_written_as_the_identity_and_books_as_ourselves() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "team");
    fleet.settings_of(", identity: { user: team-a, groups: [tenants] }", "");
    fleet.sync("the fleet").ends_with(1).says(&["team-a"]);
    assert!(config_map(server, "team", "a").await.is_none(), "team-a may nothing yet");
    for object in rights() {
        server.apply(&object).await;
    }
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert!(config_map(server, "team", "a").await.is_some(), "team-a may that");
    let ours = server.audit().since(mark, |entry| entry.user_agent.starts_with("stratify/") && entry.is_write());
    for entry in ours.iter().filter(|entry| entry.uri.contains("/namespaces/team/")) {
        assert_eq!(entry.impersonated.as_deref(), Some("team-a"), "objects: {entry:?}");
    }
    for entry in ours.iter().filter(|entry| entry.uri.contains("/namespaces/stratify-system/")) {
        assert_eq!(entry.impersonated, None, "books: {entry:?}");
    }
}

/// Returns what lets team-a write what the fleet has.
fn rights() -> [Value; 2] {
    let rules = json!([
        { "apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": ["get", "list", "create", "patch"] },
    ]);
    let api = "rbac.authorization.k8s.io";
    [
        json!({ "apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "metadata": { "name": "team-a" }, "rules": rules }),
        json!({
            "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "team-a" },
            "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": "team-a" },
            "subjects": [{ "apiGroup": api, "kind": "User", "name": "team-a" }],
        }),
    ]
}

async fn uid(server: &Server) -> String {
    let namespace = super::fleet::read(server, "/api/v1/namespaces/kube-system").await.expect("each server has it");
    namespace["metadata"]["uid"].as_str().expect("it has one").to_owned()
}
