//! In: notes written at once by threads, and by the `git` program. Out: all of them.
//! Guarantee: no writer's line is lost.
use super::fixture::{Fixture, git_in};
use std::thread;
use stratify::client::git::STATUSES;

/// As many as clusters may end a sync in the same moment, and lines of each.
const WRITERS: usize = 4;
const LINES: usize = 5;

#[test]
fn lines_written_at_once_are_all_kept() {
    let fixture = Fixture::with_a_commit();
    let mirror = fixture.mirror();
    mirror.fetch().expect("it can be fetched");
    let commit = fixture.id("HEAD");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let objects = mirror.objects();
            scope.spawn(move || {
                for line in 0..LINES {
                    let line = format!("cluster-{writer} line-{line}");
                    objects.append_note(STATUSES, commit, &line).expect("a note can be written");
                }
            });
        }
    });
    let git = fixture.beside("mirror").join("mirror.git");
    let note = git_in(&git, &["notes", "--ref=stratify", "show", &commit.to_string()]);
    let mut lines: Vec<&str> = note.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<String> =
        (0..WRITERS).flat_map(|writer| (0..LINES).map(move |line| format!("cluster-{writer} line-{line}"))).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected, "each line stands there once, as git reads it");
    git_in(&git, &["fsck", "--strict"]);
}

#[test]
fn a_line_that_stands_there_is_not_written_again() {
    let fixture = Fixture::with_a_commit();
    let mirror = fixture.mirror();
    mirror.fetch().expect("it can be fetched");
    let (commit, git) = (fixture.id("HEAD"), fixture.beside("mirror").join("mirror.git"));
    let append = |line: &str| mirror.objects().append_note(STATUSES, commit, line).expect("a note can be written");
    append("synced");
    let written = git_in(&git, &["rev-parse", STATUSES]);
    append("synced");
    assert_eq!(git_in(&git, &["rev-parse", STATUSES]), written, "nothing changed, so nothing is written");
    git_in(&git, &["notes", "--ref=stratify", "append", "-m", "by git", &commit.to_string()]);
    append("again");
    let note = mirror.objects().note(STATUSES, commit).expect("it can be read").expect("it is there");
    let lines: Vec<&str> = note.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["synced", "by git", "again"], "another program's line stays");
}
