//! In: working trees, committed and not. Out: what is listed of them, beside what Git says.
//! Guarantee: the same fixtures as the mirror's: no configuration of the user is read.
use crate::mirror::file::printed;
use crate::mirror::fixture::Fixture;
use std::fs;
use std::os::unix::fs::symlink;
use stratify::observe::worktree::{Local, Worktree};

fn listed(fixture: &Fixture) -> Vec<String> {
    let worktree = Worktree::open(&fixture.source()).expect("the folder is there");
    printed(&worktree.list().expect("it can be listed"))
}

#[test]
fn a_clean_checkout_is_listed_as_its_commit() {
    let fixture = Fixture::with_a_commit();
    fixture.write("clusters/dev/eu-1/cluster.yaml", "kind: Cluster\n");
    fixture.write("run.sh", "#!/bin/sh\n");
    symlink("fleet.yaml", fixture.source().join("link")).expect("the folder is ours");
    fixture.git(&["add", "--all"]);
    fixture.git(&["update-index", "--chmod=+x", "run.sh"]);
    fixture.git(&["commit", "--quiet", "-m", "entries of each kind"]);
    fixture.git(&["checkout", "--quiet", "--force", "HEAD", "--", "."]);
    fixture.git(&["reset", "--quiet", "--hard"]);
    let worktree = Worktree::open(&fixture.source()).expect("the folder is there");
    let local = Local::discover(&fixture.source()).expect("there is a repository");
    let committed = local.objects().changes(None, fixture.id("HEAD")).expect("the commit is here");
    let listing = worktree.list().expect("it can be listed");
    assert_eq!(listing, committed, "the same paths, kinds and ids as Git has");
    let blobs: Vec<_> = listing.entries.iter().filter_map(|(_, entry)| *entry).map(|entry| entry.blob).collect();
    let read = (worktree.read(&blobs).expect("they are there"), local.objects().read(&blobs).expect("they are here"));
    assert_eq!(read.0, read.1, "the same contents as Git has");
}

#[test]
fn ignored_files_are_left_out() {
    let fixture = Fixture::empty();
    fixture.write(".gitignore", "*.log\n!kept.log\n/build/\n");
    fixture.write("inner/.gitignore", "local.yaml\n");
    fixture.write(".git/info/exclude", "secret.yaml\n");
    for file in ["a.log", "kept.log", "build/out", "inner/local.yaml", "inner/fleet.yaml", "local.yaml", "secret.yaml"]
    {
        fixture.write(file, "x\n");
    }
    let expected = ["+ .gitignore", "+ inner/.gitignore", "+ inner/fleet.yaml", "+ kept.log", "+ local.yaml"];
    assert_eq!(listed(&fixture), expected, "as `git add --all` would take them");
}

#[test]
fn our_own_folder_is_left_out() {
    let fixture = Fixture::with_a_commit();
    fixture.write(".stratify/state/record", "x\n");
    fixture.write("inner/.stratify/file", "x\n");
    assert_eq!(listed(&fixture), ["+ fleet.yaml", "+ inner/.stratify/file"], "only the one at the root is ours");
}

#[test]
fn a_link_in_the_middle_of_a_path_is_not_followed() {
    let fixture = Fixture::with_a_commit();
    let outside = fixture.beside("outside");
    fs::create_dir(&outside).expect("the folder is ours");
    fs::write(outside.join("file.yaml"), "secret\n").expect("the folder is ours");
    symlink(&outside, fixture.source().join("clusters")).expect("the folder is ours");
    assert_eq!(listed(&fixture), ["+ clusters Symlink", "+ fleet.yaml"], "what it leads to is not listed");

    // A folder that becomes a link between listing and reading.
    fixture.write("inner/file.yaml", "secret\n");
    let worktree = Worktree::open(&fixture.source()).expect("the folder is there");
    let listing = worktree.list().expect("it can be listed");
    let inner = listing.entries.iter().find(|(path, _)| path.as_str() == "inner/file.yaml");
    let blob = inner.and_then(|(_, entry)| *entry).expect("it is listed").blob;
    assert!(worktree.read(&[blob]).is_ok(), "it is read as long as it is a file");
    fs::remove_dir_all(fixture.source().join("inner")).expect("the folder is ours");
    symlink(&outside, fixture.source().join("inner")).expect("the folder is ours");
    assert!(worktree.read(&[blob]).is_err(), "even with the same content it is not read through a link");
}
