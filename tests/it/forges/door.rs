//! In: deliveries of all kinds, to the program as it serves. Out: what it answers, and whether it looked.
//! Guarantee: only what is signed wakes; nothing that others send holds it up.
use super::fleet::{Fleet, Served};
use super::github::GitHub;
use super::synced::on;
use crate::commands::fixture::tree;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const SECRET: &str = "It's a Secret to Everybody";

/// The program, with its door open and its forge beside it.
struct Open {
    github: GitHub,
    fleet: Fleet,
    door: SocketAddr,
    _served: Served,
}

impl Open {
    fn new() -> Self {
        let github = GitHub::start();
        let forge = format!("{}, webhookSecretFile: secret", on(&github.http.url()));
        let fleet = Fleet::new(&forge, "listen: 127.0.0.1:0");
        fs::write(fleet.path("secret"), format!("{SECRET}\n")).expect("the scratch folder is ours");
        let served = fleet.serve();
        let door = fleet.door();
        Self { github, fleet, door, _served: served }
    }

    /// Sends a request, and returns the code and the text of its answer.
    fn send(&self, head: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.door).expect("it listens");
        let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).expect("it reads");
        // It may have answered before it read all.
        let _ = stream.write_all(body);
        answer(stream)
    }

    /// Sends a delivery as GitHub does.
    fn deliver(&self, id: &str, event: &str, body: &str, signature: &str) -> (u16, String) {
        let head = format!(
            "POST /webhooks/fleet HTTP/1.1\r\nX-GitHub-Event: {event}\r\nX-GitHub-Delivery: {id}\r\n\
             Content-Type: application/json\r\nX-Hub-Signature-256: {signature}"
        );
        self.send(&head, body.as_bytes())
    }

    fn push(&self, id: &str, reference: &str, repository: &str) -> (u16, String) {
        let body = json!({ "ref": reference, "repository": { "full_name": repository } }).to_string();
        self.deliver(id, "push", &body, &sign(&body))
    }
}

pub(super) fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (code, text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

fn sign(body: &str) -> String {
    sign_with(SECRET, body)
}

pub(super) fn sign_with(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

#[test]
fn a_signed_push_is_looked_at_at_once_and_a_repeated_one_is_not() {
    let open = Open::new();
    let first = open.fleet.checkout.head();
    let is =
        |commit: &str| open.github.latest(commit).get("stratify/prod").is_some_and(|(state, _)| state == "success");
    open.github.http.until("the start is told", || is(&first));
    open.fleet.checkout.edit("clusters/prod/us-1/cluster.yaml", "replicas: 3", "replicas: 4");
    let second = open.fleet.checkout.commit("more replicas");
    open.fleet.checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    // It is polled once an hour, so nothing but the delivery can be why.
    let (code, text) = open.push("one", "refs/heads/main", "acme/fleet");
    assert_eq!((code, text.trim()), (202, "fleet is looked at"));
    open.github.http.until("the push is told", || is(&second));
    assert_eq!(open.push("one", "refs/heads/main", "acme/fleet").0, 200, "the same delivery wakes nobody");
    assert_eq!(open.push("two", "refs/heads/gone", "ACME/Fleet").0, 202, "another one does");
}

#[test]
fn events_that_come_late_or_tell_of_what_is_gone_move_nothing() {
    let open = Open::new();
    let checkout = &open.fleet.checkout;
    let is =
        |commit: &str| open.github.latest(commit).get("stratify/prod").is_some_and(|(state, _)| state == "success");
    let first = checkout.head();
    open.github.http.until("the start is told", || is(&first));
    let body = |after: &str, before: &str, deleted: bool| {
        let repository = json!({ "full_name": "acme/fleet" });
        json!({ "ref": "refs/heads/main", "before": before, "after": after, "deleted": deleted, "repository": repository })
            .to_string()
    };
    let push = |id: &str, body: &str| open.deliver(id, "push", body, &sign(body)).0;
    checkout.edit("clusters/prod/us-1/cluster.yaml", "replicas: 3", "replicas: 4");
    let second = checkout.commit("more replicas");
    checkout.edit("clusters/prod/us-1/cluster.yaml", "replicas: 4", "replicas: 5");
    let third = checkout.commit("still more");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    // That of the newest comes first.
    assert_eq!(push("3", &body(&third, &second, false)), 202);
    open.github.http.until("the newest is told", || is(&third));
    let targets = || tree(&open.fleet.path("state/targets"));
    let (synced, told) = (targets(), open.github.latest(&third));
    assert_eq!(push("2", &body(&second, &first, false)), 202);
    open.fleet.run(&["sync"]).ends_with(0);
    assert!(targets() == synced && open.github.latest(&third) == told, "an event says when to look, and not what");
    // It says that the branch is gone, and the branch is there.
    assert_eq!(push("4", &body(&"0".repeat(40), &third, true)), 202);
    open.fleet.run(&["sync"]).ends_with(0);
    assert!(targets() == synced, "the branch is there");
    checkout.git(&["-C", "../remote.git", "update-ref", "-d", "refs/heads/main"]);
    assert_eq!(push("5", &body(&"0".repeat(40), &third, true)), 202);
    open.github.http.until("it is told", || open.fleet.log().contains("main"));
    let ran = open.fleet.run(&["sync"]);
    assert_ne!(ran.code, Some(0), "there is nothing to sync: {}", ran.all());
    assert!(targets() == synced, "a branch that is missing never means to remove");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    assert_eq!(push("6", &body(&third, &"0".repeat(40), false)), 202);
    open.fleet.run(&["sync"]).ends_with(0);
    assert!(targets() == synced, "it is as it was");
    open.github.http.until("what was told while it was gone is lifted", || open.github.latest(&third) == told);
}

#[test]
fn what_the_forge_did_not_sign_is_refused_and_read_no_further() {
    let open = Open::new();
    let body = json!({ "ref": "refs/heads/main", "repository": { "full_name": "acme/fleet" } });
    let (compact, pretty) = (body.to_string(), serde_json::to_string_pretty(&body).expect("it is JSON"));
    let right = sign(&compact);
    for (body, signature, why) in [
        (&compact, "", "empty"),
        (&compact, "sha256=", "no digits"),
        (&compact, "sha256=00", "another one"),
        (&compact, right.trim_start_matches("sha256="), "without its kind"),
        (&pretty, right.as_str(), "the same, encoded otherwise"),
    ] {
        assert_eq!(open.deliver("x", "push", body, signature).0, 401, "{why}");
    }
    let head = "POST /webhooks/fleet HTTP/1.1\r\nX-GitHub-Event: push";
    let (code, text) = open.send(head, compact.as_bytes());
    assert_eq!(code, 401, "none at all");
    assert!(text.contains("give the webhook the secret"), "the operator is told what to do: {text}");
    assert_eq!(open.deliver("y", "push", &compact, &right).0, 202, "the right one still is");
    fs::write(open.fleet.path("secret"), "another").expect("the scratch folder is ours");
    assert_eq!(open.deliver("z", "push", &compact, &right).0, 401, "a new secret counts at once");
    fs::write(open.fleet.path("secret"), "").expect("the scratch folder is ours");
    assert_eq!(open.deliver("z", "push", &compact, &sign_with("", &compact)).0, 401, "an empty secret signs nothing");
}

#[test]
fn what_is_signed_and_says_nothing_wakes_nobody() {
    let open = Open::new();
    let ping = "{}";
    assert_eq!(open.deliver("p", "ping", ping, &sign(ping)), (200, "it is heard\n".into()));
    assert_eq!(open.deliver("s", "star", ping, &sign(ping)), (200, "nothing to look for\n".into()));
    assert_eq!(open.push("o", "refs/heads/main", "acme/other"), (200, "of another repository\n".into()));
    assert_eq!(open.push("f", "--upload-pack=x", "acme/fleet").0, 400, "no ref is named so");
    assert_eq!(open.push("g", "refs/heads/../../x", "acme/fleet").0, 400, "nor so");
    assert_eq!(open.deliver("n", "push", "payload=%7B", &sign("payload=%7B")).0, 400, "a form");
    let head = "POST /webhooks/other HTTP/1.1\r\nX-GitHub-Event: push";
    assert_eq!(open.send(head, b"{}").0, 404, "no such webhook");
    assert_eq!(open.send("GET /webhooks/fleet HTTP/1.1", b"").0, 405, "it is no page");
    assert_eq!(open.send("GET /healthz HTTP/1.1", b"").0, 200, "it lives");
    assert_eq!(open.send("GET / HTTP/1.1", b"").0, 404, "there is nothing else");
}

#[test]
fn large_slow_and_many_requests_hold_nobody_up() {
    let open = Open::new();
    let head = |length: usize| {
        format!("POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut large = TcpStream::connect(open.door).expect("it listens");
    large.write_all(head(26_000_000).as_bytes()).expect("it reads");
    assert_eq!(answer(large).0, 413, "26 MB are refused before they come");
    let mut chunked = TcpStream::connect(open.door).expect("it listens");
    let start = "POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    chunked.write_all(start.as_bytes()).expect("it reads");
    let chunk = [b"100000\r\n".to_vec(), vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
    // It stops to read somewhere above 25 MB.
    for _ in 0..26 {
        if chunked.write_all(&chunk).is_err() {
            break;
        }
    }
    let code = answer(chunked).0;
    assert!(matches!(code, 413 | 0), "so are they where nobody said how much would come: {code}");
    let slow: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut slow = TcpStream::connect(open.door).expect("it listens");
            slow.write_all(format!("{}x", head(1_000)).as_bytes()).expect("it reads");
            slow
        })
        .collect();
    let mut silent = TcpStream::connect(open.door).expect("it listens");
    silent.write_all(b"POST /webh").expect("it reads");
    assert_eq!(open.push("meanwhile", "refs/heads/main", "acme/fleet").0, 202, "others are served meanwhile");
    for stream in slow {
        assert_eq!(answer(stream).0, 408, "it came too slowly");
    }
    let _ = answer(silent);
    let codes: Vec<u16> = (0..60).map(|_| open.deliver("x", "push", "{}", "sha256=00").0).collect();
    assert!(
        codes.contains(&401) && codes.last() == Some(&429),
        "a source that is refused again and again waits: {codes:?}"
    );
}
