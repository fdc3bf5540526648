//! In: a chart with hooks, a real API server, helm. Out: when each hook was made and deleted, in the server's own order.
//! Guarantee: what runs does so once for what its layer is, before or after the layer's objects; a repair runs nothing.
use super::fleet::{Fleet, ask, config_map, read};
use crate::testenv::{Entry, Mark, Server, on_a_runtime, program};
use serde_json::{Value, json};
use std::fs;

/// Nothing runs the objects of this server.
const WELL: &str = "health: { expressions: [ { kind: Job, current: 'true' } ] }";

const JOB: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  template:
    spec: { restartPolicy: Never, containers: [ { name: m, image: 'registry.example/m:1' } ] }
";

fn hook(name: &str, events: &str, weight: i32) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {{ helm.sh/hook: '{events}', helm.sh/hook-weight: '{weight}' }}\ndata: {{ a: b }}\n"
    )
}

fn fleet(server: &Server) -> Fleet {
    fleet_of(server, "hooked", WELL, JOB)
}

/// Returns a fleet with a chart whose hooks are in a namespace of the fleet's name.
fn fleet_of(server: &Server, name: &str, health: &str, job: &str) -> Fleet {
    let fleet = Fleet::new(server, name);
    let write = |path: &str, text: &str| fleet.checkout.write(path, text);
    write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    write("charts/app/values.yaml", "key: one\n");
    write(
        "charts/app/templates/app.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { key: {{ .Values.key }} }\n",
    );
    write("charts/app/templates/migrate.yaml", job);
    write("charts/app/templates/first.yaml", &hook("first", "pre-install,pre-upgrade", -5));
    write("charts/app/templates/after.yaml", &hook("after", "post-install,post-upgrade", 1));
    write("charts/app/templates/installed.yaml", &hook("installed", "post-install", 0));
    let layer = format!("    - {{ name: app, chart: {{ path: ../../charts/app }}, namespace: {name}, {health} }}\n");
    let head = "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: apps }\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n";
    write("profiles/apps/profile.yaml", &format!("{head}{layer}"));
    with_helm(&fleet);
    fleet
}

/// Names helm in the settings of a fleet.
pub(super) fn with_helm(fleet: &Fleet) {
    let settings = fleet.folder().join("stratify.yaml");
    let text = fs::read_to_string(&settings).expect("it is there");
    let helm = program("helm", "helm");
    fs::write(&settings, format!("{text}programs: {{ helm: '{}' }}\n", helm.display())).expect("it is ours");
}

/// Returns what was written for the program since a mark: `verb name`, tries without effect left out.
fn written(server: &Server, mark: Mark) -> Vec<String> {
    let is_ours = |entry: &Entry| entry.user_agent.starts_with("stratify/") && entry.is_write() && !entry.dry_run;
    let name = |entry: &Entry| {
        let path = entry.uri.split('?').next().unwrap_or_default();
        let is_one =
            ["/namespaces/hooked/configmaps/", "/namespaces/hooked/jobs/"].iter().any(|part| path.contains(part));
        is_one.then(|| format!("{} {}", entry.verb, path.rsplit('/').next().unwrap_or_default()))
    };
    server.audit().since(mark, is_ours).iter().filter(|entry| entry.code < 300).filter_map(name).collect()
}

fn uid(object: Option<Value>) -> String {
    object.expect("it is there")["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn hooks_run_once_for_what_their_layer_is_in_their_order() {
    let server = Server::shared();
    let fleet = fleet(server);
    let mark = server.audit().mark();
    fleet.sync("the fleet").ends_with(0).says(&["2 objects (2 created, 0 changed, 0 removed, 4 hooks run)"]);
    assert_eq!(
        written(server, mark),
        ["patch first", "patch migrate", "patch app", "patch installed", "patch after", "delete migrate"],
        "by weight before the layer, by weight after it; what goes once all is well goes last"
    );
    assert!(read(server, "/apis/batch/v1/namespaces/hooked/jobs/migrate").await.is_none(), "it went");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark), [""; 0], "a further sync of the same runs nothing");
    fleet.run(&["diff", "hooked"]).ends_with(0).says(&["hooked is as it is wanted"]);
    fleet.run(&["status"]).ends_with(0).says(&["synced"]).lacks(&["behind", "failed"]);
    let path = "/api/v1/namespaces/hooked/configmaps";
    ask(server, "DELETE", &format!("{path}/after"), &Value::Null).await.expect("an administrator may");
    ask(server, "PATCH", &format!("{path}/app"), &json!({ "data": { "key": "other" } }))
        .await
        .expect("an administrator may");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(written(server, mark), ["patch app"], "a repair runs nothing, and what ran is no drift");
    let first = uid(config_map(server, "hooked", "first").await);
    let installed = uid(config_map(server, "hooked", "installed").await);
    fleet.checkout.edit("charts/app/values.yaml", "one", "two");
    fleet.checkout.commit("another value");
    let diff = fleet.run(&["diff", "hooked"]).ends_with(2);
    let due = ["~ ConfigMap hooked/app", "* Job hooked/migrate runs with the next sync", "3 hooks to run"];
    diff.says(&due).lacks(&["hooked/installed"]);
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(
        written(server, mark),
        ["delete first", "patch first", "patch migrate", "patch app", "patch after", "delete migrate"],
        "an upgrade runs what it runs anew"
    );
    assert_ne!(uid(config_map(server, "hooked", "first").await), first, "it is another one");
    assert_eq!(uid(config_map(server, "hooked", "installed").await), installed, "what ran at the installation stays");
    fleet.run(&["diff", "hooked"]).ends_with(0);
    fleet.run(&["status"]).ends_with(0).says(&["synced"]).lacks(&["behind", "failed"]);
    fleet.checkout.edit(
        "profiles/apps/profile.yaml",
        "    - { name: app",
        "    - { name: other, manifests: [config/*.yaml], namespace: hooked }\n    #",
    );
    fleet.checkout.commit("no chart");
    fleet.run(&["plan"]).says(&["- ConfigMap hooked/app"]).lacks(&["Job hooked/migrate"]);
    fleet.run(&["sync"]).ends_with(0);
    for name in ["first", "after", "installed", "app"] {
        assert!(config_map(server, "hooked", name).await.is_none(), "{name} goes with its layer");
    }
}

/// Says of the Job, once it is there, that it failed.
async fn fail(server: &Server, path: &str) {
    server.eventually("the hook is there", async || read(server, path).await.is_some()).await;
    let (time, reason) = ("2026-01-01T00:00:00Z", "BackoffLimitExceeded");
    let condition =
        |kind: &str| json!({ "type": kind, "status": "True", "reason": reason, "lastTransitionTime": time });
    let conditions = [condition("FailureTarget"), condition("Failed")];
    let status = json!({ "status": { "startTime": time, "failed": 1, "conditions": conditions } });
    ask(server, "PATCH", &format!("{path}/status"), &status).await.expect("an administrator may");
}

#[test]
fn a_hook_that_fails_ends_its_layer_and_goes_where_its_chart_says_so() {
    let server = Server::shared();
    let job = JOB.replace("before-hook-creation,hook-succeeded", "hook-failed");
    let fleet = fleet_of(server, "hook-failed", "health: { timeout: 60s }", &job);
    fleet.checkout.commit("the fleet");
    let plan = fleet.run(&["plan"]);
    plan.says(&["* Job hook-failed/migrate runs before the layer (weight 0), and goes when it fails"]);
    let path = "/apis/batch/v1/namespaces/hook-failed/jobs/migrate";
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| on_a_runtime(|| fail(server, path)));
        fleet.run(&["sync"])
    });
    let ran = ran.ends_with(1).says(&["migrate", "BackoffLimitExceeded"]);
    let there = |name: &str| on_a_runtime(|| config_map(server, "hook-failed", name)).is_some();
    assert!(on_a_runtime(|| read(server, path)).is_none(), "it went: {}", ran.all());
    assert!(there("first"), "what ran well stays");
    assert!(!there("app") && !there("after"), "nothing that comes after it was written");
}
