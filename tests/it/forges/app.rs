//! In: an app's public key, its proofs. Out: tokens of its installation, and whether one is good.
//! Guarantee: a proof counts as GitHub takes it: RS256, of this app, for ten minutes at most; tokens end.
use super::described::like;
use super::http::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The number of its installation.
pub(crate) const INSTALLATION: u64 = 77;

/// An app.
pub(crate) struct App {
    id: String,
    key: Vec<u8>,
    /// How long a token is good.
    pub(crate) lasts: Duration,
    /// The tokens that were given, the newest last, each with its end in seconds.
    pub(crate) given: Vec<(String, u64)>,
}

impl App {
    /// Makes one whose private key stands in a file.
    pub(crate) fn new(id: &str, file: &Path) -> Self {
        openssl(&["genrsa", "-traditional", "-out", &file.display().to_string(), "2048"]);
        let public = file.with_extension("public");
        let [from, to] = [file, &public].map(|path| path.display().to_string());
        openssl(&["rsa", "-in", &from, "-RSAPublicKey_out", "-outform", "DER", "-out", &to]);
        let key = std::fs::read(public).expect("it was written");
        Self { id: id.to_owned(), key, lasts: Duration::from_hours(1), given: Vec::new() }
    }

    /// Answers what only the app itself may ask.
    pub(crate) fn answer(&mut self, method: &str, path: &str, proof: &str) -> Option<Reply> {
        let tokens = format!("/app/installations/{INSTALLATION}/access_tokens");
        let is_own = path.starts_with("/app/") || path.ends_with("/installation");
        if is_own && let Err(why) = self.check(proof) {
            return Some(Reply::says(401, &why));
        }
        match (method, path) {
            ("GET", "/repos/acme/fleet/installation") => {
                let values = json!({ "id": INSTALLATION });
                Some(Reply::json(200, &like(method, "/repos/{owner}/{repo}/installation", 200, &values)))
            }
            ("POST", path) if path == tokens => {
                let token = format!("ghs_{}", self.given.len());
                let until = now() + self.lasts.as_secs();
                self.given.push((token.clone(), until));
                let until = jiff::Timestamp::from_second(i64::try_from(until).expect("it is near")).expect("it is");
                let values = json!({ "token": token, "expires_at": until.to_string() });
                let template = "/app/installations/{installation_id}/access_tokens";
                Some(Reply::json(201, &like(method, template, 201, &values)))
            }
            _ if is_own => Some(Reply::says(404, "Not Found")),
            _ => None,
        }
    }

    /// Whether a token is good now.
    pub(crate) fn is_token(&self, token: &str) -> bool {
        self.given.iter().any(|(given, until)| given == token && now() < *until)
    }

    fn check(&self, proof: &str) -> Result<(), String> {
        let bad = |why: &str| format!("A JSON web token could not be decoded: {why}");
        let (text, signature) = proof.rsplit_once('.').ok_or_else(|| bad("three parts"))?;
        let (header, claims) = text.split_once('.').ok_or_else(|| bad("three parts"))?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| bad("base64"));
        let json =
            |part: &str| -> Result<Value, String> { serde_json::from_slice(&decode(part)?).map_err(|_| bad("JSON")) };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key);
        key.verify(text.as_bytes(), &decode(signature)?).map_err(|_| bad("signature"))?;
        let (header, claims) = (json(header)?, json(claims)?);
        let second = |name: &str| claims[name].as_u64().ok_or_else(|| bad(name));
        let (begin, end) = (second("iat")?, second("exp")?);
        if header["alg"] != "RS256" || claims["iss"] != self.id {
            return Err(bad("issuer"));
        }
        if begin > now() || end <= now() || end > now() + 600 {
            return Err(bad("'Expiration time' claim ('exp') is too far in the future"));
        }
        Ok(())
    }
}

fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).output().expect("there is an openssl");
    assert!(made.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs()
}
