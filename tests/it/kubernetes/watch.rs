//! In: a fleet that is served on a real API server, edits by others, watches that are cut off. Out: what the program does of itself.
//! Guarantee: what was asked of the server comes from its own log.
use super::fleet::{Fleet, config_map};
use super::serve::{Serving, requests};
use crate::testenv::{Fault, Proxy, Schedule, Seen, Server, User};
use serde_json::{Value, json};

/// A user for each test, so that the server's log tells their requests apart.
fn user(name: &'static str) -> User<'static> {
    User { name, groups: &["system:masters"] }
}

/// Changes a `ConfigMap` as another manager.
async fn edit(server: &Server, namespace: &str, name: &str, value: &str) {
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "key": value } });
    let uri = format!("/api/v1/namespaces/{namespace}/configmaps/{name}?fieldManager=editor&force=true");
    let request = http::Request::patch(uri).header("content-type", "application/apply-patch+yaml");
    let request = request.body(object.to_string().into_bytes()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
}

async fn value(server: &Server, namespace: &str, name: &str) -> Value {
    config_map(server, namespace, name).await.map_or(Value::Null, |map| map["data"]["key"].clone())
}

#[tokio::test]
async fn what_others_change_or_delete_is_corrected_at_once() {
    let server = Server::shared();
    let fleet = Fleet::at("watch-drift", server.kubeconfig(user("watch-drift")));
    fleet.checkout.commit("the fleet");
    let _serving = Serving::start(server, &fleet).await;
    edit(server, "watch-drift", "a", "9").await;
    server.eventually("the edit is corrected", async || value(server, "watch-drift", "a").await == "1").await;
    let path = "/api/v1/namespaces/watch-drift/configmaps/b";
    let request = http::Request::delete(path).body(Vec::new()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
    server.eventually("what was deleted is there", async || value(server, "watch-drift", "b").await == "1").await;
}

#[tokio::test]
async fn a_correction_reads_an_object_once_and_tries_it_twice() {
    let server = Server::shared();
    let fleet = Fleet::at("watch-chain", server.kubeconfig(user("watch-chain")));
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    // What the start has read is known once; the first commit shows it.
    fleet.checkout.edit("profiles/apps/profile.yaml", "spec:\n", "spec: # a comment\n");
    serving.commit(server, "a comment").await;
    let mark = server.audit().mark();
    edit(server, "watch-chain", "a", "9").await;
    server.eventually("the edit is corrected", async || value(server, "watch-chain", "a").await == "1").await;
    // The record at its end comes after all else.
    let is_over = async || {
        let asked = requests(server, mark, "watch-chain");
        asked.iter().filter(|request| request.contains("secrets/record.")).count() == 2
    };
    server.eventually("it is over", is_over).await;
    let asked = requests(server, mark, "watch-chain");
    let of = |part: &str| asked.iter().filter(|request| request.contains(part)).count();
    assert_eq!(of("try patch"), 2, "by force, to see that it differs, and without, to see whose it is: {asked:#?}");
    let before: Vec<&String> = asked.iter().take_while(|request| !request.contains("secrets/")).collect();
    let reads = before.iter().filter(|request| request.starts_with("get ") && request.contains("configmaps/a"));
    assert_eq!(reads.count(), 1, "it is read once before it is written: {asked:#?}");
}

#[tokio::test]
async fn what_is_as_it_was_costs_no_request_and_what_changes_costs_two() {
    let server = Server::shared();
    let fleet = Fleet::at("watch-idle", server.kubeconfig(user("watch-idle")));
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    let asked = async |message: &str| {
        let mark = server.audit().mark();
        serving.commit(server, message).await;
        requests(server, mark, "watch-idle")
    };
    // What the start has read is known once; the first commit shows it.
    fleet.checkout.edit("profiles/apps/profile.yaml", "spec:\n", "spec: # a comment\n");
    asked("a comment").await;
    fleet.checkout.edit("profiles/apps/profile.yaml", "a comment", "another comment");
    assert_eq!(asked("another comment").await, Vec::<String>::new(), "no rendered byte changed");
    fleet.config_map("config", "a", "2");
    let asked = asked("a changes").await;
    let of = |part: &str| asked.iter().filter(|request| request.contains(part)).count();
    assert_eq!(of("try patch"), 1, "one dry-run: {asked:#?}");
    assert_eq!(of("configmaps/a?fieldManager") - of("try patch"), 1, "one write: {asked:#?}");
    assert_eq!(of("secrets/record."), 2, "two records: {asked:#?}");
    assert_eq!(of("secrets/layer."), 2, "two inventories: {asked:#?}");
    assert!(asked.len() <= 7, "and one look at what was written: {asked:#?}");
}

#[tokio::test]
async fn a_restart_writes_nothing_and_sees_what_changed_meanwhile() {
    let server = Server::shared();
    let fleet = Fleet::at("watch-restart", server.kubeconfig(user("watch-restart")));
    fleet.checkout.commit("the fleet");
    drop(Serving::start(server, &fleet).await);
    let mark = server.audit().mark();
    let serving = Serving::start(server, &fleet).await;
    let looked = async || requests(server, mark, "watch-restart").iter().any(|it| it.contains("configmaps/b"));
    server.eventually("its objects were looked at", looked).await;
    drop(serving);
    let writes: Vec<String> = requests(server, mark, "watch-restart");
    let writes: Vec<&String> = writes.iter().filter(|it| !it.starts_with("get ") && !it.starts_with("list ")).collect();
    assert_eq!(writes, Vec::<&String>::new(), "nothing changed");
    edit(server, "watch-restart", "a", "9").await;
    let _serving = Serving::start(server, &fleet).await;
    server.eventually("the edit is corrected", async || value(server, "watch-restart", "a").await == "1").await;
}

#[tokio::test]
async fn a_watch_that_is_cut_off_or_too_old_goes_on() {
    let server = Server::shared();
    let name = "watch-cut";
    let is_watch = |seen: &Seen| seen.uri.contains("watch=true") && seen.uri.contains("configmaps");
    for (case, fault) in [("expired", Fault::ExpireWatch), ("cut", Fault::CutWithin(40)), ("refused", Fault::CutBefore)]
    {
        let name = format!("{name}-{case}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::nth(1, is_watch, fault));
        let fleet = Fleet::at(&name, proxy.kubeconfig());
        fleet.checkout.commit("the fleet");
        let _serving = Serving::start(server, &fleet).await;
        for edited in ["8", "9"] {
            edit(server, &name, "a", edited).await;
            let is_corrected = async || value(server, &name, "a").await == "1";
            server.eventually(&format!("{case}: the edit is corrected"), is_corrected).await;
        }
        assert!(proxy.seen().iter().any(|seen| seen.fault.is_some()), "{case}: the watch met its fault");
    }
}

#[tokio::test]
async fn where_drift_is_only_observed_it_is_told_with_its_author_and_stays() {
    let server = Server::shared();
    let name = "watch-observe";
    let fleet = Fleet::at(name, server.kubeconfig(user(name)));
    fleet.checkout.edit("fleet.yaml", "policies: {", "policies: { drift: observe,");
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    edit(server, name, "a", "9").await;
    let says = |text: &str| fleet.run(&["why", name]).all().contains(text);
    server.eventually("who is asked tells what differs", async || says("/data/key is \"9\" and not \"1\"")).await;
    assert!(says("by `editor` since 20") && says("drift is only observed"), "and by whom, and what is done");
    fleet.run(&["status"]).ends_with(0).says(&["ConfigMap watch-observe/a differs", "by `editor`"]);
    fleet.config_map("config", "b", "2");
    let commit = serving.tell(server, "another object changes").await;
    assert_eq!(serving.state(&commit).as_deref(), Some("failure"), "the commit is not what is live");
    assert_eq!(value(server, name, "b").await, "2", "what it changes is written");
    assert_eq!(value(server, name, "a").await, "9", "what drifted stays");
    edit(server, name, "a", "1").await;
    server.eventually("it is as wanted again", async || serving.is_synced(&commit)).await;
    drop(serving);
    edit(server, name, "a", "8").await;
    fleet.run(&["why", name]).ends_with(0).says(&["ConfigMap watch-observe/a differs", "but for what drifted"]);
    fleet.config_map("config", "a", "2");
    fleet.sync("a commit changes it").ends_with(0);
    assert_eq!(value(server, name, "a").await, "2", "a commit is no correction");
}

#[tokio::test]
async fn who_undoes_each_correction_is_named_and_left_alone() {
    let server = Server::shared();
    let name = "watch-fight";
    let fleet = Fleet::at(name, server.kubeconfig(user(name)));
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    let is_told = || fleet.run(&["why", name]).all().contains("`stratify` and `editor` undo each other's writes");
    let mut rounds = 0;
    while !is_told() {
        rounds += 1;
        assert!(rounds < 20, "it goes on for ever");
        edit(server, name, "a", "9").await;
        server
            .eventually("it is corrected, or told", async || value(server, name, "a").await == "1" || is_told())
            .await;
    }
    assert!(rounds > 5, "five corrections may be chance");
    assert_eq!(value(server, name, "a").await, "9", "the fight is over");
    fleet.config_map("config", "a", "2");
    serving.commit(server, "a commit wants something else").await;
    assert_eq!(value(server, name, "a").await, "2", "it is written");
    edit(server, name, "a", "9").await;
    server.eventually("and corrected again", async || value(server, name, "a").await == "2").await;
}

#[tokio::test]
async fn what_is_made_anew_is_our_own_doing_and_made_once() {
    let server = Server::shared();
    let name = "watch-anew";
    let fleet = Fleet::at(name, server.kubeconfig(user(name)));
    let sealed = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata: {{ key: '{value}' }}\nimmutable: true\n"
        )
    };
    fleet.layer_option("recreate: true");
    fleet.manifest("config", "a", &sealed("1"));
    fleet.checkout.commit("the fleet");
    let serving = Serving::start(server, &fleet).await;
    let mark = server.audit().mark();
    fleet.manifest("config", "a", &sealed("2"));
    serving.commit(server, "it changes").await;
    let made = config_map(server, name, "a").await.expect("it was made anew");
    assert_eq!(made["data"]["key"], "2", "as it is wanted");
    // By the next commit, whatever was told of the first one's deletion has been looked at.
    fleet.config_map("config", "b", "2");
    serving.commit(server, "another one").await;
    let asked = requests(server, mark, name);
    let deleted: Vec<&String> = asked.iter().filter(|request| request.starts_with("delete ")).collect();
    assert_eq!(deleted.len(), 1, "its deletion is nobody else's: {asked:#?}");
    let now = config_map(server, name, "a").await.expect("it stays");
    assert_eq!(now["metadata"]["uid"], made["metadata"]["uid"], "nothing is made anew twice");
}
