//! In: a real API server that takes no credentials, does not know all that it has, or is far too slow. Out: what is told.
//! Guarantee: nothing is written or deleted on what was not read; each sync ends, and the next one goes on.
use super::fleet::{Fleet, ask, config_map, read, written};
use super::laws::{changed, converged, laws, theirs, writes};
use super::stuck::{definition, widget};
use crate::testenv::{Fault, Options, Proxy, Schedule, Seen, Server, User};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Returns a kubeconfig whose user shows something else.
fn shown(kubeconfig: &str, user: &str) -> String {
    let line = |line: &str| if line.starts_with("    user: ") { user.to_owned() } else { line.to_owned() };
    kubeconfig.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn credentials_that_are_no_longer_good_are_the_operators_and_new_ones_go_on() {
    let (server, other) = (Server::shared(), Server::start(Options::default()));
    let good = server.kubeconfig(User::ADMIN);
    let foreign = other.kubeconfig(User::ADMIN);
    let foreign = foreign.lines().find(|line| line.starts_with("    user: ")).expect("it has a user");
    let mut fleet = Fleet::new(server, "expired");
    fleet.sync("the fleet").ends_with(0);
    fleet.config_map("config", "a", "2");
    fleet.remove("config", "b");
    fleet.checkout.commit("a changes, b goes");
    let mark = server.audit().mark();
    for user in ["    user: { token: no-longer-good }", foreign] {
        fleet = fleet.reached_by(shown(&good, user));
        let ran = fleet.run(&["sync"]).ends_with(1);
        let ran = ran.says(&["401", "the credentials of the target in the settings are not taken; renew them"]);
        assert!(!ran.all().contains("no-longer-good"), "no secret is told: {}", ran.all());
    }
    assert_eq!(written(server, mark, "expired"), Vec::<String>::new(), "nothing is written");
    assert!(config_map(server, "expired", "b").await.is_some(), "nothing is deleted");
    let fleet = fleet.reached_by(good);
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(config_map(server, "expired", "a").await.expect("it stays")["data"]["key"], "2", "it goes on");
    assert_eq!(config_map(server, "expired", "b").await, None, "it goes on");
}

/// Says who serves a group: a backend that is not there.
async fn serve_nowhere(server: &Server, group: &str) {
    let service = json!({
        "metadata": { "labels": { "kube-aggregator.kubernetes.io/automanaged": null } },
        "spec": { "service": { "namespace": "default", "name": "nowhere", "port": 443 }, "insecureSkipTLSVerify": true },
    });
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/v1.{group}");
    ask(server, "PATCH", &path, &service).await.expect("an administrator may");
}

/// Returns whether the server tells all that it has of a group.
async fn freshness(server: &Server, group: &str) -> Option<String> {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let request = http::Request::get("/apis").header("accept", accept).body(Vec::new()).expect("it is a request");
    let text = server.client().await.request_text(request).await.expect("it is there");
    let told: Value = serde_json::from_str(&text).expect("servers speak JSON");
    let groups = told["items"].as_array().expect("it lists groups");
    let group = groups.iter().find(|item| item["metadata"]["name"] == group)?;
    Some(group["versions"][0]["freshness"].as_str()?.to_owned())
}

#[tokio::test]
async fn nothing_of_a_group_is_deleted_while_its_backend_is_dead() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "stale");
    fleet.layers(&["config", "widgets"]);
    // What cannot be read is looked at again for some seconds, and not longer than its layer may take.
    for needs in ["dependsOn: []", "dependsOn: [config]"] {
        let with = format!("{needs}, health: {{ timeout: 2s }}");
        fleet.checkout.edit("profiles/apps/profile.yaml", needs, &with);
    }
    fleet.manifest("config", "definition", &definition("stale"));
    fleet.manifest("widgets", "widget", &widget("stale"));
    fleet.config_map("widgets", "beside", "1");
    fleet.sync("a definition and its object").ends_with(0);
    let path = "/apis/stale.example.org/v1/namespaces/stale/widgets/w";
    let uid = async || read(server, path).await.map(|it| it["metadata"]["uid"].clone());
    let before = uid().await.expect("it was applied");
    serve_nowhere(server, "stale.example.org").await;
    let fresh = async || freshness(server, "stale.example.org").await;
    server.eventually("the group is stale", async || fresh().await.as_deref() == Some("Stale")).await;
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(1).says(&["stale.example.org", "backend"]);
    assert_eq!(written(server, mark, "stale"), Vec::<String>::new(), "nothing is done on what was not read");
    fleet.remove("widgets", "widget");
    fleet.config_map("config", "a", "2");
    fleet.sync("the object goes, a changes").ends_with(1).says(&["Widget w", "stale.example.org"]);
    assert_eq!(config_map(server, "stale", "a").await.expect("it stays")["data"]["key"], "2", "others go on");
    let deleted: Vec<String> =
        written(server, mark, "stale").into_iter().filter(|it| it.contains("/widgets/")).collect();
    assert_eq!(deleted, Vec::<String>::new(), "nothing of the group is deleted");
    let service = "/apis/apiregistration.k8s.io/v1/apiservices/v1.stale.example.org";
    ask(server, "DELETE", service, &Value::Null).await.expect("an administrator may");
    server.eventually("the group is told again", async || fresh().await.as_deref() == Some("Current")).await;
    server.eventually("its objects are told", async || uid().await.is_some()).await;
    assert_eq!(uid().await, Some(before), "it is the very object");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(read(server, path).await, None, "it was not forgotten");
    assert!(config_map(server, "stale", "beside").await.is_some(), "what stands beside it stays");
}

/// A byte a second: no answer comes within the deadline of a request.
const SLOW: Fault = Fault::Trickle(Duration::from_secs(1));

#[tokio::test]
async fn a_server_that_answers_a_byte_a_second_is_given_up_and_not_asked_again_and_again() {
    let server = Server::shared();
    let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
    let fleet = changed(server, "slow-reads", proxy.kubeconfig());
    theirs(server, "slow-reads").await;
    let mark = server.audit().mark();
    proxy.set(Schedule::each(|_| true, SLOW));
    let (begin, before) = (Instant::now(), proxy.seen().len());
    fleet.run(&["sync"]).ends_with(1).says(&["it took longer than 60 s"]);
    let asked: Vec<String> = proxy.seen().into_iter().skip(before).map(|seen| seen.uri).collect();
    // No request is made six times, which would take six deadlines; a loaded machine adds to those of the few that are made.
    assert!(begin.elapsed() < Duration::from_mins(3), "it took {:?} for {asked:?}", begin.elapsed());
    assert_eq!(writes(server, mark, "slow-reads"), [], "nothing is written");
    proxy.set(Schedule::none());
    fleet.run(&["sync"]).ends_with(0);
    converged("slow-reads", server, &fleet).await;
}

#[tokio::test]
async fn a_write_whose_answer_comes_a_byte_a_second_is_looked_at_and_not_done_again() {
    let server = Server::shared();
    let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
    let fleet = changed(server, "slow-write", proxy.kubeconfig());
    theirs(server, "slow-write").await;
    let mark = server.audit().mark();
    let is_object = |seen: &Seen| seen.is_write() && seen.uri.contains("/configmaps/one-a");
    proxy.set(Schedule::nth(1, is_object, SLOW));
    fleet.run(&["sync"]).ends_with(0);
    let done = writes(server, mark, "slow-write");
    laws("slow-write", &done);
    let text = format!("{done:?}");
    assert_eq!(text.matches("one-a").count(), 1, "it was done, and is not done again: {text}");
    converged("slow-write", server, &fleet).await;
}
