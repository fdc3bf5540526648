//! In: verbs of Kubernetes on one object or a kind's. Out: what the server has, or took.
//! Guarantee: an apply is strict about fields, and a deletion names the very object that it was shown.
use super::error::{ApiError, Trouble};
use super::path::{ObjectPath, encode};
use super::server::{Call, Server};
use crate::decide::value::{Value, canonical};
use http::Method;
use std::fmt::Write as _;

/// Under which name fields are ours.
pub const FIELD_MANAGER: &str = "stratify";

/// How many objects a page of a list has, as kubectl asks for them.
const PAGE: usize = 500;

/// How often a list whose pages went stale is begun anew: each time all of its pages must come within five minutes.
const LISTS_MAX: u32 = 3;

/// How an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyMode {
    /// Whether it is only tried.
    pub dry_run: bool,
    /// Whether fields of others are taken.
    pub force: bool,
}

/// What an apply gave.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Whether it was not there before.
    pub is_created: bool,
    /// The object as it is then.
    pub object: Value,
}

/// What becomes of the objects that belong to a deleted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go first.
    Foreground,
    /// They go afterwards.
    #[default]
    Background,
    /// They stay.
    Orphan,
}

/// What is deleted.
#[derive(Clone, Copy, Debug)]
pub struct Deletion<'a> {
    /// The object's UID.
    pub uid: &'a str,
    /// Its resourceVersion.
    pub version: &'a str,
    /// What becomes of what belongs to it.
    pub propagation: Propagation,
}

const JSON: &str = "application/json";

impl Server {
    /// Reads an object; nothing where the server says that it is not there.
    pub async fn get(&self, path: &ObjectPath) -> Result<Option<Value>, ApiError> {
        match self.call(&call(Method::GET, "get", path, "", None)).await {
            Ok(answered) => Ok(Some(answered.value)),
            Err(error) if error.is_absent(&path.name) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists objects by labels, all pages of one moment; never older than the last write.
    pub async fn list(&self, path: &ObjectPath, labels: &str) -> Result<Vec<Value>, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.list_once(path, labels).await {
                // The moment of the first page is gone; a list that begins anew has another.
                Err(error) if error.code() == Some(410) && tries < LISTS_MAX => {}
                listed => return listed,
            }
        }
    }

    /// Lists at most `limit` objects by labels.
    pub async fn list_some(&self, path: &ObjectPath, labels: &str, limit: usize) -> Result<Vec<Value>, ApiError> {
        let mut query = format!("limit={limit}&labelSelector=");
        encode(labels, &mut query);
        let page = self.call(&call(Method::GET, "list", path, &query, None)).await?.value;
        Ok(page.get("items").and_then(Value::as_list).unwrap_or_default().to_vec())
    }

    /// Lists the metadata of objects by labels, a page at a time, and returns the version from which on they can be watched.
    pub async fn list_metadata(
        &self,
        path: &ObjectPath,
        labels: &str,
        mut each: impl FnMut(&Value),
    ) -> Result<String, ApiError> {
        const ACCEPT: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        let mut next = String::new();
        loop {
            let mut call = call(Method::GET, "list", path, &page_query(labels, &next), None);
            call.accept = ACCEPT;
            let page = self.call(&call).await?.value;
            let text = |key: &str| page.get("metadata").and_then(|it| it.get(key)).and_then(Value::as_str);
            let Some(version) = text("resourceVersion") else {
                let trouble = Trouble::Malformed("expected a list with a version".into());
                return Err(ApiError { attempt: call.attempt, trouble });
            };
            // An empty one has null there.
            let items = page.get("items").and_then(Value::as_list).unwrap_or_default();
            items.iter().for_each(&mut each);
            match text("continue").filter(|next| !next.is_empty()) {
                Some(more) => more.clone_into(&mut next),
                None => return Ok(version.to_owned()),
            }
        }
    }

    async fn list_once(&self, path: &ObjectPath, labels: &str) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let call = call(Method::GET, "list", path, &page_query(labels, &next), None);
            let page = self.call(&call).await?.value;
            let Some(found) = page.get("items").and_then(Value::as_list) else {
                let trouble = Trouble::Malformed("expected a list".into());
                return Err(ApiError { attempt: call.attempt, trouble });
            };
            items.extend(found.iter().cloned());
            let metadata = page.get("metadata");
            let more = metadata.and_then(|it| it.get("continue")).and_then(Value::as_str).unwrap_or_default();
            more.clone_into(&mut next);
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Applies an object under our field manager; sensitive values are sent as they are.
    pub async fn apply(&self, path: &ObjectPath, object: &Value, mode: ApplyMode) -> Result<Applied, ApiError> {
        let mut query = format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict&force={}", mode.force);
        if mode.dry_run {
            query.push_str("&dryRun=All");
        }
        let verb = if mode.dry_run { "try" } else { "apply" };
        let body = Some((object.to_cluster_json(), "application/apply-patch+yaml"));
        let answered = self.call(&call(Method::PATCH, verb, path, &query, body)).await?;
        Ok(Applied { is_created: answered.code == 201, object: answered.value })
    }

    /// Patches an object by RFC 6902.
    pub async fn patch(&self, path: &ObjectPath, operations: &Value) -> Result<Value, ApiError> {
        let query = format!("fieldManager={FIELD_MANAGER}");
        let body = Some((operations.to_cluster_json(), "application/json-patch+json"));
        Ok(self.call(&call(Method::PATCH, "patch", path, &query, body)).await?.value)
    }

    /// Creates an object below a path of its kind.
    pub async fn create(&self, path: &ObjectPath, object: &Value) -> Result<Value, ApiError> {
        let query = format!("fieldManager={FIELD_MANAGER}");
        let body = Some((object.to_cluster_json(), JSON));
        Ok(self.call(&call(Method::POST, "create in", path, &query, body)).await?.value)
    }

    /// Replaces an object; its resourceVersion decides whether it is still the one that was read.
    pub async fn replace(&self, path: &ObjectPath, object: &Value) -> Result<Value, ApiError> {
        let query = format!("fieldManager={FIELD_MANAGER}");
        let body = Some((object.to_cluster_json(), JSON));
        Ok(self.call(&call(Method::PUT, "replace", path, &query, body)).await?.value)
    }

    /// Deletes the very object that was shown; true where it is gone already.
    pub async fn delete(&self, path: &ObjectPath, deletion: Deletion<'_>) -> Result<bool, ApiError> {
        let propagation = match deletion.propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let quoted = |text: &str| canonical(&Value::string(text));
        let mut body = String::from("{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",");
        let _ = write!(
            body,
            "\"preconditions\":{{\"uid\":{},\"resourceVersion\":{}}},\"propagationPolicy\":\"{propagation}\"}}",
            quoted(deletion.uid),
            quoted(deletion.version)
        );
        match self.call(&call(Method::DELETE, "delete", path, "", Some((body, JSON)))).await {
            Ok(_) => Ok(false),
            Err(error) if error.is_absent(&path.name) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Returns the query of a page: the first one, or the one that `next` says.
fn page_query(labels: &str, next: &str) -> String {
    let mut query = format!("limit={PAGE}&labelSelector=");
    encode(labels, &mut query);
    if !next.is_empty() {
        query.push_str("&continue=");
        encode(next, &mut query);
    }
    query
}

fn call(method: Method, verb: &str, path: &ObjectPath, query: &str, body: Option<(String, &'static str)>) -> Call {
    let uri = if query.is_empty() { path.path.clone() } else { format!("{}?{query}", path.path) };
    Call { method, uri, body, accept: JSON, attempt: format!("{verb} {}", path.path) }
}
