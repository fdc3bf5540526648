//! In: command lines. Out: what the program prints, and how it ends.
//! Guarantee: the program runs under an environment of its own.
use crate::fleet::{Files, line};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Runs the program in a folder.
fn stratify(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stratify"));
    command.current_dir(folder).args(args).env_clear().env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    command.output().expect("the program was built")
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints UTF-8")
}

#[test]
fn wrong_usage_ends_with_1_and_help_with_0() {
    let scratch = scratch();
    for wrong in [&["deploy"][..], &["plan", "--nope"], &["why", "No_Name"], &[], &["-C", "absent", "schema"]] {
        let output = stratify(scratch.path(), wrong);
        assert_eq!(output.status.code(), Some(1), "{wrong:?}: 2 would say that changes are pending");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}: what is wrong goes to stderr");
    }
    for asked in [&["--help"][..], &["plan", "--help"], &["--version"], &["help", "sync"]] {
        let output = stratify(scratch.path(), asked);
        assert_eq!(output.status.code(), Some(0), "{asked:?} was asked for");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{asked:?} is the answer");
    }
}

#[test]
fn a_fleet_is_made_once_and_told_in_every_form() {
    let scratch = scratch();
    let output = stratify(scratch.path(), &["init", "fleet", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("it is one JSON document");
    assert_eq!(answer["files"][0], "fleet.yaml", "{answer}");
    let again = stratify(scratch.path(), &["init", "fleet", "--output", "json"]);
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
    let refused: Value = serde_json::from_slice(&again.stdout).expect("a failure is a JSON document too");
    assert_eq!(refused["error"]["owner"], "operator", "{refused}");
    let again = text(&stratify(scratch.path(), &["init", "fleet"]).stderr);
    assert!(again.starts_with("error: could not write a fleet to fleet: "), "{again}");
    assert!(again.ends_with("nothing was applied\n") && !again.contains('\u{1b}'), "no terminal, no colour: {again}");
    let colored = stratify(scratch.path(), &["--color", "always", "init", "fleet"]);
    assert!(text(&colored.stderr).contains("\u{1b}[1;31merror:"), "it was asked for");
    let yaml = text(&stratify(scratch.path(), &["--output", "yaml", "init", "other"]).stdout);
    assert!(yaml.contains("folder: other\n"), "{yaml}");
}

#[test]
fn an_approval_needs_a_person_and_is_a_commit() {
    let scratch = scratch();
    stratify(scratch.path(), &["init"]);
    crate::mirror::fixture::git_in(scratch.path(), &["init", "--quiet", "--initial-branch=main"]);
    let nobody = stratify(scratch.path(), &["approve", ID, "--unseen", "--reason", "reviewed"]);
    assert!(text(&nobody.stderr).contains("user.email"), "{}", text(&nobody.stderr));
    std::fs::write(scratch.path().join(".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.org\n")
        .expect("the folder is ours");
    let output = stratify(scratch.path(), &["approve", ID, "--unseen", "--reason", "reviewed"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = crate::mirror::fixture::git_in(scratch.path(), &["log", "--format=%ae %s%n%b", "--name-only"]);
    assert!(said.starts_with("ada@example.org approvals: approve 001122334455\nreviewed\n"), "{said}");
    assert!(said.trim_end().ends_with(&format!("approvals/{ID}.yaml")), "{said}");
}

#[test]
fn the_fleet_to_start_from_has_no_diagnostic() {
    let files = Files::folder("src/cli/command/init/template");
    let said: Vec<String> = files.fleet.index.said().iter().map(line).collect();
    assert!(said.is_empty(), "documents:\n{}", said.join("\n"));
    assert_eq!(files.clusters().len(), 1, "it has a cluster");
    for cluster in files.clusters() {
        match files.render(&cluster) {
            Ok((layers, warnings)) => {
                let warnings: Vec<String> = warnings.iter().map(line).collect();
                assert!(warnings.is_empty(), "{cluster}:\n{}", warnings.join("\n"));
                assert_eq!(layers.layers.len(), 5, "{cluster} has its infrastructure and an add-on");
            }
            Err(errors) => panic!("{cluster}:\n{}", errors.iter().map(line).collect::<Vec<_>>().join("\n")),
        }
    }
}
