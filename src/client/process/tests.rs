//! In: the machine's own bash, scripts. Out: what a child can do, and what becomes of it at its limits.
//! Guarantee: what is refused is seen to work without confinement first, so that no test passes for another reason.
use super::confine::Confinement;
use super::folder::Folder;
use super::{Answer, Ended, Limits, ProcessError, Run, Trouble, Unconfined, run, started};
use crate::name::RepoPath;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// A shell that can connect, read and write by itself, without starting anything.
const BASH: &str = "/bin/bash";

/// Enough for what ends by itself on a busy machine.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(20), memory_bytes: 256 * 1024 * 1024, output_bytes: 1024 * 1024 };

fn script<'a>(scratch: &'a Path, text: &str) -> Run<'a> {
    Run {
        program: Path::new(BASH),
        arguments: vec!["-c".into(), text.into()],
        files: vec![(RepoPath::new("chart/values.yaml").expect("it is inside"), b"replicas: 3\n".as_slice().into())],
        stdin: Vec::new(),
        environment: Vec::new(),
        scratch,
        limits: LIMITS,
        unconfined: Unconfined::Refused,
    }
}

/// Runs a script and returns what it printed; none of these scripts fails as a whole.
fn confined(text: &str) -> Answer {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let answer = run(&script(scratch.path(), text)).expect("it is started");
    let left = std::fs::read_dir(scratch.path()).expect("it is there").count();
    assert_eq!(left, 0, "nothing is left of the run's folder");
    answer
}

fn free(script: &Run<'_>) -> Result<Answer, ProcessError> {
    let folder = Folder::make(script.scratch, &script.files).expect("there is room");
    let confinement = Confinement::of_limits(script.limits);
    started(script, &folder, confinement).map_err(|trouble| ProcessError::new(script.program, trouble))
}

fn freely(text: &str) -> Answer {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    free(&script(scratch.path(), text)).expect("it is started")
}

fn printed(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.stdout).expect("it is text").trim_end()
}

#[test]
fn a_child_reads_its_files_and_its_input_and_says_how_it_ends() {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let mut run_ =
        script(scratch.path(), "read -r a < chart/values.yaml; read -r b; echo \"$a $b\"; echo no >&2; exit 3");
    run_.stdin = b"from outside\n".to_vec();
    let answer = run(&run_).expect("it is started");
    assert_eq!(printed(&answer), "replicas: 3 from outside");
    assert_eq!((answer.ended, answer.stderr.as_str()), (Ended::Code(3), "no\n"));
}

#[test]
fn a_child_inherits_no_variable() {
    assert!(std::env::var("PATH").is_ok(), "there is one to inherit");
    let answer = confined("declare -x");
    let names: Vec<&str> = printed(&answer).lines().filter_map(|line| line.split([' ', '=']).nth(2)).collect();
    assert_eq!(names, ["HOME", "LANG", "OLDPWD", "PWD", "SHLVL", "TMPDIR", "TZ"], "ours, and bash's own");
}

#[test]
fn a_child_reaches_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has an address").port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    assert_eq!(printed(&freely(&connect)), "connected", "{}", freely(&connect).stderr);
    let refused = confined(&connect);
    assert_eq!(printed(&refused), "");
    assert!(refused.stderr.contains("Operation not permitted"), "{}", refused.stderr);
}

#[test]
fn a_child_reads_no_file_but_its_own() {
    let secrets = tempfile::tempdir().expect("there is a temporary folder");
    let file = secrets.path().join("token");
    std::fs::write(&file, "hush\n").expect("there is room");
    let read = format!("read -r a < {} && echo \"$a\"", file.display());
    assert_eq!(printed(&freely(&read)), "hush");
    let refused = confined(&read);
    assert_eq!(printed(&refused), "");
    assert!(refused.stderr.contains("Permission denied"), "{}", refused.stderr);
    let host = confined("read -r a < /etc/passwd && echo \"$a\"");
    assert!(host.stderr.contains("Permission denied"), "{}", host.stderr);
}

#[test]
fn a_child_writes_to_its_home_only() {
    assert_eq!(printed(&confined("echo a > \"$HOME/a\" && echo written")), "written");
    let refused = confined("echo a > chart/values.yaml && echo written");
    assert_eq!(printed(&refused), "", "what it was given stays as it was");
    let outside = tempfile::tempdir().expect("there is a temporary folder");
    let write = format!("echo a > {}/a && echo written", outside.path().display());
    assert_eq!(printed(&freely(&write)), "written");
    assert_eq!(printed(&confined(&write)), "");
}

#[test]
fn a_child_starts_no_other_program() {
    assert_eq!(printed(&freely("(echo inner)")), "inner");
    let refused = confined("(echo inner)");
    assert_eq!(printed(&refused), "");
    assert!(refused.stderr.contains("fork"), "{}", refused.stderr);
    let replaced = confined("exec /usr/bin/env");
    assert_eq!(replaced.ended, Ended::Code(126), "nor does it become another: {}", replaced.stderr);
}

#[test]
fn a_fork_bomb_goes_out() {
    let begun = Instant::now();
    let answer = confined("bomb() { bomb | bomb & }; bomb; echo done");
    assert!(begun.elapsed() < LIMITS.time, "it ended by itself: {answer:?}");
}

#[test]
fn an_endless_child_is_ended() {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let mut endless = script(scratch.path(), "while :; do :; done");
    endless.limits.time = Duration::from_secs(1);
    let error = run(&endless).expect_err("it does not end by itself");
    assert!(matches!(error.trouble, Trouble::Time(_)), "{error}");
    assert_eq!(error.to_string(), "bash was ended after 1 s: expected it to be done");
}

#[test]
fn what_a_child_started_ends_with_it() {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let fifo = scratch.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("there is room");
    // Who reads the pipe sees its end when nobody can write to it any longer: the grandchild inherits it.
    let text = format!("exec 3> {}; /bin/sleep 60 & wait", fifo.display());
    let mut endless = script(scratch.path(), &text);
    endless.limits.time = Duration::from_secs(1);
    let begun = Instant::now();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        std::fs::File::open(fifo).and_then(|mut pipe| pipe.read_to_end(&mut all)).expect("it is a pipe");
    });
    let error = free(&endless).expect_err("it waits for what it started");
    assert!(matches!(error.trouble, Trouble::Time(_)), "{error}");
    reader.join().expect("the pipe has an end");
    assert!(begun.elapsed() < Duration::from_secs(50), "the grandchild went before its time");
}

#[test]
fn a_child_that_prints_without_end_is_ended() {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let mut loud =
        script(scratch.path(), "printf -v line '%9999s'; for ((i = 0; i < 10500; i++)); do echo \"$line\"; done");
    loud.limits.output_bytes = 200 * 1024 * 1024;
    let all = run(&loud).expect("it is within the limit").stdout.len();
    assert_eq!(all, 105_000_000, "100 MB are taken where they are allowed");
    loud.limits.output_bytes = 64 * 1024 * 1024;
    let error = run(&loud).expect_err("it is beyond the limit");
    assert!(matches!(error.trouble, Trouble::Output(_)), "{error}");
}

#[test]
fn only_the_begin_of_a_long_complaint_is_kept() {
    let answer =
        confined("printf -v line '%9999s'; for ((i = 0; i < 100; i++)); do echo \"$line\" >&2; done; echo end");
    assert_eq!((printed(&answer), answer.stderr.len()), ("end", super::STDERR_BYTES_MAX));
}

#[test]
fn a_child_gets_no_more_memory_than_its_limit() {
    let grow = "x=0123456789abcdef; for ((i = 0; i < 23; i++)); do x=$x$x; done; echo ${#x}";
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let mut greedy = script(scratch.path(), grow);
    greedy.limits.memory_bytes = 4 << 30;
    assert_eq!(printed(&run(&greedy).expect("it is started")), "134217728", "with enough of it, it succeeds");
    greedy.limits.memory_bytes = 64 * 1024 * 1024;
    let answer = run(&greedy).expect("it is started");
    assert_eq!(printed(&answer), "");
    assert!(answer.stderr.contains("cannot allocate"), "{}", answer.stderr);
}

#[test]
fn a_program_that_is_not_there_is_the_operators_affair() {
    let scratch = tempfile::tempdir().expect("there is a temporary folder");
    let absent = Run { program: Path::new("/nonexistent/helm"), ..script(scratch.path(), "") };
    let error = run(&absent).expect_err("there is none");
    assert_eq!(error.to_string(), "could not run helm: there is no program at /nonexistent/helm");
}
