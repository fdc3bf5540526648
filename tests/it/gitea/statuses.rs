//! In: pushes over HTTP to a real Gitea. Out: statuses on the commits, read back by its API.
//! Guarantee: success stands on what was synced, and a commit that is wrong says so.
use super::Hosted;

#[test]
fn a_push_is_synced_and_its_commit_says_so() {
    let hosted = Hosted::new("ada", "");
    let first = hosted.fleet.checkout.head();
    hosted.fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced"]);
    assert_eq!(hosted.until(&first, "stratify/prod", "success"), "2/2 clusters synced");
    hosted.synced(&first);
    hosted.fleet.checkout.edit("clusters/prod/eu-1/cluster.yaml", "podCidr:", "podCidrx:");
    hosted.fleet.checkout.commit("a mistake");
    let second = hosted.push("main");
    hosted.fleet.run(&["sync"]).ends_with(1);
    let text = hosted.until(&second, "stratify/plan", "failure");
    assert!(text.contains("eu-1") && text.contains("podCidrx"), "it says what is wrong: {text}");
    hosted.until(&second, "stratify/prod", "failure");
    let log = format!("{}{}", hosted.fleet.run(&["status"]).all(), hosted.fleet.log());
    assert!(!log.contains(&hosted.owner.token), "no token is shown");
}

#[test]
fn a_token_that_is_revoked_and_replaced_is_told_of_and_taken() {
    let hosted = Hosted::new("bob", "");
    let head = hosted.fleet.checkout.head();
    let file = hosted.fleet.path("forge-token");
    std::fs::write(&file, "0123456789012345678901234567890123456789").expect("the scratch folder is ours");
    let url = format!("{}/{}/fleet.git\n  tokenFile: token", hosted.gitea.url(), hosted.owner.name);
    hosted.fleet.settings_of(&url, "kind: gitea, tokenFile: forge-token", "");
    hosted.fleet.run(&["sync"]).ends_with(0).says(&["eu-1: synced", "could not post statuses", "401"]);
    let served = hosted.fleet.serve();
    std::fs::write(&file, &hosted.owner.token).expect("the scratch folder is ours");
    hosted.synced(&head);
    drop(served);
    let history = hosted.get(&format!("/commits/{head}/statuses?limit=50"));
    let all = history.as_array().map(Vec::len).unwrap_or_default();
    assert!((4..=12).contains(&all), "pending and success of each context, and no more: {history}");
    let unknown = hosted.path(&format!("/statuses/{}", "7".repeat(40)));
    let body = serde_json::json!({ "state": "success", "context": "x" });
    let answer = hosted.gitea.api(&hosted.owner.token, "POST", &unknown, &body);
    // It does not tell it from a failure of its own, so such a status is tried again, ever more seldom.
    assert!(matches!(answer.code, 404 | 422 | 500), "{answer:?}");
}

#[test]
fn the_forge_its_statuses_and_what_waits_are_told() {
    let hosted = Hosted::new("asks", "listen: 127.0.0.1:0");
    let _served = hosted.fleet.serve();
    let head = hosted.fleet.checkout.head();
    hosted.until(&head, "stratify/prod", "success");
    let said = ["it may write to the repository", "none sends to an address that ends with /webhooks/fleet"];
    hosted.fleet.run(&["forge", "check"]).ends_with(1).says(&said);
    hosted.hook();
    hosted.fleet.run(&["forge", "check"]).ends_with(0).says(&["/webhooks/fleet", "fleet is read"]);
    let said = ["stratify/prod", "success", "2/2 clusters synced"];
    hosted.fleet.run(&["statuses", &head]).ends_with(0).says(&said);
    hosted.fleet.run(&["statuses"]).ends_with(0).says(&said);
    hosted.fleet.run(&["outbox"]).ends_with(0).says(&["nothing waits"]);
    std::fs::write(hosted.fleet.path("token"), "0123456789012345678901234567890123456789").expect("it is ours");
    hosted.fleet.run(&["forge", "check"]).ends_with(1).says(&["401", "put a new one where the settings say it is"]);
}
