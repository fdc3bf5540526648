//! In: a disk without room, folders without rights, state that is gone. Out: faults that are told, and the sync after.
//! Guarantee: nothing is half written, and nothing goes that is wanted.
use super::fleet::{Start, starts};
use super::laws;
use crate::commands::fixture::{Checkout, Ran};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_file_size_limit_is_told_and_leaves_nothing_half_written() {
    for (start, what) in starts().iter().zip(["the first sync", "the second sync"]) {
        // In blocks of 512 bytes: from nothing at all to what the files of the target fit into and the store does not.
        for blocks in [0_u32, 1, 2, 4, 8, 64] {
            let checkout = start.again();
            let ran = limited(&checkout, blocks);
            let after = format!("{what} with files of at most {blocks} blocks");
            assert_eq!(ran.code, Some(1), "{after} says that it failed:\n{}", ran.all());
            assert!(ran.err.contains("error") || ran.all().contains("failed"), "{after} tells why:\n{}", ran.all());
            laws::hold(start, &checkout, &after);
            start.ends_as_wanted(&checkout, &after);
        }
    }
}

/// Runs a sync that can write no file beyond so many blocks; the signal is ignored, so that writes fail.
fn limited(checkout: &Checkout, blocks: u32) -> Ran {
    let program = env!("CARGO_BIN_EXE_stratify");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" sync")).arg(program);
    shell.current_dir(checkout.root()).env_clear().stdin(Stdio::null());
    shell.env("HOME", checkout.root()).env("GIT_CONFIG_NOSYSTEM", "1");
    // A pipe has no size, so that what is printed is not cut off.
    Ran::of(shell.output().expect("there is a shell"))
}

#[test]
fn a_target_that_may_not_be_written_fails_and_is_written_once_it_may() {
    let [_, start] = starts();
    let checkout = start.again();
    let folder = checkout.target("one");
    // What root may do, no mode forbids; a file in a folder's place does.
    let (layer, aside) = (folder.join("third"), folder.join("aside"));
    fs::rename(&layer, &aside).expect("it is ours");
    fs::write(&layer, "mine\n").expect("it is ours");
    let ran = checkout.run(&["sync"]).ends_with(1).says(&["one: "]);
    assert!(!ran.all().contains("bug"), "it is the operator's to see to:\n{}", ran.all());
    assert_ne!(checkout.state("HEAD", "dev"), "success", "it is not synced");
    assert_eq!(fs::read_to_string(&layer).expect("it is there"), "mine\n", "it is not ours");
    fs::remove_file(&layer).expect("it is ours");
    fs::rename(&aside, &layer).expect("it is ours");
    laws::hold(&start, &checkout, "a layer's folder that is a file");
    start.ends_as_wanted(&checkout, "a layer's folder that is a file");
}

#[test]
fn a_folder_without_rights_is_told() {
    let [_, start] = starts();
    let checkout = start.again();
    let folder = checkout.target("one").join("second/shop");
    mode(&folder, 0o555);
    checkout.run_unprivileged(&["sync"]).ends_with(1).says(&["the file system does not permit it"]);
    laws::hold(&start, &checkout, "a folder without rights");
    mode(&folder, 0o755);
    start.ends_as_wanted(&checkout, "a folder without rights");
}

fn mode(folder: &Path, mode: u32) {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn state_that_is_removed_is_made_again_and_nothing_is_deleted_for_it() {
    for start in starts() {
        let Start { before, .. } = &start;
        let checkout = start.again();
        for name in ["mirror", "state.redb", "key"] {
            let path = checkout.path(".stratify").join(name);
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
        start.ends_as_wanted(&checkout, &format!("a loss of all state beside a target of {} objects", before.len()));
        let settled = checkout.targets();
        fs::remove_dir_all(checkout.path(".stratify/mirror")).expect("the sync made it");
        fs::remove_file(checkout.path(".stratify/state.redb")).expect("the sync made it");
        checkout.run(&["sync"]).ends_with(0).says(&["nothing to change"]);
        assert_eq!(checkout.targets(), settled, "the target itself remembers what is there");
    }
}
