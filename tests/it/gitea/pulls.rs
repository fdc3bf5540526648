//! In: pull requests on a real Gitea. Out: their plans, as statuses and comments; what becomes of one that is merged.
//! Guarantee: nothing is applied before the merge, and after it what was reviewed.
use super::Hosted;
use crate::commands::fixture::tree;
use serde_json::json;
use std::collections::BTreeMap;

const US: &str = "clusters/prod/us-1/cluster.yaml";

impl Hosted {
    /// Checks out main, changes it, and pushes that to a branch; returns the commit.
    fn branch(&self, name: &str, change: impl FnOnce()) -> String {
        self.fleet.checkout.git(&["checkout", "--quiet", "-B", name, "main"]);
        change();
        self.fleet.checkout.commit(name);
        let commit = self.push(name);
        self.fleet.checkout.git(&["checkout", "--quiet", "main"]);
        commit
    }

    fn replicas(&self, to: &str) {
        self.fleet.checkout.edit(US, "replicas: 3", &format!("replicas: {to}"));
    }
}

#[test]
fn a_pull_request_is_planned_reviewed_merged_and_synced() {
    let hosted = Hosted::new("pull", "listen: 127.0.0.1:0");
    let _served = hosted.fleet.serve();
    hosted.hook();
    let first = hosted.fleet.checkout.head();
    hosted.synced(&first);
    let protection = json!({
        "rule_name": "main", "enable_push": true, "enable_status_check": true, "status_check_contexts": ["stratify/plan"],
    });
    hosted.gitea.api(&hosted.owner.token, "POST", &hosted.path("/branch_protections"), &protection).done();
    let targets = || tree(&hosted.fleet.path("state/targets")).into_iter().map(|(path, (_, bytes))| (path, bytes));
    let targets = || targets().collect::<BTreeMap<_, _>>();
    let before = targets();
    let head = hosted.branch("more", || hosted.replicas("4"));
    let number = hosted.open(&hosted.owner, "more");
    let text = hosted.until(&head, "stratify/plan", "success");
    assert!(text.starts_with("1 layer of 1 cluster to change, 0 objects to delete (change "), "{text}");
    let comments =
        hosted.gitea.eventually("it is commented", || Some(hosted.comments(number)).filter(|it| !it.is_empty()));
    let [comment] = comments.as_slice() else { panic!("one comment: {comments:?}") };
    for part in ["us-1 (prod)", "`main`", "/spec/replicas: 3 → 4", "1 layer of 1 cluster to change"] {
        assert!(comment.contains(part), "it says {part:?}: {comment}");
    }
    assert!(targets() == before, "nothing is applied");

    let forced = hosted.branch("more", || hosted.replicas("5"));
    hosted.until(&forced, "stratify/plan", "success");
    let reworded = || hosted.comments(number).into_iter().find(|comment| comment.contains("3 → 5"));
    hosted.gitea.eventually("the comment is worded anew", reworded);
    assert_eq!(hosted.comments(number).len(), 1, "there is still one");

    let merge = json!({ "Do": "merge" });
    let path = hosted.path(&format!("/pulls/{number}/merge"));
    // It answers 405 until it has found out that nothing conflicts.
    hosted.gitea.eventually("the required status is there, so it is merged", || {
        (hosted.gitea.api(&hosted.owner.token, "POST", &path, &merge).code == 200).then_some(())
    });
    let merged = hosted.get("/branches/main")["commit"]["id"].as_str().expect("it has a head").to_owned();
    assert_eq!(hosted.until(&merged, "stratify/prod", "success"), "2/2 clusters synced");
    let object = targets().into_values().any(|bytes| String::from_utf8_lossy(&bytes).contains("replicas: 5"));
    assert!(object, "what was reviewed is what is applied");
}

#[test]
fn what_cannot_be_merged_or_planned_says_why_and_what_changes_nothing_says_so() {
    let hosted = Hosted::new("bad", "listen: 127.0.0.1:0");
    let _served = hosted.fleet.serve();
    hosted.hook();
    let wrong = hosted.branch("wrong", || {
        hosted.fleet.checkout.edit("clusters/prod/eu-1/cluster.yaml", "podCidr:", "podCidrx:");
    });
    let wrong_number = hosted.open(&hosted.owner, "wrong");
    let nothing = hosted.branch("nothing", || hosted.fleet.checkout.write("NOTES.md", "@everyone `\n"));
    hosted.open(&hosted.owner, "nothing");
    let conflict = hosted.branch("conflict", || hosted.replicas("7"));
    hosted.replicas("8");
    hosted.fleet.checkout.commit("main moves on");
    hosted.push("main");
    hosted.open(&hosted.owner, "conflict");
    let text = hosted.until(&wrong, "stratify/plan", "failure");
    assert!(text.contains("eu-1") && text.contains("podCidrx"), "{text}");
    let comment = hosted.gitea.eventually("it is commented", || hosted.comments(wrong_number).pop());
    assert!(comment.contains("1 cluster cannot be brought to it") && comment.contains("cluster.yaml:"), "{comment}");
    let text = hosted.until(&conflict, "stratify/plan", "failure");
    assert_eq!(text, format!("it conflicts with main in {US}"));
    assert_eq!(hosted.until(&nothing, "stratify/plan", "success"), "nothing changes", "a required check does not hang");
}

#[test]
fn a_pull_request_of_a_fork_is_planned_from_git_alone() {
    let hosted = Hosted::new("home", "listen: 127.0.0.1:0");
    let _served = hosted.fleet.serve();
    hosted.hook();
    let eve = hosted.gitea.account("eve");
    let access = json!({ "permission": "read" });
    let path = hosted.path(&format!("/collaborators/{}", eve.name));
    hosted.gitea.api(&hosted.owner.token, "PUT", &path, &access).done();
    hosted.gitea.api(&eve.token, "POST", &hosted.path("/forks"), &json!({})).done();
    hosted.replicas("4");
    let head = hosted.fleet.checkout.commit("from outside");
    let url = hosted.gitea.git_url(&eve, &format!("{}/fleet", eve.name));
    hosted.fleet.checkout.git(&["push", "--quiet", &url, "HEAD:refs/heads/change"]);
    let number = hosted.open(&eve, &format!("{}:change", eve.name));
    let text = hosted.until(&head, "stratify/plan", "success");
    assert!(text.starts_with("partial, from a fork: 1 layer of 1 cluster to change"), "{text}");
    let comment = hosted.gitea.eventually("it is commented", || hosted.comments(number).pop());
    assert!(comment.contains("partial: from Git alone") && comment.contains("not to be approved"), "{comment}");
}

#[test]
fn many_that_were_opened_while_nobody_looked_are_each_planned() {
    let hosted = Hosted::new("many", "listen: 127.0.0.1:0");
    let served = hosted.fleet.serve();
    hosted.synced(&hosted.fleet.checkout.head());
    drop(served);
    let opened: Vec<(String, u64)> = (4..9)
        .map(|replicas: usize| {
            let name = format!("to-{replicas}");
            let head = hosted.branch(&name, || hosted.replicas(&replicas.to_string()));
            (head, hosted.open(&hosted.owner, &name))
        })
        .collect();
    let (closed, open) = opened.split_first().expect("there are five");
    let path = hosted.path(&format!("/pulls/{}", closed.1));
    hosted.gitea.api(&hosted.owner.token, "PATCH", &path, &json!({ "state": "closed" })).done();
    let _served = hosted.fleet.serve();
    for (at, (head, number)) in open.iter().enumerate() {
        hosted.until(head, "stratify/plan", "success");
        let comment = hosted.gitea.eventually("it is commented", || hosted.comments(*number).pop());
        assert!(comment.contains(&format!("3 → {}", at + 5)), "each its own: {comment}");
    }
    assert!(hosted.statuses(&closed.0).is_empty(), "of one that was closed by then nothing is said");
}
