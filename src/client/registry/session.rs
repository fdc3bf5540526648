//! In: requests to one repository of a registry. Out: their answers.
//! Guarantee: who asks proves it in the way the registry wants, with the credential of the settings' prefix and no other one;
//! a blob that is cut off is gone on with, and is what its digest says.
use super::{Reference, digest_of};
use crate::client::http::{Allowed, chain, download};
use crate::client::secret::secret;
use crate::decide::value::{Fault, Owner, Source};
use crate::settings::{AllowedSource, Credentials};
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use std::io::Read;

/// How often a blob that is cut off is gone on with.
const ATTEMPTS_MAX: usize = 5;

/// The largest answer with a token.
const TOKEN_BYTES_MAX: u64 = 1 << 20;

/// Requests to one repository.
pub(super) struct Session<'a> {
    reference: &'a Reference,
    allowed: &'a [AllowedSource],
    /// The prefix of the settings that covers the repository.
    source: &'a AllowedSource,
    base: Url,
    proof: Proof,
}

/// How we prove who we are.
enum Proof {
    Nothing,
    Bearer(SecretString),
    Basic(String, SecretString),
}

impl<'a> Session<'a> {
    /// Asks how the registry wants to be asked, and proves it.
    pub(super) fn open(reference: &'a Reference, allowed: &'a [AllowedSource], action: &str) -> Result<Self, Fault> {
        let address = format!("oci://{}/{}", reference.host, reference.repository);
        let covering = allowed.iter().filter(|source| source.covers(&address)).max_by_key(|source| source.prefix.len());
        let Some(source) = covering else {
            return Err(Fault {
                owner: Owner::Operator,
                spurious: false,
                hint: Some("allow it under `sources` of the settings, by a prefix that begins with oci://".into()),
                source: Source::Error(
                    format!("could not ask {reference}: no prefix under `sources` of the settings covers it").into(),
                ),
            });
        };
        let host = reference.host.split(':').next().unwrap_or_default();
        // As others do, a registry on this machine is asked without TLS.
        let scheme = if source.is_private && matches!(host, "localhost" | "127.0.0.1") { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/{}/", reference.host, reference.repository));
        let base = base.map_err(|error| outside(reference, &error.to_string(), false))?;
        let mut session = Self { reference, allowed, source, base, proof: Proof::Nothing };
        session.proof = session.prove(action)?;
        Ok(session)
    }

    pub(super) fn outside(&self, why: &str, spurious: bool) -> Fault {
        outside(self.reference, why, spurious)
    }

    fn prove(&self, action: &str) -> Result<Proof, Fault> {
        if let Credentials::TokenFile(file) = &self.source.credentials {
            return Ok(Proof::Bearer(secret(file)?));
        }
        let root = self.base.join("/v2/").map_err(|error| self.outside(&error.to_string(), false))?;
        let answer = self.send(self.request(Method::GET, root)?)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(Proof::Nothing);
        }
        let wanted = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let basic = match &self.source.credentials {
            Credentials::Basic { user, password_file } => Some((user.clone(), secret(password_file)?)),
            _ => None,
        };
        let Some(fields) = wanted.strip_prefix("Bearer ") else {
            let (user, password) = basic.ok_or_else(|| self.outside("it wants a user and a password", false))?;
            return Ok(Proof::Basic(user, password));
        };
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        let realm = field("realm").and_then(|realm| Url::parse(&realm).ok());
        let mut realm = realm.ok_or_else(|| self.outside("it does not say where tokens are given", false))?;
        realm.query_pairs_mut().extend_pairs(field("service").map(|service| ("service", service)));
        realm.query_pairs_mut().append_pair("scope", &format!("repository:{}:{action}", self.reference.repository));
        let is_own = realm.origin() == self.base.origin();
        let bytes = if is_own {
            let mut request = self.request(Method::GET, realm)?;
            if let Some((user, password)) = basic {
                request = request.basic_auth(user, Some(password.expose_secret()));
            }
            self.body(self.send(request)?, TOKEN_BYTES_MAX)?
        } else {
            // Another host gets no credential of this prefix: the settings have to allow it by one of its own.
            download(realm.as_str(), self.allowed, TOKEN_BYTES_MAX)?
        };
        let answer: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|_| self.outside("what it sends for a token is none", false))?;
        let token = ["token", "access_token"].iter().find_map(|key| answer.get(key)?.as_str().map(str::to_owned));
        Ok(Proof::Bearer(token.ok_or_else(|| self.outside("it gives no token", false))?.into()))
    }

    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Fault> {
        let request = Allowed::by(self.source, &url)?.request(method, url);
        Ok(match &self.proof {
            Proof::Nothing => request,
            Proof::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Proof::Basic(user, password) => request.basic_auth(user, Some(password.expose_secret())),
        })
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        request.send().map_err(|error| self.outside(&chain(&error.without_url()), true))
    }

    fn url(&self, path: &str) -> Result<Url, Fault> {
        self.base.join(path).map_err(|error| self.outside(&error.to_string(), false))
    }

    /// Returns what stands at a path of the repository.
    pub(super) fn get(&self, path: &str, accept: Option<&str>, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        let mut request = self.request(Method::GET, self.url(path)?)?;
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        self.body(self.send(request)?, bytes_max)
    }

    fn body(&self, answer: Response, bytes_max: u64) -> Result<Vec<u8>, Fault> {
        let answer = self.good(answer)?;
        let mut bytes = Vec::new();
        let read = answer.take(bytes_max + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.outside(&format!("it was cut off: {error}"), true))?;
        if bytes.len() as u64 > bytes_max {
            return Err(self.outside(&format!("it sends more than {bytes_max} bytes"), false));
        }
        Ok(bytes)
    }

    fn good(&self, answer: Response) -> Result<Response, Fault> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let why = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "it does not let us: see the credential of its prefix under `sources`".to_owned()
            }
            StatusCode::NOT_FOUND => "there is no such thing".to_owned(),
            status if status.is_redirection() => format!("it answers {status}, which is not followed"),
            status => format!("it answers {status}"),
        };
        Err(self.outside(&why, status.is_server_error()))
    }

    /// Returns a blob; where it is cut off, what is missing is asked for.
    pub(super) fn blob(&self, digest: &str, size: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..ATTEMPTS_MAX {
            let mut request = self.request(Method::GET, self.url(&format!("blobs/{digest}"))?)?;
            if !bytes.is_empty() {
                request = request.header(RANGE, format!("bytes={}-", bytes.len()));
            }
            let answer = self.send(request)?;
            if answer.status().is_redirection() {
                let next = answer.headers().get(LOCATION).and_then(|next| next.to_str().ok());
                let next = next.and_then(|next| self.base.join(next).ok());
                let next = next.ok_or_else(|| self.outside("it leads to nowhere", false))?;
                // The store behind a registry is another address, which the settings have to allow by itself.
                bytes = download(next.as_str(), self.allowed, size)?;
                break;
            }
            if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                break; // it has no more of it
            }
            if answer.status() == StatusCode::OK {
                bytes.clear(); // it starts anew, whatever was asked for
            }
            let left = size.saturating_sub(bytes.len() as u64);
            let read = self.good(answer)?.take(left + 1).read_to_end(&mut bytes);
            if read.is_ok() && bytes.len() as u64 >= size {
                break;
            }
        }
        if (bytes.len() as u64) < size {
            let found = bytes.len();
            return Err(self.outside(&format!("it sends {found} bytes of {size} of a blob, time and again"), true));
        }
        match digest_of(&bytes) {
            found if found == digest => Ok(bytes),
            found => Err(self.outside(&format!("it sends a blob with the digest {found}, expected {digest}"), false)),
        }
    }

    /// Puts a blob there, unless it is there.
    pub(super) fn put_blob(&self, bytes: &[u8], digest: &str) -> Result<(), Fault> {
        let known = self.send(self.request(Method::HEAD, self.url(&format!("blobs/{digest}"))?)?)?;
        if known.status().is_success() {
            return Ok(());
        }
        let begun = self.request(Method::POST, self.url("blobs/uploads/")?)?.header(CONTENT_LENGTH, 0);
        let begun = self.good(self.send(begun)?)?;
        let place = begun
            .headers()
            .get(LOCATION)
            .and_then(|place| place.to_str().ok())
            .and_then(|place| self.base.join(place).ok());
        let mut place = place.ok_or_else(|| self.outside("it does not say where a blob goes", false))?;
        if place.origin() != self.base.origin() {
            return Err(self.outside("it wants blobs to be sent to another host", false));
        }
        place.query_pairs_mut().append_pair("digest", digest);
        let request =
            self.request(Method::PUT, place)?.header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec());
        self.good(self.send(request)?).map(drop)
    }

    /// Puts a manifest there.
    pub(super) fn put_manifest(&self, name: &str, kind: &str, bytes: Vec<u8>) -> Result<(), Fault> {
        let request = self.request(Method::PUT, self.url(&format!("manifests/{name}"))?)?;
        self.good(self.send(request.header(CONTENT_TYPE, kind).body(bytes))?).map(drop)
    }
}

fn outside(reference: &Reference, why: &str, spurious: bool) -> Fault {
    Fault {
        owner: Owner::Outside,
        spurious,
        hint: None,
        source: Source::Error(format!("could not ask {reference}: {why}").into()),
    }
}
