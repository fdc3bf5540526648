//! In: heads of many pull requests at a remote, by HTTP. Out: their objects in the store of pull requests.
//! Guarantee: many come in few requests; one that is gone, or that names no commit, keeps no other away.
use super::fixture::Fixture;
use super::server::{Access, Server};
use std::fs;
use stratify::client::forge::Pull;
use stratify::name::CommitId;
use stratify::observe::forge::pulls::Pulls;
use stratify::observe::mirror::Mirror;

/// A repository with heads of pull requests that are on no branch.
struct Remote {
    fixture: Fixture,
    server: Server,
    base: CommitId,
    pulls: Vec<Pull>,
}

impl Remote {
    fn new(pulls: u64) -> Self {
        let fixture = Fixture::with_a_commit();
        let base = fixture.id("HEAD");
        let heads = (1..=pulls).map(|number| {
            fixture.git(&["checkout", "--quiet", "--detach", "main"]);
            let head = fixture.commit("fleet.yaml", format!("kind: Fleet # {number}\n"));
            fixture.git(&["update-ref", &reference(number), "HEAD"]);
            pull(number, &head.to_string())
        });
        let heads = heads.collect();
        fixture.git(&["checkout", "--quiet", "main"]);
        let server = Server::start(fixture.scratch(), Access::Public);
        Self { server, base, pulls: heads, fixture }
    }

    fn open(&self) -> (Mirror, Pulls) {
        let mirror = self.fixture.mirror_with(|address| address.url = self.server.url("source/.git"));
        mirror.fetch().expect("it can be fetched");
        let pulls = Pulls::open(&mirror, &self.fixture.beside("pulls.git"), &mirror.address());
        (mirror, pulls.expect("the folder is ours"))
    }

    /// Returns how many of the heads are there.
    fn there(&self, store: &Pulls) -> usize {
        let is_there = |pull: &&Pull| {
            let head = CommitId::parse(&pull.head).expect("it is a commit");
            store.objects().contains(head).expect("it can be read")
        };
        self.pulls.iter().filter(is_there).count()
    }
}

fn reference(number: u64) -> String {
    format!("refs/pull/{number}/head")
}

fn pull(number: u64, head: &str) -> Pull {
    Pull {
        number,
        author: "ada".to_owned(),
        head: head.to_owned(),
        reference: Some(reference(number)),
        branch: format!("x{number}"),
        base: "main".to_owned(),
        is_fork: false,
    }
}

#[test]
fn many_heads_come_in_few_requests_and_none_of_them_twice() {
    let remote = Remote::new(60);
    let (mirror, store) = remote.open();
    let asked = || remote.server.seen().len();
    let before = asked();
    let ahead = || store.receive_ahead(&mirror.address(), &remote.pulls, remote.base).expect("they can be fetched");
    ahead();
    assert_eq!(remote.there(&store), 60, "all came");
    let took = asked() - before;
    assert!(took <= 8, "fifty at once, each time few requests: {took}");
    let before = asked();
    ahead();
    for pull in &remote.pulls {
        let head = store.receive(&mirror.address(), pull, remote.base).expect("it is there");
        assert_eq!(head.to_string(), pull.head);
    }
    assert_eq!(asked(), before, "nothing is asked of what is there");
    let folder = remote.fixture.beside("pulls.git");
    assert!(fs::read_dir(folder.join("refs/pull")).is_err(), "no ref of the remote is ours");
    let merged = CommitId::parse(&remote.pulls[59].head).expect("it is a commit");
    store.merge(remote.base, merged).expect("what came ahead is whole");
}

#[test]
fn one_alone_is_left_to_its_plan_and_so_are_heads_that_nobody_can_fetch() {
    let remote = Remote::new(2);
    let (mirror, store) = remote.open();
    let before = remote.server.seen().len();
    let mut unfetchable = pull(3, &"3".repeat(40));
    unfetchable.reference = None;
    let mut partial = pull(4, &"4".repeat(12));
    partial.reference = Some("refs/heads/x".to_owned());
    let some = [remote.pulls[0].clone(), unfetchable.clone(), partial.clone()];
    store.receive_ahead(&mirror.address(), &some, remote.base).expect("there is nothing to be done");
    assert_eq!(remote.server.seen().len(), before, "nothing was asked");
    let fault = store.receive(&mirror.address(), &unfetchable, remote.base).expect_err("there is no ref");
    assert!(!fault.spurious && fault.to_string().contains("no ref"), "{fault}");
    let fault = store.receive(&mirror.address(), &partial, remote.base).expect_err("twelve digits are no commit");
    assert!(fault.spurious, "{fault}");
}

#[test]
fn a_head_that_is_gone_or_that_moved_keeps_no_other_away() {
    let mut remote = Remote::new(4);
    let (mirror, store) = remote.open();
    remote.fixture.git(&["update-ref", "-d", &reference(1)]);
    // Forced to another commit after it was listed.
    let moved = remote.pulls[2].head.clone();
    remote.fixture.git(&["update-ref", &reference(2), &moved]);
    remote.pulls.push(pull(9, &"9".repeat(40)));
    store.receive_ahead(&mirror.address(), &remote.pulls, remote.base).expect("the others can be fetched");
    assert_eq!(remote.there(&store), 2, "those that are as they were listed");
    for number in [1, 2] {
        let gone = store.receive(&mirror.address(), &remote.pulls[number - 1], remote.base);
        let fault = gone.expect_err("it is not there");
        assert!(fault.spurious && fault.to_string().contains("has moved"), "it is looked at again: {fault}");
    }
}

#[test]
fn a_ref_that_names_no_commit_hurts_itself_only() {
    let remote = Remote::new(3);
    let (mirror, store) = remote.open();
    let blob = remote.fixture.git(&["rev-parse", "HEAD:fleet.yaml"]);
    remote.fixture.git(&["update-ref", &reference(2), blob.trim()]);
    let ahead = store.receive_ahead(&mirror.address(), &remote.pulls, remote.base);
    assert!(ahead.is_err_and(|fault| fault.to_string().contains("does not name a commit")), "it is told");
    let received = |number: usize| store.receive(&mirror.address(), &remote.pulls[number - 1], remote.base);
    assert!(received(2).is_err(), "that one");
    for number in [1, 3] {
        assert_eq!(received(number).expect("it is a commit").to_string(), remote.pulls[number - 1].head);
    }
}
