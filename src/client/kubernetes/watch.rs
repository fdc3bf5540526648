//! In: a kind of objects and a version from which on. Out: their changes as the server tells them, metadata only.
//! Guarantee: one change in memory at a time; a version that is gone is said to be gone, so that the caller lists anew.
use super::error::{ApiError, Trouble, chain};
use super::path::{ObjectPath, encode};
use super::server::{Call, Server};
use crate::decide::value::Value;
use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use std::time::Duration;

/// How long a watch is kept before the server ends it; a new one goes on from the last version.
const WATCH: Duration = Duration::from_mins(5);

/// A watch that says nothing for so long is taken for dead: bookmarks come about once a minute.
const SILENCE: Duration = Duration::from_mins(3);

/// The most bytes of one change: the metadata of an object, whose annotations have at most 256 KiB.
const LINE_BYTES_MAX: usize = 4 << 20;

/// What happened to an object.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is there, or is another version; its metadata.
    Put(Value),
    /// It is gone; its metadata as they were.
    Gone(Value),
    /// Nothing; all up to this version was told.
    Bookmark(String),
    /// The version to go on from is gone: list anew.
    Expired,
}

/// An open watch.
pub struct Watched {
    body: Body,
    rest: Vec<u8>,
    attempt: String,
    silence: Duration,
}

impl Server {
    /// Watches objects by labels from a version on.
    pub async fn watch(&self, path: &ObjectPath, labels: &str, from: &str) -> Result<Watched, ApiError> {
        const ACCEPT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        let mut uri = format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}", path.path, WATCH.as_secs());
        uri.push_str("&labelSelector=");
        encode(labels, &mut uri);
        uri.push_str("&resourceVersion=");
        encode(from, &mut uri);
        let attempt = format!("watch {}", path.path);
        let call = Call { method: Method::GET, uri, body: None, accept: ACCEPT, attempt: attempt.clone() };
        let late = |_| ApiError { attempt: attempt.clone(), trouble: Trouble::Unanswered("no head came".into()) };
        let response = tokio::time::timeout(super::server::DEADLINE, self.send(&call)).await.map_err(late)??;
        let code = response.status().as_u16();
        if code == 200 {
            return Ok(Watched { body: response.into_body(), rest: Vec::new(), attempt, silence: SILENCE });
        }
        let body = http_body_util::Limited::new(response.into_body(), LINE_BYTES_MAX).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(ApiError::refused(attempt, code, &body, None))
    }
}

impl Watched {
    /// Takes it for dead after another silence than the usual one.
    #[must_use]
    pub fn silent_after(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Returns the next change, or nothing once the server ended the watch.
    pub async fn next(&mut self) -> Result<Option<Change>, ApiError> {
        let fail = |attempt: &str, trouble| Err(ApiError { attempt: attempt.to_owned(), trouble });
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return match change(&line) {
                    Ok(change) => Ok(Some(change)),
                    Err(why) => fail(&self.attempt, Trouble::Malformed(why)),
                };
            }
            if self.rest.len() > LINE_BYTES_MAX {
                return fail(&self.attempt, Trouble::Malformed(format!("a change is above {LINE_BYTES_MAX} bytes")));
            }
            match tokio::time::timeout(self.silence, self.body.frame()).await {
                Err(_) => return fail(&self.attempt, Trouble::Unanswered("it says nothing any more".into())),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return fail(&self.attempt, Trouble::Unanswered(chain(&error))),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

fn change(line: &[u8]) -> Result<Change, String> {
    let event = Value::from_json(line)?;
    let object = event.get("object").cloned().unwrap_or_default();
    match event.get("type").and_then(Value::as_str) {
        Some("ADDED" | "MODIFIED") => Ok(Change::Put(object)),
        Some("DELETED") => Ok(Change::Gone(object)),
        Some("BOOKMARK") => {
            let metadata = object.get("metadata");
            let version = metadata.and_then(|it| it.get("resourceVersion")).and_then(Value::as_str);
            version.map(|version| Change::Bookmark(version.to_owned())).ok_or_else(|| "expected a version".into())
        }
        Some("ERROR") if object.get("code").and_then(Value::as_i64) == Some(410) => Ok(Change::Expired),
        _ => Err("expected an event of a watch".into()),
    }
}
