//! In: where deliveries are taken, a delivery that was not taken. Out: a webhook of the forge, another attempt.
//! Guarantee: there is one webhook for an address: that of before is made as it has to be.
use crate::client::forge::{ForgeError, Server, WebHook};
use secrecy::SecretString;
use serde_json::Value as Json;

/// What became of the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is there now.
    Made,
    /// It was there, or a part of it, and is as it has to be.
    Changed,
}

/// Lets the forge send what happens to an address. Should it send the secret back, no error has it.
pub async fn install(server: &Server, url: &str, secret: &SecretString) -> Result<Installed, ForgeError> {
    put(server, url, secret).await.map_err(|error| error.without(secret))
}

async fn put(server: &Server, url: &str, secret: &SecretString) -> Result<Installed, ForgeError> {
    let forge = server.forge();
    let is_named = forge.lists_hooks_of_others();
    let about = if is_named { server.send(&forge.about()).await?.body } else { Json::Null };
    let hooks = forge.read_hooks(&server.send(&forge.hooks()).await?.body, &about);
    let is_same = |hook: &&WebHook| hook.url.trim_end_matches('/') == url.trim_end_matches('/');
    let known: Vec<&WebHook> = hooks.iter().filter(is_same).collect();
    for call in forge.make_hooks(url, secret, &known, &about)? {
        server.send(&call).await?;
    }
    Ok(if known.is_empty() { Installed::Made } else { Installed::Changed })
}

/// Asks for a delivery again.
pub async fn redeliver(server: &Server, hook: &str, attempt: u64) -> Result<(), ForgeError> {
    server.send(&server.forge().redeliver(hook, attempt)).await.map(drop)
}
