//! In: a chart that makes up a password and asks to keep an object, a real API server, helm. Out: what is live after each sync.
//! Guarantee: what was made up first stays, whoever changes what else; nothing tells it.
use super::fleet::{Fleet, ask, config_map, read};
use super::hooks::with_helm;
use crate::testenv::Server;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: { name: db }
data:
  password: {{ randAlphaNum 24 | b64enc }}
  user: {{ .Values.user | b64enc }}
stringData:
  token: {{ randAlphaNum 24 }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: app
  annotations: { checksum/secret: {{ randAlphaNum 8 }} }
data: { user: {{ .Values.user }} }
";

const KEPT: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: history
  annotations: { helm.sh/resource-policy: keep }
data: { a: b }
";

const LAYER: &str = "    - name: app
      chart: { path: ../../charts/app }
      namespace: made-up
      generated:
        - target: { kind: Secret, name: db }
          pointers: [/data/password, /stringData/token]
        - target: { kind: ConfigMap, name: app }
          pointers: [/metadata/annotations/checksum~1secret]
";

fn fleet(server: &Server) -> Fleet {
    let fleet = Fleet::new(server, "made-up");
    let write = |path: &str, text: &str| fleet.checkout.write(path, text);
    write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    write("charts/app/values.yaml", "user: one\n");
    write("charts/app/templates/secret.yaml", SECRET);
    write("charts/app/templates/kept.yaml", KEPT);
    let head = "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: apps }\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n";
    write("profiles/apps/profile.yaml", &format!("{head}{LAYER}"));
    with_helm(&fleet);
    fleet
}

const PATH: &str = "/api/v1/namespaces/made-up/secrets/db";

/// Returns a part of the live Secret.
async fn part(server: &Server, key: &str) -> Option<String> {
    let secret = read(server, PATH).await.expect("it is there");
    let text = secret["data"][key].as_str()?.to_owned();
    Some(String::from_utf8(STANDARD.decode(text).expect("it is base64")).expect("it is text"))
}

#[tokio::test]
async fn what_a_chart_makes_up_is_written_once_and_kept_from_live() {
    let server = Server::shared();
    let fleet = fleet(server);
    let plan = fleet
        .run(&["plan"])
        .says(&["/data/password of Secret db is generated: it is made once, and kept as it is there"]);
    let first = fleet.sync("the fleet").ends_with(0);
    let (password, token) =
        (part(server, "password").await.expect("it is"), part(server, "token").await.expect("it is"));
    assert_eq!((password.len(), token.len()), (24, 24), "what the chart made up was written");
    let again = fleet.run(&["sync"]).ends_with(0);
    let diff = fleet.run(&["diff", "made-up"]).ends_with(0);
    assert_eq!(part(server, "password").await.as_deref(), Some(&*password), "a further sync leaves it");
    fleet.checkout.edit("charts/app/values.yaml", "one", "two");
    let changed = fleet.sync("another user").ends_with(0);
    assert_eq!(part(server, "user").await.as_deref(), Some("two"), "what is not made up is written");
    assert_eq!(part(server, "password").await.as_deref(), Some(&*password), "beside it the password stays");
    assert_eq!(part(server, "token").await.as_deref(), Some(&*token), "so does what was given as text");
    let other = STANDARD.encode("somebody-else");
    ask(server, "PATCH", PATH, &json!({ "data": { "password": other } })).await.expect("an administrator may");
    let drift = fleet.run(&["sync"]).ends_with(0);
    fleet.checkout.edit("charts/app/values.yaml", "two", "three");
    let rotated = fleet.sync("a third user").ends_with(0);
    assert_eq!(part(server, "password").await.as_deref(), Some("somebody-else"), "whose it is now is left");
    assert_eq!(part(server, "user").await.as_deref(), Some("three"), "what is not made up is written");
    ask(server, "PATCH", PATH, &json!({ "data": { "password": null } })).await.expect("an administrator may");
    let anew = fleet.run(&["sync"]).ends_with(0);
    let made = part(server, "password").await.expect("what is gone is written anew");
    assert_eq!(made.len(), 24, "by what the chart makes up now");
    for ran in [plan, first, again, diff, changed, drift, rotated, anew] {
        for secret in [&*password, &*token, "somebody-else", &*made] {
            let told = ran.all();
            assert!(!told.contains(secret) && !told.contains(&STANDARD.encode(secret)), "nothing tells it: {told}");
        }
    }
}

#[tokio::test]
async fn what_a_chart_asks_to_keep_outlives_it() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "kept-history");
    let write = |path: &str, text: &str| fleet.checkout.write(path, text);
    write("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    write(
        "charts/app/templates/app.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { a: b }\n",
    );
    write("charts/app/templates/kept.yaml", KEPT);
    write("charts/app/templates/last.yaml", &KEPT.replace("history", "last"));
    let head = "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: apps }\nspec:\n  version: 1.0.0\n  type: add-on\n  layers:\n";
    let chart = "    - { name: app, chart: { path: ../../charts/app }, namespace: kept-history }\n";
    let other = "    - { name: other, manifests: [config/*.yaml], namespace: kept-history }\n";
    write("profiles/apps/config/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\n");
    write("profiles/apps/profile.yaml", &format!("{head}{chart}{other}"));
    with_helm(&fleet);
    fleet.sync("the fleet").ends_with(0);
    std::fs::remove_file(fleet.checkout.path("charts/app/templates/kept.yaml")).expect("it is there");
    fleet.checkout.commit("no history");
    fleet.run(&["plan"]).says(&["· ConfigMap kept-history/history stays, ours no longer"]);
    fleet.run(&["sync"]).ends_with(0);
    write("profiles/apps/profile.yaml", &format!("{head}{other}"));
    fleet.sync("no chart").ends_with(0);
    assert!(config_map(server, "kept-history", "app").await.is_none(), "what nobody asks to keep goes");
    for name in ["history", "last"] {
        let kept = config_map(server, "kept-history", name).await.expect("it outlives its layer");
        assert!(kept["metadata"]["labels"]["stratify.dev/layer"].is_null(), "it is ours no longer: {kept}");
    }
}
