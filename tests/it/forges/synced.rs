//! In: a fleet whose repository is on a forge. Out: what the forge is told, by the program itself.
//! Guarantee: a forge that is down holds nothing up, and is told all of it in the end, without being asked for anything.
use super::fleet::Fleet;
use super::github::{self, GitHub};
use super::http::{Http, Reply, Request};
use std::fs;
use std::sync::{Arc, Mutex};

pub(super) fn on(url: &str) -> String {
    format!("kind: github, url: '{url}', repository: acme/fleet, tokenFile: token")
}

/// Whether every context of the example fleet has its success.
fn is_told(github: &GitHub, commit: &str) -> bool {
    let latest = github.latest(commit);
    ["plan", "dev", "staging", "prod"]
        .iter()
        .all(|name| latest.get(&format!("stratify/{name}")).is_some_and(|(state, _)| state == "success"))
}

#[test]
fn a_sync_tells_the_forge_and_shows_no_token() {
    let github = GitHub::start();
    let fleet = Fleet::new(&on(&github.http.url()), "");
    let ran = fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced"]);
    let head = fleet.checkout.head();
    assert!(is_told(&github, &head), "{:?}", github.latest(&head));
    assert!(!ran.all().contains(github::TOKEN), "{}", ran.all());
    fleet.run(&["status"]).ends_with(0).says(&["stratify/prod     success  2/2 clusters synced"]);
    let asked = github.http.seen().len();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(github.http.seen().len(), asked, "what was told is not told again");
    let asked = github.http.seen().iter().filter(|request| request.method != "POST").count();
    assert_eq!(asked, 1, "nothing is asked of it but once, by who knows of nothing that was told");
}

#[test]
fn what_another_process_told_is_read_once_and_not_told_again() {
    let github = GitHub::start();
    let fleet = Fleet::new(&on(&github.http.url()), "");
    fleet.run(&["sync"]).ends_with(0);
    let head = fleet.checkout.head();
    assert!(is_told(&github, &head), "all is told");
    let count = |is: fn(&super::http::Request) -> bool| github.http.seen().iter().filter(|it| is(it)).count();
    let posts = || count(|it| it.method == "POST");
    let reads = || count(|it| it.method == "GET" && it.path.contains("/status"));
    let (posted, read) = (posts(), reads());
    assert_eq!(read, 1, "the first process knows of nothing");
    // Another replica has the clusters' records, and nothing of the outbox.
    fs::remove_file(fleet.path("state/state.redb")).expect("it was written");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!((posts(), reads()), (posted, read + 1), "{:?}", github.http.seen());
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!((posts(), reads()), (posted, read + 1), "it goes on from its store");
}

#[test]
fn a_dead_forge_holds_nothing_up_and_is_told_after_a_restart() {
    let down = Http::start(|_| Reply::says(500, ""));
    let address = down.address();
    let fleet = Fleet::new(&on(&down.url()), "");
    drop(down);
    // All is synced; that its statuses are still to be posted is a warning.
    let ran = fleet.run(&["sync"]).ends_with(0).says(&["it waits in the outbox"]);
    fleet.run(&["outbox"]).ends_with(0).says(&["stratify/prod", "success", "2/2 clusters synced", "not taken yet, "]);
    let ran =
        ran.says(&["eu-1: synced", "us-1: synced", "could not post statuses to acme/fleet: ", "Connection refused"]);
    assert_eq!(ran.all().matches("could not post").count(), 1, "it is told once: {}", ran.all());
    let first = fleet.checkout.head();
    let github = GitHub::start_at(address, Arc::new(Mutex::new(github::State::default())));
    let served = fleet.serve();
    github.http.until("all is told", || is_told(&github, &first));
    drop(served);
    // Pull requests and the merge queue are looked at; nothing is asked of what was told.
    let looks = ["/pulls?", "/git/matching-refs/"];
    let is_look = |request: &Request| looks.iter().any(|look| request.path.contains(look));
    let is_expected = |request: &Request| request.method == "POST" || is_look(request);
    assert!(github.http.seen().iter().all(is_expected), "it goes on from what it kept: {:?}", github.http.seen());
}

#[test]
fn a_process_that_is_killed_again_and_again_tells_all_in_the_end() {
    let github = GitHub::start();
    let fleet = Fleet::new(&on(&github.http.url()), "");
    let head = fleet.checkout.head();
    for posts in 1..6 {
        // Killed at a moment after that many more posts, mostly between an answer and the note of it.
        let (served, before) = (fleet.serve(), github.http.seen().len());
        github.http.until("it posts", || github.http.seen().len() >= before + posts.min(2) || is_told(&github, &head));
        drop(served);
    }
    let _served = fleet.serve();
    github.http.until("all is told", || is_told(&github, &head));
}

#[test]
fn a_token_that_is_revoked_in_the_middle_loses_nothing() {
    let github = GitHub::start();
    let forge = format!("{}, writesAMinute: 100000", on(&github.http.url()));
    let fleet = Fleet::small(20, &forge);
    let served = fleet.serve();
    github.http.until("it posts", || github.http.seen().len() >= 3);
    github.state().token = Some("ghp_another".to_owned());
    let head = fleet.checkout.head();
    let synced = |at: usize| github.latest(&head).get(&format!("stratify/e{at}")).map(|(state, _)| state.clone());
    let is_planned = || github.latest(&head).get("stratify/plan").is_some_and(|(state, _)| state == "success");
    let is_told = || is_planned() && (0..20).all(|at| synced(at).as_deref() == Some("success"));
    if !is_told() {
        github.http.until("it is told that the token is none", || fleet.log().contains("401: Bad credentials"));
    }
    std::fs::write(fleet.path("token"), "ghp_another").expect("the scratch folder is ours");
    github.http.until("all is told with the new one", is_told);
    drop(served);
    for ((_, context), all) in &github.state().statuses {
        let successes = all.iter().filter(|one| one["state"] == "success").count();
        assert_eq!(successes, 1, "{context} is told once: {all:?}");
    }
    assert!(!fleet.log().contains("ghp_"), "no token is shown");
}

#[test]
fn a_forge_that_refuses_is_told_of_with_what_to_do() {
    let github = GitHub::start();
    github.state.lock().expect("no answer panics").token = Some("another".to_owned());
    let fleet = Fleet::new(&on(&github.http.url()), "");
    fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced", "could not post statuses", "401: Bad credentials"]);
    github.state.lock().expect("no answer panics").token = None;
    let _served = fleet.serve();
    let head = fleet.checkout.head();
    github.http.until("all is told once the token is right", || is_told(&github, &head));
}

#[test]
fn mistakes_of_the_settings_have_their_lines() {
    let fleet = Fleet::new(&on("https://github.com"), "");
    let cases = [
        ("kind: github, repository: acme/fleet", "ST0903"),
        ("kind: github, repository: acme/fleet, tokenFile: a, tokenVariable: B", "ST0903"),
        ("kind: gitea, repository: acme/fleet, tokenFile: token", "ST0904"),
        ("kind: github, repository: acme, tokenFile: token", "ST0904"),
        ("kind: githup, repository: acme/fleet, tokenFile: token", "did you mean `github`"),
        ("kind: github, url: 'https://me:secret@github.com', repository: a/b, tokenFile: token", "without user"),
        ("kind: github, tokn: x, repository: acme/fleet", "unknown field `tokn`"),
        ("kind: azure-devops, repository: a/b/c, tokenFile: token, approverTeams: [a/b]", "are not asked"),
        ("kind: bitbucket-cloud, repository: a/b, tokenFile: token, approverTeams: [a/b]", "are not asked"),
        ("kind: github, repository: a/b, tokenFile: token, approverTeams: [platform]", "of the form ORGANISATION/TEAM"),
        ("kind: github, repository: a/b, tokenFile: token, approverTeams: [a/../b]", "ORGANISATION/TEAM"),
    ];
    for (forge, says) in cases {
        fleet.settings(forge, "");
        fleet.run(&["status"]).ends_with(1).says(&[says, "stratify.yaml:5"]);
    }
    fleet.settings(&on("https://github.com"), "listen: 8080");
    fleet.run(&["status"]).ends_with(1).says(&["127.0.0.1:8080"]);
}
