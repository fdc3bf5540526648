//! In: an app of GitHub in the place of a token. Out: check runs, with what is wrong at its lines.
//! Guarantee: a token is asked for by a proof that GitHub takes, once as long as it is good, and shown nowhere.
use super::app::{App, INSTALLATION};
use super::client::Client;
use super::fleet::Fleet;
use super::github::GitHub;
use serde_json::Value;
use std::fs;
use std::time::Duration;
use stratify::client::forge::{Annotation, CommitStatus, Meaning, Stand};
use stratify::settings::{Forge, ForgeKind, TokenAt};

const COMMIT: &str = "1c7aa060a221576412f6caff5b55b30337d04278";
const APP: &str = "12345";

fn github(lasts: Duration) -> (GitHub, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut app = App::new(APP, &folder.path().join("app.pem"));
    app.lasts = lasts;
    let github = GitHub::start();
    github.state().app = Some(app);
    (github, folder)
}

fn client(url: &str, folder: tempfile::TempDir, installation: Option<u64>) -> Client {
    let key = folder.path().join("app.pem");
    let settings = Forge {
        kind: ForgeKind::GitHub,
        url: url.to_owned(),
        repository: "acme/fleet".to_owned(),
        token: TokenAt::App(stratify::settings::App { id: APP.to_owned(), key, installation }),
        user: None,
        authority: None,
        webhook_secret: None,
        approvers: Vec::new(),
        approver_teams: Vec::new(),
        writes_a_minute: None,
    };
    Client::of(&settings, folder)
}

fn post(client: &Client, stand: Stand, run: Option<u64>, annotations: &[Annotation<'_>]) -> Result<u64, Meaning> {
    let status = CommitStatus {
        commit: COMMIT,
        context: "stratify/plan",
        stand,
        text: "1 of 2 clusters cannot be brought to it",
        link: None,
        branch: "main",
        detail: Some("eu-1: a mistake"),
        annotations,
    };
    let answered = client.send(&client.forge().check(&status, run)).map_err(|error| error.meaning)?;
    Ok(answered.body["id"].as_u64().expect("it has an id"))
}

fn tokens(github: &GitHub) -> usize {
    github.state().app.as_ref().map_or(0, |app| app.given.len())
}

#[test]
fn a_token_is_asked_for_once_as_long_as_it_is_good() {
    for (lasts, installation, asked) in [
        (Duration::from_hours(1), None, 1),
        (Duration::from_hours(1), Some(INSTALLATION), 1),
        // It would end while a request is under way.
        (Duration::from_mins(4), None, 3),
    ] {
        let (github, folder) = github(lasts);
        let client = client(&github.http.url(), folder, installation);
        for _ in 0..3 {
            post(&client, Stand::Success, None, &[]).expect("it is taken");
        }
        assert_eq!(tokens(&github), asked, "{lasts:?}");
    }
}

#[test]
fn a_token_that_was_taken_back_is_replaced_and_a_wrong_key_is_told_of() {
    let (github, folder) = github(Duration::from_hours(1));
    let key = folder.path().join("app.pem");
    let client = client(&github.http.url(), folder, None);
    post(&client, Stand::Success, None, &[]).expect("it is taken");
    github.state().app.as_mut().expect("there is one").given.clear();
    assert_eq!(post(&client, Stand::Success, None, &[]), Err(Meaning::Operator), "it is good no longer");
    // The stand-in numbers them anew, so what was given first comes again.
    post(&client, Stand::Success, None, &[]).expect("another one was asked for");
    github.state().app.as_mut().expect("there is one").given.clear();
    post(&client, Stand::Success, None, &[]).expect_err("it is good no longer");
    App::new(APP, &key);
    assert_eq!(post(&client, Stand::Success, None, &[]), Err(Meaning::Operator), "GitHub has the old key");
    fs::write(&key, "no key").expect("the folder is ours");
    assert_eq!(post(&client, Stand::Success, None, &[]), Err(Meaning::Operator), "it is no key");
}

#[test]
fn a_run_is_worded_anew_until_its_end_and_shows_mistakes_at_their_lines() {
    let (github, folder) = github(Duration::from_hours(1));
    let client = client(&github.http.url(), folder, None);
    let run = post(&client, Stand::Pending, None, &[]).expect("it is taken");
    assert_eq!(post(&client, Stand::Pending, Some(run), &[]), Ok(run), "it is the same");
    let path = "clusters/prod/eu-1/cluster.yaml";
    let all: Vec<Annotation<'_>> = (1..=60).map(|line| Annotation { path, line, text: "no such field" }).collect();
    assert_eq!(post(&client, Stand::Failure, Some(run), &all), Ok(run), "no more than fifty are sent");
    assert_eq!(post(&client, Stand::Pending, Some(run), &[]), Err(Meaning::Never), "it is at its end");
    for (stand, conclusion) in
        [(Stand::Success, "success"), (Stand::Error, "timed_out"), (Stand::Overtaken, "cancelled")]
    {
        post(&client, stand, None, &[]).expect("it is taken");
        let last = github.state().runs.last().expect("there is one")["conclusion"].clone();
        assert_eq!(last, conclusion, "what does not pass a required check is no `neutral`");
    }
    let runs = github.state().runs.clone();
    let shown = runs[0]["output"]["annotations"].as_array().expect("it has some").len();
    assert_eq!((&runs[0]["conclusion"], shown), (&Value::from("failure"), 50));
}

#[test]
fn a_mistake_is_shown_at_its_line_by_the_program_itself() {
    let (github, folder) = github(Duration::from_hours(1));
    let key = folder.path().join("app.pem");
    let url = github.http.url();
    let app = format!("app: {{ id: {APP}, keyFile: '{}' }}", key.display());
    let fleet = Fleet::new(&format!("kind: github, url: '{url}', repository: acme/fleet, {app}"), "");
    fleet.run(&["sync"]).ends_with(0);
    fleet.checkout.edit("clusters/prod/eu-1/cluster.yaml", "podCidr:", "podCidrx:");
    let commit = fleet.checkout.commit("a mistake");
    fleet.checkout.git(&["push", "--quiet", "../remote.git", "main"]);
    let ran = fleet.run(&["sync"]).ends_with(1);
    let state = github.state();
    let is_it = |run: &&Value| run["head_sha"] == commit.as_str() && run["name"] == "stratify/plan";
    let plan = state.runs.iter().rev().find(is_it).expect("its plan is told");
    assert_eq!(plan["conclusion"], "failure", "{plan}");
    let annotation = &plan["output"]["annotations"][0];
    let text = fs::read_to_string(fleet.checkout.path("clusters/prod/eu-1/cluster.yaml")).expect("it is there");
    let line = text.lines().position(|line| line.contains("podCidrx")).expect("it is there") + 1;
    assert_eq!(annotation["path"], "clusters/prod/eu-1/cluster.yaml", "{plan}");
    assert_eq!(annotation["start_line"], line, "{plan}");
    assert!(annotation["message"].as_str().is_some_and(|text| text.starts_with("ST")), "{plan}");
    assert!(state.statuses.is_empty(), "an app makes check runs only");
    let given: Vec<String> = state.app.iter().flat_map(|app| app.given.clone()).map(|(token, _)| token).collect();
    assert!(given.iter().all(|token| !ran.all().contains(token)), "no token is shown");
}
