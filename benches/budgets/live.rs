//! In: the work, and the loop itself on it, with a few of its clusters told. Out: what a start takes, a commit, a storm.
//! Guarantee: from the ref that moved to the files in the targets, with all that the program does on the way.
//!
//! Why: only some clusters are told, so that the targets of all the others need not be written before.
use crate::Asked;
use crate::left::remember;
use crate::table::{Row, ms, percentile, row, told};
use crate::work::{Work, address};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Event, Observer, Until};
use stratify::control::real_world::Outside;
use stratify::control::statuses::Statuses;
use stratify::decide::report::{Condition, Report};
use stratify::decide::value::{Fault, Seal};
use stratify::name::CommitId;
use stratify::observe::mirror::Mirror;
use stratify::settings::Settings;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;

/// How many clusters are told.
pub(crate) const CLUSTERS: usize = 16;

/// Commits of the storm, and how far apart they are.
const COMMITS: usize = 100;
const APART: Duration = Duration::from_millis(100);

/// The least time between two looks; the last commit of a storm may come right after one.
const PAUSE_MS: f64 = 250.0;

/// Longer than anything here takes; only a loop that stands still waits so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the loop says.
enum Seen {
    Head,
    Synced(String, CommitId),
}

/// The loop, running.
struct Live {
    events: UnboundedSender<Event>,
    seen: Receiver<Seen>,
    runtime: Runtime,
}

/// Runs the loop on the work.
pub(crate) fn measure(asked: &Asked, work: &Work, scratch: &Path) -> Vec<Row> {
    std::fs::create_dir_all(scratch).expect("the temporary folder is ours");
    // Whatever was measured before left the branch elsewhere, and what comes here does not descend from there.
    work.move_main(work.first);
    remember(work, &scratch.join("state.redb"), (0..CLUSTERS).map(|at| work.cluster(at)).collect());
    let mut live = Live::start(work, scratch);
    live.wait_for_all(work);
    live.stop();
    let mut rows = Vec::new();
    let commits = work.commit_values_of("live", work.first, COMMITS + 21, |at| at % CLUSTERS);
    let (first, rest) = commits.split_first().expect("there are some");
    work.write_main(*first);
    let start = Instant::now();
    live = Live::start(work, scratch);
    live.wait_for(*first);
    rows.push(row("B14", "start, warm, with a commit, until it is applied", ms(start.elapsed()), 400.0, "ms"));
    if asked.has("B16") {
        let (single, storm) = rest.split_at(20);
        rows.extend(storms(&mut live, work, single, storm));
    }
    live.stop();
    work.move_main(work.first);
    rows
}

fn storms(live: &mut Live, work: &Work, single: &[CommitId], storm: &[CommitId]) -> Vec<Row> {
    let mut times = Vec::new();
    let before = cores();
    for commit in single {
        thread::sleep(Duration::from_millis(300)); // no look is held back by the one before
        let start = Instant::now();
        live.commit(work, *commit);
        live.wait_for(*commit);
        times.push(start.elapsed());
    }
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let one = (cores() - before) / count(single.len());
    thread::sleep(Duration::from_secs(1)); // its statuses are posted
    live.drain();
    let (before, start) = (cores(), Instant::now());
    for (at, commit) in (0_u32..).zip(storm) {
        thread::sleep((APART * at).saturating_sub(start.elapsed()));
        live.commit(work, *commit);
    }
    let last = Instant::now();
    let heads = live.wait_for(*storm.last().expect("there are some"));
    let (latency, lasted) = (last.elapsed(), start.elapsed());
    thread::sleep(Duration::from_secs(1));
    let all = cores() - before;
    let looks = (lasted.as_secs_f64() * 1e3 / PAUSE_MS).ceil();
    vec![
        told("B16", "a commit → files, p50 of 20", format!("{:.1} ms", ms(percentile(&times, 50)))),
        row("B16", format!("{COMMITS} commits in 10 s: plans of heads"), count(heads), looks, ""),
        row(
            "B16",
            "  the newest applied after the last commit, the pause included",
            ms(latency),
            PAUSE_MS + 200.0,
            "ms",
        ),
        row("B16", "  core time of a planned head, of that of one commit", all / count(heads) / one, 3.0, "×"),
        told("", "  core time of one commit / of all", format!("{:.0} ms / {all:.2} s", one * 1e3)),
    ]
}

impl Live {
    fn start(work: &Work, scratch: &Path) -> Self {
        let mirror = Mirror::open(address(work), &scratch.join("mirror")).expect("the mirror can be opened");
        let mirror = Arc::new(mirror);
        let store = Store::open(&scratch.join("state.redb")).expect("the store can be opened");
        let (tell, seen) = channel();
        let runtime = Runtime::new().expect("threads start");
        let (settings, seal) = (Settings::embedded(scratch), Seal::new(b"bench"));
        let outside = Outside::new(settings, mirror.clone(), seal, runtime.handle().clone());
        let inside = runtime.enter();
        let engine = Engine::new(Arc::new(outside), Statuses::Mirror(mirror), store, Telling(tell));
        drop(inside);
        let (mut engine, received) = engine.expect("the loop can be built");
        let events = engine.events();
        runtime.spawn(async move { engine.run(received, Until::Stopped).await.expect("the store can be written") });
        let live = Self { events, seen, runtime };
        live.look();
        live
    }

    fn look(&self) {
        self.events.send(Event::Woken).expect("the loop runs");
    }

    fn commit(&self, work: &Work, commit: CommitId) {
        work.write_main(commit);
        self.look();
    }

    /// Waits until a commit is applied; returns how many heads were planned until then.
    fn wait_for(&self, commit: CommitId) -> usize {
        let mut heads = 0;
        loop {
            match self.seen.recv_timeout(PATIENCE).expect("the loop goes on") {
                Seen::Head => heads += 1,
                Seen::Synced(_, at) if at == commit => return heads,
                Seen::Synced(..) => {}
            }
        }
    }

    fn wait_for_all(&self, work: &Work) {
        let mut left: BTreeSet<String> = (0..CLUSTERS).map(|at| work.cluster(at)).collect();
        while !left.is_empty() {
            if let Seen::Synced(cluster, _) = self.seen.recv_timeout(PATIENCE).expect("the loop goes on") {
                left.remove(&cluster);
            }
        }
    }

    fn drain(&self) {
        while self.seen.try_recv().is_ok() {}
    }

    fn stop(self) {
        self.events.send(Event::Stopped).expect("the loop runs");
        drop(self.runtime);
    }
}

struct Telling(Sender<Seen>);

impl Observer for Telling {
    fn head(&mut self, _: CommitId, _: usize) {
        let _ = self.0.send(Seen::Head);
    }

    fn held(&mut self, why: &str) {
        panic!("nothing is held: {why}");
    }

    fn ended(&mut self, report: &Report) {
        if matches!(report.standing.condition, Condition::Synced { .. }) {
            let _ = self.0.send(Seen::Synced(report.cluster.to_string(), report.commit));
        }
    }

    fn trouble(&mut self, fault: &Fault) {
        panic!("nothing goes wrong: {fault}");
    }
}

/// Returns what this process and the programs that it started and saw the end of have had of the cores, in seconds.
fn cores() -> f64 {
    crate::growth::core_seconds_of(4)
}
