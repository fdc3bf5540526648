//! In: a watch of one cluster. Out: its events, as they happen, and a bookmark from time to time.
//! Guarantee: no change is left out between the version that was said and the last event; a version that is forgotten is
//! told so.
use super::Inner;
use super::answer::Asked;
use super::kinds::{KINDS, Place, api_version};
use super::refusal::Refusal;
use super::store::{Change, Stored, Wanted, selector};
use bytes::Bytes;
use http_body_util::channel::Sender;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How often a watch hears that nothing was left out: as from the real server.
const BOOKMARK: Duration = Duration::from_mins(1);

/// How long a watch lasts that does not say it.
const LASTS: Duration = Duration::from_mins(30);

/// What is watched.
pub(super) struct Watch {
    place: Place,
    selector: Vec<Wanted>,
    from: u64,
    lasts: Duration,
    wants_metadata: bool,
}

impl Watch {
    /// Reads a request.
    pub(super) fn read(asked: &Asked) -> Result<Self, Refusal> {
        let place = Place::read(&asked.path).filter(|place| place.name.is_empty()).ok_or_else(Refusal::unserved)?;
        let seconds = asked.parameter("timeoutSeconds").parse().map(Duration::from_secs);
        Ok(Self {
            place,
            selector: selector(asked.parameter("labelSelector"))?,
            from: asked.parameter("resourceVersion").parse().map_err(|error| Refusal::malformed(&error))?,
            lasts: seconds.unwrap_or(LASTS),
            wants_metadata: asked.wants_metadata(),
        })
    }

    /// Tells what changes until it ends, the client goes, or the cluster does.
    pub(super) async fn run(mut self, cluster: Arc<Inner>, mut sender: Sender<Bytes, Infallible>) {
        let end = tokio::time::Instant::now() + self.lasts;
        let mut changed = cluster.changed.subscribe();
        loop {
            let told = {
                let store = cluster.store();
                let told =
                    store.since(self.from).map(|it| it.filter_map(|change| self.event(change)).collect::<Vec<_>>());
                self.from = store.version();
                told
            };
            let Some(events) = told else {
                let event = json!({ "type": "ERROR", "object": Refusal::expired().status() });
                sender.send_data(Bytes::from(format!("{event}\n"))).await.ok();
                return;
            };
            for event in events {
                if sender.send_data(event).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                is_there = changed.changed() => if is_there.is_err() { return },
                () = tokio::time::sleep_until(end) => return,
                () = tokio::time::sleep(BOOKMARK) => {
                    if cluster.is_well() && sender.send_data(self.bookmark()).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn event(&self, change: &Change) -> Option<Bytes> {
        let is_ours = |stored: &&Arc<Stored>| {
            let (kind, namespace, _) = &stored.place;
            *kind == self.place.kind
                && (self.place.namespace.is_empty() || *namespace == self.place.namespace)
                && stored.has(&self.selector)
        };
        let (before, after) = (change.before.as_ref().filter(is_ours), change.after.as_ref().filter(is_ours));
        let (word, stored) = match (before, after) {
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", before),
            (None, None) => return None,
        };
        let text = if self.wants_metadata { &stored.metadata } else { &stored.text };
        let mut text = String::from_utf8_lossy(text).into_owned();
        if word == "DELETED" {
            // It goes at the version of its end.
            let known = format!("\"resourceVersion\":\"{}\"", stored.version);
            text = text.replacen(&known, &format!("\"resourceVersion\":\"{}\"", change.version), 1);
        }
        Some(Bytes::from(format!("{{\"type\":\"{word}\",\"object\":{text}}}\n")))
    }

    fn bookmark(&self) -> Bytes {
        let kind = &KINDS[self.place.kind];
        let (name, version) = if self.wants_metadata {
            ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
        } else {
            (kind.name, api_version(kind))
        };
        let metadata = json!({ "resourceVersion": self.from.to_string(), "creationTimestamp": null });
        let object = json!({ "kind": name, "apiVersion": version, "metadata": metadata });
        Bytes::from(format!("{}\n", json!({ "type": "BOOKMARK", "object": object })))
    }
}
