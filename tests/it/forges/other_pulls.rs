//! In: pull requests of a Bitbucket Data Center and of an Azure DevOps that stand in. Out: their plans, and one comment each.
//! Guarantee: by the refs and in the words of each.
use super::fleet::Fleet;
use super::others::Other;
use serde_json::{Value, json};
use std::fs;

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
    plans_of(&Other::bitbucket_data_center(), forge, "dc-token", reference, |commit| {
        let side = |name: &str, commit: &str| {
            let repository = json!({ "slug": "fleet", "project": { "key": "OPS" } });
            json!({ "id": format!("refs/heads/{name}"), "displayId": name, "latestCommit": commit, "repository": repository })
        };
        json!({ "id": 7, "author": { "user": { "name": "ada" } }, "fromRef": side("x", commit), "toRef": side("main", "") })
    });
}

#[test]
fn those_of_azure_devops_are_planned() {
    let forge = "kind: azure-devops, repository: acme/ops/fleet";
    plans_of(&Other::azure_devops(), forge, "az-token", "refs/heads/x", |commit| {
        json!({
            "pullRequestId": 7, "createdBy": { "uniqueName": "ada@acme.example" }, "sourceRefName": "refs/heads/x",
            "targetRefName": "refs/heads/main", "lastMergeSourceCommit": { "commitId": commit },
        })
    });
}
