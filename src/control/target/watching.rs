//! In: the kinds of a cluster's objects and books, its server. Out: a watch of each, whose changes go to the memory.
//! Guarantee: a watch that is cut off goes on from where it was, or lists anew where the server forgot that; until then
//! nothing is vouched for. All watches of a cluster end with its memory.
use super::memory::Memory;
use crate::client::kubernetes::{ApiError, Change, ObjectPath, Server, Watched as Stream};
use crate::decide::drift::{Key, Kind, Sighting, Watched};
use crate::decide::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The pause after a watch that failed; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// A watch that lasted so long was well, and the next one needs no pause.
const STEADY: Duration = Duration::from_secs(1);

/// The longest pause: what may not be watched is looked at as often.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The kind under which it is remembered.
    pub(super) kind: Kind,
    /// Where the objects are.
    pub(super) path: ObjectPath,
    /// What selects them; empty for all.
    pub(super) labels: String,
    /// What the changes mean.
    pub(super) meaning: Meaning,
}

/// What the changes of a kind mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Objects of ours, among those of others.
    Objects,
    /// Our books, and nothing else.
    Books,
    /// Which kinds there are.
    Definitions,
}

/// The watches of one cluster.
#[derive(Default)]
pub(super) struct Watchers(BTreeMap<Kind, Watcher>);

struct Watcher {
    wish: Wish,
    task: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watchers {
    /// Begins a watch, unless there is that very one.
    pub(super) fn begin(
        &mut self,
        runtime: &Handle,
        server: &Server,
        wish: Wish,
        watched: &mut Watched,
        memory: &Arc<Memory>,
    ) {
        if self.0.get(&wish.kind).is_some_and(|known| known.wish == wish && !known.task.is_finished()) {
            return;
        }
        watched.forget_kind(&wish.kind);
        watched.begin_kind(&wish.kind, wish.meaning == Meaning::Books);
        let task = runtime.spawn(run(server.clone(), wish.clone(), Arc::downgrade(memory)));
        self.0.insert(wish.kind.clone(), Watcher { wish, task });
    }

    /// Ends all watches but those of these kinds.
    pub(super) fn retain(&mut self, kinds: &BTreeSet<Kind>, watched: &mut Watched) {
        self.0.retain(|kind, _| {
            let is_wished = kinds.contains(kind);
            if !is_wished {
                watched.forget_kind(kind);
            }
            is_wished
        });
    }
}

/// How a watch ended.
enum End {
    /// As servers end watches: from this version on it goes on.
    Over { version: String },
    /// By a fault, or its version is gone: nobody knows what was missed.
    Cut,
    /// Nobody remembers any more.
    Forgotten,
}

/// Watches until it is aborted.
async fn run(server: Server, wish: Wish, memory: Weak<Memory>) {
    let (mut from, mut pause, mut is_first): (Option<String>, Duration, bool) = (None, PAUSE, true);
    loop {
        let opened = open(&server, &wish, &memory, from.take(), is_first).await;
        if let Some((stream, version)) = opened {
            is_first = false;
            let began = Instant::now();
            match follow(&server, &wish, &memory, stream, version).await {
                End::Over { version } => from = Some(version),
                End::Cut => {}
                End::Forgotten => return,
            }
            if began.elapsed() >= STEADY {
                pause = PAUSE;
                if from.is_some() {
                    continue;
                }
            }
        }
        let Some(remembers) = memory.upgrade() else { return };
        if pause >= PAUSE_MAX {
            remembers.missed();
        }
        drop(remembers);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Opens a watch from a version on, or after a list.
async fn open(
    server: &Server,
    wish: &Wish,
    memory: &Weak<Memory>,
    from: Option<String>,
    is_first: bool,
) -> Option<(Stream, String)> {
    let opened = async {
        let version = match from {
            Some(version) => version,
            None => list(server, wish, memory, is_first).await?,
        };
        Ok((server.watch(&wish.path, &wish.labels, &version).await?, version))
    };
    opened
        .await
        .inspect_err(|error: &ApiError| {
            tracing::debug!(%error, kind = %wish.kind.1, "not watched");
            memory.upgrade().inspect(|memory| memory.set_whole(&wish.kind, false));
        })
        .ok()
}

async fn list(server: &Server, wish: &Wish, memory: &Weak<Memory>, is_first: bool) -> Result<String, ApiError> {
    let mut objects = Vec::new();
    let take = |object: &Value| {
        if wish.meaning != Meaning::Definitions {
            objects.push((key(wish, object), Sighting::of(object)));
        }
    };
    let version = server.list_metadata(&wish.path, &wish.labels, take).await?;
    match (wish.meaning, memory.upgrade()) {
        // At the first time the kinds were asked for a moment ago.
        (Meaning::Definitions, _) if is_first => {}
        (Meaning::Definitions, _) => server.forget_kinds(),
        (Meaning::Objects, Some(memory)) => memory.listed(&wish.kind, &version, objects),
        (Meaning::Books, Some(memory)) => {
            // Another cluster may stand behind the address since.
            if !is_first {
                memory.forget_books();
            }
            memory.listed(&wish.kind, &version, objects);
        }
        (_, None) => {}
    }
    Ok(version)
}

/// Takes the changes of a watch until it ends.
async fn follow(server: &Server, wish: &Wish, memory: &Weak<Memory>, mut stream: Stream, mut version: String) -> End {
    loop {
        let change = stream.next().await;
        let Some(memory) = memory.upgrade() else { return End::Forgotten };
        let object = match &change {
            Ok(Some(Change::Put(object) | Change::Gone(object))) => object,
            Ok(Some(Change::Bookmark(at))) => {
                version.clone_from(at);
                continue;
            }
            Ok(None) => return End::Over { version },
            Ok(Some(Change::Expired)) | Err(_) => {
                tracing::debug!(?change, kind = %wish.kind.1, "a watch was cut off");
                memory.set_whole(&wish.kind, false);
                return End::Cut;
            }
        };
        text(object, "resourceVersion").clone_into(&mut version);
        match (wish.meaning, &change) {
            (Meaning::Definitions, _) => server.forget_kinds(),
            (_, Ok(Some(Change::Gone(_)))) => memory.gone(&wish.kind, key(wish, object), object),
            _ => memory.put(&wish.kind, key(wish, object), object),
        }
    }
}

fn key(wish: &Wish, object: &Value) -> Key {
    // All books lie in one namespace, and are known by their names.
    let namespace = if wish.meaning == Meaning::Books { "" } else { text(object, "namespace") };
    Key::named(namespace, text(object, "name"))
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str).unwrap_or_default()
}
