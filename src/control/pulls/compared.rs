//! In: the changes that pull requests showed, and what a head changes that they came with. Out: whether that is the same, in
//! a line.
//! Guarantee: of several that came together, each is compared with what it showed; what none of them showed is told.
use super::super::prepare::Prepared;
use super::Told;
use crate::decide::value::{Digest, Domain, Hasher};
use crate::name::{ChangeId, ClusterName};
use std::collections::{BTreeMap, BTreeSet};

/// The most clusters whose changes are remembered of one pull request: five hundred of them have 50 MB then. Of more it is
/// only remembered what all of them are together.
pub(super) const EACH_MAX: usize = 2_000;

/// How many clusters that differ, and pull requests, are named.
const NAMED_MAX: usize = 3;

/// What is shown of changes where there are more than are remembered each.
const MANY: &str = "some of its clusters";

/// The changes that were shown of a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct Changes {
    /// The id of the change of each cluster, where there are not too many.
    pub(super) each: BTreeMap<ClusterName, ChangeId>,
    /// The digest of all of them, where there are.
    pub(super) all: Option<Digest>,
}

impl Changes {
    /// Takes the changes of clusters.
    pub(in crate::control) fn of(each: BTreeMap<ClusterName, ChangeId>) -> Self {
        if each.len() <= EACH_MAX {
            return Self { each, all: None };
        }
        Self { all: Some(digest_of(&each)), each: BTreeMap::new() }
    }
}

fn digest_of(each: &BTreeMap<ClusterName, ChangeId>) -> Digest {
    let mut hasher = Hasher::new(Domain("pull-changes/1"));
    for (cluster, change) in each {
        hasher.bytes(cluster.as_str().as_bytes()).bytes(&change.0);
    }
    hasher.finish()
}

/// Returns how what a head changes in the clusters that it touches compares with what the pull requests showed that came
/// with it. A rebase makes other commits of one: of the others, those came that showed nothing else than comes.
pub(in crate::control) fn compared<'a>(
    merged: &[(u64, &'a Told)],
    others: impl DoubleEndedIterator<Item = (u64, &'a Told)>,
    prepared: &[&Prepared],
    touched: &BTreeSet<ClusterName>,
) -> Option<String> {
    let changed = prepared.iter().filter_map(|one| Some((one, one.change.as_ref().ok()?)));
    let changed = changed.filter(|(_, summary)| summary.layers > 0);
    let found: BTreeMap<ClusterName, ChangeId> =
        changed.map(|(one, summary)| (one.cluster.clone(), summary.id)).collect();
    let others = others.map(|(number, told)| (number, &told.changes));
    let merged = merged.iter().map(|(number, told)| (*number, &told.changes));
    came(merged, others, found, touched)
}

fn came<'a>(
    merged: impl Iterator<Item = (u64, &'a Changes)>,
    others: impl DoubleEndedIterator<Item = (u64, &'a Changes)>,
    mut found: BTreeMap<ClusterName, ChangeId>,
    touched: &BTreeSet<ClusterName>,
) -> Option<String> {
    let mut merged: Vec<(u64, &Changes)> = merged.collect();
    // What waits since an earlier head is not what this one brought.
    let is_shown = |cluster: &ClusterName| merged.iter().any(|(_, changes)| changes.each.contains_key(cluster));
    found.retain(|cluster, _| touched.contains(cluster) || is_shown(cluster));
    // Of several that showed the same, the newest is named.
    for (number, changes) in others.rev() {
        let is_left = |cluster: &ClusterName| !merged.iter().any(|(_, changes)| changes.each.contains_key(cluster));
        let is_it = |(cluster, id): (&ClusterName, &ChangeId)| found.get(cluster) == Some(id) && is_left(cluster);
        let is_all_there = !changes.each.is_empty() && changes.each.iter().all(is_it);
        if is_all_there || (merged.is_empty() && changes.all.is_some_and(|all| all == digest_of(&found))) {
            merged.push((number, changes));
        }
    }
    merged.sort_by_key(|(number, _)| *number);
    differing(&merged, &found)
}

fn as_in(number: u64) -> String {
    format!("as reviewed in #{number}")
}

fn differing(merged: &[(u64, &Changes)], found: &BTreeMap<ClusterName, ChangeId>) -> Option<String> {
    if merged.is_empty() {
        return None;
    }
    let shown: BTreeSet<&ClusterName> = merged.iter().flat_map(|(_, changes)| changes.each.keys()).collect();
    let mut differ: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (number, changes) in merged {
        match changes.all {
            // Where others came with it, nothing tells its own changes from theirs.
            Some(all) if merged.len() > 1 || all != digest_of(found) => differ.entry(*number).or_default().push(MANY),
            Some(_) => {}
            None => {
                let each = changes.each.iter().filter(|(cluster, change)| found.get(*cluster) != Some(change));
                each.for_each(|(cluster, _)| differ.entry(*number).or_default().push(cluster.as_str()));
            }
        }
    }
    let is_told_apart = merged.iter().all(|(_, changes)| changes.all.is_none());
    let beside = found.keys().filter(|cluster| is_told_apart && !shown.contains(cluster));
    let beside: Vec<&str> = beside.map(ClusterName::as_str).collect();
    if let [(number, _)] = merged {
        // What comes beside the one is not as that one was reviewed.
        let mut own = differ.remove(number).unwrap_or_default();
        own.extend(beside);
        own.sort_unstable();
        let is_same = own.is_empty();
        let names = named(&own);
        return Some(if is_same { as_in(*number) } else { format!("not as reviewed in #{number}: {names}") });
    }
    let same: Vec<String> = merged
        .iter()
        .filter(|(number, _)| !differ.contains_key(number))
        .map(|(number, _)| format!("#{number}"))
        .collect();
    let same: Vec<&str> = same.iter().map(String::as_str).collect();
    let mut parts: Vec<String> = Vec::new();
    parts.extend((!same.is_empty()).then(|| format!("as reviewed in {}", named(&same))));
    parts.extend(differ.iter().map(|(number, clusters)| format!("not as reviewed in #{number}: {}", named(clusters))));
    parts.extend((!beside.is_empty()).then(|| format!("reviewed in none: {}", named(&beside))));
    Some(parts.join("; "))
}

/// Names the first and counts the others.
fn named(all: &[&str]) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", all[..all.len().min(NAMED_MAX)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(all: &[(&str, u8)]) -> BTreeMap<ClusterName, ChangeId> {
        let one = |(name, id): &(&str, u8)| (ClusterName::new(name).expect("it is a label"), ChangeId([*id; 32]));
        all.iter().map(one).collect()
    }

    fn said(merged: &[(u64, &[(&str, u8)])], found: &[(&str, u8)]) -> String {
        let changes: Vec<(u64, Changes)> =
            merged.iter().map(|(number, all)| (*number, Changes::of(each(all)))).collect();
        let merged: Vec<(u64, &Changes)> = changes.iter().map(|(number, changes)| (*number, changes)).collect();
        differing(&merged, &each(found)).expect("some came")
    }

    #[test]
    fn one_is_compared_with_all_that_the_head_changes() {
        assert_eq!(said(&[(7, &[("eu-1", 1)])], &[("eu-1", 1)]), "as reviewed in #7");
        assert_eq!(said(&[(7, &[("eu-1", 1)])], &[("eu-1", 2)]), "not as reviewed in #7: eu-1", "the base has moved");
        let text = "not as reviewed in #7: eu-1, us-1";
        assert_eq!(said(&[(7, &[("us-1", 1)])], &[("eu-1", 1)]), text, "one came beside it, one did not come");
        assert_eq!(differing(&[], &each(&[("eu-1", 1)])), None, "it came by none");
    }

    #[test]
    fn what_bears_no_number_is_known_by_what_it_changes_alone() {
        let one = each(&[("eu-1", 1)]);
        assert!(Changes::of(each(&[])) == Changes::default(), "one that changes nothing is none");
        assert_eq!(said(&[(7, &[("eu-1", 1)])], &[("eu-1", 1)]), as_in(7));
        assert_ne!(said(&[(7, &[("eu-1", 1)])], &[("eu-1", 1), ("us-1", 2)]), as_in(7), "another cluster changes, too");
        assert_eq!(differing(&[(7, &Changes::of(one.clone()))], &one), Some(as_in(7)));
    }

    #[test]
    fn several_that_came_together_are_compared_each_with_its_own() {
        let two: &[(u64, &[(&str, u8)])] = &[(7, &[("eu-1", 1)]), (8, &[("us-1", 2)])];
        assert_eq!(said(two, &[("eu-1", 1), ("us-1", 2)]), "as reviewed in #7, #8");
        assert_eq!(said(two, &[("eu-1", 1), ("us-1", 3)]), "as reviewed in #7; not as reviewed in #8: us-1");
        let text = "as reviewed in #7, #8; reviewed in none: dev-1";
        assert_eq!(said(two, &[("dev-1", 9), ("eu-1", 1), ("us-1", 2)]), text, "somebody pushed beside them");
        let both: &[(u64, &[(&str, u8)])] = &[(7, &[("eu-1", 1)]), (8, &[("eu-1", 2)])];
        let text = "not as reviewed in #7: eu-1; not as reviewed in #8: eu-1";
        assert_eq!(said(both, &[("eu-1", 3)]), text, "nobody saw what both together change");
    }

    #[test]
    fn what_waits_since_an_earlier_head_is_not_of_this_one_and_a_rebase_is_known_by_what_it_changes() {
        let changes = |all: &[(&str, u8)]| Changes::of(each(all));
        let (seven, eight) = (changes(&[("eu-1", 1)]), changes(&[("us-1", 2)]));
        let touched = |all: &[&str]| all.iter().map(|name| ClusterName::new(name).expect("it is a label")).collect();
        let found = || each(&[("dev-1", 9), ("eu-1", 1)]);
        let said = came([(7, &seven)].into_iter(), std::iter::empty(), found(), &touched(&["eu-1"]));
        assert_eq!(said.as_deref(), Some("as reviewed in #7"), "dev-1 waits since before");
        let said = came([(7, &seven)].into_iter(), std::iter::empty(), found(), &touched(&["eu-1", "dev-1"]));
        assert_eq!(said.as_deref(), Some("not as reviewed in #7: dev-1"), "this one touches it");
        let others = || [(7, &seven), (8, &eight)].into_iter();
        let said = came(std::iter::empty(), others(), found(), &touched(&["eu-1"]));
        assert_eq!(said.as_deref(), Some("as reviewed in #7"), "its commits are others");
        let said = came(std::iter::empty(), others(), each(&[("eu-1", 3)]), &touched(&["eu-1"]));
        assert_eq!(said, None, "nobody knows where it is from");
        let nine = changes(&[("eu-1", 1)]);
        let said = came([(7, &seven)].into_iter(), [(9, &nine)].into_iter(), found(), &touched(&["eu-1"]));
        assert_eq!(said.as_deref(), Some("as reviewed in #7"), "another one that showed the same is not it");
    }

    #[test]
    fn of_very_many_it_is_known_whether_all_are_the_same() {
        let many = |id: u8| -> BTreeMap<ClusterName, ChangeId> {
            let name = |at: usize| ClusterName::new(&format!("c{at}")).expect("it is a label");
            (0..=EACH_MAX).map(|at| (name(at), ChangeId([id; 32]))).collect()
        };
        let changes = Changes::of(many(1));
        assert!(changes.each.is_empty(), "they are not remembered each");
        let said = |found| differing(&[(7, &changes)], &found).expect("it came");
        assert_eq!(said(many(1)), "as reviewed in #7");
        assert_eq!(said(many(2)), "not as reviewed in #7: some of its clusters");
    }
}
