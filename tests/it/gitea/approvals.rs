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
    guarded_by(begins, |hosted, grace, _| format!("approvers: [{}, {}]", grace.name, hosted.owner.name))
}

/// Makes one in which those may approve whom a part of the settings names.
fn guarded_by(
    begins: &str,
    approvers: impl FnOnce(&Hosted, &Account, &Account) -> String,
) -> (Hosted, Account, Account) {
    let hosted = Hosted::new(begins, "listen: 127.0.0.1:0");
    let (grace, mallory) = (hosted.writer("grace"), hosted.writer("mallory"));
    let url = format!("{}/{}/fleet.git\n  tokenFile: token", hosted.gitea.url(), hosted.owner.name);
    let approvers = approvers(&hosted, &grace, &mallory);
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

/// Makes an organisation with two teams whose names begin alike, each with one member, and returns what names the first.
fn teams(hosted: &Hosted, grace: &Account, mallory: &Account) -> String {
    let (token, organisation) = (&hosted.owner.token, format!("{}-org", hosted.owner.name));
    let body = json!({ "username": organisation, "visibility": "private" });
    hosted.gitea.api(token, "POST", "/orgs", &body).done();
    for (name, member) in [("platform-two", mallory), ("Platform", grace)] {
        let team = json!({ "name": name, "permission": "read", "units": ["repo.code"] });
        let team = hosted.gitea.api(token, "POST", &format!("/orgs/{organisation}/teams"), &team).done();
        let member = format!("/teams/{}/members/{}", team["id"], member.name);
        hosted.gitea.api(token, "PUT", &member, &json!(null)).done();
    }
    format!("approverTeams: [{organisation}/platform]")
}

#[test]
fn a_review_by_a_member_of_a_team_approves_what_was_shown() {
    let (hosted, grace, _) = guarded_by("team", teams);
    let _served = hosted.fleet.serve();
    let number = removal(&hosted);
    hosted.review(&grace, number, "APPROVED");
    let merged = hosted.merge(number);
    hosted.until(&merged, "stratify/prod", "success");
}

#[test]
fn a_review_by_a_member_of_another_team_approves_nothing() {
    let (hosted, _, mallory) = guarded_by("teams", teams);
    let _served = hosted.fleet.serve();
    let number = removal(&hosted);
    hosted.review(&mallory, number, "APPROVED");
    let merged = hosted.merge(number);
    hosted.until(&merged, "stratify/plan", "success");
    hosted.fleet.run(&["sync"]).ends_with(1).says(&["eu-1: held: waits for approval"]);
}

#[test]
fn a_pull_request_that_is_forced_to_another_head_after_its_review_waits_again() {
    let (hosted, grace, _) = guarded("forced");
    let served = hosted.fleet.serve();
    let number = removal(&hosted);
    drop(served);
    hosted.review(&grace, number, "APPROVED");
    let head = hosted.branch_by(&hosted.owner, "fewer", || {
        hosted.fleet.checkout.edit("clusters/prod/eu-1/cluster.yaml", TOOLS, "");
        hosted.fleet.checkout.write("NOTES.md", "nobody looked at this\n");
    });
    // Gitea tells of the new head a moment after the push.
    hosted.gitea.eventually("it has the new head", || {
        (hosted.get(&format!("/pulls/{number}"))["head"]["sha"] == head.as_str()).then_some(())
    });
    let _served = hosted.fleet.serve();
    let text = hosted.until(&head, "stratify/plan", "success");
    assert!(text.contains("1 waits for approval"), "{text}");
    hosted.hook();
    let merged = hosted.merge(number);
    hosted.until(&merged, "stratify/plan", "success");
    hosted.fleet.run(&["sync"]).ends_with(1).says(&["eu-1: held: waits for approval"]);
}
