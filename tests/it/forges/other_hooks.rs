//! In: webhooks as Bitbucket Cloud, Bitbucket Data Center and Azure DevOps take and tell them. Out: those that the program
//! makes there, and deliveries that they sign as they were told.
//! Guarantee: asked for twice, there is one for each event; what one sends the door takes; no secret is shown, not even where
//! the forge sends it back.
use super::door::{answer, sign_with};
use super::fleet::Fleet;
use super::http::{Reply, Request};
use super::others::{Kept, Other};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;

const SECRET: &str = "a long random text";

/// The ids by which Azure DevOps names the project and the repository.
pub(super) const PROJECT: &str = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c";
pub(super) const REPOSITORY: &str = "278d5cd2-584d-4b63-824a-2ba458937249";

/// Makes a webhook with an id, or changes the one that has it: what is not said stays as it was.
fn put(kept: &mut Kept, id: Option<&str>, key: &str, body: &Value, made: impl Fn(usize) -> Value) -> Option<Value> {
    let Some(id) = id else {
        let mut hook = body.clone();
        hook[key] = made(kept.hooks.len() + 1);
        kept.hooks.push(hook.clone());
        return Some(hook);
    };
    let named = |hook: &Value| hook[key].as_str().map_or_else(|| hook[key].to_string(), str::to_owned);
    let hook = kept.hooks.iter_mut().find(|hook| named(hook) == id)?;
    for (key, value) in body.as_object().into_iter().flatten() {
        hook[key] = value.clone();
    }
    Some(hook.clone())
}

fn has_events(body: &Value, known: &[&str]) -> bool {
    let events = body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    !events.is_empty() && events.iter().all(|event| event.as_str().is_some_and(|event| known.contains(&event)))
}

/// It never tells the secret, and whether there is one.
pub(super) fn cloud(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    const KNOWN: &[&str] = &[
        "repo:push",
        "pullrequest:created",
        "pullrequest:updated",
        "pullrequest:approved",
        "pullrequest:unapproved",
        "pullrequest:changes_request_created",
        "pullrequest:changes_request_removed",
        "pullrequest:fulfilled",
        "pullrequest:rejected",
    ];
    let says = |code, message: &str| Reply::json(code, &json!({ "type": "error", "error": { "message": message } }));
    if kept.hides_hooks {
        return says(403, "Your credentials lack one or more required privilege scopes.");
    }
    let told = |hook: &Value| {
        let mut told = hook.clone();
        told["secret_set"] = hook["secret"].as_str().is_some_and(|secret| !secret.is_empty()).into();
        told.as_object_mut().expect("it is one").remove("secret");
        told
    };
    let path = path.split('?').next().unwrap_or_default();
    let id = match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["hooks"]) => {
            return Reply::json(200, &json!({ "values": kept.hooks.iter().map(told).collect::<Vec<_>>() }));
        }
        ("POST", ["hooks"]) => None,
        // An id in braces is encoded.
        ("PUT", ["hooks", id]) => Some(id.replace("%7B", "{").replace("%7D", "}")),
        _ => return says(404, "Resource not found"),
    };
    if !has_events(&request.body, KNOWN) || request.text("description").is_empty() || request.text("url").is_empty() {
        return says(400, "Bad request");
    }
    match put(kept, id.as_deref(), "uuid", &request.body, |number| format!("{{hook-{number}}}").into()) {
        Some(hook) => Reply::json(if id.is_some() { 200 } else { 201 }, &told(&hook)),
        None => says(404, "Webhook not found"),
    }
}

/// It tells the secret to whoever may see webhooks, and says of a user who may not that they are none.
pub(super) fn center(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    const KNOWN: &[&str] = &[
        "repo:refs_changed",
        "pr:opened",
        "pr:from_ref_updated",
        "pr:modified",
        "pr:reviewer:approved",
        "pr:reviewer:unapproved",
        "pr:reviewer:needs_work",
        "pr:merged",
        "pr:declined",
        "pr:deleted",
    ];
    let says = |code, message: &str| Reply::json(code, &json!({ "errors": [{ "context": null, "message": message }] }));
    if kept.hides_hooks {
        return says(401, "You are not permitted to access this resource");
    }
    let path = path.split('?').next().unwrap_or_default();
    let id = match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["webhooks"]) => return Reply::json(200, &json!({ "values": kept.hooks, "isLastPage": true })),
        ("POST", ["webhooks"]) => None,
        ("PUT", ["webhooks", id]) => Some((*id).to_owned()),
        _ => return says(404, "No webhook found"),
    };
    if !has_events(&request.body, KNOWN) || request.text("name").is_empty() || request.text("url").is_empty() {
        return says(400, "You must specify at least one event to subscribe to.");
    }
    match put(kept, id.as_deref(), "id", &request.body, Value::from) {
        Some(hook) => Reply::json(if id.is_some() { 200 } else { 201 }, &hook),
        None => says(404, "No webhook found"),
    }
}

/// A subscription is to one event; eight asterisks stand for its password.
pub(super) fn azure(kept: &mut Kept, request: &Request, path: &str) -> Reply {
    const KNOWN: &[&str] = &["git.push", "git.pullrequest.created", "git.pullrequest.updated"];
    if kept.hides_hooks {
        return Reply::says(403, "TF400813: The user is not authorized to access this resource.");
    }
    let told = |hook: &Value| {
        let mut told = hook.clone();
        if told["consumerInputs"]["basicAuthPassword"].is_string() {
            told["consumerInputs"]["basicAuthPassword"] = "********".into();
        }
        told
    };
    let Some((path, query)) = path.split_once('?').filter(|(_, query)| query.ends_with("api-version=7.1")) else {
        return Reply::says(400, "No api-version was supplied for the request.");
    };
    let id = match (request.method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["subscriptions"]) => {
            let all = query.split('&').filter_map(|part| part.split_once('='));
            let wanted: Vec<(&str, &str)> = all.filter(|(key, _)| *key != "api-version").collect();
            let is_it = |hook: &&Value| wanted.iter().all(|(key, value)| hook[*key] == *value);
            let found: Vec<Value> = kept.hooks.iter().filter(is_it).map(told).collect();
            return Reply::json(200, &json!({ "count": found.len(), "value": found }));
        }
        ("POST", ["subscriptions"]) => None,
        ("PUT", ["subscriptions", id]) => Some((*id).to_owned()),
        _ => return Reply::says(404, "The subscription was not found."),
    };
    let is_known = KNOWN.contains(&request.text("eventType")) && request.text("publisherId") == "tfs";
    let inputs = &request.body["publisherInputs"];
    if !is_known || inputs["projectId"] != PROJECT || request.body["consumerInputs"]["url"].as_str().is_none() {
        return Reply::says(400, "Subscription input validation failed.");
    }
    match put(kept, id.as_deref(), "id", &request.body, |number| format!("subscription-{number}").into()) {
        Some(hook) => Reply::json(200, &told(&hook)),
        None => Reply::says(404, "The subscription was not found."),
    }
}

/// One of them, with what is needed to reach it.
struct Case {
    other: Other,
    forge: &'static str,
    token: &'static str,
    /// Where its webhook has the address, and the secret.
    url: &'static str,
    secret: &'static str,
    /// How many webhooks it takes.
    number: usize,
    /// What the token needs.
    needs: &'static str,
    /// What it does not tell.
    untold: &'static str,
    off: fn(&mut Value),
}

fn cases() -> [Case; 3] {
    [
        Case {
            other: Other::bitbucket_cloud(),
            forge: "kind: bitbucket-cloud, repository: acme/fleet",
            token: "bb-token",
            url: "/url",
            secret: "/secret",
            number: 1,
            needs: "`Webhooks: read and write`",
            untold: "not told: whether its deliveries fail",
            off: |hook| hook["active"] = false.into(),
        },
        Case {
            other: Other::bitbucket_data_center(),
            forge: "kind: bitbucket-data-center, repository: OPS/fleet",
            token: "dc-token",
            url: "/url",
            secret: "/configuration/secret",
            number: 1,
            needs: "`Repository admin`",
            untold: "not told: whether it has a secret, whether its deliveries fail",
            off: |hook| hook["active"] = false.into(),
        },
        Case {
            other: Other::azure_devops(),
            forge: "kind: azure-devops, repository: acme/ops/fleet",
            token: "az-token",
            url: "/consumerInputs/url",
            secret: "/consumerInputs/basicAuthPassword",
            number: 3,
            needs: "edit subscriptions of service hooks",
            untold: "",
            off: |hook| hook["status"] = "disabledByUser".into(),
        },
    ]
}

impl Case {
    fn fleet(&self) -> Fleet {
        let url = self.other.http.url();
        let forge = format!("{}, url: '{url}', tokenFile: token, webhookSecretFile: secret", self.forge);
        let fleet = Fleet::new(&forge, "listen: 127.0.0.1:0");
        fs::write(fleet.path("token"), self.token).expect("the scratch folder is ours");
        fs::write(fleet.path("secret"), format!("{SECRET}\n")).expect("the scratch folder is ours");
        fleet
    }
}

const INSTALL: [&str; 3] = ["webhook", "install", "https://stratify.acme.example"];
const URL: &str = "https://stratify.acme.example/webhooks/fleet";

#[test]
fn each_webhook_is_made_once_and_made_as_it_has_to_be() {
    for case in cases() {
        let fleet = case.fleet();
        fleet.run(&["forge", "check"]).ends_with(1).says(&["none sends to an address", "stratify webhook install"]);
        let ran = fleet.run(&INSTALL).ends_with(0).says(&["is made", URL]);
        assert!(!ran.all().contains(SECRET), "{}", ran.all());
        {
            let kept = case.other.kept();
            assert_eq!(kept.hooks.len(), case.number, "one for each event");
            for hook in &kept.hooks {
                let at = |place: &str| hook.pointer(place).and_then(Value::as_str);
                assert_eq!((at(case.url), at(case.secret)), (Some(URL), Some(SECRET)), "{hook}");
            }
        }
        let ran = fleet.run(&["forge", "check"]).ends_with(0).says(&[URL, case.untold]);
        assert!(!ran.all().contains(SECRET), "{}", ran.all());
        (case.off)(&mut case.other.kept().hooks[0]);
        fleet.run(&["forge", "check"]).ends_with(1).says(&["it is switched off"]);
        fleet.run(&INSTALL).ends_with(0).says(&["was there, and is as it has to be now"]);
        fleet.run(&["forge", "check"]).ends_with(0).says(&[URL]);
        assert_eq!(case.other.kept().hooks.len(), case.number, "no other one");
    }
}

#[test]
fn what_a_token_may_not_do_is_told_with_what_it_needs_and_no_answer_shows_the_secret() {
    for case in cases() {
        let fleet = case.fleet();
        case.other.kept().hides_hooks = true;
        fleet.run(&INSTALL).ends_with(1).says(&["could not list the webhooks", case.needs]);
        fleet.run(&["forge", "check"]).ends_with(0).says(&["this token may not see webhooks"]);
        assert!(case.other.kept().hooks.is_empty(), "nothing was made");
    }
    // One that sends back what it got.
    let echo = super::http::Http::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, &json!({ "values": [] })),
        _ => Reply::json(400, &json!({ "errors": [{ "message": request.body.to_string() }] })),
    });
    let case = cases().into_iter().nth(1).expect("there are three");
    let fleet = case.fleet();
    let url = echo.url();
    fleet.settings(&format!("{}, url: '{url}', tokenFile: token, webhookSecretFile: secret", case.forge), "");
    let ran = fleet.run(&INSTALL).ends_with(1).says(&["400", "<redacted>"]);
    assert!(!ran.all().contains(SECRET), "{}", ran.all());
}

#[test]
fn what_each_webhook_sends_the_door_takes() {
    let bodies = [
        json!({ "push": { "changes": [{ "new": { "name": "main" } }] }, "repository": { "full_name": "acme/fleet" } }),
        json!({ "changes": [{ "ref": { "id": "refs/heads/main" } }], "repository": { "slug": "fleet", "project": { "key": "OPS" } } }),
        json!({ "id": "1", "eventType": "git.push", "resource": { "refUpdates": [{ "name": "refs/heads/main" }], "repository": { "name": "fleet", "project": { "name": "ops" } } } }),
    ];
    for (case, body) in cases().into_iter().zip(bodies) {
        let fleet = case.fleet();
        fleet.run(&INSTALL).ends_with(0);
        let _served = fleet.serve();
        let kept = case.other.kept().hooks[0].clone();
        let secret = kept.pointer(case.secret).and_then(Value::as_str).expect("it was given one");
        let body = body.to_string();
        let event = kept["events"][0].as_str().unwrap_or_default();
        let deliver = |secret: &str| {
            let head = match kept.pointer("/consumerInputs/basicAuthUsername").and_then(Value::as_str) {
                Some(user) => format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{secret}"))),
                None => format!("X-Event-Key: {event}\r\nX-Hub-Signature: {}", sign_with(secret, &body)),
            };
            let mut stream = TcpStream::connect(fleet.door()).expect("it listens");
            let length = body.len();
            let head = format!("POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}");
            let whole = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(whole.as_bytes()).expect("it reads");
            answer(stream)
        };
        assert_eq!(deliver("another").0, 401, "{}", case.forge);
        let (code, text) = deliver(secret);
        assert_eq!((code, text.trim()), (202, "fleet is looked at"), "{}", case.forge);
    }
}

#[test]
fn subscriptions_of_azure_devops_that_are_not_ours_or_not_enough_are_told_apart() {
    let case = cases().into_iter().nth(2).expect("there are three");
    let fleet = case.fleet();
    fleet.run(&INSTALL).ends_with(0);
    let other = {
        let mut kept = case.other.kept();
        let mut other = kept.hooks[0].clone();
        (other["id"], other["status"]) = ("of-another-repository".into(), "disabledByUser".into());
        other["publisherInputs"]["repository"] = "3411ebc1-d5aa-464f-9615-0b527bc66719".into();
        kept.hooks.push(other.clone());
        other
    };
    fleet.run(&["forge", "check"]).ends_with(0).says(&[URL]);
    fleet.run(&INSTALL).ends_with(0);
    assert_eq!(case.other.kept().hooks[3], other, "that of another repository is as it was");
    for (at, value, says) in [
        ("/status", json!("onProbation"), "its deliveries fail"),
        ("/status", json!("disabledBySystem"), "has switched it off"),
        ("/consumerInputs/basicAuthPassword", Value::Null, "it has no secret"),
        ("/consumerInputs/resourceDetailsToSend", json!("minimal"), "have to be `all`"),
    ] {
        *case.other.kept().hooks[1].pointer_mut(at).expect("it is there") = value;
        fleet.run(&["forge", "check"]).ends_with(1).says(&[says]);
        fleet.run(&INSTALL).ends_with(0).says(&["as it has to be now"]);
        fleet.run(&["forge", "check"]).ends_with(0);
    }
    case.other.kept().hooks.remove(2);
    fleet.run(&["forge", "check"]).ends_with(1).says(&["does not send git.pullrequest.updated"]);
    fleet.run(&INSTALL).ends_with(0);
    fleet.run(&["forge", "check"]).ends_with(0);
    fleet.run(&["webhook", "install", "http://stratify.acme.example"]).ends_with(1).says(&["give https://"]);
}
