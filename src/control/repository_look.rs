//! In: the mirrors, and the head that is known. Out: what a look at a repository gave: a head, or clusters that read anew.
//! Guarantee: what becomes of another repository concerns the clusters that read it, and no other.
use super::commits::Repositories;
use super::real_world::Outside;
use super::released_clusters::Released;
use crate::decide::document::Commits;
use crate::decide::fleet::{Fleet, Touched};
use crate::decide::value::Fault;
use crate::name::{ClusterName, CommitId, EnvironmentName, RepoName};
use crate::observe::mirror::Head;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a look at the fleet's repository gave.
#[derive(Debug)]
pub struct Looked {
    /// Its head.
    pub head: Head,
    /// What is new, where the head can be synced.
    pub news: News,
    /// The environments that documents of a head describe that is not synced.
    pub environments: BTreeSet<EnvironmentName>,
    /// Why other repositories that it names could not be looked at.
    pub troubles: Vec<Fault>,
}

/// What is new since the last look.
#[derive(Debug)]
pub enum News {
    /// Nothing.
    None,
    /// The head is another one.
    Head(Moved),
    /// The head is the same, and these clusters read what it names otherwise: a tag moved, a pin came.
    Pins(CommitId, Arc<Fleet>, BTreeSet<ClusterName>),
}

/// A head that is another one than the last.
#[derive(Debug)]
pub struct Moved {
    /// The head.
    pub commit: CommitId,
    /// Its documents.
    pub fleet: Arc<Fleet>,
    /// What differs from the last one.
    pub touched: Touched,
    /// The clusters that no document describes any longer.
    pub released: Vec<Released>,
    /// The commits that came with it.
    pub came: Commits,
}

/// What a look at what the head names of a repository gave.
#[derive(Debug)]
pub struct Stirred {
    /// The head whose documents were asked, and the clusters that read the repository otherwise now.
    pub moved: Option<(CommitId, Arc<Fleet>, BTreeSet<ClusterName>)>,
    /// Why it could not be looked at.
    pub trouble: Option<Fault>,
}

/// Looks at the fleet's repository; where its head is new, also at what that names and is not there.
pub(super) fn look(outside: &Outside, last: Option<CommitId>, is_first: bool) -> Result<Looked, Fault> {
    let (mirrors, moments, mirror) = (outside.mirrors(), outside.moments(), outside.mirror());
    let before = match last {
        // At the first look nothing was read by this process, and all clusters are looked at.
        Some(last) if !is_first && mirror.contains(last)? => Some(moments.fleet(mirrors, last)?),
        _ => None,
    };
    mirror.fetch()?;
    let head = mirror.head()?;
    let environments = environments_held(outside, head);
    let mut looked = Looked { head, news: News::None, environments, troubles: Vec::new() };
    let Head::At(commit) = head else { return Ok(looked) };
    // A head that is gone from the mirror is no base: all is looked at.
    let last = match last {
        Some(last) if mirror.contains(last)? => Some(last),
        _ => None,
    };
    let is_new = Some(commit) != last;
    if (is_new || is_first) && !mirrors.others().is_empty() {
        looked.troubles = fetch_what_is_due(outside, commit)?;
    }
    if is_new {
        looked.news = News::Head(moved(outside, last, before.as_deref(), commit)?);
    } else if let Some(before) = before {
        let fleet = moments.fleet(mirrors, commit)?;
        let clusters = stirred(Some(&before), &fleet);
        if !clusters.is_empty() {
            looked.news = News::Pins(commit, fleet, clusters);
        }
    }
    Ok(looked)
}

/// Returns the environments that a branch which was rewritten has, before and after; what cannot be read has none that
/// could be told of it.
fn environments_held(outside: &Outside, head: Head) -> BTreeSet<EnvironmentName> {
    let Head::Rewound { last, now } = head else { return BTreeSet::new() };
    let fleets = [last, now].map(|commit| outside.moments().fleet(outside.mirrors(), commit));
    let environments = fleets.iter().flatten().flat_map(|fleet| fleet.index.environments());
    environments.map(|environment| environment.name.clone()).collect()
}

/// Returns what a head is that follows the last one; `before` is that one as it was read before the look.
fn moved(outside: &Outside, last: Option<CommitId>, before: Option<&Fleet>, commit: CommitId) -> Result<Moved, Fault> {
    let (mirrors, moments) = (outside.mirrors(), outside.moments());
    let mut touched = moments.touched(mirrors, last, commit)?;
    let fleet = moments.fleet(mirrors, commit)?;
    touched.clusters.extend(match before {
        Some(_) => stirred(before, &fleet),
        // Nobody saw what became of tags meanwhile: nothing is told well of a cluster that one of them holds.
        None => fleet.index.readers(&fleet.unread()),
    });
    let mut released = Vec::new();
    if let Some(last) = last.filter(|_| !touched.released.is_empty() || !touched.clusters.is_empty()) {
        let before = moments.fleet(mirrors, last)?;
        released.extend(touched.released.iter().filter_map(|cluster| Released::of(&before, cluster)));
        let elsewhere = touched.clusters.iter().filter_map(|it| Released::from_target(&before, &fleet, it));
        released.extend(elsewhere);
    }
    // Only where a forge tells of pull requests is it asked which of them came.
    let came = match last.filter(|_| outside.settings().repository.forge.is_some()) {
        Some(last) => outside.mirror().commits(Some(last), commit)?,
        None => Commits::default(),
    };
    Ok(Moved { commit, fleet, touched, released, came })
}

/// Returns the clusters that read what documents name otherwise than before.
fn stirred(before: Option<&Fleet>, fleet: &Fleet) -> BTreeSet<ClusterName> {
    before.map(|before| fleet.index.readers(&fleet.changed_since(before))).unwrap_or_default()
}

/// Fetches the other repositories of which a head names something that is not there, or that were never looked at.
fn fetch_what_is_due(outside: &Outside, head: CommitId) -> Result<Vec<Fault>, Fault> {
    let mirrors = outside.mirrors();
    let fleet = outside.moments().fleet(mirrors, head)?;
    let named: BTreeSet<RepoName> = fleet.index.named().into_iter().filter_map(|(repository, _)| repository).collect();
    let unread: BTreeSet<RepoName> = fleet.unread().into_iter().filter_map(|(repository, _)| repository).collect();
    let due = named.iter().filter(|name| !mirrors.was_looked_at(name) || unread.contains(*name));
    Ok(due.filter_map(|name| mirrors.fetch(name).err()).collect())
}

/// Looks at what a head names of a repository, which is fetched unless it is the fleet's own.
pub(super) fn stir(
    outside: &Outside,
    repository: Option<&RepoName>,
    head: Option<CommitId>,
    compared: Compared,
) -> Result<Stirred, Fault> {
    let mirrors = outside.mirrors();
    let fleet = || head.map(|head| outside.moments().fleet(mirrors, head)).transpose();
    let before = fleet()?;
    let trouble = repository.and_then(|repository| mirrors.fetch(repository).err());
    let mut moved = None;
    if let (Some(commit), Some(before), Some(after)) = (head, before, fleet()?) {
        let mut named = match compared {
            Compared::WithBefore => after.changed_since(&before),
            Compared::WithNothing => after.index.named(),
        };
        named.retain(|(of, _)| of.as_ref() == repository);
        let clusters = after.index.readers(&named);
        moved = (!clusters.is_empty()).then_some((commit, after, clusters));
    }
    Ok(Stirred { moved, trouble })
}

/// What a repository is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// With how it was read before the look.
    WithBefore,
    /// With nothing: all that read it are looked at.
    WithNothing,
}
