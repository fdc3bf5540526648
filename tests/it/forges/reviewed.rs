//! In: pull requests that remove something, and reviews of them, on forges that stand in. Out: what is let through after the
//! merge, by the program itself.
//! Guarantee: a listed reviewer's approval of exactly the head that was planned, and nothing else.
use super::fleet::{Fleet, Served};
use super::github::GitHub;
use super::gitlab::{self, GitLab};
use super::http::Http;
use super::others::Other;
use super::synced::on;
use serde_json::{Value, json};
use std::fs;

/// A layer of eu-1.
const TOOLS: &str = "    - name: local-tools
      role: add-on
      manifests: [tools/*.yaml]
      namespace: tools
      priority: 90
";

const EU: &str = "clusters/prod/eu-1/cluster.yaml";

/// The program as it serves a fleet in which every deletion needs approval.
struct Guarded<'a> {
    http: &'a Http,
    fleet: Fleet,
    _served: Served,
}

impl<'a> Guarded<'a> {
    fn new(http: &'a Http, forge: &str, token: &str) -> Self {
        let fleet = Fleet::new(forge, "floor: { maxObjects: 0 }");
        fs::write(fleet.path("token"), token).expect("the scratch folder is ours");
        let served = fleet.serve();
        let guarded = Self { http, fleet, _served: served };
        let head = guarded.fleet.checkout.head();
        http.until("the start is told", || guarded.told(&head, "stratify/prod").contains("2/2 clusters synced"));
        guarded
    }

    /// Returns what was told of a commit last, whichever way the forge is told.
    fn told(&self, commit: &str, context: &str) -> String {
        let parts = context.split_once('/').unwrap_or_default();
        let of_azure = |body: &Value| body["context"]["genre"] == parts.0 && body["context"]["name"] == parts.1;
        let is_it = |body: &Value| ["context", "name", "key"].iter().any(|key| body[key] == context) || of_azure(body);
        let seen = self.http.seen();
        let last = seen.iter().rev().find(|it| it.method == "POST" && it.path.contains(commit) && is_it(&it.body));
        last.map_or_else(String::new, |it| it.text("description").to_owned())
    }

    /// Puts the removal of a layer under a ref; returns the commit.
    fn removal(&self, reference: &str, more: impl FnOnce()) -> String {
        let checkout = &self.fleet.checkout;
        checkout.git(&["checkout", "--quiet", "-B", "fewer", "main"]);
        checkout.edit(EU, TOOLS, "");
        more();
        let commit = checkout.commit("fewer tools");
        checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:{reference}")]);
        checkout.git(&["checkout", "--quiet", "main"]);
        commit
    }

    /// Looks at the pull requests, and waits until that is over.
    fn look(&self, lists: &str) {
        let listed = || self.http.seen().iter().filter(|it| it.method == "GET" && it.path.contains(lists)).count();
        let before = listed();
        self.fleet.run(&["sync", "--no-wait"]).ends_with(0);
        self.http.until("they are listed", || listed() > before);
        loop {
            let ran = self.fleet.run(&["outbox", "--output", "json"]);
            let waits: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.all()));
            if waits["looking"] == false {
                break;
            }
        }
    }

    fn waits(&self, commit: &str, lists: &str) {
        self.look(lists);
        self.http.until("it is planned", || self.told(commit, "stratify/plan").contains("1 waits for approval"));
    }

    /// Merges what was reviewed, and pushes that.
    fn merge(&self) {
        let checkout = &self.fleet.checkout;
        checkout.git(&["merge", "--quiet", "--no-ff", "-m", "merge it", "fewer"]);
        checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    }

    /// Waits until what was merged is everywhere.
    fn goes_through(&self) {
        self.fleet.run(&["sync", "--no-wait"]).ends_with(0);
        let head = self.fleet.checkout.head();
        self.http.until("it goes through", || self.told(&head, "stratify/prod").contains("2/2 clusters synced"));
        self.http.until("its plan is told", || self.told(&head, "stratify/plan").contains("as reviewed in #7"));
    }

    fn is_held(&self) {
        self.fleet.run(&["sync"]).ends_with(1).says(&["eu-1: held: waits for approval"]);
    }
}

/// A GitLab on which grace may approve, and whoever is in `acme/platform`.
fn gitlab() -> (GitLab, String) {
    let gitlab = GitLab::start();
    let approvers = "approvers: [grace], approverTeams: [acme/platform]";
    let url = gitlab.http.url();
    let forge = format!("kind: gitlab, url: '{url}', repository: acme/platform/fleet, tokenFile: token, {approvers}");
    (gitlab, forge)
}

const REQUEST: &str = "refs/merge-requests/7/head";

#[test]
fn an_approval_on_gitlab_lets_through_what_was_shown() {
    let (gitlab, forge) = gitlab();
    let guarded = Guarded::new(&gitlab.http, &forge, gitlab::TOKEN);
    let head = guarded.removal(REQUEST, || {});
    gitlab.state().open(7, "ada", &head);
    guarded.waits(&head, "/merge_requests?");
    gitlab.http.until("it is commented", || gitlab.state().ours(7).len() == 1);
    assert_eq!(gitlab.state().approve(7, "grace", Some(&head)), 201);
    gitlab.state().merge(7);
    guarded.merge();
    guarded.goes_through();
    let plan = guarded.told(&guarded.fleet.checkout.head(), "stratify/plan");
    assert!(plan.ends_with("as reviewed in #7"), "{plan}");
}

#[test]
fn an_approval_on_gitlab_of_what_was_there_before_a_push_lets_nothing_through() {
    let (gitlab, forge) = gitlab();
    let guarded = Guarded::new(&gitlab.http, &forge, gitlab::TOKEN);
    let first = guarded.removal(REQUEST, || {});
    gitlab.state().open(7, "ada", &first);
    guarded.waits(&first, "/merge_requests?");
    // Before that is seen, another head is pushed, and GitLab keeps the approval. Another one is of nobody who is listed.
    assert_eq!(gitlab.state().approve(7, "grace", Some(&first)), 201);
    let second = guarded.removal(REQUEST, || guarded.fleet.checkout.write("NOTES.md", "more\n"));
    gitlab.state().push(7, &second);
    assert_eq!(gitlab.state().approve(7, "mallory", Some(&second)), 201);
    guarded.waits(&second, "/merge_requests?");
    guarded.look("/merge_requests?");
    gitlab.state().merge(7);
    guarded.merge();
    guarded.is_held();
}

#[test]
fn a_review_by_a_member_of_a_team_on_github_lets_through_what_was_shown() {
    let github = GitHub::start();
    let forge = format!("{}, approverTeams: [acme/platform]", on(&github.http.url()));
    let guarded = Guarded::new(&github.http, &forge, super::github::TOKEN);
    let head = guarded.removal("refs/pull/7/head", || {});
    {
        let mut state = github.state();
        state.pulls = vec![fewer(&head)];
        state.people = vec![[Some("ada".to_owned()), Some("web-flow".to_owned())]];
        state.members = vec![("grace".to_owned(), "active".to_owned())];
    }
    guarded.waits(&head, "/pulls?");
    github.state().reviews = vec![(7, "grace".to_owned(), "APPROVED".to_owned(), head)];
    guarded.look("/pulls?");
    github.state().pulls.clear();
    guarded.merge();
    guarded.goes_through();
}

/// Opens it, as written by ada.
fn open(github: &GitHub, head: &str) {
    let mut state = github.state();
    state.pulls = vec![fewer(head)];
    state.people = vec![[Some("ada".to_owned()), Some("web-flow".to_owned())]];
}

/// The pull request on GitHub that takes tools away.
fn fewer(head: &str) -> Value {
    let repo = json!({ "full_name": "acme/fleet" });
    let (own, base) = (json!({ "sha": head, "ref": "fewer", "repo": repo }), json!({ "ref": "main", "repo": repo }));
    json!({ "number": 7, "user": { "login": "ada" }, "head": own, "base": base })
}

#[test]
fn a_review_of_what_was_shown_before_the_branch_moved_lets_nothing_else_through() {
    let github = GitHub::start();
    let forge = format!("{}, approvers: [grace]", on(&github.http.url()));
    let guarded = Guarded::new(&github.http, &forge, super::github::TOKEN);
    let head = guarded.removal("refs/pull/7/head", || {});
    open(&github, &head);
    let approve = || github.state().reviews.push((7, "grace".to_owned(), "APPROVED".to_owned(), head.clone()));
    let commented = || github.state().comments.iter().map(|(.., text)| text.clone()).collect::<String>();
    guarded.waits(&head, "/pulls?");
    github.http.until("it is shown", || commented().contains("1 object to delete"));
    approve();
    guarded.look("/pulls?");
    // Somebody puts more there: the same pull request would delete that, too.
    let checkout = &guarded.fleet.checkout;
    let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n";
    checkout.write("clusters/prod/eu-1/tools/more.yaml", more);
    checkout.commit("more tools");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    guarded.look("/pulls?");
    github.http.until("it is shown anew", || commented().contains("2 objects to delete"));
    guarded.look("/pulls?");
    guarded.merge();
    guarded.is_held();
    // Of what is shown now it lets through, also after the merge.
    approve();
    github.state().pulls.clear();
    guarded.goes_through();
}

#[test]
fn what_a_pull_request_would_do_now_is_told_whatever_was_told_before() {
    let github = GitHub::start();
    let forge = format!("{}, approvers: [grace]", on(&github.http.url()));
    let guarded = Guarded::new(&github.http, &forge, super::github::TOKEN);
    let head = guarded.removal("refs/pull/7/head", || {});
    open(&github, &head);
    guarded.waits(&head, "/pulls?");
    let commented = || github.state().comments.iter().map(|(.., text)| text.clone()).collect::<String>();
    let verdict = || github.latest(&head).get("stratify/plan").cloned().unwrap_or_default();
    let review = |who: &str| github.state().reviews.push((7, who.to_owned(), "APPROVED".to_owned(), head.clone()));
    // Who approves what they wrote is told why that does not count, and who approves, that it does.
    github.state().people[0][0] = Some("grace".to_owned());
    review("grace");
    guarded.look("/pulls?");
    let why = "The review by `grace` does not count: they wrote a part of it.";
    github.http.until("it is told why it does not count", || commented().contains(why));
    github.state().people[0][0] = Some("ada".to_owned());
    guarded.look("/pulls?");
    github.http.until("it is told who approved", || commented().contains("approved by grace, by a review of #7"));
    github.http.until("nothing of it waits", || !verdict().1.contains("waits"));
    assert!(!commented().contains(why), "it counts now: {}", commented());
    // The branch moves to where it conflicts: a green head would be merged.
    let checkout = &guarded.fleet.checkout;
    checkout.edit(EU, "      priority: 90\n", "      priority: 91\n");
    checkout.commit("another priority");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    guarded.look("/pulls?");
    github.http.until("it is green no longer", || verdict().0 == "failure");
    assert!(verdict().1.contains("it conflicts with main"), "{}", verdict().1);
    // And back.
    checkout.edit(EU, "      priority: 91\n", "      priority: 90\n");
    checkout.commit("that priority again");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    guarded.look("/pulls?");
    let is_green = || verdict().0 == "success" && !verdict().1.contains("waits");
    github.http.until("it is green again, and does what was approved", is_green);
    // A rebase makes other commits of it.
    github.state().pulls.clear();
    checkout.git(&["cherry-pick", "fewer"]);
    checkout.git(&["commit", "--quiet", "--amend", "-m", "no tools any more"]);
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    guarded.goes_through();
}

#[test]
fn a_review_that_is_taken_back_before_the_merge_lets_nothing_through() {
    let github = GitHub::start();
    let forge = format!("{}, approvers: [grace]", on(&github.http.url()));
    let guarded = Guarded::new(&github.http, &forge, super::github::TOKEN);
    let head = guarded.removal("refs/pull/7/head", || {});
    open(&github, &head);
    guarded.waits(&head, "/pulls?");
    github.state().reviews = vec![(7, "grace".to_owned(), "APPROVED".to_owned(), head.clone())];
    guarded.look("/pulls?");
    github.state().reviews = vec![(7, "grace".to_owned(), "DISMISSED".to_owned(), head)];
    guarded.look("/pulls?");
    github.state().pulls.clear();
    guarded.merge();
    guarded.is_held();
}

#[test]
fn a_pull_request_is_planned_anew_once_its_cluster_is_as_the_branch_wants_it() {
    let github = GitHub::start();
    let guarded = Guarded::new(&github.http, &on(&github.http.url()), super::github::TOKEN);
    let checkout = &guarded.fleet.checkout;
    // The branch waits for an approval, so that the pull request is planned on top of what is not there yet.
    let _ = guarded.removal("refs/heads/fewer", || {});
    guarded.merge();
    guarded.is_held();
    checkout.git(&["checkout", "--quiet", "-B", "more", "main"]);
    checkout.edit(EU, "web/replicas: 6", "web/replicas: 5");
    let head = checkout.commit("fewer replicas");
    checkout.git(&["push", "--quiet", "--force", "../remote.git", "HEAD:refs/pull/7/head"]);
    checkout.git(&["checkout", "--quiet", "main"]);
    github.state().pulls = vec![fewer(&head)];
    guarded.waits(&head, "/pulls?");
    let commented = || github.state().comments.iter().map(|(.., text)| text.clone()).collect::<String>();
    github.http.until("both are shown", || commented().contains("1 object to delete"));
    let ran = guarded.fleet.run(&["plan", "--output", "json"]);
    let plans: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.all()));
    let plans = plans["plans"].as_array().cloned().unwrap_or_default();
    let id = plans.iter().find(|plan| plan["cluster"] == "eu-1").and_then(|plan| plan["change"].as_str());
    let message = format!("let it go\n\nStratify-Approve: {}", id.expect("it changes"));
    checkout.git_as("Grace", &["commit", "--quiet", "--allow-empty", "-m", &message]);
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    guarded.look("/pulls?");
    github.http.until("its own alone is shown", || commented().contains("0 objects to delete"));
    let told = || guarded.told(&head, "stratify/plan");
    github.http.until("nothing of it waits", || !told().contains("waits for approval"));
}

#[test]
fn a_review_on_bitbucket_data_center_lets_through_what_was_shown() {
    let center = Other::bitbucket_data_center();
    let url = center.http.url();
    let forge = format!(
        "kind: bitbucket-data-center, repository: OPS/fleet, url: '{url}', tokenFile: token, approvers: [grace]"
    );
    let guarded = Guarded::new(&center.http, &forge, "dc-token");
    let head = guarded.removal("refs/pull-requests/7/from", || {});
    let user = |name: &str| json!({ "name": name, "slug": name });
    {
        let mut kept = center.kept();
        kept.pulls = vec![super::other_pulls::of_center(&head)];
        kept.commits = vec![json!({ "author": user("ada"), "committer": user("ada") })];
    }
    guarded.waits(&head, "/pull-requests?");
    center.kept().participants =
        vec![json!({ "user": user("grace"), "status": "APPROVED", "approved": true, "lastReviewedCommit": head })];
    guarded.look("/pull-requests?");
    center.kept().pulls.clear();
    guarded.merge();
    guarded.goes_through();
}

#[test]
fn a_review_on_bitbucket_cloud_lets_through_what_was_shown() {
    let cloud = Other::bitbucket_cloud();
    let url = cloud.http.url();
    let forge = format!(
        "kind: bitbucket-cloud, repository: acme/fleet, url: '{url}', tokenFile: token, approvers: ['557058:grace']"
    );
    let guarded = Guarded::new(&cloud.http, &forge, "bb-token");
    let head = guarded.removal("refs/heads/x", || {});
    {
        let mut kept = cloud.kept();
        kept.pulls = vec![super::other_pulls::of_cloud(&head, "acme/fleet")];
        kept.commits = vec![json!({ "author": { "raw": "Ada <x>", "user": { "account_id": "ada" } } })];
        kept.activity = vec![super::reviews::update("OPEN", &head, 10)];
    }
    guarded.waits(&head, "/pullrequests?");
    cloud.kept().participants = vec![super::reviews::participant("557058:grace", Some("approved"), 20)];
    guarded.look("/pullrequests?");
    guarded.merge();
    guarded.goes_through();
}

#[test]
fn a_review_on_azure_devops_lets_through_what_was_shown() {
    let azure = Other::azure_devops();
    let url = azure.http.url();
    let forge = format!(
        "kind: azure-devops, repository: acme/ops/fleet, url: '{url}', tokenFile: token, approvers: [grace@acme.example]"
    );
    let guarded = Guarded::new(&azure.http, &forge, "az-token");
    let head = guarded.removal("refs/heads/x", || {});
    {
        let mut kept = azure.kept();
        kept.pulls = vec![super::other_pulls::of_azure(&head)];
        kept.iterations = vec![super::reviews::iteration(1, &head, "ada", 10)];
        kept.commits = vec![super::reviews::pushed(&head, "ada", "ada", "ada")];
    }
    guarded.waits(&head, "/pullrequests?");
    azure.kept().participants = vec![super::reviews::voter("grace", 10)];
    azure.kept().notes = vec![super::reviews::vote("grace", 10, 20)];
    guarded.look("/pullrequests?");
    guarded.merge();
    guarded.goes_through();
}

#[test]
fn a_pull_request_that_approves_itself_waits_all_the_same() {
    let github = GitHub::start();
    let guarded = Guarded::new(&github.http, &on(&github.http.url()), super::github::TOKEN);
    let (checkout, reference) = (&guarded.fleet.checkout, "refs/pull/7/head");
    let list = |head: &str| github.state().pulls = vec![fewer(head)];
    let first = guarded.removal(reference, || {});
    list(&first);
    guarded.waits(&first, "/pulls?");
    checkout.git(&["checkout", "--quiet", "fewer"]);
    let ran = guarded.fleet.run(&["plan", "--output", "json"]);
    let plans: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.all()));
    let plans = plans["plans"].as_array().cloned().unwrap_or_default();
    let id = plans.iter().find(|plan| plan["cluster"] == "eu-1").and_then(|plan| plan["change"].as_str());
    let id = id.expect("it changes").to_owned();
    assert!(guarded.told(&first, "stratify/plan").contains(&id[..12]), "it is the one that was shown");
    // In both forms, by who wrote it.
    let head = "apiVersion: stratify.dev/v1alpha1\nkind: Approval\n";
    checkout.write(&format!("approvals/{id}.yaml"), &format!("{head}spec: {{ reason: I say so }}\n"));
    checkout.commit("I approve it");
    checkout.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("so I do\n\nStratify-Approve: {id}")]);
    checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:{reference}")]);
    let second = checkout.head();
    checkout.git(&["checkout", "--quiet", "main"]);
    list(&second);
    guarded.waits(&second, "/pulls?");
    guarded.merge();
    guarded.is_held();
}
