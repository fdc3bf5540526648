//! In: works of several sizes. Out: what a plan of everything takes, and how that grows.
//! Guarantee: each plan starts from a mirror on disk and nothing in memory.
use crate::engine::Engine;
use crate::others::Kustomize;
use crate::table::{Row, ms, row, slope, told};
use crate::work::{Size, Work};
use std::path::Path;
use std::time::{Duration, Instant};

/// Fetches the work into a mirror.
pub(crate) fn fetch(work: &Work, mirror: &Path) -> Duration {
    let start = Instant::now();
    drop(Engine::open(work, mirror));
    start.elapsed()
}

/// Plans everything from a mirror on disk.
pub(crate) fn cold(work: &Work, mirror: &Path, others: Option<&Kustomize>) -> Vec<Row> {
    let (start, cores) = (Instant::now(), core_seconds());
    let mut engine = Engine::open_here(work, mirror);
    let opened = start.elapsed();
    let spent = engine.plan_all(work.first);
    let (all, cores) = (start.elapsed(), core_seconds() - cores);
    assert_eq!(engine.plans.len(), work.size.clusters, "each cluster has a plan");
    let Size { clusters, layers } = work.size;
    let scale = f64::from(u32::try_from(clusters).unwrap_or(u32::MAX)) / 10_000.0;
    let mut first = row("B1", format!("cold plan of {clusters} × {layers}"), all.as_secs_f64(), 6.0 * scale, "s");
    first.ratio = others.map(|others| others.ratio(clusters, all)).unwrap_or_default();
    vec![
        first,
        told("", "  index / plans", format!("{:.2} s / {:.2} s", spent.index.as_secs_f64(), spent.plans.as_secs_f64())),
        // Steadier than wall time where others use the machine too.
        row("B1", "  core time", cores, 12.0 * scale, "core-s"),
        told("", "  core time of one, µs", engine.phases.each(clusters)),
        row("B14", "start, cold", all.as_secs_f64(), 6.0 * scale + 0.5, "s"),
        told("", "  of which the mirror is opened", format!("{:.1} ms", ms(opened))),
    ]
}

/// Plans works that grow.
pub(crate) fn measure(most: Size, scratch: &Path) -> Vec<Row> {
    let take = |clusters: usize, layers: usize| {
        let folder = scratch.join(format!("{clusters}-{layers}"));
        let work = Work::build(&folder.join("work"), Size { clusters, layers });
        let mirror = folder.join("mirror");
        fetch(&work, &mirror);
        let start = Instant::now();
        Engine::open_here(&work, &mirror).plan_all(work.first);
        let taken = start.elapsed();
        std::fs::remove_dir_all(&folder).expect("the temporary folder is ours");
        taken.as_secs_f64()
    };
    let as_float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let by_clusters: Vec<(f64, f64)> = [10, 5, 2, 1]
        .into_iter()
        .map(|part| most.clusters / part)
        .map(|clusters| (as_float(clusters), take(clusters, most.layers)))
        .collect();
    let clusters = most.clusters / 5;
    let by_layers: Vec<(f64, f64)> =
        [6, 12, 24].into_iter().map(|layers| (as_float(layers), take(clusters, layers))).collect();
    let list = |points: &[(f64, f64)]| {
        points.iter().map(|(count, time)| format!("{count}: {time:.2} s")).collect::<Vec<_>>().join(", ")
    };
    let (most_clusters, longest) = by_clusters.last().copied().unwrap_or_default();
    let [(few, short), _, (many, long)] = by_layers[..] else { return Vec::new() };
    vec![
        told("B2", "by clusters", list(&by_clusters)),
        row("B2", "log-log slope by clusters", slope(&by_clusters), 1.05, ""),
        // Two cores: what an overlay takes of one of them.
        row("B2", "an overlay of 12 layers, core time", 2.0 * longest * 1e3 / most_clusters, 0.6, "ms"),
        told("B2", format!("by layers, {clusters} clusters"), list(&by_layers)),
        row("B2", "log-log slope by layers", slope(&by_layers), 1.05, ""),
        row(
            "B2",
            "a further layer, core time",
            2.0 * (long - short) * 1e6 / (many - few) / as_float(clusters),
            50.0,
            "µs",
        ),
    ]
}

/// Returns what this process and its threads have had of the cores, in steps of 10 ms.
pub(crate) fn core_seconds() -> f64 {
    core_seconds_of(2)
}

/// Returns the same; of four fields, with the programs that it started.
pub(crate) fn core_seconds_of(fields: usize) -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let all = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time are the 12th and 13th after the name, then those of children.
    all.skip(11).take(fields).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
