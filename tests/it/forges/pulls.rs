//! In: pull requests of a GitHub that stands in. Out: their plans; what becomes of comments that others delete.
//! Guarantee: one that cannot be fetched hurts no other; pages are read to their end.
use super::fleet::{Fleet, Served};
use super::github::GitHub;
use super::synced::on;
use serde_json::{Value, json};

const US: &str = "clusters/prod/us-1/cluster.yaml";

/// The program as it serves, with a repository in which refs of pull requests stand.
struct Open {
    github: GitHub,
    fleet: Fleet,
    _served: Served,
}

impl Open {
    fn new() -> Self {
        let github = GitHub::start();
        let fleet = Fleet::new(&on(&github.http.url()), "");
        let served = fleet.serve();
        let head = fleet.checkout.head();
        github.http.until("the start is told", || {
            github.latest(&head).get("stratify/prod").is_some_and(|(state, _)| state == "success")
        });
        Self { github, fleet, _served: served }
    }

    /// Puts a commit with so many replicas under the ref of a pull request.
    fn head(&self, number: u64, replicas: &str) -> String {
        let checkout = &self.fleet.checkout;
        checkout.git(&["checkout", "--quiet", "--detach", "main"]);
        checkout.edit(US, "replicas: 3", &format!("replicas: {replicas}"));
        let commit = checkout.commit(&format!("number {number}"));
        checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:refs/pull/{number}/head")]);
        checkout.git(&["checkout", "--quiet", "main"]);
        commit
    }

    /// Lets GitHub list these pull requests, and has them looked at.
    fn list(&self, pulls: Vec<Value>) {
        self.github.state().pulls = pulls;
        self.fleet.run(&["sync", "--no-wait"]).ends_with(0);
    }

    /// Returns how often the pull requests were listed.
    fn listed(&self) -> usize {
        self.github.http.seen().iter().filter(|request| request.path.contains("/pulls?")).count()
    }

    /// Waits until nothing is looked at and nothing waits to be told.
    fn quiet(&self) {
        loop {
            let ran = self.fleet.run(&["outbox", "--output", "json"]);
            let waits: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.all()));
            if waits["rows"] == json!([]) && waits["comments"] == 0 && waits["looking"] == false {
                break;
            }
        }
    }

    fn plan(&self, commit: &str) -> Option<(String, String)> {
        self.github.latest(commit).remove("stratify/plan")
    }

    fn comments(&self, number: u64) -> Vec<String> {
        let state = self.github.state();
        state.comments.iter().filter(|(_, of, _)| *of == number).map(|(.., text)| text.clone()).collect()
    }
}

fn pull(number: u64, sha: &str, base: &str) -> Value {
    let repo = json!({ "full_name": "acme/fleet" });
    let title = "\u{202e}``` @everyone <script> --upload-pack=x";
    json!({
        "number": number, "title": title, "user": { "login": "ada" }, "draft": false,
        "head": { "sha": sha, "ref": "x", "repo": repo }, "base": { "ref": base, "repo": repo },
    })
}

#[test]
fn pull_requests_are_read_page_by_page_and_one_that_is_gone_hurts_no_other() {
    let open = Open::new();
    let (first, last) = (open.head(1, "4"), open.head(60, "5"));
    let mut pulls: Vec<Value> = (2..60).map(|number| pull(number, &"7".repeat(40), "another")).collect();
    // Its ref is not there, as where it was closed a moment ago.
    pulls.insert(0, pull(61, &"8".repeat(40), "main"));
    pulls.insert(0, pull(1, &first, "main"));
    pulls.push(pull(60, &last, "main"));
    open.list(pulls);
    for (commit, number) in [(&first, 1), (&last, 60)] {
        open.github.http.until("it is planned", || open.plan(commit).is_some() && open.comments(number).len() == 1);
        let (state, text) = open.plan(commit).expect("it was planned");
        assert_eq!(state, "success", "{text}");
        assert!(text.starts_with("1 layer of 1 cluster to change"), "{text}");
    }
    assert!(open.comments(2).is_empty(), "those to other branches are not ours");
    assert!(open.plan(&"8".repeat(40)).is_none(), "of what is not there nothing is said");
}

#[test]
fn a_comment_that_a_person_deleted_is_made_again_and_a_known_one_is_worded_anew() {
    let open = Open::new();
    let first = open.head(1, "4");
    open.list(vec![pull(1, &first, "main")]);
    open.github.http.until("it is commented", || open.comments(1).len() == 1);
    let second = open.head(1, "5");
    open.list(vec![pull(1, &second, "main")]);
    open.github.http.until("it is worded anew", || open.comments(1).iter().any(|text| text.contains("3 → 5")));
    assert_eq!(open.comments(1).len(), 1, "in its place");
    open.github.state().comments.clear();
    let third = open.head(1, "6");
    open.list(vec![pull(1, &third, "main")]);
    open.github.http.until("it is made again", || open.comments(1).iter().any(|text| text.contains("3 → 6")));
    open.github.http.until("its status is there, too", || open.plan(&third).is_some());
    let comments = || {
        let seen = open.github.http.seen();
        seen.iter().filter(|request| request.method != "GET" && request.path.contains("comments")).count()
    };
    let (told, listed) = (comments(), open.listed());
    open.list(vec![pull(1, &third, "main")]);
    open.github.http.until("it is looked at once more", || open.listed() > listed);
    assert_eq!(comments(), told, "what is as it was told is not told again");
}

#[test]
fn a_comment_of_somebody_else_that_looks_like_ours_is_left_to_them() {
    let open = Open::new();
    let head = open.head(1, "4");
    let theirs = "<!-- stratify/plan -->\n**Stratify** plans nothing.".to_owned();
    {
        let mut state = open.github.state();
        (state.made, state.foreign) = (1, vec![1]);
        state.comments.push((1, 1, theirs.clone()));
    }
    open.list(vec![pull(1, &head, "main")]);
    open.github.http.until("ours is beside it", || open.comments(1).len() == 2);
    let comments = open.comments(1);
    assert_eq!(comments[0], theirs, "theirs stands as they wrote it");
    assert!(comments[1].contains("3 → 4"), "{comments:?}");
}

#[test]
fn pull_requests_that_arrive_in_one_push_are_compared_each_with_what_it_showed() {
    let open = Open::new();
    let checkout = &open.fleet.checkout;
    let edit = |number: u64, path: &str, from: &str, to: &str| {
        checkout.git(&["checkout", "--quiet", "-B", &format!("b{number}"), "main"]);
        checkout.edit(path, from, to);
        let commit = checkout.commit(&format!("number {number}"));
        checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:refs/pull/{number}/head")]);
        checkout.git(&["checkout", "--quiet", "main"]);
        commit
    };
    let eu = "clusters/prod/eu-1/cluster.yaml";
    let (one, two) = (edit(1, US, "replicas: 3", "replicas: 4"), edit(2, eu, "web/replicas: 6", "web/replicas: 7"));
    open.list(vec![pull(1, &one, "main"), pull(2, &two, "main")]);
    open.github.http.until("both are planned", || open.plan(&one).is_some() && open.plan(&two).is_some());
    for branch in ["b1", "b2"] {
        checkout.git(&["merge", "--quiet", "--no-ff", "-m", &format!("merge {branch}"), branch]);
    }
    let both = checkout.head();
    let push = || checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    push();
    open.fleet.run(&["sync"]).ends_with(0);
    let told = |commit: &str, says: &str| {
        open.github.http.until(says, || open.plan(commit).is_some_and(|(_, text)| text.ends_with(says)));
    };
    told(&both, "as reviewed in #1, #2");
    // Of the next two, one comes with a commit that nobody reviewed.
    let (three, four) = (edit(3, US, "replicas: 4", "replicas: 5"), edit(4, eu, "web/replicas: 7", "web/replicas: 8"));
    open.list(vec![pull(3, &three, "main"), pull(4, &four, "main")]);
    open.github.http.until("both are planned", || open.plan(&three).is_some() && open.plan(&four).is_some());
    for branch in ["b3", "b4"] {
        checkout.git(&["merge", "--quiet", "--no-ff", "-m", &format!("merge {branch}"), branch]);
    }
    checkout.edit(eu, "web/replicas: 8", "web/replicas: 9");
    let more = checkout.commit("beside them");
    push();
    open.fleet.run(&["sync"]).ends_with(0);
    told(&more, "as reviewed in #3; not as reviewed in #4: eu-1");
}

#[test]
fn each_way_in_which_forges_merge_is_known_by_its_head_its_number_or_what_it_changes() {
    let open = Open::new();
    let checkout = &open.fleet.checkout;
    let propose = |number: usize| {
        checkout.git(&["checkout", "--quiet", "-B", "proposed", "main"]);
        checkout.edit(US, &format!("replicas: {}", number + 2), &format!("replicas: {}", number + 3));
        let commit = checkout.commit("more replicas");
        checkout.git(&["push", "--quiet", "--force", "../remote.git", &format!("HEAD:refs/pull/{number}/head")]);
        checkout.git(&["checkout", "--quiet", "main"]);
        let number = u64::try_from(number).expect("it is small");
        open.list(vec![pull(number, &commit, "main")]);
        open.github.http.until("it is planned", || open.plan(&commit).is_some());
        open.list(Vec::new());
    };
    let told = |says: &str| {
        checkout.git(&["push", "--quiet", "../remote.git", "main"]);
        open.fleet.run(&["sync"]).ends_with(0);
        let head = checkout.head();
        open.github.http.until(says, || open.plan(&head).is_some_and(|(_, text)| text.ends_with(says)));
    };
    let squash = |message: &str| {
        checkout.git(&["merge", "--quiet", "--squash", "proposed"]);
        checkout.git(&["commit", "--quiet", "-m", message]);
    };
    let aside = |text: &str| {
        checkout.write("NOTES.md", text);
        checkout.commit("notes");
    };
    propose(1);
    checkout.git(&["merge", "--quiet", "--ff-only", "proposed"]);
    told("as reviewed in #1");
    propose(2);
    squash("more replicas (#2)");
    told("as reviewed in #2");
    // GitLab squashes under the title alone, and rebases of all of them bear nothing: what is changed is what was shown.
    propose(3);
    squash("as the request is titled");
    told("as reviewed in #3");
    propose(4);
    aside("the branch has moved\n");
    checkout.git(&["cherry-pick", "proposed"]);
    told("as reviewed in #4");
    // Where it merges what it squashed it names the merge request below.
    propose(5);
    checkout.git(&["checkout", "--quiet", "-B", "squashed", "main"]);
    squash("as the request is titled");
    checkout.git(&["checkout", "--quiet", "main"]);
    checkout.edit("clusters/prod/eu-1/cluster.yaml", "web/replicas: 6", "web/replicas: 7");
    checkout.commit("beside it");
    let message = "Merge branch 'proposed' into 'main'\n\nmore replicas\n\nSee merge request acme/platform/fleet!5";
    checkout.git(&["merge", "--quiet", "--no-ff", "-m", message, "squashed"]);
    told("not as reviewed in #5: eu-1");
    // Without a number, and changed where it was: nobody knows.
    propose(6);
    squash("as the request is titled");
    checkout.edit(US, "replicas: 9", "replicas: 12");
    let head = checkout.commit("more of them");
    checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    open.fleet.run(&["sync"]).ends_with(0);
    open.github.http.until("it is told", || open.plan(&head).is_some_and(|(state, _)| state == "success"));
    let (_, text) = open.plan(&head).expect("it is told");
    assert!(!text.contains("reviewed"), "{text}");
}

#[test]
fn the_heads_of_the_merge_queue_get_the_plan_of_what_the_branch_would_be() {
    let open = Open::new();
    let checkout = &open.fleet.checkout;
    checkout.git(&["checkout", "--quiet", "--detach", "main"]);
    let queue = |number: u64, from: &str, to: &str| {
        checkout.edit(US, from, to);
        let commit = checkout.commit(&format!("number {number}"));
        let name = format!("refs/heads/gh-readonly-queue/main/pr-{number}-{commit}");
        checkout.git(&["push", "--quiet", "../remote.git", &format!("HEAD:{name}")]);
        (name, commit)
    };
    let (right, wrong) = (queue(1, "replicas: 3", "replicas: 4"), queue(2, "layers:", "layerz:"));
    let other = ("refs/heads/gh-readonly-queue/other/pr-3".to_owned(), "7".repeat(40));
    checkout.git(&["checkout", "--quiet", "main"]);
    open.github.state().queue = vec![right.clone(), wrong.clone(), other.clone()];
    open.list(Vec::new());
    open.github.http.until("both are planned", || open.plan(&right.1).is_some() && open.plan(&wrong.1).is_some());
    let (state, text) = open.plan(&right.1).expect("it was planned");
    assert!(state == "success" && text.starts_with("1 layer of 1 cluster to change"), "{state}: {text}");
    let (state, text) = open.plan(&wrong.1).expect("it was planned");
    assert!(state == "failure" && text.contains("layerz"), "{state}: {text}");
    assert!(open.plan(&other.1).is_none(), "that of another branch is not ours");
    assert!(open.comments(1).is_empty(), "nobody reads a comment of it");
    let (posted, listed) = (open.github.http.seen().len(), open.listed());
    open.list(Vec::new());
    open.github.http.until("it is looked at once more", || open.listed() > listed);
    let again = open.github.http.seen()[posted..].iter().any(|request| request.method == "POST");
    assert!(!again, "what was told is not told again");
}

#[test]
fn one_that_is_closed_reopened_or_retargeted_is_told_of_while_it_is_open_to_the_branch() {
    let open = Open::new();
    let first = open.head(1, "4");
    open.list(vec![pull(1, &first, "main")]);
    open.github.http.until("it is commented", || open.comments(1).len() == 1 && open.plan(&first).is_some());
    let told = || (open.github.http.seen().iter().filter(|it| it.method != "GET").count(), open.comments(1));
    let mut before = told();
    // While it is closed, or leads to another branch, nobody tells of what is pushed to it.
    for (replicas, listed) in [("5", None), ("6", Some("another"))] {
        let quiet = open.head(1, replicas);
        let seen = open.listed();
        open.list(listed.map(|base| pull(1, &quiet, base)).into_iter().collect());
        open.github.http.until("it is looked at", || open.listed() > seen);
        open.quiet();
        assert_eq!((told(), open.plan(&quiet)), (before.clone(), None), "{listed:?}");
        // Then it is opened again, to this one.
        open.list(vec![pull(1, &quiet, "main")]);
        let says = format!("3 → {replicas}");
        open.github.http.until("it is planned anew", || open.comments(1).iter().any(|text| text.contains(&says)));
        open.github.http.until("its status is there", || open.plan(&quiet).is_some());
        assert_eq!(open.comments(1).len(), 1, "in the comment of before");
        open.quiet();
        before = told();
    }
}

#[test]
fn one_that_is_forced_to_another_head_while_it_is_fetched_is_planned_as_it_is_then() {
    let open = Open::new();
    // The list is older than the ref, as where somebody pushes between both.
    let (old, new) = (open.head(1, "4"), open.head(1, "5"));
    let other = open.head(2, "6");
    open.list(vec![pull(1, &old, "main"), pull(2, &other, "main")]);
    open.github.http.until("the other one is planned", || open.plan(&other).is_some() && open.comments(2).len() == 1);
    open.quiet();
    assert!(open.comments(1).is_empty() && open.plan(&old).is_none(), "of what is gone nothing is said");
    assert!(open.plan(&new).is_none(), "nor of what nobody listed");
    open.list(vec![pull(1, &new, "main"), pull(2, &other, "main")]);
    open.github.http.until("it is planned", || open.plan(&new).is_some() && open.comments(1).len() == 1);
    assert!(open.comments(1)[0].contains("3 → 5"), "as it is");
}

#[test]
fn a_list_that_is_none_closes_nothing() {
    let open = Open::new();
    let head = open.head(1, "4");
    open.list(vec![pull(1, &head, "main")]);
    open.github.http.until("it is commented", || open.comments(1).len() == 1 && open.plan(&head).is_some());
    open.quiet();
    let told = || open.github.http.seen().iter().filter(|it| it.method != "GET").count();
    let before = told();
    open.github.first(super::http::Reply::says(200, "We are having some trouble."));
    open.fleet.run(&["sync", "--no-wait"]).ends_with(0);
    open.github.http.until("it is told", || open.fleet.log().contains("a list was expected"));
    let listed = open.listed();
    open.list(vec![pull(1, &head, "main")]);
    open.github.http.until("it is looked at once more", || open.listed() > listed);
    open.quiet();
    assert_eq!((told(), open.comments(1).len()), (before, 1), "it was never closed");
}
