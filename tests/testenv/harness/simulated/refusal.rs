//! In: why a request is not done. Out: the status that the real server answers with.
//! Guarantee: code, reason, details and causes are the real server's, as far as a client branches on them.
use super::apply::Conflict;
use super::kinds::{KINDS, Kind, Place};
use bytes::Bytes;
use serde_json::{Value, json};
use std::fmt::Display;

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Refusal {
    /// Its path is served by nobody.
    pub(super) fn unserved() -> Self {
        Self { code: 404, reason: "", message: "404 page not found".to_owned(), details: Value::Null }
    }

    /// The object is not there.
    pub(super) fn absent(place: &Place) -> Self {
        let kind = &KINDS[place.kind];
        let message = format!("{} \"{}\" not found", full(kind), place.name);
        Self { code: 404, reason: "NotFound", message, details: about(kind, &place.name, &json!([])) }
    }

    /// The object is there already.
    pub(super) fn there(place: &Place) -> Self {
        let kind = &KINDS[place.kind];
        let message = format!("{} \"{}\" already exists", full(kind), place.name);
        Self { code: 409, reason: "AlreadyExists", message, details: about(kind, &place.name, &json!([])) }
    }

    /// The object is not the one, or not at the version, that was said.
    pub(super) fn moved(place: &Place, why: &str) -> Self {
        let kind = &KINDS[place.kind];
        let message = format!("Operation cannot be fulfilled on {} \"{}\": {why}", full(kind), place.name);
        Self { code: 409, reason: "Conflict", message, details: about(kind, &place.name, &json!([])) }
    }

    /// Others hold fields of it.
    pub(super) fn held(conflicts: &[Conflict]) -> Self {
        let cause = |conflict: &Conflict| {
            // An apply is told without its version.
            let using = conflict.api_version.as_ref().map_or_else(String::new, |version| format!(" using {version}"));
            let message = format!("conflict with \"{}\"{using}", conflict.manager);
            json!({ "reason": "FieldManagerConflict", "message": message, "field": conflict.field })
        };
        let causes: Vec<Value> = conflicts.iter().map(cause).collect();
        let count = causes.len();
        let message = format!("Apply failed with {count} conflict{}", if count == 1 { "" } else { "s" });
        Self { code: 409, reason: "Conflict", message, details: json!({ "causes": causes }) }
    }

    /// Its UID never changes.
    pub(super) fn immutable(place: &Place, uid: &str) -> Self {
        let kind = &KINDS[place.kind];
        let why = format!("Invalid value: \"{uid}\": field is immutable");
        let cause = json!({ "reason": "FieldValueInvalid", "field": "metadata.uid", "message": why });
        let message = format!("{} \"{}\" is invalid: metadata.uid: {why}", kind.name, place.name);
        Self { code: 422, reason: "Invalid", message, details: about(kind, &place.name, &json!([cause])) }
    }

    /// It cannot be read.
    pub(super) fn malformed(why: &dyn Display) -> Self {
        Self { code: 400, reason: "BadRequest", message: format!("{why}"), details: json!({}) }
    }

    /// It is not simulated.
    pub(super) fn other(code: u16, why: &dyn Display) -> Self {
        Self { code, ..Self::malformed(why) }
    }

    /// It cannot be done.
    pub(super) fn invalid(why: &dyn Display) -> Self {
        Self { reason: "Invalid", ..Self::other(422, why) }
    }

    /// The version to go on from is forgotten.
    pub(super) fn expired() -> Self {
        let message = "too old resource version".to_owned();
        Self { code: 410, reason: "Expired", message, details: json!({}) }
    }

    /// Returns the status; a path that nobody serves has none, only a text.
    pub(super) fn body(&self) -> Bytes {
        if self.details.is_null() { Bytes::from(self.message.clone()) } else { Bytes::from(self.status().to_string()) }
    }

    /// Returns the status.
    pub(super) fn status(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "code": self.code, "reason": self.reason, "message": self.message, "details": self.details,
        })
    }
}

fn full(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.resource.to_owned() } else { format!("{}.{}", kind.resource, kind.group) }
}

fn about(kind: &Kind, name: &str, causes: &Value) -> Value {
    json!({ "name": name, "group": kind.group, "kind": kind.resource, "causes": causes })
}
