//! In: five hundred pull requests at once. Out: the plan of each.
//! Guarantee: the memory that they take is bounded, and nothing of what is told is lost.
use super::fleet::{Fleet, small_cluster, small_text};
use super::github::GitHub;
use serde_json::json;

/// As many as a busy repository has after a robot went over it.
const PULLS: usize = 500;

/// What they may take, in KiB: that is 128 KiB each, with the objects of each and all that is told of it.
const MEMORY_MAX: u64 = 64 << 10;

#[test]
fn five_hundred_at_once_each_get_their_plan_within_bounds() {
    let github = GitHub::start();
    let url = github.http.url();
    let forge = format!("kind: github, url: '{url}', repository: acme/fleet, tokenFile: token, writesAMinute: 100000");
    let fleet = Fleet::small(4, &forge);
    let served = fleet.serve();
    let head = fleet.checkout.head();
    let is_success =
        |commit: &str, name: &str| github.latest(commit).get(name).is_some_and(|(state, _)| state == "success");
    github.http.until("the start is told", || is_success(&head, "stratify/e3"));
    let before = served.memory("VmRSS");
    let numbers: Vec<u64> = (1..).take(PULLS).collect();
    let file = |number: &u64| {
        let at = usize::try_from(*number % 4).expect("it is small");
        (*number, small_cluster(at), small_text(at, &format!("hello-{number}")))
    };
    let commits = fleet.pulls(&numbers.iter().map(file).collect::<Vec<_>>());
    let repo = json!({ "full_name": "acme/fleet" });
    let listed = numbers.iter().zip(&commits).map(|(number, sha)| {
        let head = json!({ "sha": sha, "ref": format!("x{number}"), "repo": repo });
        json!({ "number": number, "user": { "login": "ada" }, "head": head, "base": { "ref": "main", "repo": repo } })
    });
    github.state().pulls = listed.collect();
    fleet.run(&["sync", "--no-wait"]).ends_with(0);
    let told = || {
        let planned = commits.iter().filter(|commit| is_success(commit, "stratify/plan")).count();
        planned + github.state().comments.len()
    };
    // Step by step, since all of them together take their time on a busy machine.
    for some in (1..=10).map(|part| 2 * PULLS * part / 10) {
        github.http.until("each is planned and commented", || told() >= some);
    }
    let comments = github.state().comments.clone();
    for number in &numbers {
        let of_it: Vec<&String> = comments.iter().filter(|(_, of, _)| of == number).map(|(.., text)| text).collect();
        assert!(matches!(of_it.as_slice(), [one] if one.contains(&format!("hello-{number}"))), "#{number}: {of_it:?}");
    }
    let took = served.memory("VmHWM").saturating_sub(before);
    assert!(took <= MEMORY_MAX, "they took {took} KiB");
    fleet.run(&["outbox"]).ends_with(0).says(&["nothing waits"]);
}
