//! In: a request to one cluster. Out: the answer that the real server would give.
//! Guarantee: what is not simulated is refused, never answered with something else.
use super::apply::{Writer, apply, update};
use super::kinds::{KINDS, Place, api_version, decoded, discovery};
use super::refusal::Refusal;
use super::store::{Key, Store, Stored, selector, whole_secret};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A request, read whole.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) content_type: String,
    pub(super) accept: String,
    /// What the client calls itself.
    user_agent: String,
    pub(super) body: Bytes,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Bytes,
}

impl Asked {
    /// Takes a request apart.
    pub(super) fn new(head: &http::request::Parts, body: Bytes) -> Self {
        let text = |name| head.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
        let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        };
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: pairs.map(pair).collect(),
            content_type: text(http::header::CONTENT_TYPE),
            accept: text(http::header::ACCEPT),
            user_agent: text(http::header::USER_AGENT),
            body,
        }
    }

    /// Returns a parameter; empty where there is none.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether it asks for what comes.
    pub(super) fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), "true" | "1")
    }

    /// Whether metadata will do.
    pub(super) fn wants_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }

    fn is_trial(&self) -> bool {
        self.parameter("dryRun") == "All"
    }

    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| Refusal::malformed(&error))
    }
}

/// Answers a request that is no watch.
pub(super) fn answer(store: &mut Store, asked: &Asked) -> Answer {
    answer_or_refuse(store, asked).unwrap_or_else(|refusal| Answer { code: refusal.code, body: refusal.body() })
}

fn whole(code: u16, value: &Value) -> Answer {
    Answer { code, body: Bytes::from(value.to_string()) }
}

fn shown(code: u16, stored: &Stored) -> Answer {
    Answer { code, body: stored.text.clone() }
}

fn answer_or_refuse(store: &mut Store, asked: &Asked) -> Result<Answer, Refusal> {
    match (&asked.method, asked.path.as_str()) {
        (&Method::GET, "/api") => return Ok(whole(200, &discovery(true))),
        (&Method::GET, "/apis") => return Ok(whole(200, &discovery(false))),
        (&Method::GET, "/version") => {
            return Ok(whole(200, &json!({ "major": "1", "minor": "37", "gitVersion": "v1.37.2" })));
        }
        (&Method::GET, "/readyz") => return Ok(Answer { code: 200, body: Bytes::from_static(b"ok") }),
        (&Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
            let mut review = asked.json()?;
            review["status"] = json!({ "allowed": true });
            return Ok(whole(201, &review));
        }
        _ => {}
    }
    let mut place = Place::read(&asked.path).ok_or_else(Refusal::unserved)?;
    match (&asked.method, place.name.is_empty()) {
        (&Method::GET, true) => list(store, asked, &place),
        (&Method::GET, false) => {
            let stored = store.get(&place).ok_or_else(|| Refusal::absent(&place))?;
            Ok(if asked.wants_metadata() {
                Answer { code: 200, body: stored.metadata.clone() }
            } else {
                shown(200, stored)
            })
        }
        (&Method::POST, true) => {
            let object = asked.json()?;
            object["metadata"]["name"].as_str().unwrap_or_default().clone_into(&mut place.name);
            if place.name.is_empty() {
                return Err(Refusal::malformed(&"a generated name is not simulated"));
            }
            if store.get(&place).is_some() {
                return Err(Refusal::there(&place));
            }
            let object = update(None, whole_secret(&place, object), writer(asked, &place).borrowed());
            store.put(&place, object, asked.is_trial()).map(|stored| shown(201, &stored))
        }
        (&Method::PUT, false) => replace(store, asked, &place, asked.json()?),
        (&Method::PATCH, false) => patch(store, asked, &place),
        (&Method::DELETE, false) => delete(store, asked, &place),
        _ => Err(Refusal::other(405, &"this is not simulated")),
    }
}

/// Who writes.
struct Owned(String, String);

impl Owned {
    fn borrowed(&self) -> Writer<'_> {
        Writer { manager: &self.0, api_version: &self.1 }
    }
}

fn writer(asked: &Asked, place: &Place) -> Owned {
    let agent = asked.user_agent.split('/').next().unwrap_or_default();
    let manager = Some(asked.parameter("fieldManager")).filter(|it| !it.is_empty()).unwrap_or(agent);
    Owned(manager.to_owned(), api_version(&KINDS[place.kind]))
}

/// A list goes on after the last object of the page before; it is of the moment of each page.
fn list(store: &Store, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
    let selector = selector(asked.parameter("labelSelector"))?;
    let limit = asked.parameter("limit").parse().unwrap_or(usize::MAX);
    let from: Option<Key> = match asked.parameter("continue") {
        "" => None,
        text => Some(serde_json::from_str(text).map_err(|error| Refusal::malformed(&error))?),
    };
    let mut found = store.list(place, from.as_ref()).filter(|stored| stored.has(&selector));
    let page: Vec<&Arc<Stored>> = found.by_ref().take(limit.max(1)).collect();
    let next = found.next().map(|next| serde_json::to_string(&next.place).expect("a key is JSON"));
    let kind = &KINDS[place.kind];
    let (name, version) = if asked.wants_metadata() {
        ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned())
    } else {
        (kind.name, api_version(kind))
    };
    let metadata = json!({ "resourceVersion": store.version().to_string(), "continue": next.unwrap_or_default() });
    let mut text =
        format!("{{\"kind\":\"{name}List\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":[");
    for (at, stored) in page.into_iter().enumerate() {
        let item = if asked.wants_metadata() { &stored.metadata } else { &stored.text };
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(std::str::from_utf8(item).expect("JSON is UTF-8"));
    }
    text.push_str("]}");
    Ok(Answer { code: 200, body: Bytes::from(text) })
}

/// Whether what is written is the object, at the version, that is there.
fn check(place: &Place, live: &Stored, uid: Option<&str>, version: Option<&str>) -> Result<(), Refusal> {
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(uid) = said(uid).filter(|uid| *uid != live.uid) {
        return Err(Refusal::immutable(place, &uid));
    }
    match said(version) {
        Some(version) if version != live.version.to_string() => Err(Refusal::moved(
            place,
            "the object has been modified; please apply your changes to the latest version and try again",
        )),
        _ => Ok(()),
    }
}

fn replace(store: &mut Store, asked: &Asked, place: &Place, object: Value) -> Result<Answer, Refusal> {
    let live = store.get(place).cloned().ok_or_else(|| Refusal::absent(place))?;
    let text = |key: &str| object["metadata"][key].as_str();
    check(place, &live, text("uid"), text("resourceVersion"))?;
    let object = update(Some(&live.json()), whole_secret(place, object), writer(asked, place).borrowed());
    store.put(place, object, asked.is_trial()).map(|stored| shown(200, &stored))
}

fn patch(store: &mut Store, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
    match asked.content_type.as_str() {
        "application/apply-patch+yaml" => return applied(store, asked, place),
        "application/json-patch+json" | "application/merge-patch+json" => {}
        _ => return Err(Refusal::other(415, &"this kind of patch is not simulated")),
    }
    let live = store.get(place).cloned().ok_or_else(|| Refusal::absent(place))?;
    let mut object = live.json();
    if asked.content_type.starts_with("application/json-patch") {
        let patch: json_patch::Patch =
            serde_json::from_slice(&asked.body).map_err(|error| Refusal::malformed(&error))?;
        let refused = |error: json_patch::PatchError| Refusal::invalid(&error);
        json_patch::patch(&mut object, &patch).map_err(refused)?;
    } else {
        json_patch::merge(&mut object, &asked.json()?);
    }
    replace(store, asked, place, object)
}

fn applied(store: &mut Store, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
    let wanted: Value = serde_yaml::from_slice(&asked.body).map_err(|error| Refusal::malformed(&error))?;
    let live = store.get(place).cloned();
    let writer = writer(asked, place);
    let is_forced = asked.parameter("force") == "true";
    let was = live.as_ref().map(|live| live.json());
    let object = apply(was.as_ref(), &wanted, writer.borrowed(), is_forced);
    let object = object.map_err(|conflicts| Refusal::held(&conflicts))?;
    let text = |key: &str| wanted["metadata"][key].as_str();
    match &live {
        Some(live) => check(place, live, text("uid"), text("resourceVersion"))?,
        None if text("uid").is_some() => {
            return Err(Refusal::moved(place, "Precondition failed: UID in precondition, and no object"));
        }
        None => {}
    }
    let code = if live.is_some() { 200 } else { 201 };
    store.put(place, object, asked.is_trial()).map(|stored| shown(code, &stored))
}

fn delete(store: &mut Store, asked: &Asked, place: &Place) -> Result<Answer, Refusal> {
    let live = store.get(place).cloned().ok_or_else(|| Refusal::absent(place))?;
    let options = if asked.body.is_empty() { Value::Null } else { asked.json()? };
    let said = |key: &str| options["preconditions"][key].as_str();
    if said("uid").is_some_and(|uid| uid != live.uid) {
        return Err(Refusal::moved(place, "Precondition failed: another UID"));
    }
    if said("resourceVersion").is_some_and(|version| version != live.version.to_string()) {
        return Err(Refusal::moved(place, "Precondition failed: another resourceVersion"));
    }
    if !asked.is_trial() {
        store.delete(place);
    }
    let details = json!({ "name": place.name, "kind": KINDS[place.kind].resource, "uid": live.uid });
    Ok(whole(
        200,
        &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details }),
    ))
}
