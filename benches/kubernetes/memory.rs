//! In: a server. Out: the memory that the program keeps for each object that it watches, and what it is left with.
//! Guarantee: the first is of what is kept, and nothing else; the second is of the program itself, once it has nothing to
//! do, with all that its allocator holds since it read and rendered everything at its start.
use crate::fleet::Fleet;
use crate::table::{Row, row, told};
use crate::testenv::Server;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use stratify::decide::document::Site;
use stratify::decide::drift::{Key, Kind, Sighting, Watched};
use stratify::decide::plan::Entry;
use stratify::decide::value::Digest;
use stratify::name::ObjectId;

/// How long the program is left alone before it is looked at: its allocator gives memory back within a second.
const IDLE: Duration = Duration::from_secs(5);

/// Longer than any first sync takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many objects are kept to see what one takes: so many that nothing else counts.
const KEPT: u32 = 100_000;

/// Keeps of objects what the program keeps of those that it watches: what watches show, and the books.
fn kept() -> f64 {
    let before = resident(std::process::id());
    let kind: Kind = ("".into(), "ConfigMap".into());
    let object = |at: u32| ObjectId {
        group: "".into(),
        kind: "ConfigMap".into(),
        namespace: Some("a-namespace".into()),
        name: format!("an-object-with-a-name-{at}").into(),
    };
    let mut watched = Watched::default();
    watched.begin_kind(&kind, false);
    let mut entries = BTreeMap::new();
    for at in 0..KEPT {
        let (object, uid) = (object(at), format!("00000000-0000-0000-0000-{at:012}"));
        let sighting = Sighting::at(&uid, &at.to_string());
        watched.put(&kind, Key::of(&object), sighting);
        watched.know(&kind, Key::of(&object), sighting);
        watched.trust(&kind, Key::of(&object), Digest([1; 32]));
        let entry = Entry { applied: Some(Digest([1; 32])), intended: None, uid: Some(uid.into()), kept: false };
        entries.insert((Site::Workload, object), entry);
    }
    let taken = resident(std::process::id()) - before;
    drop((watched, entries));
    taken / f64::from(KEPT)
}

/// Measures what is kept, and the program on a fleet and on one of a tenth of it.
pub(crate) fn measure(server: &Server, objects: usize) -> Vec<Row> {
    let kept = kept();
    let few = kibibytes(&Fleet::new(server, "few", objects / 10));
    let many = kibibytes(&Fleet::new(server, "many", objects));
    let more = f64::from(u32::try_from(objects - objects / 10).unwrap_or(u32::MAX));
    vec![
        row("B12", format!("kept of each of {KEPT} watched objects"), kept, 1.0, "KiB"),
        told(
            "",
            format!("  left after a start with {objects} objects, of each"),
            format!("{:.1} KiB", (many - few) / more),
        ),
        told(
            "",
            "  resident: all / with a tenth of them",
            format!("{:.1} MiB / {:.1} MiB", many / 1024.0, few / 1024.0),
        ),
    ]
}

fn kibibytes(fleet: &Fleet) -> f64 {
    let settings = fleet.settings_file();
    let program = env!("CARGO_BIN_EXE_stratify");
    let synced = Command::new(program).args(["sync", "--settings"]).arg(&settings).output().expect("it was built");
    assert!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    let mut serving = Command::new(program);
    serving.args(["serve", "--settings"]).arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
    let serving = Served(serving.spawn().expect("it was built"));
    let is_settled = || {
        let said = Command::new(program).args(["why", &fleet.name, "--settings"]).arg(&settings).output();
        said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("it waits for nothing"))
    };
    let begin = Instant::now();
    while !is_settled() {
        assert!(begin.elapsed() < PATIENCE, "the program does not come to rest");
        thread::sleep(Duration::from_millis(500));
    }
    thread::sleep(IDLE);
    resident(serving.0.id())
}

/// A process that ends with whoever started it, whatever becomes of that.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().expect("it is our child");
        self.0.wait().expect("it is our child");
    }
}

/// Returns the resident memory of a process, in KiB.
pub(crate) fn resident(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("this is Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
}
