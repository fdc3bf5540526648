//! In: a forge that sends webhooks. Out: the one that the program makes there, and deliveries that it asks for again.
//! Guarantee: asked for twice, there is one; the secret is shown nowhere; what the token lacks is told in the forge's words.
use super::fleet::Fleet;
use super::github::GitHub;
use super::gitlab::{self, GitLab};
use super::http::Reply;
use super::synced::on;
use serde_json::json;
use std::fs;

const SECRET: &str = "It's a Secret to Everybody";

fn fleet(github: &GitHub) -> Fleet {
    let forge = format!("{}, webhookSecretFile: secret", on(&github.http.url()));
    let fleet = Fleet::new(&forge, "listen: 127.0.0.1:0");
    fs::write(fleet.path("secret"), SECRET).expect("the scratch folder is ours");
    fleet
}

#[test]
fn the_webhook_is_made_once_and_made_as_it_has_to_be() {
    let github = GitHub::start();
    let fleet = fleet(&github);
    let install = ["webhook", "install", "https://stratify.acme.example"];
    let url = "https://stratify.acme.example/webhooks/fleet";
    let ran = fleet.run(&install).ends_with(0).says(&["is made", url]);
    assert!(!ran.all().contains(SECRET), "{}", ran.all());
    let sent = github.http.seen().into_iter().find(|request| request.method == "POST").expect("it was made");
    assert_eq!(sent.body["config"], json!({ "url": url, "content_type": "json", "secret": SECRET }));
    github.state().hooks[0]["active"] = false.into();
    fleet.run(&["forge", "check"]).ends_with(1).says(&["it is switched off"]);
    fleet.run(&install).ends_with(0).says(&["as it has to be now"]);
    let state = github.state();
    assert_eq!((state.hooks.len(), &state.hooks[0]["active"]), (1, &json!(true)), "there is one, and it is on");
    drop(state);
    fleet.run(&["forge", "check"]).ends_with(0).says(&[url, "pull requests: 0 open ones read"]);
}

#[test]
fn what_a_webhook_lacks_is_told() {
    let github = GitHub::start();
    let fleet = fleet(&github);
    github.first(Reply::says(404, "Not Found"));
    fleet.run(&["webhook", "install", "https://x.example"]).ends_with(1).says(&["404", "`admin:repo_hook`"]);
    fleet.run(&["webhook", "install", "x.example"]).ends_with(1).says(&["give https://"]);
    github.first(Reply::says(503, ""));
    let ran = fleet.run(&["webhook", "install", "https://x.example"]).ends_with(1).says(&["503", "and run this again"]);
    assert!(!ran.all().contains("outbox"), "nothing of it waits there: {}", ran.all());
    github.first(Reply::says(502, ""));
    fleet.run(&["forge", "check"]).ends_with(1).says(&["502", "and run this again"]);
    github.first(Reply::says(504, ""));
    fleet.run(&["statuses", &fleet.checkout.head()]).ends_with(1).says(&["504", "and run this again"]);
    fleet.settings(&on(&github.http.url()), "");
    fleet.run(&["webhook", "install", "https://x.example"]).ends_with(1).says(&["add `webhookSecretFile`"]);
    assert!(github.state().hooks.is_empty(), "nothing was made");
}

#[test]
fn deliveries_that_were_not_taken_are_asked_for_again() {
    let github = GitHub::start();
    let fleet = fleet(&github);
    let hook = |id: u64, url: &str| json!({ "id": id, "config": { "url": url, "content_type": "json" } });
    let ours = hook(1, "https://stratify.acme.example/webhooks/fleet");
    github.state().hooks = vec![hook(2, "https://ci.acme.example/"), ours];
    let delivery = |id: u64, guid: &str, code: u16| json!({ "id": id, "guid": guid, "status_code": code });
    github.state().deliveries =
        vec![delivery(4, "a", 200), delivery(3, "b", 502), delivery(2, "a", 500), delivery(1, "c", 200)];
    let _served = fleet.serve();
    github.http.until("one is asked for again", || !github.state().redelivered.is_empty());
    let listed = |id: u64| github.http.seen().iter().any(|it| it.path.contains(&format!("/hooks/{id}/deliveries")));
    assert!(listed(1) && !listed(2), "that of others is theirs");
    assert_eq!(github.state().redelivered, [3], "the one that was never taken");
}

#[test]
fn the_webhook_of_gitlab_is_made_and_its_token_and_limits_are_told() {
    let gitlab = GitLab::start();
    let url = gitlab.http.url();
    let place = format!("kind: gitlab, url: '{url}', repository: acme/platform/fleet");
    let fleet = Fleet::new(&format!("{place}, tokenFile: token, webhookSecretFile: secret"), "listen: 127.0.0.1:0");
    fs::write(fleet.path("token"), gitlab::TOKEN).expect("the scratch folder is ours");
    fs::write(fleet.path("secret"), SECRET).expect("the scratch folder is ours");
    let install = ["webhook", "install", "https://stratify.acme.example"];
    let ran = fleet.run(&install).ends_with(0).says(&["is made"]);
    assert!(!ran.all().contains(SECRET), "{}", ran.all());
    assert_eq!(gitlab.state().hooks[0]["token"], SECRET);
    let said =
        ["(scopes: api, read_user; until 2027-01-01)", "not told: whether it has a secret", "1999 of 2000 requests"];
    fleet.run(&["forge", "check"]).ends_with(0).says(&said);
    for (key, value, says) in [
        ("alert_status", json!("temporarily_disabled"), "GitLab has stopped it"),
        ("merge_requests_events", json!(false), "it does not send merge_requests_events"),
    ] {
        gitlab.state().hooks[0][key] = value;
        fleet.run(&["forge", "check"]).ends_with(1).says(&[says]);
        fleet.run(&install).ends_with(0).says(&["as it has to be now"]);
        fleet.run(&["forge", "check"]).ends_with(0);
    }
    assert_eq!(gitlab.state().hooks.len(), 1, "there is one");
}
