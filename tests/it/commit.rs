//! In: work trees made by the `git` program. Out: what a commit into one leaves behind.
//! Guarantee: judged by `git` itself; no configuration of the user is read.
use crate::mirror::fixture::Fixture;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use stratify::act::commit::into_work_tree;
use stratify::decide::value::Fault;
use stratify::name::{CommitId, RepoPath};

/// Who writes in these tests.
const ADA: Option<(&str, &str)> = Some(("Ada", "ada@example.org"));

fn commit(fixture: &Fixture, files: &[(&str, &str)]) -> Result<CommitId, Fault> {
    let file = |(path, text): &(&str, &str)| (RepoPath::new(path).expect("it is inside"), text.as_bytes().to_vec());
    let files: Vec<_> = files.iter().map(file).collect();
    into_work_tree(&fixture.source(), &files, "approvals: one\n\nbecause", ADA)
}

#[test]
fn a_commit_leaves_a_clean_work_tree() {
    let fixture = Fixture::with_a_commit();
    let before = fixture.id("HEAD");
    let id = commit(&fixture, &[("fleet.yaml", "kind: Fleet # new\n"), ("a/b.yaml", "b\n")]).expect("it is committed");
    assert_eq!(fixture.id("main"), id, "the branch has moved");
    assert_eq!(fixture.id("HEAD~1"), before, "onto what was there");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "", "the index and the files agree with it");
    assert_eq!(fixture.git(&["show", "HEAD:a/b.yaml"]), "b\n", "the new file is in it");
    let wrote = fixture.git(&["log", "-1", "--format=%an <%ae> %cn %s"]);
    assert_eq!(wrote.trim(), "Ada <ada@example.org> Ada approvals: one", "it says who and what");
    for log in ["main", "HEAD"] {
        let log = fixture.git(&["reflog", "-1", "--format=%gs", log]);
        assert_eq!(log.trim(), "commit: approvals: one", "the way back can be found");
    }
    fixture.git(&["fsck", "--strict"]);
    fixture.commit("later", "git can go on");
    assert_eq!(fixture.git(&["show", "HEAD:a/b.yaml"]), "b\n", "no stale tree of the index takes it back");
}

#[test]
fn the_first_commit_of_a_repository_can_be_ours() {
    let fixture = Fixture::empty();
    let id = commit(&fixture, &[("fleet.yaml", "kind: Fleet\n")]).expect("it is committed");
    assert_eq!(fixture.id("main"), id, "the branch is born");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "", "nothing is left over");
}

#[test]
fn what_else_is_staged_or_changed_stays_so() {
    let fixture = Fixture::with_a_commit();
    fixture.commit("other", "1");
    fixture.write("other", "2");
    fixture.write("staged", "3");
    fixture.git(&["add", "staged"]);
    commit(&fixture, &[("a.yaml", "a\n")]).expect("it is committed");
    assert_eq!(fixture.git(&["status", "--porcelain"]), " M other\nA  staged\n", "both are the user's business");
    assert_eq!(fixture.git(&["show", "--format=", "--name-only", "HEAD"]), "a.yaml\n", "only ours went along");
}

#[test]
fn a_file_that_the_user_has_changed_is_not_overwritten() {
    let fixture = Fixture::with_a_commit();
    let before = fixture.id("HEAD");
    fixture.write("fleet.yaml", "mine");
    let fault = commit(&fixture, &[("fleet.yaml", "ours")]).expect_err("it would be lost");
    assert!(fault.to_string().contains("changes that are not committed"), "{fault}");
    fixture.git(&["add", "fleet.yaml"]);
    fixture.write("fleet.yaml", "kind: Fleet\n");
    let fault = commit(&fixture, &[("fleet.yaml", "ours")]).expect_err("what is staged would be lost");
    assert!(fault.to_string().contains("staged"), "{fault}");
    fixture.git(&["reset", "--quiet", "--hard"]);
    fixture.write("new", "mine");
    commit(&fixture, &[("new", "ours")]).expect_err("an untracked file would be lost");
    assert_eq!(fs::read_to_string(fixture.source().join("new")).expect("it is there"), "mine", "it was not touched");
    assert_eq!(fixture.id("HEAD"), before, "and nothing was committed");
}

#[test]
fn no_link_leads_out_of_the_work_tree() {
    let fixture = Fixture::with_a_commit();
    let outside = fixture.beside("outside");
    fs::create_dir(&outside).expect("the scratch folder is ours");
    symlink(&outside, fixture.source().join("approvals")).expect("a link can be made");
    let fault = commit(&fixture, &[("approvals/a.yaml", "a\n")]).expect_err("it would be written outside");
    assert!(fault.to_string().contains("link"), "{fault}");
    assert_eq!(fs::read_dir(&outside).expect("it is ours").count(), 0, "nothing was written there");
}

#[test]
fn a_commit_waits_for_no_one_on_a_detached_head() {
    let fixture = Fixture::with_a_commit();
    fixture.git(&["checkout", "--quiet", "--detach"]);
    let fault = commit(&fixture, &[("a.yaml", "a\n")]).expect_err("there is no branch to move");
    assert!(fault.to_string().contains("no branch"), "{fault}");
    assert!(fault.hint.is_some(), "it says what to do");
}

#[test]
fn a_fleet_in_a_folder_and_an_executable_keep_their_places() {
    let fixture = Fixture::with_a_commit();
    fixture.write("fleet/run", "1");
    fs::set_permissions(fixture.source().join("fleet/run"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fixture.commit_all("an executable");
    let path = RepoPath::new("run").expect("it is inside");
    into_work_tree(&fixture.source().join("fleet"), &[(path, b"2".to_vec())], "change", ADA).expect("it is committed");
    let entry = fixture.git(&["ls-tree", "HEAD", "fleet/run"]);
    assert!(entry.starts_with("100755"), "it stays an executable: {entry}");
    assert_eq!(fixture.git(&["show", "HEAD:fleet/run"]), "2", "the path is counted from the folder");
    assert_eq!(fixture.git(&["status", "--porcelain"]), "", "nothing is left over");
}

#[test]
fn the_author_is_the_one_of_gits_configuration() {
    let fixture = Fixture::with_a_commit();
    fixture.git(&["config", "user.name", "Grace"]);
    fixture.git(&["config", "user.email", "grace@example.org"]);
    let path = RepoPath::new("a.yaml").expect("it is inside");
    into_work_tree(&fixture.source(), &[(path, b"a".to_vec())], "change", None).expect("it is committed");
    assert_eq!(fixture.git(&["log", "-1", "--format=%ae"]).trim(), "grace@example.org", "she is configured here");
}
