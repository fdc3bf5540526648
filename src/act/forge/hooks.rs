//! In: where deliveries are taken, a delivery that was not taken. Out: a webhook of the forge, another attempt.
//! Guarantee: there is one webhook for an address: that of before is made as it has to be.
use crate::client::forge::{ForgeError, Server, WebHook};
use secrecy::SecretString;

/// What became of the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is there now.
    Made,
    /// It was there, and is as it has to be.
    Changed,
    /// This forge takes none by its API.
    Never,
}

/// Lets the forge send what happens to an address.
pub async fn install(server: &Server, url: &str, secret: &SecretString) -> Result<Installed, ForgeError> {
    let forge = server.forge();
    let Some(list) = forge.hooks() else { return Ok(Installed::Never) };
    let hooks = forge.read_hooks(&server.send(&list).await?.body);
    let is_same = |hook: &&WebHook| hook.url.trim_end_matches('/') == url.trim_end_matches('/');
    let known = hooks.iter().find(is_same).map(|hook| hook.id);
    let Some(call) = forge.hook(url, secret, known) else { return Ok(Installed::Never) };
    server.send(&call).await?;
    Ok(if known.is_some() { Installed::Changed } else { Installed::Made })
}

/// Asks for a delivery again.
pub async fn redeliver(server: &Server, hook: u64, attempt: u64) -> Result<(), ForgeError> {
    server.send(&server.forge().redeliver(hook, attempt)).await.map(drop)
}
