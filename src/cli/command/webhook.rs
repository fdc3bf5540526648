//! In: where the forge reaches the process that serves. Out: a webhook there, or what it takes to make one.
//! Guarantee: it is signed with the secret of the settings, which is shown nowhere; asked for twice, there is one.
use super::current_fleet::Here;
use super::forge::{once, server};
use super::{Answer, Failure};
use crate::act::forge::hooks::{Installed, install};
use crate::cli::args::{Webhook, WebhookTask};
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::client::secret::secret;
use crate::decide::value::{Fault, Owner};
use crate::settings::{DOOR, ForgeKind};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::Path;

/// Does it.
pub(super) fn run(options: &Webhook, settings: Option<&Path>) -> Result<Answer, Failure> {
    let WebhookTask::Install { url } = &options.task;
    let here = Here::find(settings)?;
    let server = server(&here)?;
    let refused = |why: &str, hint: &str| fault(Owner::Operator, false, why.to_owned(), hint);
    let url = address(url).ok_or_else(|| {
        refused(
            "the webhook's address is none",
            "give https:// and the host at which the forge reaches `stratify serve`",
        )
    })?;
    if server.forge().kind() == ForgeKind::AzureDevOps && url.starts_with("http:") {
        let hint = "give https://: Azure DevOps sends the secret itself, as a password";
        return Err(refused("the webhook's secret would go over the net as it is", hint).into());
    }
    let file =
        here.settings.repository.forge.as_ref().and_then(|forge| forge.webhook_secret.clone()).ok_or_else(|| {
            let hint = "add `webhookSecretFile` to the forge, a file with a long random text";
            refused("the settings name no secret to sign deliveries with", hint)
        })?;
    let secret = secret(&file)?;
    if secret.expose_secret().is_empty() {
        return Err(refused("the secret of the webhook is empty", "put a long random text into its file").into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::bug)?;
    let forge = server.forge();
    let installed = runtime.block_on(install(&server, &url, &secret)).map_err(|error| {
        let may_not = matches!(error.code(), Some(401 | 403 | 404));
        let fault = once(&server, error);
        if may_not { Fault { hint: Some(forge.needs_for_hooks().to_owned()), ..fault } } else { fault }
    })?;
    let said = match installed {
        Installed::Made => "is made",
        Installed::Changed => "was there, and is as it has to be now",
    };
    let mut text = Text::default();
    text.pieces([(Tone::Good, format!("the webhook of {} to {url} {said}", forge.repository()))]);
    if here.settings.listen.is_none() {
        text.pieces([(Tone::Warning, "! `stratify serve` listens nowhere: set `listen` in the settings".to_owned())]);
    }
    Ok(Answer::new(text, json!({ "url": url, "made": installed == Installed::Made })))
}

/// Returns the whole address of the door, out of that of the host or of the door itself.
fn address(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    let (scheme, rest) = url.split_once("://")?;
    let is_host = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '?', '#', ' ']);
    if !matches!(scheme, "http" | "https") || !is_host {
        return None;
    }
    Some(if url.ends_with(DOOR) { url.to_owned() } else { format!("{url}{DOOR}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_host_is_enough() {
        let whole = Some("https://stratify.example.org/webhooks/fleet".to_owned());
        for url in [
            "https://stratify.example.org",
            "https://stratify.example.org/",
            "https://stratify.example.org/webhooks/fleet",
        ] {
            assert_eq!(address(url), whole, "{url}");
        }
        assert_eq!(address("http://10.0.0.1:8080/in").as_deref(), Some("http://10.0.0.1:8080/in/webhooks/fleet"));
        for url in ["stratify.example.org", "ssh://x", "https://", "https://me:secret@x", "https:///x"] {
            assert_eq!(address(url), None, "{url}");
        }
    }
}
