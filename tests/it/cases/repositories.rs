//! In: the blocks of a case that are of other revisions and repositories. Out: the fleet beside them.
//! Guarantee: `at=NAME@D` is a file of repository NAME, or of the fleet's own without a name, at the commit DD…D.
use super::file::{Block, Case};
use crate::fleet::Files;
use std::collections::BTreeMap;
use stratify::decide::fleet::TagNow;
use stratify::name::{CommitId, RepoName};

type Revision = (Option<RepoName>, CommitId);

/// Whether a block is no file of the head.
pub(crate) fn is_beside(block: &Block) -> bool {
    block.word == "settings" || block.option("at").is_some()
}

/// Returns a fleet beside what a case says of other revisions.
pub(crate) fn beside(files: Files, case: &Case) -> Files {
    let mut others: BTreeMap<Revision, Vec<(String, String)>> = BTreeMap::new();
    for block in &case.blocks {
        if let Some(at) = block.option("at") {
            let (name, digit) = at.split_once('@').expect("a revision is NAME@D");
            let path = block.option("path").expect("a file has a path");
            others.entry((repository(name), commit(digit))).or_default().push((path.to_owned(), block.body.clone()));
        }
    }
    let mut files = others.into_iter().fold(files, |files, ((repository, commit), other)| {
        files.beside(repository.as_ref(), commit, &Files::new(other))
    });
    for block in case.blocks.iter().filter(|block| block.word == "settings") {
        block.body.lines().for_each(|line| say(&mut files, line));
    }
    files
}

/// Takes `NAME`, `NAME tag TAG D`, `NAME trouble WORDS` or `NAME off D`: a name of the settings, a tag, why it cannot be
/// looked at, a commit that its branch does not hold.
fn say(files: &mut Files, line: &str) {
    let mut words = line.splitn(3, ' ');
    let name = repository(words.next().expect("a line has a name"));
    if let Some(name) = &name {
        files.fleet.repositories.entry(name.clone()).or_insert(None);
    }
    match (words.next(), words.next()) {
        (None, _) => {}
        (Some("tag"), Some(rest)) => {
            let (tag, digit) = rest.split_once(' ').expect("a tag has a commit");
            let now = TagNow { now: Some(commit(digit)), accepted: None };
            files.fleet.tags.insert((name, tag.into()), now);
        }
        (Some("trouble"), Some(why)) => {
            files.fleet.repositories.insert(name.expect("it has a name"), Some(why.into()));
        }
        (Some("off"), Some(digit)) => {
            let pinned = files.fleet.pins.get_mut(&(name, commit(digit))).expect("the commit has files");
            pinned.is_on_branch = false;
        }
        _ => panic!("`{line}` says nothing known of a repository"),
    }
}

fn repository(name: &str) -> Option<RepoName> {
    (!name.is_empty() && name != "-").then(|| RepoName::new(name).expect("it is a label"))
}

fn commit(digit: &str) -> CommitId {
    CommitId::parse(&digit.repeat(40)).expect("it is one hexadecimal digit")
}
