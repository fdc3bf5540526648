//! In: a proxy before a real API server, one fault. Out: what the client hears, and what the server has done.
//! Guarantee: each fault is held to what it says of both sides; counts come from the server's own log.
use crate::testenv::{Fault, Proxy, Refusal, Schedule, Seen, Server, User};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use std::time::{Duration, Instant};
use stratify::client::kubernetes::{Access, Change, Identity, ObjectPath, Trouble};

/// What the client heard, and how often the server was asked.
async fn write(case: &str, fault: Fault) -> (Result<ConfigMap, kube::Error>, usize) {
    let server = Server::shared();
    let namespace = server.namespace("faults").await;
    let mark = server.audit().mark();
    let proxy = Proxy::start(server, User::ADMIN, Schedule::nth(1, Seen::is_write, fault));
    let maps: Api<ConfigMap> = Api::namespaced(proxy.client(case).await, &namespace);
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "map" }, "data": { "a": "b" } });
    let heard = maps.patch("map", &PatchParams::apply("faults"), &Patch::Apply(&map)).await;
    let asked = server.audit().since(mark, |entry| entry.user_agent == case && entry.is_write());
    assert!(asked.iter().all(|entry| entry.code < 300), "the server refuses none: {asked:?}");
    assert_eq!(proxy.seen().len(), 1, "the client does not try again by itself");
    (heard, asked.len())
}

/// Returns the status of a refusal.
fn code(heard: Result<ConfigMap, kube::Error>) -> u16 {
    match heard {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("it is no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_cut_before_leaves_nothing_and_a_cut_after_leaves_all() {
    for (case, fault, asked) in [
        ("cut-before", Fault::CutBefore, 0),
        ("cut-after", Fault::CutAfter, 1),
        ("cut-within", Fault::CutWithin(10), 1),
    ] {
        let (heard, count) = write(case, fault).await;
        heard.expect_err("the client hears no answer");
        assert_eq!(count, asked, "{case}");
    }
}

#[tokio::test]
async fn a_refusal_has_its_status_and_a_duplicate_is_no_error() {
    for (case, refusal, expected) in [
        ("refuse-409", Refusal::Conflict, 409),
        ("refuse-410", Refusal::Expired, 410),
        ("refuse-500", Refusal::Internal, 500),
        ("refuse-503", Refusal::Unavailable, 503),
    ] {
        let (heard, count) = write(case, Fault::Refuse(refusal)).await;
        assert_eq!((code(heard), count), (expected, 0), "{case}");
    }
    let (heard, count) = write("refuse-after", Fault::RefuseAfter(Refusal::Internal)).await;
    assert_eq!((code(heard), count), (500, 1), "the server has done it all the same");
    let (heard, count) = write("duplicate", Fault::Duplicate).await;
    heard.expect("an apply can be repeated");
    assert_eq!(count, 2, "the server gets it twice");
}

#[tokio::test]
async fn a_server_that_has_too_much_says_when_to_come_again() {
    let server = Server::shared();
    let proxy = Proxy::start(server, User::ADMIN, Schedule::each(|_| true, Fault::Refuse(Refusal::TooMany(7))));
    let request = http::Request::get("/version").body(Vec::new()).expect("it is a request");
    let heard = proxy.client("too-many").await.request_text(request).await.expect_err("it is refused");
    let kube::Error::Api(status) = heard else { panic!("it is no refusal: {heard}") };
    let seconds = status.details.as_ref().map(|details| details.retry_after_seconds);
    assert_eq!((status.code, seconds), (429, Some(7)));
}

#[tokio::test]
async fn an_answer_may_come_late_and_a_byte_at_a_time() {
    let pause = Duration::from_millis(200);
    let per_byte = Duration::from_micros(200);
    for (case, fault) in [
        ("late-before", Fault::DelayBefore(pause)),
        ("late-after", Fault::DelayAfter(pause)),
        ("trickle", Fault::Trickle(per_byte)),
    ] {
        let begin = Instant::now();
        let (heard, count) = write(case, fault.clone()).await;
        heard.expect("it comes whole");
        assert_eq!(count, 1, "{case}");
        let least = if fault == Fault::Trickle(per_byte) { per_byte * 100 } else { pause };
        assert!(begin.elapsed() >= least, "{case} took {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn a_watch_may_say_that_its_version_is_too_old_or_pass_as_it_is() {
    let server = Server::shared();
    let namespace = server.namespace("faults").await;
    let is_watch = |seen: &Seen| seen.uri.contains("watch=true");
    let proxy = Proxy::start(server, User::ADMIN, Schedule::nth(1, is_watch, Fault::ExpireWatch));
    let client = proxy.client("watch").await;
    let uri = format!("/api/v1/namespaces/{namespace}/configmaps?watch=true&timeoutSeconds=1");
    let read = async || {
        let request = http::Request::get(&uri).body(Vec::new()).expect("it is a request");
        client.request_text(request).await.expect("a watch that ends is no error")
    };
    let first = read().await;
    assert!(first.contains(r#""type":"ERROR""#) && first.contains(r#""code":410"#), "{first}");
    assert!(!read().await.contains("ERROR"), "the second passes");
}

#[tokio::test]
async fn a_watch_that_says_nothing_any_more_is_taken_for_dead() {
    let server = Server::shared();
    let namespace = server.namespace("mute").await;
    let is_watch = |seen: &Seen| seen.uri.contains("watch=true");
    let proxy = Proxy::start(server, User::ADMIN, Schedule::nth(1, is_watch, Fault::Mute));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, proxy.kubeconfig()).expect("the folder is ours");
    let access = Access::Kubeconfig { file, context: None, exec: Vec::new() };
    let client = stratify::client::kubernetes::Server::connect("mute", &access, &Identity::default()).await;
    let client = client.expect("the proxy is there");
    let secrets = ObjectPath::secret(&namespace, "");
    let from = client.list_metadata(&secrets, "", |_| {}).await.expect("it may be listed");
    // Three minutes, where nobody says otherwise: bookmarks come about once in one.
    let silence = Duration::from_secs(1);
    let begin = Instant::now();
    let mut mute = client.watch(&secrets, "", &from).await.expect("its head comes").silent_after(silence);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "new", "namespace": namespace },
    });
    server.apply(&secret).await;
    let said = mute.next().await.expect_err("what happens is not told");
    assert!(matches!(said.trouble, Trouble::Unanswered(_)) && begin.elapsed() >= silence, "it is given up: {said}");
    let mut next =
        client.watch(&secrets, "", &from).await.expect("its head comes").silent_after(Duration::from_mins(1));
    let told = next.next().await.expect("it speaks");
    assert!(matches!(told, Some(Change::Put(_))), "the next one tells what the first one did not: {told:?}");
}

#[tokio::test]
async fn a_seed_makes_the_same_faults_again() {
    let server = Server::shared();
    let run = async |seed: u64| {
        let faults = vec![Fault::CutBefore, Fault::Refuse(Refusal::Unavailable)];
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        proxy.set(Schedule::seeded(seed, 3, faults));
        let maps: Api<ConfigMap> = Api::namespaced(proxy.client("seeded").await, "default");
        for _ in 0..30 {
            maps.list(&ListParams::default()).await.ok();
        }
        proxy.seen().into_iter().map(|seen| (seen.nth, seen.fault)).collect::<Vec<_>>()
    };
    let first = run(7).await;
    assert_eq!(first, run(7).await, "the seed fixes all");
    assert_ne!(first, run(8).await, "another seed makes others");
    let count = first.iter().filter(|(_, fault)| fault.is_some()).count();
    assert!((3..20).contains(&count), "about one in three of 30 are faults, not {count}");
}
