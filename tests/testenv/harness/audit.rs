//! In: the log that the API server writes. Out: the requests that it has answered.
//! Guarantee: whole: the log tells a request before it is carried out and again after its answer, so it is known which are
//! still to come, and those are waited for. A watch has no end and is never waited for.
use super::wait::{self, Patience};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Metadata of every request but those of the server's own loops.
pub(super) const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - { level: None, users: ['system:apiserver'] }
  - { level: Metadata }
";

/// How long the second telling may come after the first: an answer has a deadline of its own, 60 s by default.
const ANSWER: Patience = Patience::seconds(90);

/// What is done without an end.
const ENDLESS: &[&str] = &["watch", "connect"];

/// The log of one API server.
pub(crate) struct Audit {
    log: PathBuf,
}

/// A moment of the log.
#[derive(Clone, Copy)]
pub(crate) struct Mark(u64);

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub(crate) verb: String,
    /// Path and query.
    pub(crate) uri: String,
    /// Whether nothing was to be kept.
    pub(crate) dry_run: bool,
    /// The status of the answer; zero before it.
    pub(crate) code: u16,
    /// The user's name.
    pub(crate) user: String,
    /// As whom it was made, where that is another one.
    pub(crate) impersonated: Option<String>,
    /// What the client calls itself.
    pub(crate) user_agent: String,
    /// What it is about; nothing for `/version` and its like.
    pub(crate) object: Option<ObjectRef>,
}

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ObjectRef {
    /// The API group; empty for the core.
    pub(crate) api_group: String,
    /// The plural.
    pub(crate) resource: String,
    /// `status` and its like, or empty.
    pub(crate) subresource: String,
    /// Empty for what has none.
    pub(crate) namespace: String,
    /// Empty for lists, and for a name that the server gives.
    pub(crate) name: String,
}

impl Entry {
    /// Returns whether it may change something.
    pub(crate) fn is_write(&self) -> bool {
        !self.dry_run && !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Returns the value of a parameter, as it stands in the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.uri.split_once('?')?;
        query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Audit {
    pub(super) fn new(log: PathBuf) -> Self {
        Self { log }
    }

    /// Returns the present moment.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.log.metadata().map_or(0, |metadata| metadata.len()))
    }

    /// Returns the requests since a moment, in the order in which they came; `whose` is asked before there is a code.
    pub(crate) fn since(&self, mark: Mark, whose: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let settled = wait::until(ANSWER, || {
            let told = self.read(mark);
            let told: Vec<Told> = told.into_iter().filter(|told| whose(&told.entry)).collect();
            told.iter().all(|told| told.is_answered || ENDLESS.contains(&told.entry.verb.as_str())).then_some(told)
        });
        let settled = settled.unwrap_or_else(|| panic!("a request was not answered after {ANSWER}"));
        settled.into_iter().map(|told| told.entry).collect()
    }

    fn read(&self, mark: Mark) -> Vec<Told> {
        let mut text = String::new();
        let mut log = File::open(&self.log).expect("the API server has started it");
        log.seek(SeekFrom::Start(mark.0)).expect("a log only grows");
        log.read_to_string(&mut text).expect("it is JSON");
        // What stands after the last end of line is being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut told: Vec<Told> = Vec::new();
        for line in whole.lines() {
            let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let id = event.audit_id.clone();
            if event.stage == "RequestReceived" {
                places.insert(id, told.len());
                told.push(Told::from(event));
            } else if let Some(&place) = places.get(&id) {
                told[place] = Told::from(event);
            } // What came before the mark is another's.
        }
        told
    }
}

/// A request, and whether its answer is told.
struct Told {
    entry: Entry,
    is_answered: bool,
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        let dry_run = event.request_uri.contains("dryRun=All");
        let entry = Entry {
            verb: event.verb,
            uri: event.request_uri,
            dry_run,
            code: event.response_status.code,
            user: event.user.username,
            impersonated: event.impersonated_user.map(|user| user.username),
            user_agent: event.user_agent,
            object: event.object_ref,
        };
        Self { entry, is_answered: matches!(event.stage.as_str(), "ResponseComplete" | "Panic") }
    }
}

/// A line of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    #[serde(default)]
    user: EventUser,
    #[serde(default)]
    impersonated_user: Option<EventUser>,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<ObjectRef>,
    #[serde(default)]
    response_status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventUser {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}
