//! In: a program and its arguments. Out: it runs, its output is in a file.
//! Guarantee: it ends when it is dropped, when a test panics, and when this process is killed; nothing else is ended.
//!
//! Why: a shell stands between, which waits for the end of a pipe that only this process holds open; the system closes it
//! however this process ends. The system's own signal at a parent's end would come with the end of the test's *thread*.
use super::wait::{self, Patience};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Runs a program until it ends or standard input does; then removes a folder, if one is named.
const SUPERVISOR: &str = r#"
trap '' INT
folder=$1; shift
exec 3<&0 0</dev/null
"$@" 3<&- &
child=$!
( read -r _ <&3; kill -KILL "$child" ) 2>/dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
[ -z "$folder" ] || for _ in 1 2 3 4 5; do rm -rf -- "$folder" && break; done
exit "$code"
"#;

/// How long a killed program may take to go.
const END: Patience = Patience::seconds(30);

/// How many lines of its output a program that failed shows.
const LINES_SHOWN: usize = 20;

/// A program that runs.
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    shell: Child,
}

/// What is to run.
pub(crate) struct Start<'a> {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// What it finds in its environment, beside what this process has.
    pub(crate) environment: Vec<(&'a str, String)>,
    /// Where its output goes, as NAME.log.
    pub(crate) logs: &'a Path,
    /// What is removed when it has ended, for the case that nobody else is left to do so.
    pub(crate) removed: Option<&'a Path>,
}

impl Process {
    /// Starts a program.
    pub(crate) fn start(start: &Start) -> Self {
        let name = start.program.file_name().expect("a program has a name").to_string_lossy().into_owned();
        let log = start.logs.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log).expect("the folder of logs is ours");
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "supervisor"]).arg(start.removed.unwrap_or(Path::new("")));
        command
            .arg(&start.program)
            .args(&start.arguments)
            .envs(start.environment.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::piped()).stderr(output.try_clone().expect("a file can be shared")).stdout(output);
        let shell = command.spawn().expect("there is a shell");
        Self { name, log, shell }
    }

    /// Waits until a server does what it is for; fails with its last lines when it ends before.
    pub(crate) fn ready(&mut self, patience: Patience, is_ready: impl FnMut() -> bool) {
        let mut is_ready = is_ready;
        let mut ended = None;
        let came = wait::until(patience, || {
            ended = self.shell.try_wait().expect("it is our child");
            (ended.is_some() || is_ready()).then_some(())
        });
        let how = match (ended, came) {
            (None, Some(())) => return,
            (Some(status), _) => format!("ended with {status}"),
            (None, None) => format!("was not ready after {patience}"),
        };
        panic!("{} {how}; its last lines:\n{}", self.name, self.last_lines());
    }

    fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Not asserted: a panic within a panic would hide the first.
        wait::until(END, || self.shell.try_wait().ok().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a shell that says its number and becomes a program without an end.
    fn start(logs: &Path, removed: Option<&Path>) -> (Process, PathBuf) {
        let mut process = Process::start(&Start {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), "echo $$; exec tail -f /dev/null".to_owned()],
            environment: Vec::new(),
            logs,
            removed,
        });
        let said = || fs::read_to_string(logs.join("sh.log")).unwrap_or_default();
        process.ready(END, || said().ends_with('\n'));
        (process, Path::new("/proc").join(said().trim()))
    }

    #[test]
    fn a_process_and_its_folder_go_with_who_started_it() {
        let (logs, folder) = (tempfile::tempdir().expect("one can be made"), tempfile::tempdir().expect("likewise"));
        let (process, entry) = start(logs.path(), Some(folder.path()));
        assert!(entry.is_dir(), "it runs");
        drop(process);
        assert!(!entry.exists(), "it has ended");
        assert!(!folder.path().exists(), "what it was to remove has gone");
    }

    #[test]
    fn a_process_that_ends_early_is_told_with_what_it_said() {
        let logs = tempfile::tempdir().expect("one can be made");
        let said = std::panic::catch_unwind(|| {
            let mut process = Process::start(&Start {
                program: "/bin/sh".into(),
                arguments: vec!["-c".to_owned(), "echo no such flag; exit 3".to_owned()],
                environment: Vec::new(),
                logs: logs.path(),
                removed: None,
            });
            process.ready(END, || false);
        });
        let said = said.expect_err("it is never ready");
        let said = said.downcast_ref::<String>().expect("it is a text");
        assert!(said.contains("exit status: 3") && said.contains("no such flag"), "{said}");
    }
}
