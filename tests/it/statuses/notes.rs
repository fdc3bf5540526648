//! In: statuses on commits of a real repository. Out: its notes, as `git` and as Stratify read them.
//! Guarantee: what others wrote stays.
use crate::mirror::fixture::{Fixture, git_in};
use std::path::PathBuf;
use std::thread;
use stratify::act::forge::notes::post;
use stratify::decide::report::{Context, State, Status};
use stratify::decide::value::Timestamp;
use stratify::name::{CommitId, EnvironmentName};
use stratify::observe::forge::notes::read;
use stratify::observe::mirror::Mirror;

fn sync_of(commit: CommitId, environment: &str, state: State, text: &str) -> Status {
    let environment = EnvironmentName::new(environment).expect("it is a label");
    Status::new(commit, Context::environment(None, &environment), state, text, Timestamp(1))
}

/// Returns the Git folder of the mirror.
fn git_folder(fixture: &Fixture) -> PathBuf {
    fixture.beside("mirror").join("mirror.git")
}

/// Returns a mirror with one commit, and that commit.
fn mirrored(fixture: &Fixture) -> (Mirror, CommitId) {
    let mirror = fixture.mirror();
    mirror.fetch().expect("it can be fetched");
    (mirror, fixture.id("HEAD"))
}

#[test]
fn a_status_follows_the_one_of_its_context() {
    let fixture = Fixture::with_a_commit();
    let (mirror, commit) = mirrored(&fixture);
    let pending = sync_of(commit, "prod", State::Pending, "1/2 clusters synced");
    let success = sync_of(commit, "prod", State::Success, "2/2 clusters synced");
    let other = sync_of(commit, "dev", State::Failure, "eu-1: timed out").detail("first\nsecond");
    for status in [&pending, &other, &success] {
        post(mirror.objects(), status).expect("it can be written");
    }
    let statuses = read(mirror.objects(), commit).expect("it can be read");
    assert_eq!(statuses, [other.clone(), success.clone()], "one a context, by context");
    let folder = git_folder(&fixture);
    let shown = git_in(&folder, &["notes", "--ref=stratify", "show", &commit.to_string()]);
    assert_eq!(shown, format!("{}\n{}\n", other.encode(), success.encode()), "git shows a line for each");
}

#[test]
fn what_was_posted_already_moves_no_ref() {
    let fixture = Fixture::with_a_commit();
    let (mirror, commit) = mirrored(&fixture);
    let status = sync_of(commit, "dev", State::Success, "1/1 clusters synced");
    let tip = || git_in(&git_folder(&fixture), &["rev-parse", "refs/notes/stratify"]);
    post(mirror.objects(), &status).expect("it can be written");
    let before = tip();
    post(mirror.objects(), &status).expect("it is there");
    assert_eq!(tip(), before, "a restart posts again what was on its way");
}

#[test]
fn a_persons_lines_stay_and_say_nothing() {
    let fixture = Fixture::with_a_commit();
    let (mirror, commit) = mirrored(&fixture);
    let foreign = sync_of(CommitId([9; 20]), "dev", State::Success, "1/1 clusters synced");
    let text = format!("looks good\n{}", foreign.encode());
    let folder = git_folder(&fixture);
    git_in(
        &folder,
        &[
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.org",
            "notes",
            "--ref=stratify",
            "add",
            "-m",
            &text,
            &commit.to_string(),
        ],
    );
    assert_eq!(read(mirror.objects(), commit).expect("it can be read"), [], "it is of another commit");
    let status = sync_of(commit, "dev", State::Pending, "0/1 clusters synced");
    post(mirror.objects(), &status).expect("it can be written");
    let shown = git_in(&folder, &["notes", "--ref=stratify", "show", &commit.to_string()]);
    assert!(shown.starts_with("looks good\n"), "a person wrote that: {shown}");
    assert_eq!(read(mirror.objects(), commit).expect("it can be read"), [status], "ours is read");
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let fixture = Fixture::with_a_commit();
    let (mirror, commit) = mirrored(&fixture);
    let objects = mirror.objects();
    thread::scope(|scope| {
        for at in 0..4 {
            scope.spawn(move || {
                let status = sync_of(commit, &format!("env-{at}"), State::Success, "1/1 clusters synced");
                post(objects, &status).expect("it gets through");
            });
        }
    });
    assert_eq!(read(objects, commit).expect("it can be read").len(), 4, "each has its line");
}
