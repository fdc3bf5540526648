//! In: the lock, and what it is to hold. Out: each entry that is not right, at its line.
//! Guarantee: what is wrong with fleet.lock is named, one thing a line; nothing is asked of anybody.
use crate::decide::document::{Fragment, Lock, Tag};
use crate::decide::lock::Resolved;
use crate::decide::profile::codes;
use crate::decide::value::Diagnostic;
use std::sync::Arc;

/// What mends a lock of which nothing has to be resolved anew.
const HINT: &str = "run `stratify lock` and commit it";

/// Returns what the lock has that it is not to have, and what it lacks; what documents name and it lacks is told there.
pub(super) fn differences(lock: Option<&Arc<Lock>>, resolved: &Resolved) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    let empty = Vec::new();
    let known = lock.map_or(&empty, |lock| &lock.tags);
    for tag in &resolved.tags {
        let named = |other: &&Tag| (&other.name, &other.repository) == (&tag.name, &tag.repository);
        match known.iter().find(named) {
            None => said.push(missing(format!("the tag `{}` is not in fleet.lock", tag.name))),
            Some(other) if other.commit != tag.commit => {
                let (name, then, now) = (&tag.name, other.commit, tag.commit);
                let message = format!("fleet.lock has the commit {then} of the tag `{name}`, which is {now} now");
                said.push(missing(message));
            }
            Some(_) => {}
        }
    }
    for pack in &resolved.packs {
        if lock.is_none_or(|lock| !lock.packs.contains(pack)) {
            let message = format!("the version {} of the pack `{}` is not in fleet.lock", pack.version, pack.name);
            said.push(missing(message));
        }
    }
    if let Some(lock) = lock {
        said.extend(beyond(lock, resolved));
    }
    said
}

/// Returns what the lock has that nothing asks for.
fn beyond(lock: &Lock, resolved: &Resolved) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    let mut tell = |list: &str, at: usize, what: String, why: &str| {
        let message = format!("fleet.lock has {what}, which {why}");
        let item = lock.file.root().get(list).and_then(|node| lock.file.part(node).items().nth(at));
        let spoken = Diagnostic::error(codes::NOT_LOCKED, message).hint(HINT);
        said.push(match item.as_ref().map(Fragment::span) {
            Some(at) => spoken.at(at),
            None => spoken,
        });
    };
    let unnamed = "no document names";
    for (at, tag) in lock.tags.iter().enumerate() {
        let is_it = |other: &Tag| (&other.name, &other.repository) == (&tag.name, &tag.repository);
        if !resolved.tags.iter().any(is_it) {
            tell("tags", at, format!("the tag `{}`", tag.name), unnamed);
        }
    }
    for (at, pack) in lock.packs.iter().enumerate() {
        if !resolved.packs.contains(pack) {
            let what = format!("the version {} of the pack `{}`", pack.version, pack.name);
            tell("packs", at, what, "is not the newest of a minor that there is");
        }
    }
    for (at, chart) in lock.charts.iter().enumerate() {
        if !resolved.charts.contains(chart) {
            tell("charts", at, format!("the chart `{}` at `{}`", chart.name, chart.wanted), unnamed);
        }
    }
    for (at, package) in lock.packages.iter().enumerate() {
        if !resolved.packages.contains(package) {
            tell("packages", at, format!("the package {} at `{}`", package.oci, package.wanted), unnamed);
        }
    }
    for (at, pack) in lock.registry_packs.iter().enumerate() {
        if !resolved.registry_packs.contains(pack) {
            let what = format!("the pack `{}` of {} at `{}`", pack.name, pack.registry, pack.wanted);
            tell("registryPacks", at, what, unnamed);
        }
    }
    said
}

/// Returns what is said of a lock that holds what it is to hold, in other words.
pub(super) fn written_otherwise(lock: Option<&Arc<Lock>>) -> Diagnostic {
    let message = "fleet.lock holds what it is to hold, and not as `stratify lock` writes it";
    let said = Diagnostic::error(codes::NOT_LOCKED, message).hint(HINT);
    match lock {
        Some(lock) => said.at(lock.file.span(lock.file.root())),
        None => said,
    }
}

fn missing(message: String) -> Diagnostic {
    Diagnostic::error(codes::NOT_LOCKED, message).hint(HINT)
}
