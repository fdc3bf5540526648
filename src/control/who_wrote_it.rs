//! In: what is wanted of a cluster, what was applied to it, its record. Out: the commits that brought the difference beside
//! those since its last sync.
//! Guarantee: who wrote a part of a change is known, wherever it was written and however long it was left: behind a pin, in
//! another repository, while its layer was paused. Of these commits only the authors count: no approval stands in them.
use super::sync::Applied;
use super::world::Sources;
use crate::decide::document::Commits;
use crate::decide::profile::{FullProfile, Moment, Pin, Record};
use crate::decide::render::Layers;
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoName};
use std::collections::BTreeSet;

/// Commits of a repository, none for the fleet's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    repository: Option<RepoName>,
    /// Those of `to` that this one has not.
    from: Option<CommitId>,
    to: CommitId,
    /// Whether only profiles and packs are read there.
    is_pin: bool,
}

/// Adds to the commits since the last sync those that wrote other parts of what is wanted.
pub(super) async fn with_all_authors<W: Sources>(
    world: &W,
    wanted: &FullProfile,
    applied: &Applied,
    record: &Record,
    (mut commits, head): (Commits, CommitId),
) -> Result<Commits, Fault> {
    let mut known: BTreeSet<CommitId> = commits.commits.iter().map(|commit| commit.commit).collect();
    for Range { repository, from, to, is_pin } in ranges(wanted, applied, record, head) {
        let brought = world.brought(repository.as_ref(), from, to).await?;
        // Of a repository that was not read before, the newest commits have to do.
        commits.cut_off |= brought.cut_off && from.is_some();
        for mut commit in brought.commits.into_iter().filter(|commit| commit.writes_profiles || !is_pin) {
            if known.insert(commit.commit) {
                commit.approves.clear();
                commit.added_approvals.clear();
                commits.commits.push(commit);
            }
        }
    }
    Ok(commits)
}

fn ranges(wanted: &FullProfile, applied: &Applied, record: &Record, head: CommitId) -> BTreeSet<Range> {
    let is_left = |name: &_| wanted.layers.iter().any(|layer| layer.name == *name && layer.options.paused);
    let resumed = record.paused.iter().filter(|(name, _)| !is_left(*name)).filter_map(|(_, moment)| moment.as_ref());
    let left = |moment: &Moment| Range { repository: None, from: Some(moment.head), to: head, is_pin: false };
    let mut ranges: BTreeSet<Range> = resumed.map(left).collect();
    match applied {
        Applied::Nothing => {}
        Applied::Known(before) => ranges.extend(of_pins(&wanted.pins, before, record, head)),
        // What was read before is not known.
        Applied::Unknown(_) => {
            let others = wanted.pins.iter().filter(|pin| pin.repository.is_some());
            ranges.extend(others.map(|pin| brought_by(pin, None)));
        }
    }
    ranges
}

/// Returns what moved pins bring: from where they were, or from where what they name was read before.
fn of_pins(wanted: &[Pin], before: &Layers, record: &Record, head: CommitId) -> Vec<Range> {
    let applied = record.applied.as_ref().map(|moment| moment.head);
    let same = |pin: &Pin, other: &Pin| pin.profile == other.profile && pin.repository == other.repository;
    let mut ranges = Vec::new();
    for pin in wanted {
        match before.pins.iter().find(|other| same(pin, other)) {
            Some(other) if other.commit == pin.commit => {}
            Some(other) => ranges.push(brought_by(pin, Some(other.commit))),
            None if pin.repository.is_none() => ranges.push(brought_by(pin, applied)),
            None => ranges.push(brought_by(pin, None)),
        }
    }
    // What is pinned no longer is read at the head.
    let ended = before.pins.iter().filter(|other| other.repository.is_none());
    let ended = ended.filter(|other| !wanted.iter().any(|pin| same(pin, other)));
    ranges.extend(ended.map(|other| Range { repository: None, from: Some(other.commit), to: head, is_pin: true }));
    ranges
}

fn brought_by(pin: &Pin, from: Option<CommitId>) -> Range {
    Range { repository: pin.repository.clone(), from, to: pin.commit, is_pin: true }
}
