//! In: branches and tags that are moved by force, deleted, or never there. Out: what the mirror holds.
//! Guarantee: what is rewound or gone is never synced by itself.
use super::file::printed;
use super::fixture::{Fixture, address};
use stratify::decide::value::Owner;
use stratify::observe::mirror::{Fetched, Head, Mirror};

fn head(mirror: &Mirror) -> Head {
    mirror.fetch().expect("it can be fetched");
    mirror.head().expect("it can be read")
}

#[test]
fn a_force_push_holds_until_it_is_accepted() {
    let fixture = Fixture::with_a_commit();
    let base = fixture.id("HEAD");
    let last = fixture.commit("fleet.yaml", "kind: Fleet # last\n");
    let mirror = fixture.mirror();
    assert_eq!(head(&mirror), Head::At(last), "the first head is taken as it is");
    fixture.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let now = fixture.commit("fleet.yaml", "kind: Fleet # other\n");
    assert_eq!(head(&mirror), Head::Rewound { last, now }, "it does not descend from the last one");
    assert_eq!(head(&mirror), Head::Rewound { last, now }, "another look changes nothing");
    let fault = mirror.accept(base).expect_err("it is not what the branch names");
    assert_eq!(fault.owner, Owner::Operator, "who accepts has to look again");
    assert!(mirror.contains(last).expect("it can be read"), "what was synced stays here");
    assert!(!mirror.changes(Some(last), now).expect("both are here").is_empty(), "who accepts can look at it");

    let later = fixture.commit("fleet.yaml", "kind: Fleet # later\n");
    assert_eq!(head(&mirror), Head::Rewound { last, now: later }, "it holds while the branch goes on");
    drop(mirror);
    let mirror = fixture.mirror();
    assert_eq!(mirror.head().expect("it can be read"), Head::Rewound { last, now: later }, "a restart accepts nothing");
    mirror.accept(later).expect("it is the branch's head");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(later), "a person accepted it");
    let next = fixture.commit("fleet.yaml", "kind: Fleet # next\n");
    assert_eq!(head(&mirror), Head::At(next), "from there it goes on");
}

#[test]
fn a_branch_pushed_back_to_where_it_was_goes_on() {
    let fixture = Fixture::with_a_commit();
    let last = fixture.commit("fleet.yaml", "kind: Fleet # last\n");
    let mirror = fixture.mirror();
    assert_eq!(head(&mirror), Head::At(last), "the first head is taken as it is");
    fixture.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    assert!(matches!(head(&mirror), Head::Rewound { .. }), "an older commit is a rewind too");
    fixture.git(&["reset", "--quiet", "--hard", &last.to_string()]);
    assert_eq!(head(&mirror), Head::At(last), "nothing is left to accept");
}

#[test]
fn a_branch_that_is_gone_holds_what_was_synced() {
    let fixture = Fixture::with_a_commit();
    let last = fixture.id("HEAD");
    let mirror = fixture.mirror();
    assert_eq!(head(&mirror), Head::At(last), "the first head is taken as it is");
    fixture.git(&["checkout", "--quiet", "-b", "other"]);
    fixture.git(&["branch", "--quiet", "-D", "main"]);
    assert_eq!(head(&mirror), Head::BranchGone { last: Some(last) }, "gone is not empty");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Nothing, "nothing moved since");
    assert!(mirror.contains(last).expect("it can be read"), "what was synced stays here");
    fixture.git(&["branch", "main"]);
    assert_eq!(head(&mirror), Head::At(last), "it came back");

    let absent = fixture.mirror_of("absent", |address| address.branch = "never".to_owned());
    assert_eq!(
        head(&absent),
        Head::BranchGone { last: None },
        "a branch that never was is told from an empty repository"
    );
}

#[test]
fn an_empty_repository_is_empty_until_its_first_commit() {
    let fixture = Fixture::empty();
    let mirror = fixture.mirror();
    assert_eq!(head(&mirror), Head::Empty, "there is no commit");
    assert_eq!(head(&mirror), Head::Empty, "another look changes nothing");
    let first = fixture.commit("fleet.yaml", "kind: Fleet\n");
    assert_eq!(head(&mirror), Head::At(first), "the first head is taken as it is");
}

#[test]
fn a_tag_that_moved_or_went_is_seen() {
    let fixture = Fixture::with_a_commit();
    let first = fixture.id("HEAD");
    fixture.git(&["tag", "v1"]);
    fixture.git(&["tag", "-a", "-m", "annotated", "v1-annotated"]);
    let mirror = fixture.mirror();
    mirror.fetch().expect("it can be fetched");
    let tag = |name: &str| mirror.resolve_tag(name).expect("it can be read");
    assert_eq!((tag("v1"), tag("v1-annotated")), (Some(first), Some(first)), "both lead to the commit");
    assert_eq!(tag("v2"), None, "there is no such tag");

    fixture.git(&["checkout", "--quiet", "--detach"]);
    let second = fixture.commit("fleet.yaml", "kind: Fleet # beside the branch\n");
    fixture.git(&["tag", "--force", "v1"]);
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "a tag moved, the branch did not");
    assert_eq!(tag("v1"), Some(second), "it names another commit, which is here");
    assert_eq!(printed(&mirror.changes(Some(first), second).expect("both are here")), ["+ fleet.yaml"], "it is read");
    fixture.git(&["tag", "-d", "v1"]);
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "a tag went");
    assert_eq!(tag("v1"), None, "it is gone");
}

#[test]
fn an_address_with_a_password_is_refused_without_repeating_it() {
    let fixture = Fixture::empty();
    let address = address("https://ada:hunter2@example.org/fleet.git");
    let fault = Mirror::open(address, &fixture.beside("mirror")).err().expect("settings are printed");
    assert_eq!(fault.owner, Owner::Operator, "who wrote the settings has to act");
    assert!(!fault.to_string().contains("hunter2"), "{fault}");
}
