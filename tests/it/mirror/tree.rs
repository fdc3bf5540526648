//! In: trees as nobody should make them: links, submodules, paths that lead out, far too much. Out: what is told of them.
//! Guarantee: each path is an entry or refused with its reason; what is beyond a limit never becomes a head.
use super::file::printed;
use super::fixture::{Fixture, commit_id};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use stratify::client::git::Limits;
use stratify::decide::document::TooLarge;
use stratify::decide::value::Owner;
use stratify::name::CommitId;
use stratify::observe::mirror::{Head, Mirror};

/// Feeds `git` a text, and returns what it printed.
fn fed(fixture: &Fixture, args: &[&str], text: &[u8]) -> String {
    let mut command = super::fixture::hermetic(&fixture.source());
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("git is installed");
    child.stdin.take().expect("it is a pipe").write_all(text).expect("git reads it");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success(), "git {args:?} failed");
    String::from_utf8(output.stdout).expect("git speaks UTF-8").trim().to_owned()
}

/// Commits a tree that `git add` would never make, and has the branch name it.
fn commit_tree(fixture: &Fixture, tree: &str) -> CommitId {
    let commit = fixture.git(&["commit-tree", "-m", "crafted", tree]);
    fixture.git(&["update-ref", "refs/heads/main", commit.trim()]);
    commit_id(commit.trim())
}

fn all(mirror: &Mirror) -> Vec<String> {
    mirror.fetch().expect("it can be fetched");
    let Head::At(head) = mirror.head().expect("it can be read") else { panic!("there is a head") };
    printed(&mirror.changes(None, head).expect("it is here"))
}

#[test]
fn links_and_submodules_are_told_and_not_followed() {
    let fixture = Fixture::with_a_commit();
    symlink("/etc/passwd", fixture.source().join("link")).expect("the folder is ours");
    symlink("../..", fixture.source().join("up")).expect("the folder is ours");
    let id = fixture.id("HEAD").to_string();
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},vendored")]);
    fixture.write("run.sh", "#!/bin/sh\n");
    fixture.git(&["add", "--chmod=+x", "run.sh"]);
    fixture.git(&["add", "link", "up"]);
    fixture.git(&["commit", "--quiet", "-m", "entries of each kind"]);
    let mirror = fixture.mirror();
    let expected = ["+ fleet.yaml", "+ link Symlink", "+ run.sh Executable", "+ up Symlink", "+ vendored Submodule"];
    assert_eq!(all(&mirror), expected, "each is what it is");
    let head = fixture.id("HEAD");
    let change = mirror.changes(None, head).expect("it is here");
    let link = change.entries.iter().find(|(path, _)| path.as_str() == "link").and_then(|(_, entry)| *entry);
    let read = mirror.read(&[link.expect("it is there").blob]).expect("the blob is here");
    assert_eq!(read[0].1.as_deref(), Ok(&b"/etc/passwd"[..]), "a link's content is its target, not the target's");
}

#[test]
fn paths_that_lead_out_or_into_git_are_refused() {
    let fixture = Fixture::with_a_commit();
    let blob = fed(&fixture, &["hash-object", "-w", "--stdin"], b"kind: Fleet\n");
    let file = |name: &str| format!("100644 blob {blob}\t{name}\0");
    let inner = fed(&fixture, &["mktree", "-z"], file("config").as_bytes());
    let folder = |name: &str| format!("040000 tree {inner}\t{name}\0");
    let mut text = [file("fleet.yaml"), folder(".."), folder("."), folder(".git"), folder(".GIT"), folder("git~1")]
        .concat()
        .into_bytes();
    text.extend(folder(".g\u{200c}it").into_bytes());
    text.extend([b"100644 blob ".as_slice(), blob.as_bytes(), b"\tnot-\xff-text\0".as_slice()].concat());
    let tree = fed(&fixture, &["mktree", "-z"], &text);
    commit_tree(&fixture, &tree);
    let mirror = fixture.mirror();
    assert_eq!(
        all(&mirror),
        [
            "+ fleet.yaml",
            "! ../config NotInside",
            "! ./config NotInside",
            "! .GIT/config NotInside",
            "! .git/config NotInside",
            "! .g\u{200c}it/config NotInside",
            "! git~1/config NotInside",
            "! not-\u{fffd}-text NotUtf8",
        ],
        "what cannot be a path is told with its reason, and the rest is read"
    );
}

#[test]
fn a_blob_beyond_the_limit_is_told_by_its_size() {
    let fixture = Fixture::empty();
    fixture.write("small.yaml", "a".repeat(100));
    fixture.commit("large.yaml", "a".repeat(101));
    let limits = Limits { blob_bytes_max: 100, ..Limits::default() };
    let mirror = fixture.mirror_with(|address| address.limits = limits);
    mirror.fetch().expect("it is no reason to refuse the commit");
    let change = mirror.changes(None, fixture.id("HEAD")).expect("it is here");
    let blobs: Vec<_> = change.entries.iter().filter_map(|(_, entry)| *entry).map(|entry| entry.blob).collect();
    let read = mirror.read(&blobs).expect("the blobs are here");
    let sizes: Vec<_> = read.into_iter().map(|(_, content)| content.map(|content| content.len())).collect();
    assert_eq!(sizes, [Err(TooLarge { bytes: 101, bytes_max: 100 }), Ok(100)], "only the small one is handed out");
}

#[test]
fn a_tree_beyond_a_limit_never_becomes_a_head() {
    let deep = "a/".repeat(9) + "file";
    for (limits, path, says) in [
        (Limits { entries_max: 3, ..Limits::default() }, "fourth", "more than 3 files"),
        (Limits { depth_max: 8, ..Limits::default() }, deep.as_str(), "deeper than 8 folders"),
        (Limits { total_bytes_max: 20, ..Limits::default() }, "fourth", "at most 20"),
        (Limits { object_bytes_max: 2000, ..Limits::default() }, "large", "2000"),
    ] {
        let fixture = Fixture::empty();
        fixture.write("second", "b");
        fixture.write("third", "c");
        let last = fixture.commit("first", "a");
        let mirror = fixture.mirror_with(|address| address.limits = limits);
        mirror.fetch().expect("it keeps the limits");
        let content = if path == "large" { "d".repeat(3000) } else { "d".repeat(30) };
        fixture.commit(path, content);
        for look in ["first", "second"] {
            let fault = mirror.fetch().expect_err("the tree is beyond a limit");
            assert_eq!(fault.owner, Owner::Author, "{look} look: who committed it has to act: {fault}");
            assert!(fault.to_string().contains(says), "{look} look: {fault}, and not: {says}");
        }
        assert_eq!(mirror.head().expect("it can be read"), Head::At(last), "what was synced stays");
        fixture.git(&["rm", "--quiet", path]);
        let mended = fixture.commit("first", "a # mended");
        let mended_too_late = limits.object_bytes_max < 3000;
        if !mended_too_late {
            mirror.fetch().expect("it keeps the limits again");
            assert_eq!(mirror.head().expect("it can be read"), Head::At(mended), "it goes on");
        }
    }
}
