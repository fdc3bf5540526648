//! In: a real API server, edits by others. Out: what `diff` tells of it.
//! Guarantee: nothing is written by it, by the server's own log.
use super::fleet::Fleet;
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
