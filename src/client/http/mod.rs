//! In: an address, headers, a body. Out: the code of the answer.
//! Guarantee: no address is in an error, since some are secrets; a request has a deadline, and no redirect is followed.
mod download;

pub use download::{Allowed, download, follow};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest part of an error that is handed on.
const MESSAGE_CHARS_MAX: usize = 300;

/// Returns a client that trusts the authority of a file, where one is named, and nobody else.
pub fn client(authority: Option<&Path>, deadline: Duration) -> Result<reqwest::Client, String> {
    // reqwest comes without a provider; a second call changes nothing.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(deadline)
        .user_agent(concat!("stratify/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = authority {
        let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
        let found = found.ok_or_else(|| format!("{} is no certificate in PEM", file.display()))?;
        builder = builder.tls_certs_only(found);
    }
    builder.build().map_err(|error| chain(&error))
}

/// Posts a body; returns the code of the answer, and how long it asks to be left alone. The body of the answer is not read.
pub async fn post(
    client: &reqwest::Client,
    url: &SecretString,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<(u16, Option<Duration>), String> {
    let url = Url::parse(url.expose_secret().trim()).map_err(|error| format!("its address is none: {error}"))?;
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{name} holds what no header may"))?;
        all.insert(HeaderName::from_static(name), value);
    }
    let sent = client.post(url).headers(all).body(body).send().await;
    let response = sent.map_err(|error| chain(&error.without_url()))?;
    let wait = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    Ok((response.status().as_u16(), wait.map(Duration::from_secs)))
}

/// Returns an error with its causes, cut.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let texts: Vec<String> =
        std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    texts.join(": ").chars().take(MESSAGE_CHARS_MAX).collect()
}
