//! In: how many clusters. Out: how many requests a forge gets of a commit that concerns all of them.
//! Guarantee: the loop itself, with every target written; the stand-in counts, and refuses what GitHub would.
use crate::github::GitHub;
use crate::live::Parts;
use crate::table::{Row, row, told};
use crate::work::{Size, Work};
use std::path::Path;
use std::time::Instant;

/// Pending, the verdict, and one correction.
const POSTS_MAX: f64 = 3.0;

/// As few layers as the work can have.
const LAYERS: usize = 5;

/// Syncs the first commit, and one that changes a profile of all clusters.
pub(crate) fn measure(clusters: usize, scratch: &Path) -> Vec<Row> {
    let work = Work::build(&scratch.join("work"), Size { clusters, layers: LAYERS });
    let github = GitHub::start();
    github.state().is_bounded = true;
    let mut rows = commit(&work, &github, scratch, "first commit");
    let next = work.commit_profile("profile", work.first);
    work.move_main(next);
    rows.extend(commit(&work, &github, scratch, "a layer of all"));
    drop(github);
    std::fs::remove_dir_all(scratch).expect("the temporary folder is ours");
    rows
}

fn commit(work: &Work, github: &GitHub, scratch: &Path, what: &str) -> Vec<Row> {
    let before = github.http.seen().len();
    github.state().statuses.clear();
    let start = Instant::now();
    Parts::new(work, github, scratch).settle();
    let taken = start.elapsed();
    let seen = github.http.seen();
    let (posts, reads): (Vec<_>, Vec<_>) = seen[before..].iter().partition(|request| request.method == "POST");
    let state = github.state();
    let most = state.statuses.values().map(Vec::len).max().unwrap_or_default();
    let is_over = state.statuses.values().all(|all| all.last().is_some_and(|last| last["state"] == "success"));
    assert!(is_over, "all is told to its end: {:?}", state.statuses);
    let float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    // One more each time the minutes have doubled.
    let refreshes = (taken.as_secs_f64() / 60.0).max(1.0).log2().ceil();
    let clusters = work.size.clusters;
    let all = format!("{} posts, {} contexts, {:.1} s", posts.len(), state.statuses.len(), taken.as_secs_f64());
    vec![
        row("B13", format!("{what}, {clusters} clusters: posts of a context"), float(most), POSTS_MAX + refreshes, ""),
        row("B13", "  reads", float(reads.len()), 0.0, ""),
        row("B13", "  refused as too much", float(state.limited), 0.0, ""),
        told("", "  in all", all),
    ]
}
