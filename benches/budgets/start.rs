//! In: a mirror, and the standings that a process left. Out: what a start takes until the loop runs.
//! Guarantee: the loop itself is built, from a store on disk; nothing is written to a target.
use crate::left::remember;
use crate::table::{Row, row};
use crate::work::{Work, address};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Observer};
use stratify::control::real_world::Outside;
use stratify::control::statuses::Statuses;
use stratify::decide::report::Report;
use stratify::decide::value::{Fault, Seal};
use stratify::name::CommitId;
use stratify::observe::mirror::{Head, Mirror};
use stratify::settings::Settings;

/// Starts on what an earlier process left: each cluster synced to the head.
pub(crate) fn warm(work: &Work, mirror: &Path, scratch: &Path) -> Vec<Row> {
    std::fs::create_dir_all(scratch).expect("the temporary folder is ours");
    let file = scratch.join("state.redb");
    let names = (0..work.size.clusters).map(|number| format!("cluster-{number}")).collect();
    remember(work, &file, names);
    let start = Instant::now();
    let mirror = Arc::new(Mirror::open(address(work), mirror).expect("the mirror can be opened"));
    let store = Store::open(&file).expect("the store can be opened");
    let runtime = tokio::runtime::Runtime::new().expect("threads start");
    let settings = Settings::embedded(scratch);
    let outside = Arc::new(Outside::new(settings, mirror.clone(), Seal::new(b"bench"), runtime.handle().clone()));
    let engine = Engine::new(outside, Statuses::Mirror(mirror.clone()), store, Silent).expect("the loop can be built");
    mirror.fetch().expect("the repository is on this machine");
    assert_eq!(mirror.head().expect("there is one"), Head::At(work.first), "nothing moved");
    let taken = start.elapsed();
    drop(engine);
    let scale = f64::from(u32::try_from(work.size.clusters).unwrap_or(u32::MAX)) / 10_000.0;
    vec![row(
        "B14",
        "start, warm: standings read, the head looked at",
        taken.as_secs_f64() * 1e3,
        400.0 * scale.max(0.1),
        "ms",
    )]
}

/// Says nothing.
struct Silent;

impl Observer for Silent {
    fn head(&mut self, _: CommitId, _: usize) {}

    fn held(&mut self, _: &str) {}

    fn ended(&mut self, _: &Report) {}

    fn trouble(&mut self, _: &Fault) {}
}
