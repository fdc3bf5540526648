//! In: a real Gitea's program. Out: the demo's way of a pull request, from its plan to the clusters.
//! Guarantee: by the one command that people run.
use crate::commands::fixture::{Checkout, Ran};
use crate::testenv::program;

#[test]
fn the_demo_follows_a_pull_request_on_a_gitea_of_its_own() {
    let scratch = Checkout::empty();
    let gitea = program("gitea", "gitea").display().to_string();
    let folder = scratch.path("demo").display().to_string();
    let mut demo = scratch.command(&["demo", "--forge", &gitea, "--fast", "--keep", &folder]);
    // Gitea runs Git.
    demo.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let ran = Ran::of(demo.output().expect("it was built")).ends_with(0);
    let ran = ran.says(&[
        "stratify/prod success",
        "1 waits for approval",
        "the comment:",
        "an approving review of #1",
        "as reviewed in #1",
        "That was the way of a pull request.",
    ]);
    // What it prints to look further is a command that runs.
    let again = ran.out.lines().find(|line| line.trim_start().starts_with("env ")).expect("it is printed").trim();
    let version = format!("{} --version", again.trim_end_matches(" web"));
    let version = std::process::Command::new("sh").arg("-c").arg(version).output().expect("there is a shell");
    assert!(version.status.success(), "{again}: {}", String::from_utf8_lossy(&version.stderr));
    let pruned = ran.out.lines().filter(|line| line.contains("pruned")).count();
    assert!(pruned > 0, "what was removed is told: {}", ran.all());
}
