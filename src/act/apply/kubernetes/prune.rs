//! In: an object that ends. Out: it is deleted or released, or left because it is not ours.
//! Guarantee: read before it is deleted; its UID stands in our inventory and it bears our mark, else it stays.
use super::answer::{answer, is_stale, why};
use super::referrer::referrer;
use super::target::{Owner, Pathless, Target, managers, path_of, text, version_of};
use crate::client::kubernetes::{DEADLINE, Deletion, FIELD_MANAGER, Kinds, ObjectPath, Propagation};
use crate::decide::plan::adoption::release;
use crate::decide::plan::{ObjectChange, Operation, Version, Why};
use crate::decide::profile;
use crate::decide::render::is_template;
use crate::decide::rollout::Answer;
use crate::decide::value::{Patch, Value};
use std::sync::Arc;

/// How often an end is tried again because the object moved on meanwhile: its controllers write its status all the time.
const TRIES_MAX: u32 = 5;

/// Labels of ours, which a released object loses.
const MARKS: [&str; 4] =
    ["stratify.dev/fleet", "stratify.dev/cluster", "stratify.dev/layer", "applyset.kubernetes.io/part-of"];

/// What is there of an object that ends.
pub(super) enum Ours {
    /// Nothing.
    Gone,
    /// The object, ours.
    Live { path: ObjectPath, live: Value },
    /// An object that is not ours, or not any more.
    Foreign(String),
}

/// Reads an object that ends.
pub(super) async fn find(
    target: &Target,
    kinds: &Arc<Kinds>,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<Ours, Why> {
    let path = match path_of(kinds, &change.object, None) {
        Ok(path) => path,
        // With its definition, all objects of a kind are gone.
        Err(Pathless::Unserved(_)) => return Ok(Ours::Gone),
        Err(pathless) => return Err(pathless.into()),
    };
    let Some(live) = target.server.get(&path).await.map_err(|error| why(&error))? else { return Ok(Ours::Gone) };
    match target.uid(owner.layer, &change.object) {
        Some(uid) if **uid != *text(&live, "uid") => {
            return Ok(Ours::Foreign(format!("another object has its name, of {}", managers(&live))));
        }
        None if !is_applied_by_us(&live) => return Ok(Ours::Foreign("it was never applied by us".into())),
        _ => {}
    }
    if !target.is_marked(&live) {
        return Ok(Ours::Foreign("it does not bear our mark any more".into()));
    }
    Ok(Ours::Live { path, live })
}

/// Reads an object that ends; one that is not there, and of which nobody knows whether it was ever made, is read again once
/// no request that makes it can be under way any more: a create cannot be fenced as other writes are, and who took over from
/// a writer that was cut off would leave behind what comes late.
async fn find_late(target: &Target, kinds: &Arc<Kinds>, owner: Owner<'_>, change: &ObjectChange) -> Result<Ours, Why> {
    let found = find(target, kinds, owner, change).await?;
    if !matches!(found, Ours::Gone) || target.uid(owner.layer, &change.object).is_some() {
        return Ok(found);
    }
    tokio::time::sleep(DEADLINE.saturating_sub(target.read_at.elapsed())).await;
    find(target, kinds, owner, change).await
}

/// A write that was cut off has no UID in the inventory; that it was ours shows by our field manager.
fn is_applied_by_us(live: &Value) -> bool {
    let fields = live.get("metadata").and_then(|it| it.get("managedFields")).and_then(Value::as_list);
    let is_ours = |entry: &Value| {
        entry.get("manager").and_then(Value::as_str) == Some(FIELD_MANAGER)
            && entry.get("operation").and_then(Value::as_str) == Some("Apply")
    };
    fields.unwrap_or_default().iter().any(is_ours)
}

/// Deletes or releases an object.
pub(super) async fn end(target: &Target, kinds: &Arc<Kinds>, owner: Owner<'_>, change: &ObjectChange) -> Answer {
    let done = || Answer::Written { version: Version("".into()), uid: None };
    for _ in 0..TRIES_MAX {
        let (path, live) = match find_late(target, kinds, owner, change).await {
            Ok(Ours::Gone) => return done(),
            // Were it taken for gone, its definition could be deleted, and it with it; the next plan keeps both.
            Ok(Ours::Foreign(why)) if change.operation == Operation::Prune => {
                return Answer::Refused(Why::Unmarked(why));
            }
            Ok(Ours::Foreign(why)) => {
                tracing::warn!(object = %change.object.name, kind = %change.object.kind, why, "left as it is");
                return done();
            }
            Ok(Ours::Live { path, live }) => (path, live),
            Err(why) => return Answer::Refused(why),
        };
        if change.operation == Operation::Prune && is_template(&change.object) {
            match referrer(target, kinds, &change.object).await {
                Ok(None) => {}
                Ok(Some(maker)) => {
                    return Answer::Refused(Why::Unavailable(format!("{maker} still makes machines from it")));
                }
                Err(why) => return Answer::Refused(why),
            }
        }
        let ended = if change.operation == Operation::Keep {
            let Some(patch) = release(&live, &MARKS, &[]) else { return done() };
            target.server.patch(&path, &operations(&patch)).await.map(|released| version_of(&released))
        } else if !text(&live, "deletionTimestamp").is_empty() {
            return done();
        } else {
            let deletion = Deletion {
                uid: text(&live, "uid"),
                version: text(&live, "resourceVersion"),
                propagation: match owner.options.propagation {
                    profile::Propagation::Foreground => Propagation::Foreground,
                    profile::Propagation::Background => Propagation::Background,
                    profile::Propagation::Orphan => Propagation::Orphan,
                },
            };
            target.server.delete(&path, deletion).await.map(|_| Version("".into()))
        };
        match ended {
            Ok(version) => return Answer::Written { version, uid: None },
            Err(error) if is_stale(&error) => {}
            Err(error) => return answer(&error),
        }
    }
    Answer::Refused(Why::Unavailable("it changes faster than it can be ended".into()))
}

/// Returns a patch as it is sent.
pub(super) fn operations(patch: &Patch) -> Value {
    Value::list(patch.iter().map(crate::decide::value::PatchOperation::to_value).collect())
}
