//! In: a fleet on a real API server, the loop itself. Out: what commits, looks and drift take, in time and in requests.
//! Guarantee: from the ref that moved to the end of the sync; what was asked comes from the server's own log.
use crate::fleet::Fleet;
use crate::load;
use crate::table::{Row, ms, percentile, row, told};
use crate::testenv::Server;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use stratify::client::git::Address;
use stratify::client::kubernetes::{Change, ObjectPath};
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Event, Observer, Until};
use stratify::control::real_world::Outside;
use stratify::control::statuses::Statuses;
use stratify::decide::report::{Condition, Report};
use stratify::decide::value::{Fault, Seal, Value};
use stratify::name::CommitId;
use stratify::observe::mirror::Mirror;
use stratify::settings::Settings;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;

/// How often each thing is measured.
const TIMES: usize = 30;

/// Longer than the least time between two looks, so that no commit waits for that.
pub(crate) const PAUSE: Duration = Duration::from_millis(350);

/// Longer than anything here takes; only a loop that stands still waits so long.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the loop says, and when.
enum Seen {
    Head,
    Synced(CommitId),
    Disturbed,
}

/// The loop, running.
pub(crate) struct Live {
    events: UnboundedSender<Event>,
    seen: Receiver<(Seen, Instant)>,
    runtime: Runtime,
    version: usize,
}

impl Live {
    /// Starts the loop, and waits until the fleet is synced.
    pub(crate) fn start(fleet: &Fleet) -> Self {
        std::fs::create_dir_all(fleet.state()).expect("the temporary folder is ours");
        Self::on(fleet.address(), fleet.settings(), &fleet.state())
    }

    /// Starts the loop on a repository, and waits until the first cluster is synced.
    pub(crate) fn on(address: Address, settings: Settings, state: &Path) -> Self {
        let mirror = Mirror::open(address, &state.join("mirror")).expect("the mirror can be opened");
        let mirror = Arc::new(mirror);
        let store = Store::open(&state.join("state.redb")).expect("the store can be opened");
        let (tell, seen) = channel();
        let runtime = Runtime::new().expect("threads start");
        let outside = Outside::new(settings, mirror.clone(), Seal::new(b"bench"), runtime.handle().clone());
        let outside = Arc::new(outside);
        let inside = runtime.enter();
        let engine = Engine::new(outside.clone(), Statuses::Mirror(mirror), store, Telling(tell.clone()));
        drop(inside);
        let (mut engine, received) = engine.expect("the loop can be built");
        let events = engine.events();
        let forward = events.clone();
        outside.watch(move |cluster, disturbance| {
            drop(tell.send((Seen::Disturbed, Instant::now())));
            drop(forward.send(Event::Drifted(cluster.clone(), disturbance)));
        });
        runtime.spawn(async move { engine.run(received, Until::Stopped).await.expect("the store can be written") });
        let live = Self { events, seen, runtime, version: 1 };
        live.look();
        live.wait(|seen| matches!(seen, Seen::Synced(_)));
        thread::sleep(PAUSE);
        live
    }

    fn look(&self) {
        self.events.send(Event::Woken).expect("the loop runs");
    }

    /// Waits for what is asked, and returns when it was.
    fn wait(&self, is: impl Fn(&Seen) -> bool) -> Instant {
        loop {
            let (seen, at) = self.seen.recv_timeout(PATIENCE).expect("the loop goes on");
            if is(&seen) {
                return at;
            }
        }
    }

    /// Looks at a commit; returns when it was seen and when it was synced, since its ref moved.
    pub(crate) fn sync(&self, commit: CommitId) -> (Duration, Duration) {
        while self.seen.try_recv().is_ok() {}
        let begin = Instant::now();
        self.look();
        let head = self.wait(|seen| matches!(seen, Seen::Head));
        let synced = self.wait(|seen| matches!(seen, Seen::Synced(at) if *at == commit));
        thread::sleep(PAUSE);
        (head - begin, synced - begin)
    }

    fn changed(&mut self, fleet: &Fleet) -> CommitId {
        self.version += 1;
        fleet.file(0, self.version);
        fleet.commit("four objects change")
    }

    /// Commits that change four objects.
    pub(crate) fn commits(&mut self, fleet: &Fleet) -> Vec<Row> {
        let times: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let commit = self.changed(fleet);
                self.sync(commit).1
            })
            .collect();
        vec![
            row("B6", "commit → applied and seen Current, 4 objects, p50", ms(percentile(&times, 50)), 150.0, "ms"),
            row("B6", "  p99", ms(percentile(&times, 99)), 600.0, "ms"),
        ]
    }

    /// What commits ask of the server.
    pub(crate) fn requests(&mut self, server: &Server, fleet: &Fleet) -> Vec<Row> {
        let asked = |live: &Self, commit: CommitId| {
            let mark = server.audit().mark();
            live.sync(commit);
            server.audit().since(mark, |entry| entry.user_agent.starts_with("stratify/") && entry.verb != "watch")
        };
        let commit = self.changed(fleet);
        let of_change = asked(self, commit);
        let objects = of_change.iter().filter(|entry| entry.uri.contains("/configmaps"));
        let (reads, writes): (Vec<_>, Vec<_>) =
            objects.partition(|entry| matches!(entry.verb.as_str(), "get" | "list"));
        let books = of_change.len() - reads.len() - writes.len();
        fleet.profile("second");
        let idle = asked(self, fleet.commit("a comment"));
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        vec![
            row("B8", "requests of a changed object, the gate's apart", count(writes.len()) / 4.0, 2.0, ""),
            row("B8", "  of the record and of one changed layer's inventory", count(books), 4.0, ""),
            told("B8", "  of the gate of 4 changed and 44 other objects", reads.len().to_string()),
            row("B9", "requests of a commit that changes no rendered byte", count(idle.len()), 0.0, ""),
        ]
    }

    /// What others change.
    pub(crate) fn drift(&mut self, server: &Server, fleet: &Fleet) -> Vec<Row> {
        let (mut seen, mut corrected) = (Vec::new(), Vec::new());
        let namespace = fleet.name.clone();
        for nth in 0..TIMES {
            while self.seen.try_recv().is_ok() {}
            // Another object each time: who undoes each correction is left alone.
            let name = format!("c{}", nth % fleet.objects);
            let (begin, written) = self.runtime.block_on(edit(fleet, &namespace, &name));
            seen.push(self.wait(|seen| matches!(seen, Seen::Disturbed)).saturating_duration_since(begin));
            corrected.push(written.saturating_duration_since(begin));
            self.wait(|seen| matches!(seen, Seen::Synced(_)));
        }
        let _ = server;
        vec![
            row("B10", "drift, after the server's write: seen, p50", ms(percentile(&seen, 50)), 20.0, "ms"),
            row("B10", "  p99", ms(percentile(&seen, 99)), 100.0, "ms"),
            row("B10", "  corrected, as another watch shows it, p50", ms(percentile(&corrected, 50)), 50.0, "ms"),
            row("B10", "  p99", ms(percentile(&corrected, 99)), 250.0, "ms"),
        ]
    }

    /// All objects change, and the same is sent by who does nothing else.
    pub(crate) fn bulk(&mut self, _: &Server, fleet: &Fleet) -> Vec<Row> {
        let rate = |time: Duration| f64::from(u32::try_from(fleet.objects).unwrap_or(u32::MAX)) / time.as_secs_f64();
        let raw = |version| self.runtime.block_on(load::pairs(fleet, "default", fleet.objects, version));
        raw(1);
        let before = raw(2);
        fleet.all(2);
        let (head, synced) = self.sync(fleet.commit("all objects change"));
        let after = raw(3);
        let (ours, raw) = (rate(synced.saturating_sub(head)), rate((before + after) / 2));
        let mut first = row(
            "B7",
            format!("bulk apply of {} objects, of the raw rate", fleet.objects),
            ours / raw * 100.0,
            90.0,
            "%",
        );
        (first.budget, first.is_kept) = ("≥ 90 %".into(), Some(ours / raw >= 0.9));
        vec![first, told("", "  ours / raw, dry-run and write of an object", format!("{ours:.0}/s / {raw:.0}/s"))]
    }

    /// Ends the loop.
    pub(crate) fn stop(self) {
        self.events.send(Event::Stopped).expect("the loop runs");
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

/// Changes an object as another manager; returns when the server had taken that, and when another write was seen.
async fn edit(fleet: &Fleet, namespace: &str, name: &str) -> (Instant, Instant) {
    let server = load::connect(fleet).await;
    let kinds = server.kinds().await.expect("the server answers");
    let kind = kinds.get("", "ConfigMap").expect("each server has it");
    let path = ObjectPath::object(kind, "v1", Some(namespace), name);
    let live = server.get(&path).await.expect("the server answers").expect("it was applied");
    let version = live.get("metadata").and_then(|it| it.get("resourceVersion")).and_then(Value::as_str);
    let all = ObjectPath::all(kind, Some(namespace));
    let labels = format!("stratify.dev/fleet={}", fleet.name);
    let mut watch = server.watch(&all, &labels, version.unwrap_or_default()).await.expect("the server answers");
    let operations = r#"[{"op":"replace","path":"/data/version","value":"edited"}]"#;
    let operations = Value::from_json(operations.as_bytes()).expect("it is JSON");
    let written = server.patch(&path, &operations).await.expect("an administrator may");
    let begin = Instant::now();
    let ours = written.get("metadata").and_then(|it| it.get("resourceVersion")).cloned();
    loop {
        if let Some(Change::Put(object)) = watch.next().await.expect("the server answers") {
            let metadata = object.get("metadata").cloned().unwrap_or_default();
            let is_it = metadata.get("name").and_then(Value::as_str) == Some(name);
            if is_it && metadata.get("resourceVersion").cloned() != ours {
                return (begin, Instant::now());
            }
        }
    }
}

struct Telling(Sender<(Seen, Instant)>);

impl Observer for Telling {
    fn head(&mut self, _: CommitId, _: usize) {
        let _ = self.0.send((Seen::Head, Instant::now()));
    }

    fn held(&mut self, why: &str) {
        panic!("nothing is held: {why}");
    }

    fn ended(&mut self, report: &Report) {
        match &report.standing.condition {
            Condition::Synced { .. } => drop(self.0.send((Seen::Synced(report.commit), Instant::now()))),
            _ => panic!("all is synced: {report}"),
        }
    }

    fn trouble(&mut self, fault: &Fault) {
        panic!("nothing goes wrong: {fault}");
    }
}
