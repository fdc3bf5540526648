//! In: a real API server, how many objects. Out: what the same commits take of kubectl and of the program, in time, requests
//! and core time, beside what Flux took of the same work.
//! Guarantee: one server, one run, one kind of objects; requests come from the server's own log. Flux is not run here: its
//! figures were measured on the same release and machine size (kustomize-controller 1.9.6, one Kustomization).
use crate::fleet::{Fleet, config_map};
use crate::live::Live;
use crate::table::Row;
use crate::testenv::{Server, User, on_a_runtime, program};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A tenth changes, and another tenth goes.
const PART: usize = 10;

/// Objects of a file of the fleet.
const FILE: usize = 4;

/// What Flux took of a thousand objects, in the order of the commits.
const FLUX: [&str; 4] =
    ["9.9 s, 4015 requests", "5.6 s, 3013 requests", "6.0 s, 3115 requests", "5.9 s, 2914 requests"];

/// What became of a commit.
struct Took {
    time: Duration,
    requests: usize,
    cores: f64,
}

/// What the objects of a commit are: how many have the second version, and how many of the next ones are gone.
#[derive(Clone, Copy)]
struct Commit {
    changed: usize,
    gone: usize,
}

/// Measures all commits with both.
pub(crate) fn measure(server: &Server, objects: usize) -> Vec<Row> {
    let part = (objects / PART).next_multiple_of(FILE);
    let commits = [
        (format!("first apply of {objects} objects"), Commit { changed: 0, gone: 0 }),
        ("a commit that changes nothing".to_owned(), Commit { changed: 0, gone: 0 }),
        (format!("{part} objects change"), Commit { changed: part, gone: 0 }),
        (format!("{part} objects go"), Commit { changed: part, gone: part }),
    ];
    let shape = commits.iter().map(|(_, commit)| *commit).collect::<Vec<_>>();
    let kubectl = Kubectl::new(server, objects).commits(server, &shape);
    let command = by_command(server, objects, &shape);
    let serving = by_loop(server, objects, &shape);
    let said =
        |took: &Took| format!("{:.1} s, {} requests, {:.1} core-s", took.time.as_secs_f64(), took.requests, took.cores);
    let mut rows = Vec::new();
    for (at, (work, _)) in commits.into_iter().enumerate() {
        let flux = if objects == 1000 { format!("; Flux {}", FLUX[at]) } else { String::new() };
        rows.push(Row {
            id: "beside",
            work,
            measured: format!("stratify sync {}", said(&command[at])),
            budget: String::new(),
            is_kept: None,
            ratio: format!("kubectl {}{flux}", said(&kubectl[at])),
        });
        let Took { time, requests, .. } = &serving[at];
        let text = format!("stratify serve {:.1} s, {requests} requests", time.as_secs_f64());
        rows.push(crate::table::told("", "", text));
    }
    rows
}

/// Returns what the programs that this one ran, and saw the end of, have had of the cores, in seconds.
fn cores_of_children() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let all = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    // The times of children are the 14th and 15th after the name.
    all.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn took(server: &Server, agent: &str, work: impl FnOnce()) -> Took {
    let (mark, cores, begin) = (server.audit().mark(), cores_of_children(), Instant::now());
    work();
    let (time, cores) = (begin.elapsed(), cores_of_children() - cores);
    let requests = server.audit().since(mark, |entry| entry.user_agent.starts_with(agent) && entry.verb != "watch");
    Took { time, requests: requests.len(), cores }
}

fn run(command: &mut Command) {
    let output = command.output().expect("it was built");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

/// Who applies a folder with kubectl: an `ApplySet` prunes what the folder has no longer.
struct Kubectl {
    objects: usize,
    kubeconfig: std::path::PathBuf,
    folder: TempDir,
}

const NAMESPACE: &str = "kubectl";

impl Kubectl {
    fn new(server: &Server, objects: usize) -> Self {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        on_a_runtime(|| server.apply(&namespace));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { objects, kubeconfig: server.kubeconfig_file(User::ADMIN), folder }
    }

    fn commits(&self, server: &Server, commits: &[Commit]) -> Vec<Took> {
        let file = self.folder.path().join("objects.yaml");
        let apply = |commit: &Commit| {
            self.write(&file, *commit);
            took(server, "kubectl", || run(self.command().arg(&file)))
        };
        commits.iter().map(apply).collect()
    }

    fn command(&self) -> Command {
        let mut kubectl = Command::new(program("kubernetes", "kubectl"));
        kubectl
            .env("KUBECTL_APPLYSET", "true")
            .env("HOME", self.folder.path())
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        kubectl.args(["apply", "--server-side", "--prune", "--applyset=bench", "-n", NAMESPACE, "-f"]);
        kubectl
    }

    fn write(&self, file: &Path, commit: Commit) {
        let mut text = String::new();
        for object in (0..self.objects).filter(|at| !commit.goes(*at)) {
            let version = if object < commit.changed { 2 } else { 1 };
            writeln!(text, "---\n{}", config_map(object, version)).expect("a text takes all");
        }
        fs::write(file, text).expect("the temporary folder is ours");
    }
}

impl Commit {
    fn goes(self, object: usize) -> bool {
        (self.changed..self.changed + self.gone).contains(&object)
    }

    /// Writes it into a fleet, and commits.
    fn write(self, fleet: &Fleet, nth: usize) -> stratify::name::CommitId {
        for file in 0..fleet.objects.div_ceil(FILE) {
            match (self.goes(file * FILE), file * FILE < self.changed) {
                (true, _) => fleet.remove(file),
                (false, is_changed) => fleet.file(file, if is_changed { 2 } else { 1 }),
            }
        }
        fleet.profile(&format!("commit {nth}"));
        fleet.commit("a commit")
    }
}

/// The command, run anew for each commit: it remembers nothing but its mirror.
fn by_command(server: &Server, objects: usize, commits: &[Commit]) -> Vec<Took> {
    let fleet = Fleet::new(server, "command", objects);
    let settings = fleet.settings_file();
    let sync = |(nth, commit): (usize, &Commit)| {
        commit.write(&fleet, nth);
        let mut command = Command::new(env!("CARGO_BIN_EXE_stratify"));
        command.args(["sync", "--settings"]).arg(&settings);
        took(server, "stratify/", || run(&mut command))
    };
    commits.iter().enumerate().map(sync).collect()
}

/// The loop, which watches what it applied.
fn by_loop(server: &Server, objects: usize, commits: &[Commit]) -> Vec<Took> {
    let fleet = Fleet::new(server, "loop", objects);
    let mut live = None;
    let first = took(server, "stratify/", || live = Some(Live::start(&fleet)));
    let live = live.expect("it was started");
    let mut all = vec![Took { time: first.time.saturating_sub(crate::live::PAUSE), ..first }];
    for (nth, commit) in commits.iter().enumerate().skip(1) {
        let commit = commit.write(&fleet, nth);
        let mut time = Duration::ZERO;
        let of = took(server, "stratify/", || time = live.sync(commit).1);
        all.push(Took { time, ..of });
    }
    live.stop();
    all
}
