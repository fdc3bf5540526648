//! In: a mirror on disk. Out: the memory that planning it takes, and what stays.
//! Guarantee: measured in a process of its own, which did nothing else.
use crate::engine::Engine;
use crate::table::{Row, row};
use crate::work::{Size, Work};
use std::path::Path;
use std::process::Command;
use stratify::name::CommitId;

/// The word by which the program is asked to be the measured process.
pub(crate) const CHILD: &str = "--measure-memory";

/// Starts the program again to plan everything.
pub(crate) fn measure(work: &Work, mirror: &Path) -> Vec<Row> {
    let program = std::env::current_exe().expect("we were started from a file");
    let mut command = Command::new(program);
    command.arg(CHILD).arg(&work.folder).arg(mirror).env("FIRST", work.first.to_string());
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "it plans: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().filter_map(|text| text.parse::<f64>().ok());
    let mut mebibytes = || numbers.next().unwrap_or(f64::NAN) / 1024.0;
    vec![
        row("B11", "memory, all planned and idle", mebibytes(), 250.0, "MiB"),
        row("B11", "memory, peak", mebibytes(), 400.0, "MiB"),
    ]
}

/// Plans everything, and prints the memory in KiB.
#[expect(clippy::print_stdout, reason = "the process that started us reads it")]
pub(crate) fn child(source: &Path, mirror: &Path) {
    let first = std::env::var("FIRST").ok().and_then(|text| CommitId::parse(&text)).expect("it is given");
    let work = Work { folder: source.to_owned(), size: Size { clusters: 0, layers: 0 }, first };
    let mut engine = Engine::open_here(&work, mirror);
    engine.plan_all(first);
    println!("{} {}", status("VmRSS:"), status("VmHWM:"));
    drop(engine);
}

/// Returns a number of this process's status.
fn status(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().to_owned()
}
