//! In: a server. Out: the memory that the program takes for each object that it watches.
//! Guarantee: of the program itself, once it has nothing to do; what it takes for a tenth of the objects is left out.
use crate::fleet::Fleet;
use crate::table::{Row, row, told};
use crate::testenv::Server;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the program is left alone before it is looked at: its allocator gives memory back within a second.
const IDLE: Duration = Duration::from_secs(5);

/// Longer than any first sync takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Measures the program on a fleet, and on one of a tenth of it.
pub(crate) fn measure(server: &Server, objects: usize) -> Vec<Row> {
    let few = kibibytes(&Fleet::new(server, "few", objects / 10));
    let many = kibibytes(&Fleet::new(server, "many", objects));
    let more = f64::from(u32::try_from(objects - objects / 10).unwrap_or(u32::MAX));
    vec![
        row("B12", format!("memory of each of {objects} watched objects"), (many - few) / more, 1.0, "KiB"),
        told("", "  all / with a tenth of the objects", format!("{:.1} MiB / {:.1} MiB", many / 1024.0, few / 1024.0)),
    ]
}

fn kibibytes(fleet: &Fleet) -> f64 {
    let settings = fleet.settings_file();
    let program = env!("CARGO_BIN_EXE_stratify");
    let synced = Command::new(program).args(["sync", "--settings"]).arg(&settings).output().expect("it was built");
    assert!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    let mut serving = Command::new(program);
    serving.args(["serve", "--settings"]).arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
    let mut serving = serving.spawn().expect("it was built");
    let is_settled = || {
        let said = Command::new(program).args(["why", &fleet.name, "--settings"]).arg(&settings).output();
        said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("seen healthy"))
    };
    let begin = Instant::now();
    while !is_settled() {
        assert!(begin.elapsed() < PATIENCE, "the program does not come to rest");
        thread::sleep(Duration::from_millis(500));
    }
    thread::sleep(IDLE);
    let taken = resident(&serving);
    serving.kill().expect("it is our child");
    serving.wait().expect("it is our child");
    taken
}

fn resident(child: &Child) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("this is Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
}
