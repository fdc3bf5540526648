//! In: reviews of pull requests on forges that stand in. Out: whose review approves exactly the head that was planned.
//! Guarantee: nobody's who is not listed, who opened it or wrote a part of it, who reviewed another head, or of whose commit
//! nobody knows who wrote it.
use super::client::Client;
use super::github::{self, GitHub};
use super::gitlab::{self, GitLab};
use super::others::Other;
use serde_json::{Value, json};
use std::fs;
use stratify::client::forge::{Meaning, Trouble};
use stratify::observe::forge::reviews::Approvers;
use stratify::settings::{Forge, ForgeKind, TokenAt};

const HEAD: &str = "1c7aa060a221576412f6caff5b55b30337d04278";
const LATER: &str = "2c7aa060a221576412f6caff5b55b30337d04278";

/// A client of a forge on which grace may approve, and whoever is in `acme/platform`.
struct Asked {
    client: Client,
    approvers: Approvers,
    author: &'static str,
}

impl Asked {
    fn new(kind: ForgeKind, url: &str, repository: &str, token: &str) -> Self {
        Self::by((kind, url, repository, token), "Grace", "ada")
    }

    /// Returns one on which somebody else may approve what somebody else opened.
    fn by((kind, url, repository, token): (ForgeKind, &str, &str, &str), who: &str, author: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("token");
        fs::write(&file, token).expect("the folder is ours");
        let settings = Forge {
            kind,
            url: url.to_owned(),
            repository: repository.to_owned(),
            token: TokenAt::File(file),
            user: None,
            authority: None,
            webhook_secret: None,
            approvers: vec![who.to_owned()],
            approver_teams: vec!["acme/platform".to_owned()],
            writes_a_minute: None,
        };
        let approvers = Approvers::of(Some(&settings));
        Self { client: Client::of(&settings, folder), approvers, author }
    }

    /// Returns whose review approves a head of the pull request that ada opened.
    #[track_caller]
    fn of(&self, head: &str) -> Option<String> {
        self.client.approved_by((7, head, self.author), &self.approvers).expect("it is told")
    }
}

fn gitlab() -> (GitLab, Asked) {
    let gitlab = GitLab::start();
    gitlab.state().open(7, "ada", HEAD);
    let asked = Asked::new(ForgeKind::GitLab, &gitlab.http.url(), "acme/platform/fleet", gitlab::TOKEN);
    (gitlab, asked)
}

#[test]
fn an_approval_on_gitlab_is_of_the_head_that_was_there_by_then() {
    let (gitlab, asked) = gitlab();
    assert_eq!(asked.of(HEAD), None, "nobody approved");
    assert_eq!(gitlab.state().approve(7, "grace", Some(HEAD)), 201);
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace"));
    assert_eq!(asked.of(LATER), None, "of another head");
    gitlab.state().push(7, LATER);
    // The project does not take approvals back: it shows one, of what nobody looked at.
    assert_eq!(asked.of(LATER), None, "it was pushed after the approval");
    assert_eq!(asked.of(HEAD), None, "and the head is another one");
    assert_eq!(gitlab.state().approve(7, "grace", Some(LATER)), 401, "GitLab takes one of each");
    gitlab.state().unapprove(7, "grace");
    assert_eq!(gitlab.state().approve(7, "grace", Some(HEAD)), 409, "it moved meanwhile");
    assert_eq!(gitlab.state().approve(7, "grace", Some(LATER)), 201);
    assert_eq!(asked.of(LATER).as_deref(), Some("grace"), "once more, of the new one");
    gitlab.state().push(7, HEAD);
    gitlab.state().push(7, LATER);
    assert_eq!(asked.of(LATER), None, "forced away and back: whoever looked between saw another one");
    gitlab.state().resets = true;
    gitlab.state().push(7, HEAD);
    assert_eq!(gitlab.state().approve(7, "grace", None), 201, "the push took it back");
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace"));
    gitlab.state().unapprove(7, "grace");
    assert_eq!(asked.of(HEAD), None, "it was taken back");
}

#[test]
fn a_gitlab_that_does_not_say_when_is_asked_for_its_notes() {
    let (gitlab, asked) = gitlab();
    gitlab.state().tells_times = false;
    gitlab.state().approve(7, "grace", None);
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace"), "it noted when");
    gitlab.state().push(7, LATER);
    assert_eq!(asked.of(LATER), None, "before the push");
    gitlab.state().note(7, "grace", "approved this merge request");
    assert_eq!(asked.of(LATER), None, "anybody can write that");
    gitlab.state().forget_notes(7);
    assert_eq!(asked.of(LATER), None, "nobody knows when");
}

#[test]
fn on_gitlab_nobody_approves_what_they_opened_or_wrote() {
    let (gitlab, asked) = gitlab();
    let (grace, ada, eve) = ("grace@acme.example", "ada@acme.example", "eve@acme.example");
    let commit = |author: &str, committer: &str, user: Option<&str>| {
        (author.to_owned(), committer.to_owned(), user.map(str::to_owned))
    };
    assert_eq!(gitlab.state().approve(7, "ada", None), 401, "GitLab itself refuses that");
    {
        let mut state = gitlab.state();
        (state.lets_authors, state.members) = (true, vec![("ada".to_owned(), "active".to_owned())]);
        assert_eq!(state.approve(7, "ada", None), 201, "where the project does not let it");
    }
    assert_eq!(asked.of(HEAD), None, "a merge request approves itself");
    gitlab.state().approve(7, "grace", None);
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace"));
    for (commits, why) in [
        (vec![commit(ada, ada, Some("ada")), commit(grace, grace, Some("GRACE"))], "she wrote a part of it"),
        (vec![commit(ada, grace, Some("ada")), commit(grace, grace, Some("grace"))], "she committed one"),
        (vec![commit(ada, ada, Some("ada")), commit(eve, eve, None)], "nobody knows who wrote one"),
        (vec![commit(ada, eve, Some("ada"))], "nobody knows who committed one"),
        (Vec::new(), "it has no commits"),
        (vec![commit(ada, ada, Some("ada")); 101], "GitLab tells a hundred"),
    ] {
        gitlab.state().requests[0].commits = commits;
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
    let errors = json!({ "data": null, "errors": [{ "message": "Field 'author' doesn't exist" }] });
    gitlab.state().graphql = Some(errors);
    let error = asked.client.approved_by((7, HEAD, "ada"), &asked.approvers).expect_err("it says 200 and is none");
    assert!(matches!(&error.trouble, Trouble::Malformed(why) if why.contains("doesn't exist")), "{error}");
    assert_eq!(error.meaning, Meaning::Later);
}

#[test]
fn members_of_a_group_of_gitlab_approve() {
    let (gitlab, asked) = gitlab();
    gitlab.state().approve(7, "mallory", None);
    assert_eq!(asked.of(HEAD), None, "she is not listed");
    for (name, state, approves) in
        [("mallory2", "active", false), ("mallory", "awaiting", false), ("mallory", "active", true)]
    {
        gitlab.state().members = vec![(name.to_owned(), state.to_owned())];
        assert_eq!(asked.of(HEAD).is_some(), approves, "{name} is {state}");
    }
}

#[test]
fn a_review_on_github_is_of_its_commit() {
    let github = GitHub::start();
    let asked = Asked::new(ForgeKind::GitHub, &github.http.url(), "acme/fleet", github::TOKEN);
    let review = |who: &str, verdict: &str, commit: &str| (7, who.to_owned(), verdict.to_owned(), commit.to_owned());
    let known = |author: &str, committer: &str| [Some(author.to_owned()), Some(committer.to_owned())];
    github.state().people = vec![known("ada", "web-flow")];
    for (reviews, approver, why) in [
        (vec![review("grace", "APPROVED", HEAD)], Some("grace"), "of exactly this head"),
        (vec![review("grace", "APPROVED", LATER)], None, "of another one"),
        (vec![review("grace", "APPROVED", HEAD), review("grace", "COMMENTED", HEAD)], Some("grace"), "a comment"),
        (vec![review("grace", "APPROVED", HEAD), review("grace", "CHANGES_REQUESTED", HEAD)], None, "the last counts"),
        (vec![review("grace", "DISMISSED", HEAD)], None, "it was taken back"),
        (vec![review("ada", "APPROVED", HEAD)], None, "a pull request approves itself"),
        (vec![review("mallory", "APPROVED", HEAD)], None, "she is not listed"),
    ] {
        github.state().reviews = reviews;
        assert_eq!(asked.of(HEAD).as_deref(), approver, "{why}");
    }
    github.state().reviews = vec![review("mallory", "APPROVED", HEAD)];
    for (state, approves) in [("pending", false), ("active", true)] {
        github.state().members = vec![("mallory".to_owned(), state.to_owned())];
        assert_eq!(asked.of(HEAD).is_some(), approves, "in the team she is {state}");
    }
    for (people, why) in [
        (vec![known("ada", "ada"), known("Mallory", "web-flow")], "she wrote a part of it"),
        (vec![[Some("ada".to_owned()), None]], "nobody knows who committed one"),
        (vec![known("ada", "ada"); 250], "there may be more than GitHub tells"),
    ] {
        github.state().people = people;
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
}

#[test]
fn a_review_on_bitbucket_data_center_is_of_the_commit_that_was_seen() {
    let center = Other::bitbucket_data_center();
    let asked = Asked::new(ForgeKind::BitbucketDataCenter, &center.http.url(), "OPS/fleet", "dc-token");
    let user = |name: &str| json!({ "name": name, "slug": name, "active": true, "type": "NORMAL" });
    let part = |name: &str, status: &str, commit: &str| json!({ "user": user(name), "role": "REVIEWER", "approved": status == "APPROVED", "status": status, "lastReviewedCommit": commit });
    center.kept().commits = vec![json!({ "author": user("ada"), "committer": user("ada") })];
    for (participant, approves, why) in [
        (part("grace", "APPROVED", HEAD), true, "of exactly this head"),
        (part("grace", "APPROVED", LATER), false, "of another one"),
        (part("grace", "NEEDS_WORK", HEAD), false, "she asks for work"),
        (part("mallory", "APPROVED", HEAD), false, "she is not listed"),
        (part("ada", "APPROVED", HEAD), false, "a pull request approves itself"),
        (json!({ "user": user("grace"), "status": "APPROVED" }), false, "it does not say of which commit"),
    ] {
        center.kept().participants = vec![participant];
        assert_eq!(asked.of(HEAD).is_some(), approves, "{why}");
    }
    center.kept().participants = vec![part("grace", "APPROVED", HEAD)];
    // Whom it does not know has what Git says, and no more.
    let stranger = json!({ "name": "grace", "emailAddress": "grace@acme.example" });
    for (author, committer, why) in [
        (user("grace"), user("ada"), "she wrote a part of it"),
        (user("ada"), user("grace"), "she committed one"),
        (stranger.clone(), user("ada"), "nobody knows who wrote one"),
        (user("ada"), stranger, "nobody knows who committed one"),
    ] {
        center.kept().commits = vec![json!({ "author": author, "committer": committer })];
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
}

pub(super) fn update(state: &str, commit: &str, second: u64) -> Value {
    let date = format!("2026-01-01T00:00:{second:02}.305565+00:00");
    json!({ "update": { "state": state, "date": date, "source": { "commit": { "hash": &commit[..12] } } } })
}

pub(super) fn participant(who: &str, state: Option<&str>, second: u64) -> Value {
    let at = format!("2026-01-01T00:00:{second:02}.305565+00:00");
    let user = json!({ "account_id": who, "nickname": "anything" });
    json!({ "user": user, "role": "REVIEWER", "approved": state == Some("approved"), "state": state, "participated_on": at })
}

#[test]
fn a_review_on_bitbucket_cloud_is_of_what_was_there_after_the_last_update() {
    let cloud = Other::bitbucket_cloud();
    let asked = Asked::new(ForgeKind::BitbucketCloud, &cloud.http.url(), "acme/fleet", "bb-token");
    let by = |who: &str| json!({ "author": { "raw": format!("{who} <x>"), "user": { "account_id": who } } });
    {
        let mut kept = cloud.kept();
        kept.pulls = vec![super::other_pulls::of_cloud(HEAD, "acme/fleet")];
        kept.commits = vec![by("ada")];
        kept.participants = vec![participant("grace", Some("approved"), 20)];
    }
    let comment = || json!({ "comment": { "content": { "raw": "x" } } });
    for (activity, approves, why) in [
        (vec![update("OPEN", HEAD, 10)], true, "it came after the head"),
        (vec![update("OPEN", HEAD, 20)], false, "at the same moment"),
        (vec![update("OPEN", HEAD, 30), update("OPEN", HEAD, 10)], false, "before what may be another head"),
        (vec![update("OPEN", LATER, 10)], false, "the head is another one"),
        (vec![update("MERGED", HEAD, 30), update("OPEN", HEAD, 10)], true, "a merge is no other head"),
        (vec![comment(), comment(), comment(), update("OPEN", HEAD, 10)], true, "on the next page"),
        (Vec::new(), false, "it does not say when the head came"),
        (
            vec![json!({ "update": { "state": "OPEN", "source": { "commit": { "hash": &HEAD[..7] } } } })],
            false,
            "too short",
        ),
    ] {
        cloud.kept().activity = activity;
        assert_eq!(asked.of(HEAD).is_some(), approves, "{why}");
    }
    cloud.kept().activity = vec![update("OPEN", HEAD, 10)];
    for (participant, why) in [
        (participant("grace", Some("changes_requested"), 20), "she asks for changes"),
        (participant("grace", None, 20), "she took part"),
        (participant("mallory", Some("approved"), 20), "she is not listed"),
        (participant("ada", Some("approved"), 20), "a pull request approves itself"),
    ] {
        cloud.kept().participants = vec![participant];
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
    cloud.kept().participants = vec![participant("grace", Some("approved"), 20)];
    let mut committed = by("ada");
    committed["committer"] = json!({ "raw": "grace <x>", "user": { "account_id": "grace" } });
    let mut unknown = by("ada");
    unknown["committer"] = json!({ "raw": "eve <x>" });
    for (commits, why) in [
        (vec![by("ada"), by("ada"), by("grace")], "she wrote one, on the next page"),
        (vec![committed], "she committed one"),
        (vec![json!({ "author": { "raw": "grace <x>" } })], "nobody knows who wrote one"),
        (vec![unknown], "nobody knows who committed one"),
    ] {
        cloud.kept().commits = commits;
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
}

fn of_azure(who: &str) -> Value {
    json!({ "id": format!("00000000-0000-0000-0000-{who}"), "uniqueName": format!("{who}@acme.example"), "displayName": who })
}

fn second(second: u64) -> String {
    format!("2026-01-01T00:00:{second:02}.3055654Z")
}

/// Returns a head of a pull request, as Azure DevOps tells it.
pub(super) fn iteration(id: u64, commit: &str, who: &str, at: u64) -> Value {
    json!({
        "id": id, "author": of_azure(who), "createdDate": second(at), "updatedDate": second(at), "reason": "push",
        "sourceRefCommit": { "commitId": commit },
    })
}

/// Returns what Azure DevOps notes itself of a vote.
pub(super) fn vote(who: &str, vote: i64, at: u64) -> Value {
    let property = |text: &str| json!({ "$type": "System.String", "$value": text });
    let content = format!("{who} voted {vote}");
    json!({
        "id": 100 + at, "publishedDate": second(at), "lastUpdatedDate": second(at), "isDeleted": false,
        "comments": [{ "id": 1, "author": of_azure(who), "content": content, "commentType": "system" }],
        "properties": {
            "CodeReviewThreadType": property("VoteUpdate"), "CodeReviewVotedByIdentity": property("1"),
            "CodeReviewVoteResult": property(&vote.to_string()),
        },
        "identities": { "1": of_azure(who) },
    })
}

/// Returns a reviewer, as Azure DevOps tells them.
pub(super) fn voter(who: &str, vote: i64) -> Value {
    let mut voter = of_azure(who);
    voter["vote"] = vote.into();
    voter
}

/// Returns a commit, as Azure DevOps tells it: whom Git names, and who pushed it.
pub(super) fn pushed(commit: &str, author: &str, committer: &str, pusher: &str) -> Value {
    let named = |who: &str| json!({ "name": who, "email": format!("{who}@acme.example"), "date": second(0) });
    let push = json!({ "pushId": 1, "date": second(0), "pushedBy": of_azure(pusher) });
    json!({ "commitId": commit, "author": named(author), "committer": named(committer), "push": push })
}

fn azure() -> (Other, Asked) {
    let azure = Other::azure_devops();
    let url = azure.http.url();
    let place = (ForgeKind::AzureDevOps, url.as_str(), "acme/ops/fleet", "az-token");
    let asked = Asked::by(place, "Grace@acme.example", "ada@acme.example");
    {
        let mut kept = azure.kept();
        kept.iterations = vec![iteration(1, LATER, "ada", 5), iteration(2, HEAD, "ada", 10)];
        kept.commits = vec![pushed(HEAD, "ada", "ada", "ada")];
        kept.participants = vec![voter("grace", 10)];
        kept.notes = vec![vote("grace", 10, 20)];
    }
    (azure, asked)
}

#[test]
fn a_vote_on_azure_devops_is_of_the_head_that_was_there_by_then() {
    let (azure, asked) = azure();
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace@acme.example"), "it came after the head");
    assert_eq!(asked.of(LATER), None, "of another head");
    for (participant, why) in [
        (voter("grace", 5), "something is still to be done"),
        (voter("grace", 0), "a policy or she herself took it back"),
        (voter("grace", -5), "she waits for the author"),
        (voter("mallory", 10), "she is not listed"),
        (voter("ada", 10), "a pull request approves itself"),
    ] {
        azure.kept().participants = vec![participant];
        azure.kept().notes.push(vote("mallory", 10, 20));
        azure.kept().notes.push(vote("ada", 10, 20));
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
    let mut group = voter("grace", 10);
    group["isContainer"] = true.into();
    azure.kept().participants = vec![group];
    assert_eq!(asked.of(HEAD), None, "a group is nobody");
    azure.kept().participants = vec![voter("grace", 10)];
    azure.kept().notes = vec![vote("grace", 10, 20), vote("grace", -5, 8), vote("grace", 10, 7)];
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace@acme.example"), "the newest counts");
    let first = azure.kept().iterations.clone();
    let mut touched = iteration(2, HEAD, "ada", 10);
    touched["updatedDate"] = second(30).into();
    for (more, why) in [
        (iteration(3, LATER, "ada", 30), "the head is another one"),
        (iteration(3, HEAD, "ada", 30), "forced away and back: whoever looked between saw another one"),
        (iteration(3, HEAD, "ada", 20), "at the same moment"),
        (touched, "it was changed since"),
    ] {
        let others = first.iter().filter(|one| one["id"] != more["id"]).cloned();
        azure.kept().iterations = others.chain([more.clone()]).collect();
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
}

#[test]
fn nobody_makes_a_vote_on_azure_devops_look_newer_than_it_is() {
    let (azure, asked) = azure();
    let old = vote("grace", 10, 7);
    let at = |place: &str, value: Value| {
        let mut forged = vote("grace", 10, 20);
        *forged.pointer_mut(place).expect("it is there") = value;
        forged
    };
    for (forged, why) in [
        (at("/comments/0/author", of_azure("ada")), "ada says that grace voted"),
        (at("/comments/0/commentType", "text".into()), "grace wrote that, and did not vote"),
        // Whoever may comment may change what a thread says of itself, and not what somebody else wrote in it.
        (at("/comments/0/content", "grace joined as a reviewer".into()), "it was a note of something else"),
        (at("/comments/0/content", "grace voted 5".into()), "it was another vote"),
        (at("/properties/CodeReviewVoteResult/$value", "-10".into()), "it says two things"),
        (at("/properties/CodeReviewThreadType/$value", "ReviewersUpdate".into()), "it is of something else"),
        (at("/publishedDate", Value::Null), "nobody knows when"),
    ] {
        azure.kept().notes = vec![old.clone(), forged];
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
    azure.kept().notes = Vec::new();
    assert_eq!(asked.of(HEAD), None, "nobody knows when");
}

#[test]
fn on_azure_devops_nobody_approves_what_they_pushed_or_wrote() {
    let (azure, asked) = azure();
    let other = "3c7aa060a221576412f6caff5b55b30337d04278";
    let mut unpushed = pushed(HEAD, "ada", "ada", "ada");
    unpushed["push"] = Value::Null;
    let many = (0..51).map(|at| pushed(&format!("{at:040}"), "ada", "ada", "ada")).collect();
    for (commits, why) in [
        (vec![pushed(HEAD, "ada", "ada", "ada"), pushed(other, "grace", "grace", "grace")], "she pushed one"),
        (vec![pushed(HEAD, "ada", "ada", "grace")], "she pushed it under another name"),
        (vec![pushed(HEAD, "grace", "ada", "ada")], "Git says that she wrote it"),
        (vec![pushed(HEAD, "ada", "grace", "ada")], "Git says that she committed it"),
        (vec![pushed(HEAD, "eve", "ada", "ada")], "nobody knows who eve is"),
        (vec![unpushed], "nobody knows who pushed it"),
        (many, "they are too many"),
        (Vec::new(), "it has no commits"),
    ] {
        azure.kept().commits = commits;
        assert_eq!(asked.of(HEAD), None, "{why}");
    }
    azure.kept().commits = vec![pushed(HEAD, "Ada", "bob", "ada"), pushed(other, "bob", "bob", "bob")];
    assert_eq!(asked.of(HEAD).as_deref(), Some("grace@acme.example"), "both are known, and neither is she");
    azure.kept().iterations[0]["author"] = of_azure("grace");
    assert_eq!(asked.of(HEAD), None, "she pushed a head that it had");
}
