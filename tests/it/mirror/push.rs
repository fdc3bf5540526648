//! In: statuses on commits, and real remotes by file, HTTP and SSH. Out: the remotes' notes, as `git` reads them there.
//! Guarantee: nobody's note is lost, whoever writes when; no credential stands in a fault.
use super::fixture::{Fixture, git_in};
use super::server::{Access, Server};
use super::ssh::Sshd;
use secrecy::SecretString;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};
use stratify::act::forge::notes::{post as post_here, post_remote};
use stratify::client::git::{Address, Credentials, Limits, STATUSES};
use stratify::decide::report::{Context, State, Status};
use stratify::decide::value::{Fault, Owner, Timestamp};
use stratify::name::{CommitId, EnvironmentName};
use stratify::observe::forge::notes;
use stratify::observe::mirror::{Fetched, Mirror};

const SECRET: &str = "hunter2-hunter2";

fn token(secret: &str) -> Credentials {
    Credentials::Token(SecretString::from(secret.to_owned()))
}

/// A way to the fixture's repository.
enum Remote {
    File,
    Http(Server),
    Ssh(Sshd),
}

impl Remote {
    fn all(fixture: &Fixture) -> [Self; 3] {
        [Self::File, Self::http(fixture), Self::Ssh(Sshd::start(&fixture.beside("ssh")))]
    }

    fn http(fixture: &Fixture) -> Self {
        Self::Http(Server::start(fixture.scratch(), Access::private("x-access-token", SECRET)))
    }

    fn lead(&self, address: &mut Address, fixture: &Fixture) {
        match self {
            Self::File => {}
            Self::Http(server) => {
                address.url = server.url("source/.git");
                address.credentials = token(SECRET);
            }
            Self::Ssh(sshd) => sshd.lead(address, fixture, "host", "user"),
        }
    }

    /// Returns a mirror in a folder of that name, with all that is fetched.
    fn mirror(&self, fixture: &Fixture, name: &str) -> Mirror {
        let mirror = fixture.mirror_of(name, |address| self.lead(address, fixture));
        mirror.fetch().expect("it can be fetched");
        mirror
    }
}

fn status(commit: CommitId, environment: &str, text: &str, at: u64) -> Status {
    let environment = EnvironmentName::new(environment).expect("it is a label");
    Status::new(commit, Context::environment(None, &environment), State::Pending, text, Timestamp(at))
}

fn post(mirror: &Mirror, statuses: &[&Status]) -> Result<(), Fault> {
    let statuses: Vec<Status> = statuses.iter().map(|status| (*status).clone()).collect();
    post_remote(mirror.objects(), &mirror.address(), &statuses)
}

/// Returns the note of a commit at the remote.
fn note(fixture: &Fixture, commit: CommitId) -> String {
    fixture.git(&["notes", "--ref=stratify", "show", &commit.to_string()])
}

fn lines(statuses: &[&Status]) -> String {
    statuses.iter().map(|status| status.encode() + "\n").collect()
}

/// Says everything that an operator may get to read of a fault.
fn said(fault: &Fault) -> String {
    format!("{fault} {fault:?} {}", fault.hint.as_deref().unwrap_or_default())
}

/// Lets the remote refuse every push.
fn close(fixture: &Fixture) {
    let hook = fixture.source().join(".git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().expect("it is inside")).expect("the folder is ours");
    fs::write(&hook, "#!/bin/sh\necho notes are closed today >&2\nexit 1\n").expect("the folder is ours");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("the file is ours");
}

#[test]
fn statuses_reach_a_remote_that_had_none() {
    let fixture = Fixture::with_a_commit();
    let first = fixture.id("HEAD");
    let second = fixture.commit("fleet.yaml", "kind: Fleet # changed\n");
    for (index, remote) in Remote::all(&fixture).iter().enumerate() {
        let mirror = remote.mirror(&fixture, &format!("mirror-{index}"));
        let (dev, prod) = (status(first, "dev", "waits", 1), status(first, "prod", "waits", 1));
        let next = status(second, "dev", "waits", 1);
        post(&mirror, &[&dev, &next, &prod]).expect("the remote takes it");
        assert_eq!(note(&fixture, first), lines(&[&dev, &prod]), "one push for all of them");
        assert_eq!(note(&fixture, second), lines(&[&next]), "one push for all of them");

        let synced = status(first, "dev", "synced", 2);
        post(&mirror, &[&synced]).expect("the remote takes it");
        assert_eq!(note(&fixture, first), lines(&[&synced, &prod]), "it follows what was there");
        let tip = fixture.git(&["rev-parse", STATUSES]);
        post(&mirror, &[&synced]).expect("it is there");
        assert_eq!(fixture.git(&["rev-parse", STATUSES]), tip, "what is there is not pushed again");
        fixture.git(&["fsck", "--strict"]);
        assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Nothing, "a push is no change of the fleet");
        fixture.git(&["update-ref", "-d", STATUSES]);
    }
}

#[test]
fn another_writers_notes_survive() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    for (index, remote) in Remote::all(&fixture).iter().enumerate() {
        let (one, two) =
            (remote.mirror(&fixture, &format!("one-{index}")), remote.mirror(&fixture, &format!("two-{index}")));
        let (dev, prod) = (status(commit, "dev", "waits", 1), status(commit, "prod", "waits", 1));
        post(&one, &[&dev]).expect("the remote takes it");
        post(&two, &[&prod]).expect("it is put onto what the other one wrote");
        assert_eq!(note(&fixture, commit), lines(&[&dev, &prod]), "both stand there");

        fixture.git(&["notes", "--ref=stratify", "append", "-m", "looks good", &commit.to_string()]);
        let synced = status(commit, "dev", "synced", 2);
        post(&one, &[&synced]).expect("it is put onto what two others wrote");
        let text = note(&fixture, commit);
        assert!(text.contains("\nlooks good\n"), "a person wrote that: {text}");
        assert!(text.ends_with(&lines(&[&synced, &prod])), "the later status of each context: {text}");
        fixture.git(&["fsck", "--strict"]);

        notes::fetch(two.objects(), &two.address()).expect("it can be fetched");
        let seen = notes::read(two.objects(), commit).expect("it can be read");
        assert_eq!(seen, [synced, prod], "what one wrote is seen by the other");
        let scratch = fixture.beside(&format!("two-{index}")).join("mirror.git/stratify-incoming");
        let left = fs::read_dir(scratch).map(Iterator::count).unwrap_or_default();
        assert_eq!(left, 0, "no scratch repository stays");
        fixture.git(&["update-ref", "-d", STATUSES]);
    }
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let remote = Remote::http(&fixture);
    let mirrors = [0, 1, 2].map(|index| remote.mirror(&fixture, &format!("mirror-{index}")));
    thread::scope(|scope| {
        for (index, mirror) in mirrors.iter().enumerate() {
            scope.spawn(move || {
                let status = status(commit, &format!("env-{index}"), "synced", 1);
                // What comes too often in between is spurious, and the caller comes again.
                while let Err(fault) = post(mirror, &[&status]) {
                    assert!(fault.spurious, "{}", said(&fault));
                }
            });
        }
    });
    let all = [0, 1, 2].map(|index| status(commit, &format!("env-{index}"), "synced", 1));
    assert_eq!(note(&fixture, commit), lines(&all.each_ref()), "each has its line");
}

#[test]
fn notes_that_are_gone_at_the_remote_are_pushed_again() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let remote = Remote::http(&fixture);
    let mirror = remote.mirror(&fixture, "mirror");
    let (dev, prod) = (status(commit, "dev", "waits", 1), status(commit, "prod", "waits", 1));
    post(&mirror, &[&dev]).expect("the remote takes it");
    fixture.git(&["update-ref", "-d", STATUSES]);
    fixture.git(&["prune", "--expire=now"]);
    post(&mirror, &[&prod]).expect("the remote takes it");
    assert_eq!(note(&fixture, commit), lines(&[&dev, &prod]), "with all that we have");
}

#[test]
fn a_remote_without_any_ref_takes_notes() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", SECRET));
    let mirror = Remote::File.mirror(&fixture, "mirror");
    let empty = fixture.beside("empty.git");
    git_in(fixture.scratch(), &["init", "--quiet", "--bare", "empty.git"]);
    let dev = status(commit, "dev", "waits", 1);
    let address = Address { url: server.url("empty.git"), credentials: token(SECRET), ..fixture.address() };
    post_remote(mirror.objects(), &address, std::slice::from_ref(&dev)).expect("the remote takes it");
    let shown = git_in(&empty, &["notes", "--ref=stratify", "show", &commit.to_string()]);
    assert_eq!(shown, lines(&[&dev]), "it has the notes, and not the commit");
}

#[test]
fn notes_are_pushed_with_credentials_of_their_own_where_there_are_some() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", SECRET));
    let mirror = Remote::File.mirror(&fixture, "mirror");
    git_in(fixture.scratch(), &["init", "--quiet", "--bare", "empty.git"]);
    let dev = status(commit, "dev", "waits", 1);
    let reads = Address { url: server.url("empty.git"), credentials: token("for-reading"), ..fixture.address() };
    let refused = post_remote(mirror.objects(), &reads, std::slice::from_ref(&dev)).expect_err("it may only read");
    assert!(!format!("{refused:?}").contains("for-reading"), "{refused:?}");
    let writes = Address { push: Some(token(SECRET)), ..reads };
    post_remote(mirror.objects(), &writes, std::slice::from_ref(&dev)).expect("the other one may write");
    let shown = git_in(&fixture.beside("empty.git"), &["notes", "--ref=stratify", "show", &commit.to_string()]);
    assert_eq!(shown, lines(&[&dev]));
}

#[test]
fn a_large_note_is_sent_in_pieces() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let remote = Remote::http(&fixture);
    let mirror = remote.mirror(&fixture, "mirror");
    // Digits without order: half of them stay when they are packed, which is more than is sent at once.
    let mut number = 1_u64;
    let mut line = String::new();
    for _ in 0..200_000 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(line, "{number:016x}").expect("a text takes all");
    }
    mirror.objects().append_note(STATUSES, commit, &line).expect("it can be written");
    post(&mirror, &[]).expect("the remote takes it");
    assert_eq!(note(&fixture, commit), line + "\n", "all of it came");
}

#[test]
fn notes_packed_as_differences_come_whole() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    for (index, remote) in Remote::all(&fixture).iter().enumerate() {
        let name = format!("mirror-{index}");
        let mirror = remote.mirror(&fixture, &name);
        let mut all: Vec<Status> =
            (10..60).map(|number| status(commit, &format!("env-{number}"), "waits", 1)).collect();
        post(&mirror, &all.iter().collect::<Vec<_>>()).expect("the remote takes it");
        for at in 2..5 {
            all[0] = status(commit, "env-10", "synced", at);
            post_here(mirror.objects(), &all[0]).expect("it can be written");
        }
        // What the remote has and what it has not stand in one pack, each as its difference to another.
        git_in(&fixture.beside(&name).join("mirror.git"), &["repack", "-a", "-d", "-f", "-q"]);
        post(&mirror, &[]).expect("the remote takes it");
        assert_eq!(note(&fixture, commit), lines(&all.iter().collect::<Vec<_>>()), "the last one is there");
        fixture.git(&["fsck", "--strict"]);
        fixture.git(&["update-ref", "-d", STATUSES]);
        fixture.git(&["prune", "--expire=now"]);
        all[1] = status(commit, "env-11", "synced", 5);
        post(&mirror, &[&all[1]]).expect("the remote takes it");
        assert_eq!(note(&fixture, commit), lines(&all.iter().collect::<Vec<_>>()), "all of it came once more");
        fixture.git(&["fsck", "--strict"]);
        fixture.git(&["update-ref", "-d", STATUSES]);
        fixture.git(&["prune", "--expire=now"]);
    }
}

#[test]
fn a_server_that_does_not_answer_is_left_at_the_deadline() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::Silent);
    let mirror = fixture.mirror_with(|address| {
        address.url = server.url("source/.git");
        address.limits = Limits { deadline: Duration::from_millis(300), ..Limits::default() };
    });
    let start = Instant::now();
    let fault = post(&mirror, &[&status(fixture.id("HEAD"), "dev", "waits", 1)]).expect_err("it never answers");
    // Far beyond the deadline, and far before the thirty seconds that HTTP clients wait by themselves.
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
}

#[test]
fn a_wrong_token_is_the_operators_fault_and_is_not_repeated() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", SECRET));
    let remote = Remote::Http(server);
    let mirror = remote.mirror(&fixture, "mirror");
    let wrong = "wrong-wrong-wrong";
    mirror.set_credentials(token(wrong));
    let dev = status(commit, "dev", "waits", 1);
    let fault = post(&mirror, &[&dev]).expect_err("the token is wrong");
    assert_eq!((fault.owner, fault.spurious), (Owner::Operator, false), "{}", said(&fault));
    assert!(!said(&fault).contains(wrong), "{}", said(&fault));
    assert!(fault.hint.as_ref().is_some_and(|hint| hint.contains("credentials")), "{}", said(&fault));
    let here = notes::read(mirror.objects(), commit).expect("it can be read");
    assert_eq!(here, std::slice::from_ref(&dev), "it stands here meanwhile");
    mirror.set_credentials(token(SECRET));
    post(&mirror, &[]).expect("the token is right now");
    assert_eq!(note(&fixture, commit), lines(&[&dev]), "what was left is pushed");
}

#[test]
fn a_remote_that_declines_says_why() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    close(&fixture);
    for (index, remote) in Remote::all(&fixture).iter().enumerate() {
        let mirror = remote.mirror(&fixture, &format!("mirror-{index}"));
        let fault = post(&mirror, &[&status(commit, "dev", "waits", 1)]).expect_err("a hook declines it");
        assert_eq!((fault.owner, fault.spurious), (Owner::Operator, false), "{}", said(&fault));
        let text = fault.to_string();
        for part in [STATUSES, "pre-receive hook declined", "notes are closed today"] {
            assert!(text.contains(part), "`{part}` is missing: {text}");
        }
        assert!(fault.hint.is_some_and(|hint| hint.contains("protection")), "the operator is told where to look");
    }
}

#[test]
fn a_server_that_is_down_is_tried_again() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let remote = Remote::http(&fixture);
    let mirror = remote.mirror(&fixture, "mirror");
    drop(remote);
    let fault = post(&mirror, &[&status(commit, "dev", "waits", 1)]).expect_err("it is down");
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
}

#[test]
fn a_ref_that_is_no_commit_is_not_taken() {
    let fixture = Fixture::with_a_commit();
    let commit = fixture.id("HEAD");
    let blob = fixture.git(&["rev-parse", "HEAD:fleet.yaml"]);
    fixture.git(&["update-ref", STATUSES, blob.trim()]);
    for (index, remote) in Remote::all(&fixture).iter().enumerate() {
        let mirror = remote.mirror(&fixture, &format!("mirror-{index}"));
        let fault = post(&mirror, &[&status(commit, "dev", "waits", 1)]).expect_err("it holds no notes");
        assert!(fault.to_string().contains("does not name a commit"), "{}", said(&fault));
        assert_eq!(fixture.git(&["rev-parse", STATUSES]), blob, "it stays as it was");
    }
}
