//! In: an object that is there, and of which something shall change that no server changes in place. Out: whether its
//! successor would be taken; the object is gone.
//! Guarantee: only the very object of our inventory is deleted, and only once its successor was tried under another name.
use super::probe::{Refusal, try_apply, wanted};
use super::prune::{Ours, end, find};
use super::target::{Owner, Target, path_of, version_of};
use crate::client::kubernetes::{ApplyMode, Kinds, ObjectPath};
use crate::decide::plan::{Conflicts, Expected, ObjectChange, Operation, Why};
use crate::decide::rollout::Answer;
use crate::decide::value::{Map, Value};
use crate::name::ObjectId;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether a deleted object is gone, and the pause between: what belongs to it may go first.
const LOOKS_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// The longest part of a name that its successor's trial bears: with what follows a label still.
const NAME_CHARS_MAX: usize = 40;

/// Tries whether an object can become what it shall be: in place, as after a sync that was cut off, else by a successor.
pub(super) async fn try_recreate(
    target: &Target,
    kinds: &Arc<Kinds>,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<(Expected, Conflicts), Refusal> {
    match try_apply(target, path, owner, change, target.tried.get(&change.object)).await {
        Err(Refusal::Server(error)) if error.code() == Some(422) => {}
        tried => return tried,
    }
    try_successor(target, kinds, path, owner, change).await
}

/// Tries whether a hook would be taken: as it is where there is none, else under another name.
pub(super) async fn try_run(
    target: &Target,
    kinds: &Arc<Kinds>,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<(Expected, Conflicts), Refusal> {
    match find(target, kinds, owner, change).await {
        Ok(Ours::Live { .. }) => try_successor(target, kinds, path, owner, change).await,
        Ok(Ours::Gone) => try_apply(target, path, owner, change, None).await,
        Ok(Ours::Foreign(why)) => Err(Refusal::Foreign(why)),
        Err(why) => Err(Refusal::Other(why)),
    }
}

async fn try_successor(
    target: &Target,
    kinds: &Arc<Kinds>,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<(Expected, Conflicts), Refusal> {
    let live = match find(target, kinds, owner, change).await {
        Ok(Ours::Live { live, .. }) => live,
        Ok(Ours::Gone) => return Ok((Expected::Absent, Conflicts::Refuse)),
        Ok(Ours::Foreign(why)) => return Err(Refusal::Foreign(why)),
        Err(why) => return Err(Refusal::Other(why)),
    };
    let mut successor = wanted(target, path, owner, change).await.map_err(Refusal::Server)?;
    let name: String = change.object.name.chars().take(NAME_CHARS_MAX).collect();
    let digits: String =
        change.manifest.as_ref().map_or_else(String::new, |it| it.digest().to_string()).chars().take(8).collect();
    let id = ObjectId { name: format!("{name}-{digits}").into(), ..change.object.clone() };
    successor.make_map().entry(&"metadata".into()).make_map().insert("name".into(), Value::String(id.name.clone()));
    without_what_is_taken(&mut successor, &live);
    let path = path_of(kinds, &id, Some(&successor)).map_err(|pathless| Refusal::Other(pathless.into()))?;
    let mode = ApplyMode { dry_run: true, force: false };
    target.server.apply(&path, &successor, mode).await.map_err(Refusal::Server)?;
    Ok((Expected::Version(version_of(&live)), Conflicts::Refuse))
}

/// Leaves out what only one Service can have, and this one has as long as it is there.
fn without_what_is_taken(successor: &mut Value, live: &Value) {
    if live.get("kind").and_then(Value::as_str) != Some("Service") {
        return;
    }
    let Some(spec) = successor.get("spec").and_then(Value::as_map).cloned() else { return };
    let of_live = |key: &str| live.get("spec").and_then(|spec| spec.get(key));
    let is_kept = |key: &str, value: &Value| {
        key != "healthCheckNodePort" && !(key.starts_with("clusterIP") && of_live(key) == Some(value))
    };
    let without_port = |item: &Value| match item.as_map() {
        Some(port) => port.iter().filter(|(key, _)| &***key != "nodePort").map(clone).collect::<Map>().into(),
        None => item.clone(),
    };
    let entry = |(key, value): (&Arc<str>, &Value)| match (&**key, value.as_list()) {
        ("ports", Some(ports)) => (key.clone(), Value::list(ports.iter().map(without_port).collect())),
        _ => (key.clone(), value.clone()),
    };
    let spec: Map = spec.iter().filter(|(key, value)| is_kept(key, value)).map(entry).collect();
    successor.make_map().insert("spec".into(), spec.into());
}

fn clone((key, value): (&Arc<str>, &Value)) -> (Arc<str>, Value) {
    (key.clone(), value.clone())
}

/// Deletes an object that is to be made anew, and waits until it is gone.
pub(super) async fn remove(
    target: &Target,
    kinds: &Arc<Kinds>,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<(), Answer> {
    let ending = ObjectChange { operation: Operation::Prune, manifest: None, ..change.clone() };
    match end(target, kinds, owner, &ending).await {
        Answer::Written { .. } => {}
        answer => return Err(answer),
    }
    for _ in 0..LOOKS_MAX {
        match target.server.get(path).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(super::answer::answer(&error)),
        }
    }
    Err(Answer::Refused(Why::Unavailable("its deletion goes on, and it is made anew once it is gone".into())))
}
