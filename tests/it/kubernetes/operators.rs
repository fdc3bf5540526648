//! In: a real API server, edits by others. Out: what `diff` tells of it.
//! Guarantee: nothing is written by it, by the server's own log.
use super::fleet::{Fleet, ask};
use crate::testenv::Server;
use serde_json::json;

#[tokio::test]
async fn what_others_changed_on_a_server_is_told_by_field_and_manager() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "differs");
    fleet.manifest("config", "s", "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { key: hush }\n");
    fleet.checkout.commit("the fleet");
    fleet.run(&["diff", "differs"]).ends_with(2).says(&["+ ConfigMap differs/a is missing"]);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["diff", "differs"]).ends_with(0).says(&["differs is as it is wanted"]);
    for (kind, name, value) in [("ConfigMap", "a", "9"), ("Secret", "s", "bG91ZA==")] {
        let path = format!("/api/v1/namespaces/differs/{}s/{name}?fieldManager=editor", kind.to_lowercase());
        let body = json!({ "data": { "key": value } }).to_string().into_bytes();
        let request = http::Request::patch(path).header("content-type", "application/merge-patch+json").body(body);
        let request = request.expect("it is a request");
        server.client().await.request_text(request).await.expect("an administrator may");
    }
    let request = http::Request::delete("/api/v1/namespaces/differs/configmaps/b").body(Vec::new());
    server.client().await.request_text(request.expect("it is a request")).await.expect("an administrator may");
    let mark = server.audit().mark();
    let said = fleet.run(&["diff", "differs"]).ends_with(2);
    let all = said.all();
    assert!(!all.contains("bG91ZA") && !all.contains("hush") && !all.contains("loud"), "no secret comes out:\n{all}");
    said.says(&[
        "~ ConfigMap differs/a\n      ~ /data/key: \"9\" → \"1\", by `editor`",
        "~ Secret differs/s\n      ~ /data/key: \"<sensitive>\" → \"<sensitive>\", by `editor`",
        "+ ConfigMap differs/b is missing",
        "3 objects not as wanted: 2 differ, 1 missing, 0 to go",
    ]);
    // Tries are no writes: the log has them with `dryRun`.
    let writes = server.audit().since(mark, |entry| {
        entry.user_agent.starts_with("stratify/")
            && entry.is_write()
            && !entry.uri.contains("dryRun")
            && entry.uri.contains("differs")
    });
    assert!(writes.is_empty(), "nothing was written: {writes:?}");
    fleet.run(&["sync"]).ends_with(0);
    fleet.remove("config", "b");
    fleet.checkout.commit("b goes");
    fleet.run(&["diff", "differs"]).ends_with(2).says(&["- ConfigMap differs/b is wanted no longer"]);
}

#[tokio::test]
async fn status_is_read_from_the_servers_alone_and_one_that_hangs_hides_no_other() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "shows");
    fleet.sync("the fleet").ends_with(0);
    let head = fleet.checkout.head();
    // One refuses, one takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let silent = silent.local_addr().expect("it has one").port();
    let kubeconfig = server.kubeconfig(crate::testenv::User::ADMIN);
    let (before, after) = kubeconfig.split_once("https://127.0.0.1:").expect("it is on the loopback");
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    let mut targets = String::new();
    for (name, port) in [("hangs", silent), ("refuses", 1)] {
        let cluster = format!(
            "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: {{ name: {name} }}\n\
             spec: {{ cloud: kind, imported: true, kubernetesVersion: 1.37.2 }}\n"
        );
        fleet.checkout.write(&format!("clusters/dev/{name}/cluster.yaml"), &cluster);
        let text = format!("{before}https://127.0.0.1:{port}{after}");
        std::fs::write(fleet.folder().join(name), text).expect("it is ours");
        targets.push_str(&[", { name: ", name, ", kubeconfig: ", name, " }"].concat());
    }
    fleet.checkout.commit("two more");
    let settings = fleet.folder().join("stratify.yaml");
    let text = std::fs::read_to_string(&settings).expect("it is there");
    std::fs::write(&settings, text.replace(" } ]", &format!(" }}{targets} ]"))).expect("it is ours");
    std::fs::remove_dir_all(fleet.folder().join("state")).expect("it is ours");
    let mark = server.audit().mark();
    let begun = std::time::Instant::now();
    let said = fleet.run(&["status", "-o", "wide"]).ends_with(0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(40), "nobody waits for long: {:?}", begun.elapsed());
    said.says(&[
        &format!("shows    dev          active     {}  1/1     healthy", &head[..12]),
        "no answer",
        "hangs: does not answer: ",
        "refuses: does not answer: ",
        &format!("shows    config  synced  -     -        {}", &head[..12]),
    ]);
    let wrote = |entry: &crate::testenv::Entry| {
        entry.user_agent.starts_with("stratify/") && entry.is_write() && entry.uri.contains("shows")
    };
    assert!(server.audit().since(mark, wrote).is_empty(), "nothing was written");
    ask(server, "DELETE", "/api/v1/namespaces/shows/configmaps/a", &serde_json::Value::Null).await.expect("may");
    let edit = json!({ "data": { "key": "9" } });
    ask(server, "PATCH", "/api/v1/namespaces/shows/configmaps/b", &edit).await.expect("an administrator may");
    let settings = settings.display().to_string();
    let (_, answer) = fleet.checkout.json(&["status", "--cluster", "shows", "--settings", &settings]);
    let row = &answer["live"][0];
    assert_eq!((&row["drift"], &row["health"], &row["synced"]), (&json!(2), &json!("failed"), &json!(1)), "{row}");
    let ill = row["layers"][0]["ill"].as_array().expect("it lists them");
    assert_eq!((ill.len(), &ill[0]["name"], &ill[0]["why"]), (1, &json!("a"), &json!("it is not there")), "{row}");
    assert!(row["ageSeconds"].as_u64().is_some_and(|age| age < 600), "since its last sync: {row}");
}
