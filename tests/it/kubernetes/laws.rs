//! In: what a server's log tells of a fleet's syncs, cut off or not. Out: the first promise that they break.
//! Guarantee: the laws are read off the server's own log and its end state, never off what the program says.
use super::fleet::{Fleet, config_map, read};
use crate::testenv::{Entry, Fault, Mark, Proxy, Refusal, Schedule, Seen, Server, User};
use serde_json::{Value, json};
use std::io::{Write as _, stderr};

/// The layers of the fleet, each after the one before it.
pub(super) const LAYERS: [&str; 3] = ["one", "two", "three"];

/// What a write of the program is, as its place tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    Record,
    Inventory(String),
    Object { layer: usize, name: String, is_deletion: bool },
}

/// Returns the writes of a fleet that the server did since a mark, in its order.
pub(super) fn writes(server: &Server, mark: Mark, fleet: &str) -> Vec<Write> {
    let is_done = |entry: &Entry| entry.user_agent.starts_with("stratify/") && entry.is_write() && entry.code < 300;
    let done = server.audit().since(mark, is_done);
    done.iter().filter_map(|entry| write(entry, fleet)).collect()
}

/// Objects are named by their layer, so that the log tells it.
fn write(entry: &Entry, fleet: &str) -> Option<Write> {
    let object = entry.object.as_ref()?;
    if object.namespace == "stratify-system" {
        let name = if object.name.is_empty() { entry.uri.clone() } else { object.name.clone() };
        return match name.strip_prefix(&format!("layer.{fleet}.")) {
            Some(layer) => Some(Write::Inventory(layer.to_owned())),
            None => (name == format!("record.{fleet}")).then_some(Write::Record),
        };
    }
    let layer = LAYERS.iter().position(|layer| object.name.starts_with(&format!("{layer}-")))?;
    let is_deletion = entry.verb == "delete";
    (object.namespace == fleet).then(|| Write::Object { layer, name: object.name.clone(), is_deletion })
}

/// What has to hold of a sync's writes, wherever it was cut off.
pub(super) fn laws(case: &str, writes: &[Write]) {
    let mut highest = 0;
    for (at, write) in writes.iter().enumerate() {
        let Write::Object { layer, name, is_deletion } = write else { continue };
        let before = &writes[..at];
        assert!(before.contains(&Write::Record), "{case}: {name} is written under a record: {writes:?}");
        let book = Write::Inventory(LAYERS[*layer].to_owned());
        assert!(*is_deletion || before.contains(&book), "{case}: {name} is listed before: {writes:?}");
        if !is_deletion {
            assert!(*layer >= highest, "{case}: {name} comes after its layer was left: {writes:?}");
            highest = *layer;
        }
    }
    let first_deletion = writes.iter().position(|it| matches!(it, Write::Object { is_deletion: true, .. }));
    let last_write = writes.iter().rposition(|it| matches!(it, Write::Object { is_deletion: false, .. }));
    if let (Some(deletion), Some(write)) = (first_deletion, last_write) {
        assert!(write < deletion, "{case}: what goes goes last: {writes:?}");
    }
}

/// A fleet of three layers that is synced once, and then changed: one object of each layer changes, the second of two goes.
pub(super) fn changed(server: &Server, name: &str, kubeconfig: String) -> Fleet {
    let fleet = Fleet::new(server, name);
    fleet.layers(&LAYERS);
    for layer in LAYERS {
        fleet.config_map(layer, &format!("{layer}-a"), "1");
        fleet.config_map(layer, &format!("{layer}-b"), "1");
    }
    fleet.sync("the fleet").ends_with(0);
    for layer in LAYERS {
        fleet.config_map(layer, &format!("{layer}-a"), "2");
    }
    fleet.remove("two", "two-b");
    fleet.checkout.commit("each layer changes, and an object goes");
    fleet.reached_by(kubeconfig)
}

/// Asserts the end that the last commit wants, and that another sync writes nothing.
pub(super) async fn converged(case: &str, server: &Server, fleet: &Fleet) {
    let name = &fleet.name;
    for layer in LAYERS {
        let map = config_map(server, name, &format!("{layer}-a")).await;
        assert_eq!(map.map(|map| map["data"]["key"].clone()), Some(json!("2")), "{case}: {layer}-a");
    }
    assert_eq!(config_map(server, name, "two-b").await, None, "{case}: what was omitted is gone");
    for kept in ["one-b", "three-b", "theirs"] {
        assert!(config_map(server, name, kept).await.is_some(), "{case}: {kept} was never omitted, or is not ours");
    }
    let theirs = config_map(server, name, "theirs").await.expect("it is there");
    assert_eq!(theirs["metadata"]["labels"], Value::Null, "{case}: what is not ours was not touched");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(writes(server, mark, name), [], "{case}: a further sync writes nothing");
}

/// Makes an object that is somebody else's.
pub(super) async fn theirs(server: &Server, namespace: &str) {
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "theirs" }, "data": { "a": "b" } });
    let uri = format!("/api/v1/namespaces/{namespace}/configmaps");
    let request = http::Request::post(uri).header("content-type", "application/json");
    let request = request.body(object.to_string().into_bytes()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
}

#[tokio::test]
async fn a_sync_that_is_faulted_at_any_write_keeps_the_laws_and_is_brought_to_its_end() {
    let server = Server::shared();
    let faults = [
        ("cut-before", Fault::CutBefore),
        ("cut-after", Fault::CutAfter),
        ("conflict", Fault::Refuse(Refusal::Conflict)),
        ("internal", Fault::Refuse(Refusal::Internal)),
        ("unavailable", Fault::Refuse(Refusal::Unavailable)),
    ];
    for (word, fault) in faults {
        let (mut nth, mut all) = (1, 2);
        while nth <= all {
            let case = format!("laws-{word}-{nth}");
            let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
            let fleet = changed(server, &case, proxy.kubeconfig());
            theirs(server, &case).await;
            let mark = server.audit().mark();
            proxy.set(Schedule::nth(nth, Seen::is_write, fault.clone()));
            let faulted = fleet.run(&["sync"]);
            laws(&case, &writes(server, mark, &case));
            proxy.set(Schedule::none());
            let ran = fleet.run(&["sync"]);
            assert_eq!(ran.code, Some(0), "{case}: after the fault\n{}\nit goes on:\n{}", faulted.all(), ran.all());
            converged(&case, server, &fleet).await;
            if nth == 1 {
                // How many writes there are shows where none is faulted from the second on.
                all = all.max(writes(server, mark, &case).len());
            }
            nth += 1;
        }
        assert!(all >= 3 + 1 + 2, "{word}: three objects, a deletion and two records are written, not {all}");
    }
}

#[tokio::test]
async fn requests_that_fail_at_random_keep_the_laws() {
    let server = Server::shared();
    let seed = std::env::var("STRATIFY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let budget: usize = std::env::var("STRATIFY_BUDGET").ok().and_then(|it| it.parse().ok()).unwrap_or(150);
    let (mut faulted, mut round) = (0, 0);
    while faulted < budget {
        round += 1;
        let case = format!("random-{seed}-{round}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        let fleet = changed(server, &case, proxy.kubeconfig());
        theirs(server, &case).await;
        let faults = vec![
            Fault::CutBefore,
            Fault::CutAfter,
            Fault::Refuse(Refusal::Conflict),
            Fault::Refuse(Refusal::TooMany(0)),
            Fault::Refuse(Refusal::Internal),
            Fault::RefuseAfter(Refusal::Unavailable),
        ];
        proxy.set(Schedule::seeded(seed + round, 4, faults));
        for _ in 0..3 {
            let mark = server.audit().mark();
            fleet.run(&["sync"]);
            laws(&case, &writes(server, mark, &case));
        }
        faulted += proxy.seen().iter().filter(|seen| seen.fault.is_some()).count();
        proxy.set(Schedule::none());
        let ran = fleet.run(&["sync"]);
        assert_eq!(ran.code, Some(0), "seed {seed}, round {round}: it goes on:\n{}", ran.all());
        converged(&case, server, &fleet).await;
    }
    assert!(read(server, "/version").await.is_some(), "the server is well after {faulted} faults");
    // Not by `println!`, which the test runner keeps back where a test passes.
    writeln!(stderr(), "\nseed {seed}: {faulted} faults in {round} rounds").expect("there is a standard error");
}
