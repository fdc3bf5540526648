//! In: reviews of pull requests on a real Gitea. Out: what they let through, and what they do not.
//! Guarantee: only a listed user's review, who wrote no part of it, of exactly the head that was planned.
use super::Hosted;
use crate::testenv::Account;
use serde_json::json;
use std::fs;

/// A layer of eu-1.
const TOOLS: &str = "    - name: local-tools
      role: add-on
      manifests: [tools/*.yaml]
      namespace: tools
      priority: 90
";

impl Hosted {
    /// Makes a user who may write, and returns it.
    fn writer(&self, begins: &str) -> Account {
        let account = self.gitea.account(begins);
        let path = self.path(&format!("/collaborators/{}", account.name));
        self.gitea.api(&self.owner.token, "PUT", &path, &json!({ "permission": "write" })).done();
        account
    }

    fn review(&self, who: &Account, number: u64, event: &str) {
        let path = self.path(&format!("/pulls/{number}/reviews"));
        self.gitea.api(&who.token, "POST", &path, &json!({ "event": event, "body": "looked at" })).done();
    }

    fn merge(&self, number: u64) -> String {
        let path = self.path(&format!("/pulls/{number}/merge"));
        let merge = json!({ "Do": "merge" });
        // It answers 405 until it has found out that nothing conflicts.
        self.gitea.eventually("it is merged", || {
            (self.gitea.api(&self.owner.token, "POST", &path, &merge).code == 200).then_some(())
        });
        self.get("/branches/main")["commit"]["id"].as_str().expect("it has a head").to_owned()
    }

    /// Checks out main, changes it in the name of a user whom Gitea knows, and pushes that to a branch.
    fn branch_by(&self, who: &Account, name: &str, change: impl FnOnce()) -> String {
        let checkout = &self.fleet.checkout;
        checkout.git(&["checkout", "--quiet", "-B", name, "main"]);
        change();
        checkout.git(&["add", "--all"]);
        checkout.git_as(&who.name, &["commit", "--quiet", "-m", name]);
        let commit = self.push(name);
        checkout.git(&["checkout", "--quiet", "main"]);
        commit
    }
}

/// Makes a fleet in which every deletion needs approval, with two who may write; the first may approve.
fn guarded(begins: &str) -> (Hosted, Account, Account) {
    let hosted = Hosted::new(begins, "listen: 127.0.0.1:0");
    let (grace, mallory) = (hosted.writer("grace"), hosted.writer("mallory"));
    let url = format!("{}/{}/fleet.git\n  tokenFile: token", hosted.gitea.url(), hosted.owner.name);
    let approvers = format!("approvers: [{}, {}]", grace.name, hosted.owner.name);
    let forge = format!("kind: gitea, tokenFile: token, webhookSecretFile: secret, {approvers}");
    hosted.fleet.settings_of(&url, &forge, "listen: 127.0.0.1:0\nfloor: { maxObjects: 0 }");
    (hosted, grace, mallory)
}

/// Opens a pull request that removes a layer, once the fleet is synced; returns its number.
fn removal(hosted: &Hosted) -> u64 {
    hosted.hook();
    hosted.synced(&hosted.fleet.checkout.head());
    let head = hosted.branch_by(&hosted.owner, "fewer", || {
        hosted.fleet.checkout.edit("clusters/prod/eu-1/cluster.yaml", TOOLS, "");
    });
    let number = hosted.open(&hosted.owner, "fewer");
    let text = hosted.until(&head, "stratify/plan", "success");
    assert!(text.contains("1 waits for approval"), "{text}");
    number
}

#[test]
fn a_review_by_a_listed_user_approves_what_was_shown_also_over_a_restart() {
    let (hosted, grace, mallory) = guarded("author");
    let served = hosted.fleet.serve();
    let number = removal(&hosted);
    drop(served);
    hosted.review(&mallory, number, "APPROVED");
    hosted.review(&grace, number, "APPROVED");
    let merged = hosted.merge(number);
    let _served = hosted.fleet.serve();
    hosted.until(&merged, "stratify/prod", "success");
    let plan = hosted.until(&merged, "stratify/plan", "success");
    assert!(plan.contains(&format!("as reviewed in #{number}")) && !plan.contains("not as reviewed"), "{plan}");
    let log = fs::read_to_string(hosted.fleet.path("log")).expect("it was written");
    assert!(!log.contains(&hosted.owner.token), "no token is shown");
}

#[test]
fn a_review_by_anybody_else_approves_nothing() {
    let (hosted, _, mallory) = guarded("other");
    let _served = hosted.fleet.serve();
    let number = removal(&hosted);
    hosted.review(&mallory, number, "APPROVED");
    let merged = hosted.merge(number);
    hosted.until(&merged, "stratify/plan", "success");
    hosted.fleet.run(&["sync"]).ends_with(1).says(&["eu-1: held: waits for approval"]);
    let text = hosted.until(&merged, "stratify/prod", "pending");
    assert!(text.contains("waits for approval"), "{text}");
}
