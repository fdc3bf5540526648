//! In: the forge of the settings. Out: whether token, repository and webhook are as they have to be, and what is left.
//! Guarantee: only reads; exit code 1 where something is missing; the token is shown nowhere.
use super::current_fleet::Here;
use super::{Answer, Exit, Failure};
use crate::cli::args::{Forge, Question};
use crate::cli::print::{Text, Tone};
use crate::client::forge::{self as client, Answered, Call, ForgeError, Server, WebHook};
use crate::client::git::fault;
use crate::decide::value::{Fault, Owner, counted};
use crate::settings::DOOR;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

/// Answers the question.
pub(super) fn run(options: &Forge, settings: Option<&Path>) -> Result<Answer, Failure> {
    let Question::Check = options.question;
    check(&Here::find(settings)?)
}

/// Returns the forge of the settings.
pub(super) fn server(here: &Here) -> Result<Arc<Server>, Fault> {
    here.forge()?.ok_or_else(|| {
        let hint = "add `forge` to the repository in the operator's settings, and give them by --settings";
        fault(Owner::Caller, false, "the settings name no forge", hint)
    })
}

/// Returns the fault of a command that asks once: nobody asks again by themselves.
pub(super) fn once(server: &Server, error: ForgeError) -> Fault {
    let fault = Fault::from(error);
    if !fault.spurious {
        return fault;
    }
    let hint = format!("see whether the forge answers at {}, and run this again", server.forge().url());
    Fault { hint: Some(hint), ..fault }
}

/// Asks it.
pub(super) fn asked(server: &Server, call: &Call) -> Result<Result<Answered, ForgeError>, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::bug)?;
    Ok(runtime.block_on(server.send(call)))
}

/// What was found, and whether it is as it has to be.
struct Found {
    what: &'static str,
    found: Result<String, String>,
}

fn check(here: &Here) -> Result<Answer, Failure> {
    let server = server(here)?;
    let forge = server.forge();
    let about = asked(&server, &forge.about())?;
    let mut all = Vec::new();
    let mut left = None;
    match &about {
        Err(error) => {
            let hint = once(&server, error.clone()).hint.unwrap_or_default();
            all.push(Found { what: "repository", found: Err(format!("{error}; {hint}")) });
        }
        Ok(about) => {
            left = about.left;
            all.push(Found { what: "repository", found: Ok(format!("{} is read", forge.repository())) });
            let scopes = about.scopes.clone().or(scopes(&server)?);
            all.push(rights(forge.may_write(&about.body), scopes.as_deref()));
            all.push(pulls(&server)?);
            all.extend(hooks(here, &server, &about.body)?);
        }
    }
    let mut text = Text::of(format!("{} at {}", forge.kind().word(), forge.url()));
    for Found { what, found } in &all {
        match found {
            Ok(found) => text.pieces([(Tone::Good, format!("  {what}: {found}"))]),
            Err(why) => text.pieces([(Tone::Bad, format!("  {what}: {why}"))]),
        }
    }
    if let Some((left, of)) = left {
        text.line(format!("  limits: {left} of {of} requests are left"));
    }
    let is_well = all.iter().all(|one| one.found.is_ok());
    let checks = all.iter().map(|one| {
        let (found, wrong) = (one.found.as_ref().ok(), one.found.as_ref().err());
        json!({ "what": one.what, "found": found, "wrong": wrong })
    });
    let limits = left.map(|(left, of)| json!({ "left": left, "of": of }));
    let data = json!({ "well": is_well, "checks": checks.collect::<Vec<_>>(), "limits": limits });
    let mut answer = Answer::new(text, data);
    if !is_well {
        answer.exit = Exit::Failed;
    }
    Ok(answer)
}

/// Asks for the scopes of the token where they stand in no answer; where it may not even ask, nobody knows.
fn scopes(server: &Server) -> Result<Option<String>, Fault> {
    let Some(call) = server.forge().token() else { return Ok(None) };
    Ok(asked(server, &call)?.ok().and_then(|answered| server.forge().read_token(&answered.body)))
}

fn rights(may_write: Option<bool>, scopes: Option<&str>) -> Found {
    let scopes = scopes.filter(|all| !all.is_empty()).map_or_else(String::new, |all| format!(" (scopes: {all})"));
    let found = match may_write {
        Some(true) => Ok(format!("it may write to the repository{scopes}")),
        Some(false) => Err(format!("it may not write to the repository, so no status is taken{scopes}")),
        None => Ok(format!("the forge does not say what it may{scopes}")),
    };
    Found { what: "token", found }
}

/// Looks whether the token reads pull requests, which it needs for plans of them.
fn pulls(server: &Server) -> Result<Found, Fault> {
    let found = match asked(server, &server.forge().pulls(1))? {
        Ok(answered) => {
            let (open, is_more) = server.forge().read_pulls(&answered.body);
            let more = if is_more { " and more" } else { "" };
            Ok(format!("{}{more} read", counted(open.len(), "open one")))
        }
        Err(error) => Err(format!("{error}; it needs them for plans and comments")),
    };
    Ok(Found { what: "pull requests", found })
}

/// Looks for the webhook; where none is wanted, or the token may not see them, that is no mistake.
fn hooks(here: &Here, server: &Server, about: &Json) -> Result<Option<Found>, Fault> {
    let wants = here.settings.repository.forge.as_ref().is_some_and(|forge| forge.webhook_secret.is_some());
    if !wants {
        return Ok(None);
    }
    let found = match asked(server, &server.forge().hooks())? {
        Err(error) if matches!(error.code(), Some(401 | 403 | 404)) => Ok("this token may not see webhooks".to_owned()),
        Err(error) => Err(error.to_string()),
        Ok(answered) => state(server.forge(), &server.forge().read_hooks(&answered.body, about)),
    };
    Ok(Some(Found { what: "webhook", found }))
}

/// Returns how those stand that send to us, and what of that the forge does not tell.
fn state(forge: &client::Forge, hooks: &[WebHook]) -> Result<String, String> {
    let ours: Vec<&WebHook> = hooks.iter().filter(|hook| hook.url.trim_end_matches('/').ends_with(DOOR)).collect();
    let Some(first) = ours.first() else {
        return Err(format!("none sends to an address that ends with {DOOR}; run `stratify webhook install URL`"));
    };
    if let Some((hook, trouble)) = ours.iter().find_map(|hook| Some((hook, hook.trouble.as_ref()?))) {
        return Err(format!("{}: {trouble}", hook.url));
    }
    let unsent = forge.unsent(&ours);
    if !unsent.is_empty() {
        return Err(format!("{}: it does not send {}; run `stratify webhook install`", first.url, unsent.join(", ")));
    }
    let capabilities = forge.capabilities();
    let untold = [
        (!capabilities.tells_secrets).then_some("whether it has a secret"),
        (!capabilities.tells_failures).then_some("whether its deliveries fail"),
    ];
    let untold: Vec<&str> = untold.into_iter().flatten().collect();
    let untold = if untold.is_empty() { String::new() } else { format!("; not told: {}", untold.join(", ")) };
    Ok(format!("{}{untold}", first.url))
}
