//! In: repositories by `file://`. Out: heads, differences, contents.
//! Guarantee: what the mirror says is compared with what `git` made.
use super::fixture::Fixture;
use stratify::decide::document::{EntryKind, TreeChange};
use stratify::name::{BlobId, RepoPath};
use stratify::observe::mirror::{Fetched, Head, Mirror};

/// Prints a difference, a line for each path.
pub(crate) fn printed(change: &TreeChange) -> Vec<String> {
    let entry = |(path, entry): &(RepoPath, Option<_>)| match entry {
        None => format!("- {path}"),
        Some(stratify::decide::document::Entry { kind: EntryKind::File, .. }) => format!("+ {path}"),
        Some(entry) => format!("+ {path} {:?}", entry.kind),
    };
    let refused = change.refused.iter().map(|refused| format!("! {} {:?}", refused.path, refused.why));
    change.entries.iter().map(entry).chain(refused).collect()
}

/// Returns the text of a file in a difference.
fn text(mirror: &Mirror, change: &TreeChange, path: &str) -> String {
    let blob = blob(change, path);
    let read = mirror.read(&[blob]).expect("the blob is here");
    let content = read[0].1.clone().expect("it is small");
    String::from_utf8(content.to_vec()).expect("it is text")
}

fn blob(change: &TreeChange, path: &str) -> BlobId {
    let found = change.entries.iter().find(|(found, _)| found.as_str() == path);
    found.and_then(|(_, entry)| *entry).expect("the path is there").blob
}

#[test]
fn a_commit_is_seen_as_what_it_changes() {
    let fixture = Fixture::empty();
    fixture.write("clusters/dev/eu-1/cluster.yaml", "kind: Cluster\n");
    let first = fixture.commit("fleet.yaml", "kind: Fleet\n");
    let mirror = fixture.mirror();
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch came");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(first), "the first head is taken as it is");
    let all = mirror.changes(None, first).expect("the commit is here");
    assert_eq!(printed(&all), ["+ clusters/dev/eu-1/cluster.yaml", "+ fleet.yaml"], "from nothing: every entry");

    fixture.git(&["rm", "--quiet", "-r", "clusters"]);
    let second = fixture.commit("fleet.yaml", "kind: Fleet # changed\n");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch moved");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(second), "it went forward");
    let change = mirror.changes(Some(first), second).expect("both are here");
    assert_eq!(printed(&change), ["- clusters/dev/eu-1/cluster.yaml", "+ fleet.yaml"], "what is gone is told");
    assert_eq!(text(&mirror, &change, "fleet.yaml"), "kind: Fleet # changed\n", "the content is the commit's");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Nothing, "nothing moved since");
}
