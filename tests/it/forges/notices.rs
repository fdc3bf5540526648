//! In: a fleet whose settings name receivers. Out: what these are told, by the program itself.
//! Guarantee: each is told once, signed over the bytes that came, and a dead one holds nothing up.
use super::fleet::Fleet;
use super::github::GitHub;
use super::http::{Http, Reply, Request};
use super::synced::on;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fs;

const KEY: &str = "a-key-of-hooks";

const EU: &str = "clusters/prod/eu-1/cluster.yaml";
const PROD: &str = "environments/prod/environment.yaml";
const TOOLS: &str = "    - name: local-tools
      role: add-on
      manifests: [tools/*.yaml]
      namespace: tools
      priority: 90
";

/// The end of an address that is a secret.
const PLACE: &str = "T0/B0/c2VjcmV0";

/// A receiver that takes all.
fn receiver() -> Http {
    Http::start(|_| Reply::json(200, &json!("ok")))
}

/// Returns what came to a path.
fn to(http: &Http, path: &str) -> Vec<Request> {
    http.seen().into_iter().filter(|request| request.path == path).collect()
}

fn has_signature(request: &Request, key: &str) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&request.bytes);
    let digits = request.header("x-stratify-signature-256").and_then(|it| it.strip_prefix("sha256=")).unwrap_or("");
    let pairs = (0..digits.len() / 2).filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok());
    mac.verify_slice(&pairs.collect::<Vec<u8>>()).is_ok()
}

fn environments(requests: &[Request]) -> BTreeSet<&str> {
    requests.iter().map(|request| request.text("environment")).collect()
}

/// Makes a fleet with these receivers, and the files of their secrets.
fn fleet(github: &GitHub, url: &str, receivers: &str) -> Fleet {
    let fleet = Fleet::new(&on(&github.http.url()), &format!("notifications:\n{receivers}"));
    fs::write(fleet.path("hook-key"), format!("{KEY}\n")).expect("the scratch folder is ours");
    fs::write(fleet.path("slack-url"), format!("{url}/{PLACE}\n")).expect("the scratch folder is ours");
    fleet
}

#[test]
fn each_receiver_is_told_once_in_its_form() {
    let (github, http) = (GitHub::start(), receiver());
    let url = http.url();
    let receivers = format!(
        "  - {{ name: audit, kind: webhook, url: '{url}/hook', secretFile: hook-key, events: [failed, held, synced] }}\n  \
           - {{ name: bus, kind: cloudevents, url: '{url}/bus', events: [synced] }}\n  \
           - {{ name: ops, kind: slack, urlFile: slack-url, events: [synced], environments: [prod] }}\n  \
           - {{ name: quiet, kind: slack, url: '{url}/quiet' }}\n"
    );
    let fleet = fleet(&github, &url, &receivers);
    let ran = fleet.run(&["sync"]).ends_with(0);
    let (head, repository) = (fleet.checkout.head(), format!("{}/acme/fleet", github.http.url()));
    let hooks = to(&http, "/hook");
    assert_eq!(environments(&hooks), BTreeSet::from(["dev", "prod", "staging"]), "{hooks:?}");
    assert_eq!(hooks.len(), 3, "each once: {hooks:?}");
    for hook in &hooks {
        assert!(has_signature(hook, KEY), "{hook:?}");
        assert!(!has_signature(hook, "another"), "the check can fail");
        assert_eq!((hook.text("event"), hook.text("commit")), ("synced", head.as_str()));
        assert_eq!(hook.header("x-stratify-delivery"), Some(hook.text("id")), "by which a receiver knows it again");
    }
    let events = to(&http, "/bus");
    assert_eq!(events.len(), 3, "{events:?}");
    let ids: BTreeSet<&str> = events.iter().map(|event| event.text("id")).collect();
    assert_eq!(ids.len(), 3, "each has its own");
    for event in &events {
        let kind = event.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/cloudevents+json"), "structured: {kind}");
        assert_eq!((event.text("specversion"), event.text("source")), ("1.0", repository.as_str()));
        assert_eq!(event.text("type"), "dev.stratify.synced");
        assert_eq!(event.body["data"]["environment"], event.body["subject"], "{event:?}");
        assert!(event.text("time").ends_with('Z') && !event.text("id").is_empty(), "{event:?}");
        assert_eq!(event.header("x-stratify-signature-256"), None, "no secret is named");
    }
    let slack = to(&http, &format!("/{PLACE}"));
    let texts: Vec<&str> = slack.iter().map(|request| request.text("text")).collect();
    assert!(matches!(&*texts, [text] if text.starts_with("*synced*: prod at `")), "of prod alone: {texts:?}");
    assert!(to(&http, "/quiet").is_empty(), "without `events` only of what fails or is held");
    let asked = http.seen().len();
    let again = fleet.run(&["sync"]).ends_with(0);
    assert_eq!(http.seen().len(), asked, "what was told is not told again");
    assert!(![ran.all(), again.all()].concat().contains(PLACE), "an address that is a secret is printed nowhere");
}

#[test]
fn what_is_held_or_fails_is_told() {
    let (github, http) = (GitHub::start(), receiver());
    let url = http.url();
    let fleet =
        fleet(&github, &url, &format!("  - {{ name: ops, kind: webhook, url: '{url}/hook', secretFile: hook-key }}\n"));
    fleet.run(&["sync"]).ends_with(0);
    assert!(http.seen().is_empty(), "all went well: {:?}", http.seen());
    let push = || fleet.checkout.git(&["push", "--quiet", "--force", "../remote.git", "main"]);
    fleet.checkout.edit(EU, TOOLS, "");
    fleet.checkout.edit(PROD, "maxObjects: 20", "maxObjects: 0");
    let held = fleet.checkout.commit("no tools, and a budget");
    push();
    fleet.run(&["sync"]).ends_with(1).says(&["eu-1: held"]);
    fleet.run(&["sync"]).ends_with(1);
    let hooks = http.seen();
    assert_eq!(hooks.len(), 1, "that it waits is told once: {hooks:?}");
    let word = |key: &str| hooks[0].text(key).to_owned();
    assert_eq!((word("event"), word("environment"), word("commit")), ("held".into(), "prod".into(), held));
    assert!(word("detail").contains("stratify approve "), "with what to do: {}", word("detail"));
    fleet.checkout.edit(PROD, "maxObjects: 0", "maxObjectz: 20");
    let wrong = fleet.checkout.commit("a mistake");
    push();
    fleet.run(&["sync"]).ends_with(1);
    let hooks = http.seen();
    let failed: Vec<&Request> = hooks.iter().filter(|hook| hook.text("commit") == wrong).collect();
    assert!(!failed.is_empty() && failed.iter().all(|hook| hook.text("event") == "failed"), "{hooks:?}");
    fleet.checkout.git(&["commit", "--quiet", "--amend", "-m", "another history"]);
    let rewritten = fleet.checkout.head();
    push();
    fleet.run(&["sync"]).ends_with(1).says(&["rewritten"]);
    let hooks = http.seen();
    let held: Vec<&Request> = hooks.iter().filter(|hook| hook.text("commit") == rewritten).collect();
    assert!(!held.is_empty() && held.iter().all(|hook| hook.text("event") == "held"), "{hooks:?}");
}

#[test]
fn a_dead_receiver_holds_nothing_up_and_is_told_after_a_restart() {
    let (github, down) = (GitHub::start(), receiver());
    let (address, url) = (down.address(), down.url());
    let well = receiver();
    let receivers = format!(
        "  - {{ name: audit, kind: webhook, urlFile: slack-url, secretFile: hook-key, events: [synced] }}\n  \
           - {{ name: well, kind: webhook, url: '{}/hook', secretFile: hook-key, events: [synced] }}\n",
        well.url()
    );
    let fleet = fleet(&github, &url, &receivers);
    drop(down);
    let ran = fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced", "us-1: synced", "could not notify audit: "]);
    fleet.run(&["outbox"]).ends_with(0).says(&["notice to", "audit", "not taken yet, "]);
    assert_eq!(ran.all().matches("could not notify").count(), 1, "it is told once: {}", ran.all());
    assert!(!ran.all().contains(PLACE) && !ran.all().contains(KEY), "no secret: {}", ran.all());
    let head = fleet.checkout.head();
    let told = github.latest(&head);
    assert_eq!(told.get("stratify/prod").map(|(state, _)| state.as_str()), Some("success"), "the forge is: {told:?}");
    assert_eq!(to(&well, "/hook").len(), 3, "and so is the other receiver");
    // What is read anew for each post counts at once.
    fs::write(fleet.path("hook-key"), "another").expect("the scratch folder is ours");
    let up = Http::start_at(address, |_| Reply { code: 200, headers: Vec::new(), body: "ok".into() });
    let path = format!("/{PLACE}");
    let served = fleet.serve();
    up.until("all is told", || to(&up, &path).len() == 3);
    let hooks = to(&up, &path);
    assert_eq!(environments(&hooks), BTreeSet::from(["dev", "prod", "staging"]), "{hooks:?}");
    assert!(hooks.iter().all(|hook| has_signature(hook, "another")), "{hooks:?}");
    drop(served);
    fleet.run(&["sync"]).ends_with(0);
    let ids: BTreeSet<String> = to(&up, &path).iter().map(|hook| hook.text("id").to_owned()).collect();
    assert_eq!(ids.len(), 3, "killed before the note of an answer, it tells the same under the same id");
    assert_eq!(to(&well, "/hook").len(), 3, "the other one heard it already");
}

#[test]
fn mistakes_of_receivers_have_their_lines() {
    let fleet = Fleet::new(&on("https://github.com"), "");
    let cases = [
        ("name: a, kind: slack", "ST0906"),
        ("name: a, kind: slack, url: 'https://a.example', urlFile: b", "ST0906"),
        ("name: a, kind: webhook, url: 'https://a.example'", "ST0907"),
        ("name: a, kind: slack, urlFile: b, secretFile: c", "ST0907"),
        ("name: a, kind: slak, urlFile: b", "did you mean `slack`"),
        ("name: a, kind: slack, urlFile: b, events: [faild]", "did you mean `failed`"),
        ("name: a, kind: slack, url: 'https://me:secret@a.example'", "without user"),
        ("name: a, kind: slack, urlFle: b", "unknown field `urlFle`"),
    ];
    for (receiver, says) in cases {
        fleet.settings(&on("https://github.com"), &format!("notifications:\n  - {{ {receiver} }}"));
        fleet.run(&["status"]).ends_with(1).says(&[says, "stratify.yaml:8"]);
    }
}
