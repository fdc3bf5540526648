//! In: places and moments at which a process that posts is killed. Out: what the forge has, after one that is not.
//! Guarantee: every place between what is to be posted, its answer and the record of it is one of them; debug builds alone
//! have the places.
#![cfg(debug_assertions)]
use super::fleet::{Fleet, Served, small_cluster, small_text};
use super::github::GitHub;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// More places than the few posts of the small story have.
const POINTS_MAX: u64 = 300;

/// Any number will do; it is this one in each run.
const SEED: u64 = 0x0bad_f00d_5eed_0057;

/// A fleet with pull requests, and its forge.
struct Story {
    github: GitHub,
    fleet: Fleet,
    head: String,
    /// The heads of the pull requests, by number.
    pulls: BTreeMap<u64, String>,
    environments: usize,
}

impl Story {
    fn new(environments: usize, pulls: usize) -> Self {
        let github = GitHub::start();
        // Its limits are looked at elsewhere.
        let forge = format!(
            "kind: github, url: '{}', repository: acme/fleet, tokenFile: token, writesAMinute: 100000",
            github.http.url()
        );
        let fleet = Fleet::small(environments, &forge);
        let numbers: Vec<u64> = (1..).take(pulls).collect();
        let file = |number: &u64| {
            let at = usize::try_from(*number).expect("it is small") % environments;
            (*number, small_cluster(at), small_text(at, &format!("hello-{number}")))
        };
        let commits = fleet.pulls(&numbers.iter().map(file).collect::<Vec<_>>());
        let pulls: BTreeMap<u64, String> = numbers.into_iter().zip(commits).collect();
        github.state().pulls = pulls.iter().map(|(number, commit)| pull(*number, commit)).collect();
        Self { github, head: fleet.checkout.head(), fleet, pulls, environments }
    }

    /// Returns how many posts there were.
    fn posts(&self) -> usize {
        self.github.http.seen().iter().filter(|request| request.method != "GET").count()
    }

    fn is_success(&self, commit: &str, context: &str) -> bool {
        self.github.latest(commit).get(context).is_some_and(|(state, _)| state == "success")
    }

    fn is_told(&self) -> bool {
        let commented = self.github.state().comments.len();
        self.is_success(&self.head, "stratify/plan")
            && (0..self.environments).all(|at| self.is_success(&self.head, &format!("stratify/e{at}")))
            && self.pulls.values().all(|commit| self.is_success(commit, "stratify/plan"))
            && commented >= self.pulls.len()
    }

    /// Serves until all is told and nothing waits, and checks what the forge has then.
    #[track_caller]
    fn ends(&self, after: &str) {
        let listed = || self.github.http.seen().iter().filter(|request| request.path.contains("/pulls?")).count();
        let before = listed();
        let _served = self.fleet.serve();
        // Also where all was told before, it looks at all of it once more.
        self.github.http.until(&format!("all is told, after {after}"), || listed() > before && self.is_told());
        loop {
            let (_, waits) = self.json(&["outbox"]);
            if waits["rows"] == json!([]) && waits["comments"] == 0 && waits["looking"] == false {
                break;
            }
        }
        self.is_true(after);
    }

    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let ran = self.fleet.run(&[args, &["--output", "json"]].concat());
        (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.all())))
    }

    #[track_caller]
    fn is_true(&self, after: &str) {
        let state = self.github.state();
        for ((commit, context), all) in &state.statuses {
            let said = |one: &Value| (one["state"].clone(), one["description"].clone());
            let success = all.iter().position(|one| one["state"] == "success");
            let success = success.unwrap_or_else(|| panic!("{commit} {context} after {after}: {all:?}"));
            // What a pull request would do is told anew where it would do something else.
            let is_pull = self.pulls.values().any(|pull| pull == commit);
            let is_same = all[success..]
                .iter()
                .all(|one| said(one) == said(&all[success]) || (is_pull && one["state"] == "success"));
            assert!(is_same, "{commit} {context} after {after}: nothing follows a success: {all:?}");
        }
        for (number, commit) in &self.pulls {
            let of_it: Vec<&String> =
                state.comments.iter().filter(|(_, of, _)| of == number).map(|(.., text)| text).collect();
            let [comment] = of_it.as_slice() else { panic!("after {after}: one comment of #{number}: {of_it:?}") };
            let short = commit.get(..7).expect("it is an id");
            let is_right = comment.contains(&format!("hello-{number}")) && comment.contains(short);
            assert!(is_right, "after {after}: {comment}");
        }
    }
}

fn pull(number: u64, sha: &str) -> Value {
    let repo = json!({ "full_name": "acme/fleet" });
    json!({
        "number": number, "user": { "login": "ada" }, "draft": false,
        "head": { "sha": sha, "ref": format!("x{number}"), "repo": repo }, "base": { "ref": "main", "repo": repo },
    })
}

#[test]
fn posts_that_are_cut_off_anywhere_are_true_in_the_end_and_no_comment_is_made_twice() {
    let (next, is_over) = (AtomicU64::new(1), AtomicBool::new(false));
    let one = || {
        while !is_over.load(Ordering::SeqCst) {
            let at = next.fetch_add(1, Ordering::SeqCst);
            assert!(at < POINTS_MAX, "the posts have an end");
            let story = Story::new(1, 1);
            let mut served = story.fleet.serve_until(Some(at));
            let was_cut_off = ends_or(&mut served, || story.is_told());
            drop(served);
            story.ends(&format!("a cut-off at place {at}"));
            if !was_cut_off {
                is_over.store(true, Ordering::SeqCst);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(one))));
    let points = next.load(Ordering::SeqCst).saturating_sub(1 + threads as u64);
    assert!(points >= 15, "each post has several places, and {points} are too few to be all");
}

/// Waits until the process has ended by itself, or something is so; whether it has ended.
fn ends_or(served: &mut Served, is: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    let mut is_last = false;
    loop {
        if served.has_ended() {
            return true;
        }
        // What comes after the last answer is one of the places, too.
        if is_last {
            return false;
        }
        is_last = is() && begun.elapsed() > Duration::from_secs(1);
        assert!(begun.elapsed() < Duration::from_mins(2), "it goes on");
        thread::yield_now();
    }
}

#[test]
fn two_hundred_posts_are_true_in_the_end_however_often_they_are_cut_off() {
    let story = Story::new(80, 60);
    let (mut kills, mut at) = (0, 0);
    while !story.is_told() {
        at += 1;
        assert!(at < 200, "it goes on: {} posts", story.posts());
        let before = story.posts();
        if at % 2 == 0 {
            let mut served = story.fleet.serve_until(Some(1 + chance(at) % 90));
            kills += usize::from(ends_or(&mut served, || story.is_told()));
            continue;
        }
        // At a moment within a few more posts.
        let more = before + usize::try_from(chance(at) % 18).expect("it is small");
        let served = story.fleet.serve();
        story.github.http.until("it posts", || story.posts() > more || story.is_told());
        let moment = Instant::now() + Duration::from_micros(chance(at + 1_000) % 4_000);
        while Instant::now() < moment {
            thread::yield_now();
        }
        drop(served);
        kills += 1;
    }
    story.ends(&format!("{kills} cut-offs"));
    assert!(story.posts() >= 200 && kills >= 10, "{kills} cut-offs within {} posts", story.posts());
}

/// Returns a number by chance, the same for the same place.
fn chance(at: u64) -> u64 {
    let mut state = SEED.wrapping_add((at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
