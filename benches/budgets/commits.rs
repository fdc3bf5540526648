//! In: commits on top of the work. Out: what it takes from a commit to the plan.
//! Guarantee: the plan goes from what was wanted before to what is wanted now, and the clusters planned are counted.
use crate::Asked;
use crate::engine::Engine;
use crate::growth::core_seconds;
use crate::others::Kustomize;
use crate::table::{Row, ms, percentile, row, told};
use crate::work::{Size, Work, git};
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use stratify::name::{ClusterName, CommitId};

/// Measures what a commit takes.
pub(crate) fn measure(
    asked: &Asked,
    work: &Work,
    mirror: &Path,
    scratch: &Path,
    others: Option<&Kustomize>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if !["B3", "B4", "B5", "B17"].into_iter().any(|id| asked.has(id)) {
        return rows;
    }
    let mut engine = Engine::open_here(work, mirror);
    if asked.has("B5") {
        // All was planned once, as whenever a process ran for a while.
        engine.plan_all(work.first);
        rows.extend(profile_layer(&mut engine, work, others));
    } else {
        engine.index(work.first);
    }
    let mut at = work.first;
    let local = local(&mut engine, work, &mut at, 200);
    if asked.has("B3") {
        rows.extend(percentiles("B3", "commit → plan, objects local", &local, 5.0, 20.0));
        if let (Some(row), Some(others)) = (rows.iter_mut().find(|row| row.id == "B3"), others) {
            row.ratio = others.ratio(1, percentile(&local, 50));
        }
    }
    if asked.has("B4") || asked.has("B17") {
        let fetched = fetched(&mut engine, work, &mut at, 50);
        rows.extend(percentiles("B4", "commit → plan, with the fetch from file://", &fetched, 75.0, 200.0));
        if asked.has("B17") {
            let plain = plain(work, at, &scratch.join("plain-before"));
            rows.extend(history(asked, &mut engine, work, &mut at, [&local, &fetched, &plain], mirror, scratch));
        }
    }
    rows
}

/// Plans commits whose objects are here; each has to concern one cluster.
fn local(engine: &mut Engine, work: &Work, at: &mut CommitId, count: usize) -> Vec<Duration> {
    let commits = work.commit_values("next", *at, count);
    work.move_main(*commits.last().unwrap_or(at));
    engine.mirror.fetch().expect("the repository is on this machine");
    commits.iter().map(|commit| timed(engine, at, *commit)).collect()
}

/// Plans commits one by one, each fetched.
fn fetched(engine: &mut Engine, work: &Work, at: &mut CommitId, count: usize) -> Vec<Duration> {
    let commits = work.commit_values("next", *at, count);
    let mirror = engine.mirror.clone();
    thread::scope(|scope| {
        // As the loop does it: after each look, beside what comes next.
        let (tend, asked) = channel();
        scope.spawn(move || asked.iter().for_each(|()| mirror.tend().expect("packs can be put together")));
        let one = |commit: &CommitId| {
            work.move_main(*commit);
            let start = Instant::now();
            engine.mirror.fetch().expect("the repository is on this machine");
            let fetched = start.elapsed();
            tend.send(()).expect("it is listened to");
            fetched + timed(engine, at, *commit)
        };
        let times = commits.iter().map(one).collect();
        drop(tend);
        times
    })
}

fn timed(engine: &mut Engine, at: &mut CommitId, commit: CommitId) -> Duration {
    let start = Instant::now();
    let planned = engine.plan_commit(*at, commit);
    let taken = start.elapsed();
    assert_eq!(planned, 1, "a values file of one cluster concerns that cluster");
    *at = commit;
    taken
}

fn percentiles(id: &'static str, what: &str, times: &[Duration], p50: f64, p99: f64) -> Vec<Row> {
    vec![
        row(id, format!("{what}, p50 of {}", times.len()), ms(percentile(times, 50)), p50, "ms"),
        row(id, "  p99 (one overlay recomputed each)", ms(percentile(times, 99)), p99, "ms"),
    ]
}

fn profile_layer(engine: &mut Engine, work: &Work, others: Option<&Kustomize>) -> Vec<Row> {
    let commit = work.commit_profile("profile", work.first);
    work.move_main(commit);
    engine.mirror.fetch().expect("the repository is on this machine");
    let (start, cores) = (Instant::now(), core_seconds());
    let (before, touched) = engine.advance(work.first, commit);
    let names: Vec<ClusterName> = touched.clusters.into_iter().collect();
    assert_eq!(names.len(), work.size.clusters, "all clusters have the profile");
    let plans = engine.replan(&before, &names);
    let taken = start.elapsed();
    let cores = core_seconds() - cores;
    assert_eq!(plans.len(), names.len(), "each has a plan");
    engine.check(&before, &plans, names.len() / 10);
    engine.fleet = before;
    work.move_main(work.first);
    let _ = engine.mirror.fetch();
    engine.mirror.accept(work.first).expect("it is the branch's head");
    let scale = f64::from(u32::try_from(names.len()).unwrap_or(u32::MAX)) / 10_000.0;
    let what = format!("a layer of an add-on profile of all {}", names.len());
    let mut row = row("B5", what, taken.as_secs_f64(), 1.5 * scale, "s");
    row.ratio = others.map(|others| others.ratio(names.len(), taken)).unwrap_or_default();
    vec![row, told("", "  core time", format!("{cores:.2} core-s"))]
}

/// Fetches commits one by one with git itself, into a fresh clone: how the repository that is fetched from grows.
fn plain(work: &Work, at: CommitId, clone: &Path) -> Vec<Duration> {
    let source = format!("file://{}", work.folder.display());
    git(&work.folder, &["clone", "--quiet", "--bare", "--single-branch", &source, &clone.display().to_string()]);
    let fetch = |commit: &CommitId| {
        work.move_main(*commit);
        let start = Instant::now();
        git(clone, &["fetch", "--quiet", "origin", "refs/heads/main:refs/heads/main"]);
        start.elapsed()
    };
    let times = work.commit_values("plain", at, 20).iter().map(fetch).collect();
    work.move_main(at);
    times
}

/// A tenth of the clusters; then a long history.
fn history(
    asked: &Asked,
    engine: &mut Engine,
    work: &Work,
    at: &mut CommitId,
    [local_before, fetched_before, plain_before]: [&[Duration]; 3],
    mirror: &Path,
    scratch: &Path,
) -> Vec<Row> {
    let ratio = |now: &[Duration], before: &[Duration]| ms(percentile(now, 50)) / ms(percentile(before, 50));
    let small = Work::build(&scratch.join("small"), Size { clusters: work.size.clusters / 10, ..work.size });
    let mut few = Engine::open(&small, &scratch.join("small-mirror"));
    few.index(small.first);
    let mut small_at = small.first;
    let few_times = local(&mut few, &small, &mut small_at, 200);
    drop(few);
    fetched(engine, work, at, asked.commits);
    let fetched_after = fetched(engine, work, at, 50);
    let plain_after = plain(work, *at, &scratch.join("plain-after"));
    let local_after = local(engine, work, at, 200);
    let clone = scratch.join("clone");
    let source = format!("file://{}", work.folder.display());
    git(scratch, &["clone", "--quiet", "--bare", "--single-branch", &source, &clone.display().to_string()]);
    let disk = |folder: &Path| size_of(folder);
    let after = format!("after {} commits", asked.commits);
    vec![
        row("B17", "B3 with ten times the clusters", ratio(local_before, &few_times), 5.0, "×"),
        row("B17", format!("B3 {after}"), ratio(&local_after, local_before), 1.2, "×"),
        row("B17", format!("B4 {after}"), ratio(&fetched_after, fetched_before), 1.2, "×"),
        told("", "  git's own fetch from that repository", format!("{:.2} ×", ratio(&plain_after, plain_before))),
        row("B17", format!("disk {after}, of a fresh clone"), disk(mirror) / disk(&clone), 1.5, "×"),
        told("", "  disk", format!("{:.1} MiB", disk(mirror) / f64::from(1 << 20))),
    ]
}

/// Returns the bytes of all files in a folder.
fn size_of(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).expect("it is there").filter_map(Result::ok);
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        #[expect(clippy::cast_precision_loss, reason = "a size to compare")]
        Ok(found) => found.len() as f64,
        Err(_) => 0.0,
    };
    entries.map(size).sum()
}
