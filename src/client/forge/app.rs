//! In: an app of GitHub, with its private key; the time. Out: what proves that a request is the app's, and the token that
//! its installation was given.
//! Guarantee: a token is renewed before it ends, and is kept in memory only; the key is read each time that one is needed, so
//! that a new one counts at once.
use super::call::{Call, Method, parts};
use super::kind::Forge;
use crate::client::secret::secret;
use crate::decide::value::Timestamp;
use crate::settings::App;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// How long before its end a token is renewed: longer than any request with it may take.
const AHEAD: Duration = Duration::from_mins(5);

/// GitHub refuses proofs that are good for more than ten minutes, and those of the future: clocks differ.
const PROOF: Duration = Duration::from_mins(9);
const SKEW: Duration = Duration::from_mins(1);

/// A token of an installation.
pub(super) struct Held {
    pub(super) token: SecretString,
    until: Timestamp,
}

impl Held {
    /// Whether it is good for a request that begins now.
    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        now.after(AHEAD) < self.until
    }
}

/// Returns what proves to GitHub that a request is the app's: a JSON Web Token, signed by RS256.
pub(super) fn proof(app: &App, now: Timestamp) -> Result<SecretString, String> {
    let pem = secret(&app.key).map_err(|fault| fault.to_string())?;
    let unusable = |why: &str| format!("the app's key at {} is no private RSA key in PEM: {why}", app.key.display());
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| unusable("no key is in it"))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| unusable("it is of another kind"))?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(|| unusable("it is not RSA"))?;
    let seconds = now.0 / 1_000;
    let claims = json!({
        "iat": seconds.saturating_sub(SKEW.as_secs()), "exp": seconds + PROOF.as_secs(), "iss": app.id,
    });
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims));
    let signature = signer.sign(text.as_bytes()).map_err(|_| unusable("it does not sign"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// Returns the request for the installation of the repository.
pub(super) fn installation(forge: &Forge) -> Call {
    let attempt = format!("find the app's installation on {}", forge.repository());
    Call::get(&attempt, format!("/repos/{}/installation", parts(forge.repository())))
}

/// Returns the request for a token that is good for this repository alone.
pub(super) fn token(forge: &Forge, installation: u64) -> Call {
    let attempt = format!("get a token of the app's installation {installation}");
    let name = forge.repository().rsplit('/').next().unwrap_or_default();
    let body = json!({ "repositories": [name] });
    Call::write(&attempt, Method::Post, format!("/app/installations/{installation}/access_tokens"), body, &[201])
}

/// Reads the token out of the answer.
pub(super) fn read_token(answer: &Json) -> Option<Held> {
    let token = answer.get("token")?.as_str().filter(|token| !token.is_empty())?.to_owned();
    let until: jiff::Timestamp = answer.get("expires_at")?.as_str()?.parse().ok()?;
    let until = Timestamp(u64::try_from(until.as_millisecond()).ok()?);
    Some(Held { token: token.into(), until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let answer = json!({ "token": "ghs_1", "expires_at": "2026-01-01T01:00:00Z" });
        let held = read_token(&answer).expect("it is whole");
        let at = |text: &str| {
            let at: jiff::Timestamp = text.parse().expect("it is a time");
            Timestamp(u64::try_from(at.as_millisecond()).expect("it is late enough"))
        };
        assert!(held.is_good(at("2026-01-01T00:54:59Z")), "it is good for long enough");
        assert!(!held.is_good(at("2026-01-01T00:55:00Z")), "a request could outlast it");
        assert!(read_token(&json!({ "token": "", "expires_at": "2026-01-01T01:00:00Z" })).is_none(), "it is none");
        assert!(read_token(&json!({ "token": "x", "expires_at": "soon" })).is_none(), "it may end at once");
    }
}
