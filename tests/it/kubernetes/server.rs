//! In: the harness itself. Out: that its servers are what the tests take them for.
//! Guarantee: real programs throughout; no test waits for a time to pass.
use crate::testenv::{Controllers, Options, Server, User};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

#[tokio::test]
async fn a_namespace_is_applied_and_the_audit_log_tells_it() {
    let server = Server::shared();
    let agent = "smoke-apply";
    let mark = server.audit().mark();
    let namespaces: Api<Namespace> = Api::all(server.client_of(User::ADMIN, agent).await);
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "smoke-applied" } });
    let apply = PatchParams::apply("smoke");
    namespaces.patch("smoke-applied", &apply.clone().dry_run(), &Patch::Apply(&namespace)).await.expect("may probe");
    namespaces.patch("smoke-applied", &apply, &Patch::Apply(&namespace)).await.expect("may apply");
    let entries = server.audit().since(mark, |entry| entry.user_agent == agent);
    let told: Vec<_> = entries.iter().map(|entry| (entry.verb.as_str(), entry.dry_run, entry.code)).collect();
    assert_eq!(told, [("patch", true, 201), ("patch", false, 201)], "the probe changes nothing, so both create");
    assert_eq!(entries[1].parameter("fieldManager"), Some("smoke"), "{}", entries[1].uri);
    assert_eq!([entries[0].is_write(), entries[1].is_write()], [false, true], "a probe is no write");
    let object = entries[1].object.as_ref().expect("it is about an object");
    assert_eq!((object.resource.as_str(), object.name.as_str()), ("namespaces", "smoke-applied"));
    assert_eq!(entries[1].user, "admin", "the certificate names the user");
}

#[tokio::test]
async fn a_user_may_what_its_groups_may_and_no_more() {
    let server = Server::shared();
    let namespace = server.namespace("smoke").await;
    let user = User { name: "viewer", groups: &["smoke:viewers", "others"] };
    let maps: Api<ConfigMap> = Api::namespaced(server.client_of(user, "smoke-viewer").await, &namespace);
    let refused = maps.list(&ListParams::default()).await.expect_err("nobody has allowed it");
    assert!(refused.to_string().contains("User \"viewer\" cannot list"), "{refused}");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": "viewers", "namespace": namespace },
        "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }],
    });
    server.apply(&role).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "viewers", "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "viewers" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "smoke:viewers" }],
    });
    server.apply(&binding).await;
    // The server learns of bindings by a watch of its own.
    server.eventually("the group may", async || maps.list(&ListParams::default()).await.is_ok()).await;
}

#[tokio::test]
async fn with_controllers_deployments_become_ready_and_namespaces_go() {
    let server = Server::shared_with_controllers();
    let namespace = server.namespace("smoke").await;
    let client = server.client().await;
    let labels = json!({ "app": "web" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": 2, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "registry.example/web:1" }] },
            },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    deployments.patch("web", &PatchParams::apply("smoke"), &Patch::Apply(&deployment)).await.expect("may apply");
    server
        .eventually("the deployment is available", async || {
            let status = deployments.get("web").await.expect("it was applied").status;
            status.and_then(|status| status.available_replicas) == Some(2)
        })
        .await;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(&namespace, &DeleteParams::default()).await.expect("an administrator may");
    let is_gone = async || namespaces.get_opt(&namespace).await.expect("may read").is_none();
    server.eventually("the namespace is gone", is_gone).await;
}

#[tokio::test]
async fn an_api_server_that_comes_back_has_its_objects() {
    let mut server = Server::start(Options { controllers: Controllers::None, ..Options::default() });
    let namespace = server.namespace("kept").await;
    let namespaces: Api<Namespace> = Api::all(server.client().await);
    server.stop_api();
    namespaces.get(&namespace).await.expect_err("nobody listens");
    server.start_api();
    let kept = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    server.try_find(&kept).await.expect("etcd has it");
}
