//! In: objects of ours on an API server. Out: what it has of each.
//! Guarantee: one request a kind where there are many, and never an older state than that of the last write.
use crate::client::kubernetes::{ApiError, Kind, ObjectPath, Server};
use crate::decide::health::{PODS_MAX, Suspects};
use crate::decide::value::{Absence, Fault, Live, Owner, Source, Value};
use crate::name::ObjectId;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many objects of one kind are listed rather than read one by one.
const LIST_MIN: usize = 4;

/// How many requests are under way at once: more make an API server no faster.
pub(super) const CONCURRENT: usize = 8;

/// An object that we look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The object.
    pub object: ObjectId,
    /// Its UID, where it is known; another object of the same name is not ours, and ours is gone.
    pub uid: Option<Arc<str>>,
}

/// What an object is whose kind the server does not serve, though it told all that it has of the kind's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// Not read: its definition may come back, and the object with it.
    Unread,
    /// Gone with its definition: it was to end anyway.
    Gone,
}

/// Looks at objects, in their order; `labels` selects all of ours.
pub async fn look(server: &Server, objects: &[Owned], labels: &str, unserved: Unserved) -> Vec<Live> {
    let ids: Vec<ObjectId> = objects.iter().map(|owned| owned.object.clone()).collect();
    let mut seen = survey(server, &ids, labels).await;
    if unserved == Unserved::Gone
        && let Ok(kinds) = server.kinds().await
    {
        let is_gone =
            |object: &&ObjectId| kinds.get(&object.group, &object.kind).is_none() && kinds.is_complete(&object.group);
        seen.extend(ids.iter().filter(is_gone).map(|object| (object.clone(), Live::Absent(Absence::Gone))));
    }
    let is_other = |owned: &Owned, live: &Live| match (live, &owned.uid) {
        (Live::Present { object, .. }, Some(uid)) => text(object, "uid") != &**uid,
        _ => false,
    };
    let show = |owned: &Owned| match seen.get(&owned.object) {
        Some(live) if is_other(owned, live) => Live::Absent(Absence::Gone),
        Some(live) => live.clone(),
        None => not_read(format!("{} {} was not looked at", owned.object.kind, owned.object.name)),
    };
    objects.iter().map(show).collect()
}

/// Reads objects, whoever's they are now.
pub async fn survey(server: &Server, objects: &[ObjectId], labels: &str) -> BTreeMap<ObjectId, Live> {
    let mut seen = BTreeMap::new();
    let kinds = match server.kinds().await {
        Ok(kinds) => kinds,
        Err(error) => {
            let fault = Arc::new(Fault::from(error));
            let unread = objects.iter().map(|it| (it.clone(), Live::Absent(Absence::NotRead(fault.clone()))));
            return unread.collect();
        }
    };
    let mut by_kind: BTreeMap<(&str, &str), Vec<ObjectId>> = BTreeMap::new();
    for object in objects {
        by_kind.entry((&object.group, &object.kind)).or_default().push(object.clone());
    }
    let mut single: Vec<(Kind, ObjectId)> = Vec::new();
    let mut lists = Vec::new();
    for ((group, name), wanted) in by_kind {
        let Some(kind) = kinds.get(group, name) else {
            let why = if kinds.is_complete(group) {
                format!("the server serves no kind {name} of group `{group}` any more")
            } else {
                format!("the server did not tell what it has of group `{group}`: its backend does not answer")
            };
            seen.extend(wanted.into_iter().map(|object| (object, not_read(why.clone()))));
            continue;
        };
        if wanted.len() < LIST_MIN {
            single.extend(wanted.into_iter().map(|object| (kind.clone(), object)));
        } else {
            lists.push((kind.clone(), wanted));
        }
    }
    let lists: Vec<_> = lists.into_iter().map(|(kind, wanted)| list(server, kind, wanted, labels)).collect();
    let listed: Vec<_> = futures::stream::iter(lists).buffered(CONCURRENT).collect().await;
    for (kind, wanted, found) in listed {
        let missing = take_list(&kind, wanted, found, &mut seen);
        single.extend(missing.into_iter().map(|object| (kind.clone(), object)));
    }
    let reads: Vec<_> = single.into_iter().map(|(kind, object)| read(server, kind, object)).collect();
    seen.extend(futures::stream::iter(reads).buffered(CONCURRENT).collect::<Vec<_>>().await);
    seen
}

/// Reads some pods of a workload; those that cannot be read have nothing to say.
pub async fn pods(server: &Server, suspects: &Suspects) -> Vec<Live> {
    let Ok(kinds) = server.kinds().await else { return Vec::new() };
    let Some(kind) = kinds.get("", "Pod") else { return Vec::new() };
    let path = ObjectPath::all(kind, Some(&suspects.namespace));
    let found = server.list_some(&path, &suspects.selector, PODS_MAX).await;
    found.unwrap_or_default().into_iter().map(present).collect()
}

type Listed = (Kind, Vec<ObjectId>, Result<Vec<Value>, ApiError>);

async fn list(server: &Server, kind: Kind, wanted: Vec<ObjectId>, labels: &str) -> Listed {
    let path = ObjectPath::all(&kind, common_namespace(&wanted));
    let found = server.list(&path, labels).await;
    (kind, wanted, found)
}

async fn read(server: &Server, kind: Kind, object: ObjectId) -> (ObjectId, Live) {
    let path = ObjectPath::object(&kind, &kind.version, object.namespace.as_deref(), &object.name);
    let live = live(server.get(&path).await);
    (object, live)
}

/// Returns the one namespace of all, if they have one: rights in it may be all that we have.
fn common_namespace(objects: &[ObjectId]) -> Option<&str> {
    let namespaces: BTreeSet<Option<&str>> = objects.iter().map(|object| object.namespace.as_deref()).collect();
    namespaces.first().copied().flatten().filter(|_| namespaces.len() == 1)
}

/// Takes a list in, and returns what it lacks: an object without our labels may still be there.
fn take_list(
    kind: &Kind,
    wanted: Vec<ObjectId>,
    found: Result<Vec<Value>, ApiError>,
    seen: &mut BTreeMap<ObjectId, Live>,
) -> Vec<ObjectId> {
    let Ok(found) = found else { return wanted };
    let mut by_name: BTreeMap<(String, String), Value> = found
        .into_iter()
        .map(|object| ((text(&object, "namespace").to_owned(), text(&object, "name").to_owned()), object))
        .collect();
    let version =
        if kind.group.is_empty() { kind.version.to_string() } else { format!("{}/{}", kind.group, kind.version) };
    let mut missing = Vec::new();
    for object in wanted {
        let namespace = object.namespace.as_deref().unwrap_or_default().to_owned();
        match by_name.remove(&(namespace, object.name.to_string())) {
            Some(mut found) => {
                // Items of a list leave out what the list says for all of them.
                let map = found.make_map();
                map.insert("kind".into(), Value::String(kind.kind.clone()));
                map.insert("apiVersion".into(), Value::string(&version));
                seen.insert(object, present(found));
            }
            None => missing.push(object),
        }
    }
    missing
}

fn live(read: Result<Option<Value>, ApiError>) -> Live {
    match read {
        Ok(Some(object)) => present(object),
        Ok(None) => Live::Absent(Absence::Gone),
        Err(error) => Live::Absent(Absence::NotRead(Arc::new(error.into()))),
    }
}

fn present(object: Value) -> Live {
    let version = format!("{}/{}", text(&object, "uid"), text(&object, "resourceVersion")).into();
    Live::Present { object, version }
}

fn not_read(why: String) -> Live {
    let hint = Some("look at the API server and the kinds it serves".into());
    let fault = Fault { owner: Owner::Outside, spurious: true, hint, source: Source::Error(why.into()) };
    Live::Absent(Absence::NotRead(Arc::new(fault)))
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str).unwrap_or_default()
}
