//! In: a mirror, and the standings that a process left. Out: what a start takes until the loop runs.
//! Guarantee: the loop itself is built, from a store on disk; nothing is written to a target.
use crate::engine::address;
use crate::table::{Row, row};
use crate::work::Work;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Observer};
use stratify::control::real_world::Outside;
use stratify::control::statuses::Statuses;
use stratify::decide::report::{Condition, Remembered, Report, Standing};
use stratify::decide::value::{Digest, Fault, Seal, Timestamp};
use stratify::name::{ClusterName, CommitId, EnvironmentName};
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

/// Writes what a process leaves, in the tables of the loop.
pub(crate) fn remember(work: &Work, file: &Path, names: Vec<String>) {
    let store = Store::open(file).expect("the store can be made");
    let row = |cluster: String| {
        let digest = Digest([7; 32]);
        let standing = Standing {
            cluster: ClusterName::new(&cluster).expect("it is a label"),
            wanted: digest,
            condition: Condition::Synced { digest, commit: work.first },
            since: Timestamp(0),
            note: None,
        };
        let environment = EnvironmentName::new("dev").expect("it is a label");
        (cluster.into_bytes(), Some(Remembered { environment, standing, is_concerned: false }.encode()))
    };
    let rows: Vec<_> = names.into_iter().map(row).collect();
    store.put_all("standings", &rows).expect("there is room");
    store.put_all("head", &[(b"head".to_vec(), Some(work.first.0.to_vec()))]).expect("there is room");
}

/// Says nothing.
struct Silent;

impl Observer for Silent {
    fn head(&mut self, _: CommitId, _: usize) {}

    fn held(&mut self, _: &str) {}

    fn ended(&mut self, _: &Report) {}

    fn trouble(&mut self, _: &Fault) {}
}
