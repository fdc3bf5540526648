//! In: requests to one repository of a registry. Out: their answers.
//! Guarantee: who asks proves it in the way the registry wants, with the credential of the settings' prefix and no other one;
//! a blob that is cut off is gone on with, and is what its digest says.
use super::manifest::ACCEPTED;
use super::{Layer, MANIFEST_BYTES_MAX, Repository, digest_of};
use crate::client::http::{Allowed, chain, download, follow};
use crate::client::secret::{docker_login, secret};
use crate::decide::value::{Fault, Owner, Source};
use crate::settings::{AllowedSource, Credentials, covering};
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION, RANGE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use std::io::Read;

/// How often a blob that is cut off is gone on with.
const ATTEMPTS_MAX: usize = 5;

/// The largest answer with a token.
const TOKEN_BYTES_MAX: u64 = 1 << 20;

/// A page of an answer, and where the next one is.
pub(super) type Page = (Vec<u8>, Option<Url>);

/// Requests to one repository.
pub(super) struct Session<'a> {
    /// The repository as it is named; what is asked may be a mirror of it.
    named: Repository,
    /// The repository that is asked.
    repository: Repository,
    allowed: &'a [AllowedSource],
    /// The prefix of the settings that covers what is asked.
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
    pub(super) fn open(repository: &Repository, allowed: &'a [AllowedSource], action: &str) -> Result<Self, Fault> {
        let Some((address, source)) = covering(allowed, &repository.to_string()) else {
            return Err(not_allowed(repository, "no prefix under `sources` of the settings covers it"));
        };
        let named = repository.clone();
        let repository = Repository::parse(&address).map_err(|why| {
            not_allowed(&named, &format!("its mirror {address} is no repository of a registry: {why}"))
        })?;
        let host = repository.host.split(':').next().unwrap_or_default();
        // As others do, a registry on this machine is asked without TLS.
        let scheme = if source.is_private && matches!(host, "localhost" | "127.0.0.1") { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/{}/", repository.host, repository.path));
        let base = base.map_err(|error| outside(&named, &error.to_string(), false))?;
        let mut session = Self { named, repository, allowed, source, base, proof: Proof::Nothing };
        session.proof = session.prove(action)?;
        Ok(session)
    }

    pub(super) fn outside(&self, why: &str, spurious: bool) -> Fault {
        if self.named == self.repository {
            return outside(&self.named, why, spurious);
        }
        outside(&self.named, &format!("its mirror {} was asked: {why}", self.repository), spurious)
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
            Credentials::DockerConfig(file) => docker_login(file, &self.repository.host)?,
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
        realm.query_pairs_mut().append_pair("scope", &format!("repository:{}:{action}", self.repository.path));
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

    pub(super) fn url(&self, path: &str) -> Result<Url, Fault> {
        self.base.join(path).map_err(|error| self.outside(&error.to_string(), false))
    }

    /// Returns the manifest that a tag names, if there is one.
    pub(super) fn find_manifest(&self, tag: &str) -> Result<Option<Vec<u8>>, Fault> {
        let request = self.request(Method::GET, self.url(&format!("manifests/{tag}"))?)?.header(ACCEPT, ACCEPTED);
        let answer = self.send(request)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.body(answer, MANIFEST_BYTES_MAX).map(Some)
    }

    /// Returns what stands at a path and where it goes on, for answers that come in pages; nothing where nothing is there.
    pub(super) fn page(&self, url: &Url, bytes_max: u64) -> Result<Option<Page>, Fault> {
        let answer = self.send(self.request(Method::GET, url.clone())?)?;
        // What a registry does not know at all, such as a list of referrers, is told in several ways.
        let absent = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if absent.contains(&answer.status()) {
            return Ok(None);
        }
        let next = answer.headers().get(LINK).and_then(|link| link.to_str().ok()).and_then(|link| {
            let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
            rest.contains("next").then(|| url.join(target).ok()).flatten()
        });
        // A page of another host would be given our credential.
        if next.as_ref().is_some_and(|next| next.origin() != self.base.origin()) {
            return Err(self.outside("its list goes on at another host", false));
        }
        Ok(Some((self.body(answer, bytes_max)?, next)))
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
    pub(super) fn blob(&self, layer: &Layer) -> Result<Vec<u8>, Fault> {
        let Layer { digest, size, .. } = layer;
        let (mut bytes, mut cut): (Vec<u8>, Option<Fault>) = (Vec::new(), None);
        for _ in 0..ATTEMPTS_MAX {
            let answer = match self.ask_blob(digest, bytes.len()) {
                Ok(answer) => answer,
                Err(fault) if fault.spurious => {
                    cut = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                break; // it has no more of it
            }
            if answer.status() == StatusCode::OK {
                bytes.clear(); // it starts anew, whatever was asked for
            }
            let left = size.saturating_sub(bytes.len() as u64);
            let read = self.good(answer)?.take(left + 1).read_to_end(&mut bytes);
            if read.is_ok() && bytes.len() as u64 >= *size {
                break;
            }
        }
        if (bytes.len() as u64) < *size {
            let found = bytes.len();
            let short = || self.outside(&format!("it sends {found} bytes of {size} of a blob, time and again"), true);
            return Err(cut.filter(|_| found == 0).unwrap_or_else(short));
        }
        match digest_of(&bytes) {
            found if found == *digest => Ok(bytes),
            found => Err(self.outside(&format!("it sends a blob with the digest {found}, expected {digest}"), false)),
        }
    }

    /// Asks for a blob from a byte on.
    fn ask_blob(&self, digest: &str, from: usize) -> Result<Response, Fault> {
        let mut request = self.request(Method::GET, self.url(&format!("blobs/{digest}"))?)?;
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let answer = self.send(request)?;
        if !answer.status().is_redirection() {
            return Ok(answer);
        }
        let next = answer.headers().get(LOCATION).and_then(|next| next.to_str().ok());
        let next = next.and_then(|next| self.base.join(next).ok());
        let next = next.ok_or_else(|| self.outside("it leads to nowhere", false))?;
        // The store behind a registry is another address, which the settings have to allow by itself.
        follow(next.as_str(), self.allowed, from as u64)
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

fn not_allowed(repository: &Repository, why: &str) -> Fault {
    Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some("allow it under `sources` of the settings, by a prefix that begins with oci://".into()),
        source: Source::Error(format!("could not ask {repository}: {why}").into()),
    }
}

fn outside(repository: &Repository, why: &str, spurious: bool) -> Fault {
    Fault {
        owner: Owner::Outside,
        spurious,
        hint: None,
        source: Source::Error(format!("could not ask {repository}: {why}").into()),
    }
}
