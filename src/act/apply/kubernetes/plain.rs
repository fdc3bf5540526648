//! In: objects of no fleet, in their order. Out: they are on a server, as ours by server-side apply.
//! Guarantee: nothing of others is taken by force, nothing is deleted; the first one that is refused ends it.
use super::answer::conflicts;
use super::target::{Pathless, path_of};
use crate::client::kubernetes::{ApiError, ApplyMode, Server};
use crate::decide::plan::conflict::words;
use crate::decide::value::{Fault, Owner, Source, Value};
use crate::name::ObjectId;

/// Applies objects, and returns of each whether it was made.
pub async fn apply_plain(server: &Server, objects: &[Value]) -> Result<Vec<bool>, Fault> {
    let kinds = server.kinds().await?;
    let mut made = Vec::new();
    for object in objects {
        let id = id_of(object);
        let path = path_of(&kinds, &id, Some(object)).map_err(|pathless| {
            let (Pathless::Unserved(why) | Pathless::Incomplete(why) | Pathless::Scope(why)) = pathless;
            refused(&id, &why)
        })?;
        let applied = server.apply(&path, object, ApplyMode { dry_run: false, force: false }).await;
        made.push(applied.map_err(|error| taken(&id, error))?.is_created);
    }
    Ok(made)
}

fn taken(id: &ObjectId, error: ApiError) -> Fault {
    let conflicts = conflicts(&error);
    if conflicts.is_empty() { error.into() } else { refused(id, &format!("others have {}", words(&conflicts))) }
}

fn refused(id: &ObjectId, why: &str) -> Fault {
    let text = format!("could not apply {} {}: {why}", id.kind, id.name);
    let hint = Some("what was applied before it stays; mend that, and run it again".into());
    Fault { owner: Owner::Operator, spurious: false, hint, source: Source::Error(text.into()) }
}

/// Returns which object it is.
pub fn id_of(object: &Value) -> ObjectId {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let of = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str);
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    ObjectId {
        group: group.into(),
        kind: text("kind").into(),
        namespace: of("namespace").map(Into::into),
        name: of("name").unwrap_or_default().into(),
    }
}
