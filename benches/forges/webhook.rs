//! In: webhooks of pushes and of pull requests, in a large repository. Out: how long until the plan's status is there.
//! Guarantee: from the first byte of a signed delivery to the answer of the forge, with all that the program does on the way.
use crate::Asked;
use crate::forged::deliver;
use crate::github::GitHub;
use crate::left::remember;
use crate::live::{Live, Parts};
use crate::table::{Row, ms, percentile, row, told};
use crate::work::{Size, Work, git};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use stratify::name::CommitId;

/// How many clusters are synced, so that the targets of all the others need not be written.
const CLUSTERS: usize = 16;

/// Nothing is measured of what the forge would be asked too often for: a push has so many posts, a pull request fewer.
const WRITES: u64 = 8;

/// Measures both.
pub(crate) fn measure(asked: &Asked, scratch: &Path) -> Vec<Row> {
    let size = Size { clusters: asked.repository.max(CLUSTERS), layers: 12 };
    let work = Work::build(&scratch.join("work"), size);
    let github = GitHub::start();
    github.state().is_bounded = true;
    std::fs::create_dir_all(scratch.join("state")).expect("the temporary folder is ours");
    remember(&work, &scratch.join("state/state.redb"), (0..CLUSTERS).map(|at| work.cluster(at)).collect());
    let live = Parts::new(&work, &github, scratch).serve();
    live.wait_for(CLUSTERS);
    let pushes = pushes(asked.webhooks, &work, &github, &live);
    let pulls = pulls(asked.webhooks, &work, &github, &live);
    let limited = f64::from(u32::try_from(github.state().limited).unwrap_or(u32::MAX));
    drop(live);
    let of = |what: &str, times: &[Duration]| {
        let name = format!("webhook of a {what} → plan status, {} clusters, p50 of {}", size.clusters, times.len());
        vec![
            row("B13", name, ms(percentile(times, 50)), 500.0, "ms"),
            told("", "  p99", format!("{:.0} ms", ms(percentile(times, 99)))),
        ]
    };
    let mut rows = of("push", &pushes);
    rows.extend(of("pull request", &pulls));
    rows.push(row("B13", "  refused as too much", limited, 0.0, ""));
    rows
}

fn pushes(count: usize, work: &Work, github: &GitHub, live: &Live) -> Vec<Duration> {
    let commits = work.commit_values_of("live", work.first, count, |at| at % CLUSTERS);
    let one = |commit: &CommitId| {
        live.wait_for_room(WRITES);
        work.write_main(*commit);
        let body = json!({ "ref": "refs/heads/main", "repository": { "full_name": "acme/fleet" } });
        timed(github, live, "push", &body, *commit)
    };
    commits.iter().map(one).collect()
}

fn pulls(count: usize, work: &Work, github: &GitHub, live: &Live) -> Vec<Duration> {
    let head = github_head(work);
    let one = |number: usize| {
        let branch = format!("pull-{number}");
        let commit = work.commit_values_of(&branch, head, 1, |_| number % CLUSTERS)[0];
        git(&work.folder, &["update-ref", &format!("refs/pull/{number}/head"), &commit.to_string()]);
        github.state().pulls = vec![pull(number, commit)];
        live.wait_for_room(WRITES);
        let body = json!({ "action": "opened", "repository": { "full_name": "acme/fleet" } });
        timed(github, live, "pull_request", &body, commit)
    };
    (1..=count).map(one).collect()
}

fn github_head(work: &Work) -> CommitId {
    CommitId::parse(git(&work.folder, &["rev-parse", "refs/heads/main"]).trim()).expect("git prints ids")
}

fn pull(number: usize, commit: CommitId) -> Value {
    let repo = json!({ "full_name": "acme/fleet" });
    json!({
        "number": number, "user": { "login": "ada" },
        "head": { "sha": commit.to_string(), "ref": format!("x{number}"), "repo": repo },
        "base": { "ref": "main", "repo": repo },
    })
}

/// Delivers an event, and returns how long it took until the commit had the verdict of its plan.
fn timed(github: &GitHub, live: &Live, event: &str, body: &Value, commit: CommitId) -> Duration {
    let (begun, commit) = (Instant::now(), commit.to_string());
    let code = deliver(live.door, None, event, &body.to_string(), true);
    assert_eq!(code, 202, "it is taken");
    let is_planned = || github.latest(&commit).get("stratify/plan").is_some_and(|(state, _)| state == "success");
    github.http.until("it is planned", is_planned);
    begun.elapsed()
}
