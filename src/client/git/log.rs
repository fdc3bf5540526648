//! In: a range of commits. Out: facts about each, and who descends from whom.
//! Guarantee: bounded, and says so where it was cut off.
use super::address::Limits;
use super::error::{in_local, local};
use super::objects::{commit as commit_id, object};
use super::tree;
use crate::decide::document::{CommitFacts, Commits, Person, TreeChange};
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoPath};
use gix::ObjectId;
use gix::actor::SignatureRef;
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;

/// The most commits that are read at once. Each costs a difference of trees, 2 ms in a large repository.
const COMMITS_MAX: usize = 2000;

/// Returns the commits of `to` that `from` has not, newest first.
pub(crate) fn commits(
    repository: &gix::Repository,
    from: Option<CommitId>,
    to: CommitId,
    path: Option<&RepoPath>,
    limits: &Limits,
) -> Result<Commits, Fault> {
    let attempt = format!("could not read the history of {to}");
    let newest =
        gix::revision::walk::Sorting::ByCommitTime(gix::traverse::commit::simple::CommitTimeOrder::NewestFirst);
    let walk = repository.rev_walk([object(to)]).with_hidden(from.map(object)).sorting(newest);
    let mut found = Commits::default();
    for info in walk.all().map_err(in_local(&attempt))? {
        let info = info.map_err(|error| local(&attempt, &error))?;
        if found.commits.len() == COMMITS_MAX {
            found.cut_off = true;
            break;
        }
        found.commits.push(facts(repository, info.id, path, limits)?);
    }
    Ok(found)
}

/// Returns whether `commit` is `ancestor`, or comes after it.
pub(crate) fn descends(repository: &gix::Repository, commit: ObjectId, ancestor: ObjectId) -> Result<bool, Fault> {
    if commit == ancestor {
        return Ok(true);
    }
    let attempt = format!("could not compare {commit} with {ancestor}");
    let has = |id| repository.try_find_header(id).map(|header| header.is_some()).map_err(in_local(&attempt));
    if !has(commit)? || !has(ancestor)? {
        return Ok(false);
    }
    let bases = repository.merge_bases_many(commit, &[ancestor]).map_err(in_local(&attempt))?;
    Ok(bases.iter().any(|base| base.detach() == ancestor))
}

fn facts(
    repository: &gix::Repository,
    id: ObjectId,
    path: Option<&RepoPath>,
    limits: &Limits,
) -> Result<CommitFacts, Fault> {
    let attempt = format!("could not read commit {id}");
    let found = repository.find_commit(id).map_err(in_local(&attempt))?;
    let decoded = found.decode().map_err(in_local(&attempt))?;
    let message = decoded.message.to_str_lossy().into_owned();
    let parents: Vec<CommitId> = decoded.parents().map(commit_id).collect();
    let change = own_change(repository, commit_id(id), &parents, path, limits)?;
    let is_approval = |path: &RepoPath| path.as_str().starts_with("approvals/");
    let is_written = |path: &RepoPath| is_approval(path) && is_yaml_in_approvals(path.as_str());
    let is_of_profiles = |path: &RepoPath| ["profiles/", "packs/"].iter().any(|head| path.as_str().starts_with(head));
    let writes_profiles = change.refused || change.touched.iter().any(is_of_profiles);
    Ok(CommitFacts {
        writes_profiles,
        commit: commit_id(id),
        author: person(decoded.author().map_err(in_local(&attempt))?),
        committer: person(decoded.committer().map_err(in_local(&attempt))?),
        co_authors: co_authors(&message),
        approves: approves(&message),
        added_approvals: change.written.into_iter().filter(|path| is_written(path)).collect(),
        only_approves: !change.refused && change.touched.iter().all(is_approval),
        parents,
        summary: summary(&message),
        request: request(&message),
    })
}

fn is_yaml_in_approvals(path: &str) -> bool {
    let name = path.strip_prefix("approvals/").and_then(|name| name.strip_suffix(".yaml"));
    name.is_some_and(|name| !name.contains('/'))
}

/// What a commit itself brings.
struct OwnChange {
    touched: Vec<RepoPath>,
    /// What of it is there afterwards: it was added or changed.
    written: Vec<RepoPath>,
    refused: bool,
}

/// Returns what differs from every parent: of a merge, only what the merge itself wrote.
fn own_change(
    repository: &gix::Repository,
    commit: CommitId,
    parents: &[CommitId],
    path: Option<&RepoPath>,
    limits: &Limits,
) -> Result<OwnChange, Fault> {
    let new = tree::root(repository, commit, path)?;
    // Of a path: from how many parents it differs, and whether it is there.
    let mut seen: BTreeMap<RepoPath, (usize, bool)> = BTreeMap::new();
    let mut refused = 0;
    let parents_or_nothing: Vec<Option<CommitId>> =
        if parents.is_empty() { vec![None] } else { parents.iter().copied().map(Some).collect() };
    for parent in &parents_or_nothing {
        let old = parent.map(|parent| tree::root(repository, parent, path)).transpose()?.flatten();
        let TreeChange { entries, refused: odd } = tree::changes(repository, old, new, limits)?;
        refused += usize::from(!odd.is_empty());
        for (path, entry) in entries {
            let seen = seen.entry(path).or_default();
            seen.0 += 1;
            seen.1 |= entry.is_some();
        }
    }
    let all = parents_or_nothing.len();
    let own = seen.into_iter().filter(|(_, (differs, _))| *differs == all);
    let (mut touched, mut written) = (Vec::new(), Vec::new());
    for (path, (_, is_there)) in own {
        if is_there {
            written.push(path.clone());
        }
        touched.push(path);
    }
    Ok(OwnChange { touched, written, refused: refused == all })
}

fn person(signature: SignatureRef<'_>) -> Person {
    let text = |text: &gix::bstr::BStr| text.to_str_lossy().trim().to_owned();
    Person { name: text(signature.name), email: text(signature.email) }
}

/// The longest summary that is kept.
const SUMMARY_CHARS_MAX: usize = 200;

fn summary(message: &str) -> String {
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    first.chars().filter(|c| !c.is_control()).take(SUMMARY_CHARS_MAX).collect()
}

/// How GitLab names a merge request below the message of a merge, whose first line has no number.
const SEE: &str = "See merge request ";

fn request(message: &str) -> Option<u64> {
    let line = message.lines().rev().find_map(|line| line.trim().strip_prefix(SEE))?;
    line.rsplit_once('!')?.1.parse().ok()
}

/// The trailer that approves.
const APPROVE: &str = "stratify-approve";

/// The most approvals of one commit; a fleet has fewer environments.
const APPROVES_MAX: usize = 100;

/// The trailer that names a further author.
const CO_AUTHOR: &str = "co-authored-by";

/// The most of them that are read; a squashed pull request names some dozens at most.
const CO_AUTHORS_MAX: usize = 1000;

/// Returns the values of the approving trailers.
fn approves(message: &str) -> Vec<String> {
    trailers(message, APPROVE).take(APPROVES_MAX).map(ToOwned::to_owned).collect()
}

/// Returns the addresses of further authors: what stands in angle brackets.
fn co_authors(message: &str) -> Vec<String> {
    let address = |value: &str| Some(value.rsplit_once('<')?.1.split_once('>')?.0.trim().to_owned());
    trailers(message, CO_AUTHOR).filter_map(address).take(CO_AUTHORS_MAX).collect()
}

/// Returns the values of trailers: lines `Token: value` of the last paragraph, as `git` reads them.
fn trailers<'a>(message: &'a str, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let lines: Vec<&str> = message.trim_end().lines().collect();
    // The first paragraph is the subject and has no trailers.
    let first = lines.iter().rposition(|line| line.trim().is_empty()).map_or(lines.len(), |blank| blank + 1);
    let trailer = move |line: &'a str| {
        let (token, value) = line.split_once(':')?;
        (token.eq_ignore_ascii_case(wanted) && !value.trim().is_empty()).then(|| value.trim())
    };
    lines.into_iter().skip(first).filter_map(trailer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_stand_in_the_last_paragraph_only() {
        let message = "subject\n\nStratify-Approve: not this\n\nstratify-approve: ab12\nSigned-off-by: a\nStratify-Approve:  cd34 \n";
        assert_eq!(approves(message), ["ab12", "cd34"], "case of the token does not matter, blanks are cut");
        assert!(approves("Stratify-Approve: ab12").is_empty(), "a subject is no trailer");
        assert!(approves("subject\n\n Stratify-Approve: x").is_empty(), "an indented line continues another");
        let squashed =
            "subject\n\nCo-authored-by: Ann <ann@x.y>\nCo-Authored-By: Bob B. <b@x.y>\nCo-authored-by: nobody\n";
        assert_eq!(co_authors(squashed), ["ann@x.y", "b@x.y"], "those that have an address");
    }

    #[test]
    fn the_merge_request_that_gitlab_names_is_read() {
        let of = |line: &str| request(&format!("Merge branch 'x' into 'main'\n\nmore replicas\n\n{line}\n"));
        assert_eq!(of("See merge request acme/platform/fleet!7"), Some(7));
        for line in ["See merge request fleet", "see !7", "See merge request acme/fleet!seven", ""] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
