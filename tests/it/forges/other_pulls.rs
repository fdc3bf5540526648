//! In: pull requests of both Bitbuckets and of an Azure DevOps that stand in. Out: their plans, and one comment each.
//! Guarantee: by the refs and in the words of each.
use super::fleet::Fleet;
use super::others::Other;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

const US: &str = "clusters/prod/us-1/cluster.yaml";

/// Serves, and looks at a pull request and at what it becomes.
fn plans_of(other: &Other, forge: &str, token: &str, reference: &str, tell: impl Fn(&str) -> Value) {
    let fleet = Fleet::new(&format!("{forge}, url: '{}', tokenFile: token", other.http.url()), "");
    fs::write(fleet.path("token"), token).expect("the scratch folder is ours");
    let _served = fleet.serve();
    let is_success = |key: &str| {
        let builds = other.builds();
        builds
            .get(key)
            .is_some_and(|build| build["state"].as_str().is_some_and(|state| state.to_lowercase().starts_with("succe")))
    };
    other.http.until("the start is told", || is_success("stratify/prod"));
    for (before, after) in [("3", "4"), ("4", "5")] {
        let checkout = &fleet.checkout;
        checkout.edit(US, &format!("replicas: {before}"), &format!("replicas: {after}"));
        checkout.git(&["checkout", "--quiet", "--detach"]);
        let commit = checkout.commit("more replicas");
        checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:{reference}")]);
        other.kept().pulls = vec![tell(&commit)];
        fleet.run(&["sync", "--no-wait"]).ends_with(0);
        let is_told = |text: &str| text.contains(&format!("3 → {after}"));
        other.http.until("it is commented", || other.kept().comments.iter().any(|(_, text)| is_told(text)));
        let posted = || {
            other.http.seen().iter().any(|it| it.path.contains(&commit) && it.body.to_string().contains("1 layer of 1"))
        };
        other.http.until("it is planned", posted);
    }
    assert_eq!(other.kept().comments.len(), 1, "one comment, worded anew");
    assert_eq!(other.kept().comments[0].0, 1, "once");
}

#[test]
fn those_of_bitbucket_data_center_are_planned() {
    let forge = "kind: bitbucket-data-center, repository: OPS/fleet";
    let reference = "refs/pull-requests/7/from";
    let center = Other::bitbucket_data_center();
    plans_of(&center, forge, "dc-token", reference, of_center);
    let comment = center.kept().comments[0].1.clone();
    assert!(!comment.contains('<'), "it shows tags as they stand: {comment}");
}

/// Returns a pull request as Bitbucket Data Center tells it.
pub(super) fn of_center(commit: &str) -> Value {
    let side = |name: &str, commit: &str| {
        let repository = json!({ "slug": "fleet", "project": { "key": "OPS" } });
        json!({ "id": format!("refs/heads/{name}"), "displayId": name, "latestCommit": commit, "repository": repository })
    };
    json!({ "id": 7, "author": { "user": { "name": "ada" } }, "fromRef": side("x", commit), "toRef": side("main", "") })
}

/// Returns a pull request as Bitbucket Cloud tells it, but for the digits of its commit that it leaves out.
pub(super) fn of_cloud(commit: &str, from: &str) -> Value {
    let side = |repository: &str, branch: &str, commit: &str| json!({ "repository": { "full_name": repository }, "branch": { "name": branch }, "commit": { "hash": commit } });
    json!({
        "id": 7, "state": "OPEN", "author": { "account_id": "ada", "nickname": "Ada" },
        "source": side(from, "x", commit), "destination": side("acme/fleet", "main", ""),
    })
}

/// Returns a pull request as Azure DevOps tells it.
pub(super) fn of_azure(commit: &str) -> Value {
    json!({
        "pullRequestId": 7, "createdBy": { "uniqueName": "ada@acme.example" }, "sourceRefName": "refs/heads/x",
        "targetRefName": "refs/heads/main", "lastMergeSourceCommit": { "commitId": commit },
    })
}

/// A Bitbucket Cloud, and a fleet on it with these other settings.
fn cloud(more: &str) -> (Other, Fleet) {
    let cloud = Other::bitbucket_cloud();
    let url = cloud.http.url();
    let forge = format!("kind: bitbucket-cloud, repository: acme/fleet, url: '{url}', tokenFile: token");
    let fleet = Fleet::new(&forge, more);
    fs::write(fleet.path("token"), "bb-token").expect("the scratch folder is ours");
    (cloud, fleet)
}

#[test]
fn those_of_bitbucket_cloud_are_planned() {
    let cloud = Other::bitbucket_cloud();
    let forge = "kind: bitbucket-cloud, repository: acme/fleet";
    plans_of(&cloud, forge, "bb-token", "refs/heads/x", |commit| of_cloud(commit, "Acme/fleet"));
    let comment = cloud.kept().comments[0].1.clone();
    assert!(!comment.contains('<'), "it shows tags as they stand: {comment}");
}

/// Asks the door of a fleet, and returns the answer as it comes.
fn ask(fleet: &Fleet, path: &str) -> String {
    let mut stream = TcpStream::connect(fleet.door()).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it is text");
    text
}

#[test]
fn a_plan_for_which_a_comment_has_no_room_stands_behind_its_link() {
    let (cloud, fleet) = cloud("listen: 127.0.0.1:0\npublicUrl: https://stratify.example.org\n");
    let object = |number: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: one-of-many-{number} }}\ndata: {{ key: text }}\n")
    };
    let many: Vec<String> = (0..1000).map(object).collect();
    fleet.checkout.write("profiles/observability/tracing/many.yaml", &many.join("---\n"));
    fleet.checkout.git(&["checkout", "--quiet", "--detach"]);
    let commit = fleet.checkout.commit("many objects");
    fleet.checkout.git(&["push", "--quiet", "--force", "../remote.git", "HEAD:refs/heads/x"]);
    cloud.kept().pulls = vec![of_cloud(&commit, "acme/fleet")];
    let _served = fleet.serve();
    let comment = || cloud.kept().comments.first().map(|(_, text)| text.clone());
    cloud.http.until("it is commented", || comment().is_some());
    let comment = comment().expect("it is there");
    let link = comment.split("see [the whole plan](https://stratify.example.org").nth(1);
    let path = link.and_then(|rest| rest.split(')').next()).unwrap_or_else(|| panic!("it links all: {comment}"));
    let page = ask(&fleet, path);
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("x-content-type-options: nosniff"), "{page}");
    assert!(page.contains(&commit) && page.contains("ConfigMap monitoring/one-of-many-999"), "all of it: {page}");
    for other in ["/plans/", "/plans/../key", "/plans/%2e%2e/key", &format!("/plans/{}", "0".repeat(64))] {
        assert!(ask(&fleet, other).starts_with("HTTP/1.1 404 "), "{other} is none");
    }
}

#[test]
fn a_comment_that_is_deleted_on_bitbucket_cloud_is_made_again() {
    let (cloud, fleet) = cloud("");
    let _served = fleet.serve();
    cloud.http.until("the start is told", || {
        cloud.builds().get("stratify/prod").is_some_and(|build| build["state"] == "SUCCESSFUL")
    });
    for (at, (before, after)) in [("3", "4"), ("4", "5")].into_iter().enumerate() {
        fleet.checkout.edit(US, &format!("replicas: {before}"), &format!("replicas: {after}"));
        fleet.checkout.git(&["checkout", "--quiet", "--detach"]);
        let commit = fleet.checkout.commit("more replicas");
        fleet.checkout.git(&["push", "--quiet", "--force", "../remote.git", "HEAD:refs/heads/x"]);
        cloud.kept().pulls = vec![of_cloud(&commit, "acme/fleet")];
        fleet.run(&["sync", "--no-wait"]).ends_with(0);
        let is_told = || cloud.kept().comments.get(at).is_some_and(|(_, text)| text.contains(&format!("3 → {after}")));
        cloud.http.until("it is commented", is_told);
        cloud.kept().deleted.push(at);
    }
    assert_eq!(cloud.kept().comments.len(), 2, "one for each that was deleted");
}

#[test]
fn a_fork_on_bitbucket_cloud_is_told_of_and_hurts_no_other() {
    let (cloud, fleet) = cloud("");
    fleet.checkout.edit(US, "replicas: 3", "replicas: 4");
    fleet.checkout.git(&["checkout", "--quiet", "--detach"]);
    let own = fleet.checkout.commit("more replicas");
    fleet.checkout.git(&["push", "--quiet", "--force", "../remote.git", "HEAD:refs/heads/x"]);
    let mut fork = of_cloud(&"7".repeat(40), "eve/fleet");
    fork["id"] = 6.into();
    cloud.kept().pulls = vec![fork, of_cloud(&own, "acme/fleet")];
    let _served = fleet.serve();
    let is_planned = || cloud.http.seen().iter().any(|it| it.path.contains(&own) && it.text("key") == "stratify/plan");
    cloud.http.until("the other one is planned", is_planned);
    let is_told = || fleet.log().contains("pull request 6 is not planned: this forge has no ref");
    cloud.http.until(&format!("it is told: {}", fleet.log()), is_told);
    assert!(!cloud.http.seen().iter().any(|it| it.path.contains("77777777")), "nothing is asked of it");
}

#[test]
fn those_of_azure_devops_are_planned() {
    let forge = "kind: azure-devops, repository: acme/ops/fleet";
    let azure = Other::azure_devops();
    plans_of(&azure, forge, "az-token", "refs/heads/x", of_azure);
    // Branch policies look at those of the pull request.
    let is_it = |status: &Value| status["state"] == "succeeded" && status["context"]["name"] == "plan";
    // One post follows the other, so that of the first head was there before the second one was told of.
    let of_pulls = azure.kept().of_pulls.clone();
    assert!(of_pulls.iter().any(is_it), "its pull request says so: {of_pulls:?}");
    assert!(of_pulls.iter().all(|status| status["iterationId"] == 3), "of this head alone: {of_pulls:?}");
}

#[test]
fn a_branch_that_would_fetch_something_else_is_not_fetched_and_one_that_only_looks_so_is() {
    let (cloud, fleet) = cloud("");
    fleet.checkout.edit(US, "replicas: 3", "replicas: 4");
    fleet.checkout.git(&["checkout", "--quiet", "--detach"]);
    let right = fleet.checkout.commit("more replicas");
    let strange = "ünï-\u{202e}\u{200b}`@all`";
    fleet.checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:refs/heads/{strange}")]);
    let named = |number: u64, branch: &str, commit: &str| {
        let mut pull = of_cloud(commit, "acme/fleet");
        (pull["id"], pull["source"]["branch"]["name"]) = (number.into(), branch.into());
        pull
    };
    let traps = ["x:refs/heads/main", "*", "../main", "--upload-pack=x", "a b", "x\u{7}"];
    let mut pulls: Vec<Value> = (10..).zip(traps).map(|(number, trap)| named(number, trap, &"7".repeat(40))).collect();
    pulls.push(named(7, strange, &right));
    cloud.kept().pulls = pulls;
    let _served = fleet.serve();
    let told =
        || cloud.http.seen().into_iter().find(|it| it.path.contains(&right) && it.text("key") == "stratify/plan");
    cloud.http.until("the one that there is is planned", || told().is_some());
    assert_eq!(told().expect("it is").text("refname"), strange, "as it is named");
    for (number, trap) in (10..).zip(traps) {
        let says = format!("pull request {number} is not planned");
        cloud.http.until(&format!("{trap:?} is told of: {}", fleet.log()), || fleet.log().contains(&says));
    }
}
