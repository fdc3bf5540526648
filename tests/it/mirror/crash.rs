//! In: mirrors as a killed process leaves them, and mirrors with many packs. Out: the same objects, read again.
//! Guarantee: whatever was cut off, nothing that was let in is lost, and nothing that was not is read.
use super::file::printed;
use super::fixture::{Fixture, git_in};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use stratify::observe::mirror::{Fetched, Head};

/// Returns the names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it is readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn packs(mirror: &Path) -> Vec<PathBuf> {
    let folder = mirror.join("mirror.git/objects/pack");
    let all = names(&folder).into_iter().map(|name| folder.join(name));
    all.filter(|file| file.extension().is_some_and(|extension| extension == "pack")).collect()
}

/// Returns each object that Git finds, once.
fn objects(mirror: &Path) -> Vec<String> {
    let all = git_in(&mirror.join("mirror.git"), &["cat-file", "--batch-all-objects", "--batch-check"]);
    all.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn what_a_killed_fetch_left_is_cleared() {
    let fixture = Fixture::with_a_commit();
    let first = fixture.id("HEAD");
    let folder = fixture.beside("mirror");
    {
        let mirror = fixture.mirror();
        mirror.fetch().expect("it can be fetched");
    }
    let (git, pack) = (folder.join("mirror.git"), folder.join("mirror.git/objects/pack"));
    let whole = names(&pack);
    for left in [
        "mirror.git/objects/pack/pack-1111111111111111111111111111111111111111.pack",
        "mirror.git/objects/pack/pack-2222222222222222222222222222222222222222.idx",
        "mirror.git/objects/pack/tmp_pack_Xy12",
        "mirror.git/packed-refs.lock",
        "mirror.git/refs/heads/main.lock",
        "incoming.git/packed-refs.lock",
        "incoming.git/objects/pack/.tmpAb12",
        "consolidated/written",
    ] {
        let file = folder.join(left);
        fs::create_dir_all(file.parent().expect("it is inside")).expect("the folder is ours");
        fs::write(file, "half").expect("the folder is ours");
    }
    let second = fixture.commit("fleet.yaml", "kind: Fleet # changed\n");
    let mirror = fixture.mirror();
    assert_eq!(names(&pack), whole, "only the whole pack is left");
    assert!(!folder.join("consolidated").exists(), "a half-written pack is thrown away");
    assert!(!git.join("packed-refs.lock").exists(), "nobody holds the lock any more");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(first), "what was let in is there");
    assert_eq!(mirror.fetch().expect("no stale lock is in the way"), Fetched::Changed, "the branch moved");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(second), "it went forward");
}

#[test]
fn a_mirror_that_is_open_is_not_opened_again() {
    let fixture = Fixture::with_a_commit();
    let _held = fixture.mirror();
    let error = stratify::observe::mirror::Mirror::open(fixture.address(), &fixture.beside("mirror"));
    let fault = error.err().expect("two processes would clear each other's files");
    assert!(fault.spurious && fault.to_string().contains("another process"), "{fault}");
}

#[test]
fn many_packs_become_one_and_no_object_is_lost() {
    let fixture = Fixture::with_a_commit();
    let (first, folder) = (fixture.id("HEAD"), fixture.beside("mirror"));
    let mirror = fixture.mirror();
    mirror.fetch().expect("it can be fetched");
    // A rewound branch leaves objects that no ref reaches, and a note is a loose one.
    let gone = fixture.commit("gone.yaml", "kind: ConfigMap\n");
    mirror.fetch().expect("it can be fetched");
    mirror.objects().append_note("refs/notes/stratify", gone, "synced").expect("a note can be written");
    fixture.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    // Files that grow line by line come as deltas, whose bases stand in earlier packs.
    let mut text = "a line of a long file\n".repeat(200);
    let (mut packs_max, mut last) = (0, first);
    for change in 0..40 {
        writeln!(text, "changed: {change}").expect("a text takes all");
        last = fixture.commit("fleet.yaml", &text);
        let before = objects(&folder);
        assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch moved");
        mirror.tend().expect("it can be tended");
        let after = objects(&folder);
        assert!(before.iter().all(|object| after.contains(object)), "fetch {change} lost an object");
        packs_max = packs_max.max(packs(&folder).len());
        if packs(&folder).len() == 1 {
            break;
        }
    }
    assert_eq!((packs(&folder).len(), packs_max), (1, 32), "the 33rd pack made all of them one");
    let git = folder.join("mirror.git");
    git_in(&git, &["fsck", "--full", "--strict"]);
    assert_eq!(git_in(&git, &["count-objects"]).trim(), "0 objects, 0 kilobytes", "the loose ones are packed too");
    assert!(names(&git.join("objects/pack")).len() == 2, "a pack and its index, and no lock that keeps it");
    assert!(!folder.join("consolidated").exists(), "nothing is left of the work");
    mirror.accept(last).expect("it is the branch's head");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(last), "all is read as before");
    assert!(mirror.contains(gone).expect("it can be read"), "what was rewound is kept");
    let note = mirror.objects().note("refs/notes/stratify", gone).expect("it can be read");
    assert_eq!(note.as_deref(), Some("synced\n"), "notes are kept");
    assert_eq!(printed(&mirror.changes(Some(first), last).expect("both are here")), ["+ fleet.yaml"], "they are read");

    let next = fixture.commit("fleet.yaml", "kind: Fleet\n");
    mirror.fetch().expect("the next pack completes itself from the new one");
    assert_eq!(packs(&folder).len(), 2, "it stands beside it");
    drop(mirror);
    let mirror = fixture.mirror();
    assert_eq!(mirror.head().expect("it can be read"), Head::At(next), "so does who opens it next");
}

#[test]
fn a_consolidation_killed_before_the_old_packs_went_is_done_again() {
    let fixture = Fixture::with_a_commit();
    let folder = fixture.beside("mirror");
    let mirror = fixture.mirror();
    let fetch = |change: u32| {
        let commit = fixture.commit("fleet.yaml", format!("kind: Fleet\nchange: {change}\n"));
        mirror.fetch().expect("it can be fetched");
        mirror.tend().expect("it can be tended");
        commit
    };
    for change in 0..31 {
        fetch(change);
    }
    let old: Vec<(PathBuf, Vec<u8>)> = names(&folder.join("mirror.git/objects/pack"))
        .into_iter()
        .map(|name| folder.join("mirror.git/objects/pack").join(name))
        .map(|file| (file.clone(), fs::read(&file).expect("it is there")))
        .collect();
    for change in 31..33 {
        fetch(change);
    }
    assert_eq!(packs(&folder).len(), 1, "they were consolidated");
    drop(mirror);
    // As if it had been killed on the way: the new pack stands beside the old ones, one of which has lost its index.
    for (file, content) in old.iter().filter(|(file, _)| **file != old[0].0) {
        fs::write(file, content).expect("the folder is ours");
    }
    let mirror = fixture.mirror();
    let last = fixture.commit("fleet.yaml", "kind: Fleet\n");
    mirror.fetch().expect("it can be fetched");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(last), "it went forward");
    git_in(&folder.join("mirror.git"), &["fsck", "--full", "--strict"]);
}
