//! In: where a forge is, where its token stands, requests. Out: answers in JSON.
//! Guarantee: the token is read for each request, so that a new one counts at once, and is sent to no other host; an answer
//! has a deadline and a limit; what the forge asks us to wait is waited by all requests of the token.
use super::app::{self, Held};
use super::call::{Call, Method};
use super::error::{ForgeError, Meaning, Trouble};
use super::kind::{Forge, Identity};
use crate::client::clock::now;
use crate::client::http::{self, chain};
use crate::client::secret::secret;
use crate::decide::schedule::Budget;
use crate::decide::value::{Fault, Owner, Source, Timestamp};
use crate::settings::{App, Forge as Settings, TokenAt};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a request may take in all: forges answer within a second, and GitHub gives up after ten.
const DEADLINE: Duration = Duration::from_secs(30);

/// The most bytes of an answer: a page of a hundred pull requests with their texts has a tenth of it.
const BYTES_MAX: usize = 16 << 20;

/// How often a request follows the forge to another path of its own: a renamed repository moves once.
const MOVES_MAX: usize = 3;

/// The longest part of a forge's message that is handed on: some send whole pages.
const MESSAGE_CHARS_MAX: usize = 300;

/// What is waited where a forge says that it is too much, and not how long: GitHub asks for a minute at least.
pub(super) const LIMITED: Duration = Duration::from_mins(1);

/// A forge, reached by HTTP.
pub struct Server {
    forge: Forge,
    base: Url,
    token: TokenAt,
    client: reqwest::Client,
    budget: Mutex<Budget>,
    /// What it takes of comments: in a minute, and in an hour.
    comments: Mutex<Vec<Budget>>,
    /// The token that the app was given last.
    held: tokio::sync::Mutex<Option<Held>>,
}

/// What a forge answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The code of HTTP.
    pub code: u16,
    /// The body; null where it is empty.
    pub body: Json,
    /// Which scopes the token has, where the forge says so.
    pub scopes: Option<String>,
    /// How many requests are left in this hour, and of how many, where the forge says so.
    pub left: Option<(u64, u64)>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the settings of a forge; nothing is sent.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let forge = Forge::new(settings);
        let base = forge.base();
        let refused = |why: String| Fault {
            owner: Owner::Operator,
            spurious: false,
            hint: Some("see `forge` of the repository in the settings".into()),
            source: Source::Error(format!("could not use the forge at {}: {why}", settings.url).into()),
        };
        let base = Url::parse(&base).map_err(|error| refused(error.to_string()))?;
        let client = http::client(settings.authority.as_deref(), DEADLINE).map_err(refused)?;
        let capabilities = forge.capabilities();
        let budget = Mutex::new(Budget::new(settings.writes_a_minute.unwrap_or(capabilities.writes_a_minute), now()));
        // Whoever knows of other limits knows of these, too.
        let bounded = capabilities.comments.filter(|_| settings.writes_a_minute.is_none());
        let comments = bounded.map(|most| {
            let in_an_hour = Budget::with_burst(most.on_the_long_run, most.an_hour, now());
            vec![Budget::new(most.a_minute, now()), in_an_hour]
        });
        let comments = Mutex::new(comments.unwrap_or_default());
        let (token, held) = (settings.token.clone(), tokio::sync::Mutex::default());
        Ok(Self { forge, base, token, client, budget, comments, held })
    }

    /// Returns which forge it is.
    pub fn forge(&self) -> &Forge {
        &self.forge
    }

    /// Returns how many requests may be sent in a row now; where none, when the next one may.
    pub fn room(&self) -> Result<u64, Timestamp> {
        let (mut budget, now) = (self.budget(), now());
        match budget.left(now) {
            0 => Err(budget.opens(now)),
            left => Ok(left),
        }
    }

    /// Returns how many comments may be made in a row now; where none, when the next one may.
    pub fn room_for_comments(&self) -> Result<u64, Timestamp> {
        let (mut least, now) = (self.room()?, now());
        for budget in self.comments().iter_mut() {
            match budget.left(now) {
                0 => return Err(budget.opens(now)),
                left => least = least.min(left),
            }
        }
        Ok(least)
    }

    /// Takes what a request costs, or returns when it may be sent.
    fn take(&self, call: &Call) -> Result<(), Timestamp> {
        if !call.method.is_write() {
            return Ok(());
        }
        if call.is_comment {
            self.room_for_comments()?;
            self.comments().iter_mut().try_for_each(|budget| budget.take(now()))?;
        }
        self.budget().take(now())
    }

    /// Sends a request and returns the answer, or what a refusal means.
    pub async fn send(&self, call: &Call) -> Result<Answered, ForgeError> {
        let error = |trouble, meaning| ForgeError { attempt: call.attempt.clone(), trouble, meaning };
        if let Err(opens) = self.take(call) {
            let wait = Duration::from_millis(opens.0.saturating_sub(now().0));
            return Err(error(Trouble::Spent, Meaning::Limited(wait)));
        }
        let token = self.token().await.map_err(|(trouble, meaning)| error(trouble, meaning))?;
        let (trouble, meaning) = match self.exchange(call, &token).await {
            Ok(answered) if call.done.contains(&answered.code) => match call.lacks(&answered.body) {
                None => return Ok(answered),
                Some(lacks) => {
                    let said = message(Some(&answered.body));
                    let said = if said.is_empty() { said } else { format!(", and it says: {said}") };
                    (Trouble::Malformed(format!("{lacks}{said}")), Meaning::Later)
                }
            },
            Ok(answered) => {
                let why = format!("code {} where {:?} was expected", answered.code, call.done);
                (Trouble::Malformed(why), Meaning::Later)
            }
            Err(refused) => refused,
        };
        if let Meaning::Limited(wait) = meaning {
            self.budget().close(wait, now());
        }
        if matches!(trouble, Trouble::Refused { code: 401, .. }) {
            // Of an app: it was taken back before its time, and another one is asked for.
            *self.held.lock().await = None;
        }
        Err(ForgeError { attempt: call.attempt.clone(), trouble: trouble.without(&token), meaning })
    }

    /// Sends it, and after the forge to other paths of the same host.
    async fn exchange(&self, call: &Call, token: &SecretString) -> Result<Answered, (Trouble, Meaning)> {
        let bug = |why: String| (Trouble::Unready(why), Meaning::Never);
        let mut url = Url::parse(&format!("{}{}", self.base.as_str().trim_end_matches('/'), call.path))
            .map_err(|error| bug(error.to_string()))?;
        for _ in 0..=MOVES_MAX {
            let response = self.once(call, &url, token).await?;
            if !response.status().is_redirection() {
                return self.read(response).await;
            }
            let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
            let to = url.join(to).map_err(|error| (Trouble::Malformed(error.to_string()), Meaning::Later))?;
            if to.origin() != url.origin() {
                let to = to.host_str().unwrap_or("another place").to_owned();
                return Err((Trouble::Elsewhere(to), Meaning::Operator));
            }
            // By 301 and 302 clients of old send a GET after a write: what was to be written would be lost silently.
            if call.method.is_write() && !matches!(response.status().as_u16(), 307 | 308) {
                let why = format!("it has moved to {}", to.path());
                return Err((Trouble::Refused { code: response.status().as_u16(), message: why }, Meaning::Operator));
            }
            url = to;
        }
        Err((Trouble::Malformed(format!("it moved more than {MOVES_MAX} times")), Meaning::Later))
    }

    async fn once(&self, call: &Call, url: &Url, token: &SecretString) -> Result<Response, (Trouble, Meaning)> {
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.forge.headers() {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let unusable = || {
            let why = "the token holds what no header may".to_owned();
            (Trouble::Unready(why), Meaning::Operator)
        };
        let (name, value) = match self.forge.identity(token) {
            Identity::Header { name, value } => (name, value),
        };
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        let mut request = self.client.request(method, url.clone()).headers(headers);
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.send().await.map_err(|error| {
            let is_unsent = error.is_connect();
            let why = chain(&error.without_url());
            (if is_unsent { Trouble::Unreachable(why) } else { Trouble::Unanswered(why) }, Meaning::Later)
        })
    }

    /// Reads an answer up to its limit.
    async fn read(&self, mut response: Response) -> Result<Answered, (Trouble, Meaning)> {
        let code = response.status().as_u16();
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
        let left = number("x-ratelimit-remaining").zip(number("x-ratelimit-limit"));
        // GitLab's, as a draft of the IETF has them.
        let left = left.or_else(|| number("ratelimit-remaining").zip(number("ratelimit-limit")));
        let reset = number("x-ratelimit-reset").or_else(|| number("ratelimit-reset"));
        let wait = number("retry-after").map(Duration::from_secs).or_else(|| {
            let is_spent = left.is_some_and(|(left, _)| left == 0) || number("ratelimit-remaining") == Some(0);
            let until = reset.filter(|_| is_spent)?;
            Some(Duration::from_secs(until.saturating_sub(now().0 / 1_000)).max(Duration::from_secs(1)))
        });
        let scopes = response.headers().get("x-oauth-scopes").and_then(|it| it.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        let unanswered = |error: reqwest::Error| (Trouble::Unanswered(chain(&error.without_url())), Meaning::Later);
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if bytes.len() + chunk.len() > BYTES_MAX {
                let why = format!("it is longer than {BYTES_MAX} bytes");
                return Err((Trouble::Malformed(why), Meaning::Later));
            }
            bytes.extend_from_slice(&chunk);
        }
        let body: Result<Json, _> = if bytes.is_empty() { Ok(Json::Null) } else { serde_json::from_slice(&bytes) };
        if (200..300).contains(&code) {
            let body = body.map_err(|_| (Trouble::Malformed("it is no JSON".into()), Meaning::Later))?;
            return Ok(Answered { code, body, scopes, left });
        }
        let message = message(body.ok().as_ref());
        let meaning = self.forge.meaning(code, &message, wait);
        Err((Trouble::Refused { code, message }, meaning))
    }

    /// Reads the token where it is now; of an app it is asked for, unless there is one that is good.
    async fn token(&self) -> Result<SecretString, (Trouble, Meaning)> {
        let unready = |why| (Trouble::Unready(why), Meaning::Operator);
        let token = match &self.token {
            TokenAt::File(file) => secret(file).map_err(|fault| unready(fault.to_string()))?,
            // Named in the settings, so that nobody else reads the environment.
            TokenAt::Variable(name) => std::env::var(name)
                .map(SecretString::from)
                .map_err(|_| unready(format!("the variable {name} is not set, or no text")))?,
            TokenAt::App(app) => return self.token_of(app).await,
        };
        if token.expose_secret().is_empty() { Err(unready("the token is empty".to_owned())) } else { Ok(token) }
    }

    /// Returns the token of an app's installation; requests at the same time wait for the same one.
    async fn token_of(&self, app: &App) -> Result<SecretString, (Trouble, Meaning)> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.is_good(now())) {
            return Ok(held.token.clone());
        }
        let proof = app::proof(app, now()).map_err(|why| (Trouble::Unready(why), Meaning::Operator))?;
        let other = |what: &str| (Trouble::Malformed(format!("{what} was expected")), Meaning::Later);
        let clean = |(trouble, meaning): (Trouble, Meaning)| (trouble.without(&proof), meaning);
        let installation = if let Some(installation) = app.installation {
            installation
        } else {
            let found = self.exchange(&app::installation(&self.forge), &proof).await.map_err(clean)?;
            let id = found.body.get("id").and_then(Json::as_u64);
            id.ok_or_else(|| other("the number of an installation"))?
        };
        let answered = self.exchange(&app::token(&self.forge, installation), &proof).await.map_err(clean)?;
        let fresh = app::read_token(&answered.body).ok_or_else(|| other("a token, and when it ends,"))?;
        Ok(held.insert(fresh).token.clone())
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comments(&self) -> MutexGuard<'_, Vec<Budget>> {
        self.comments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what a forge says in words, in one line; each has its own place for it.
fn message(body: Option<&Json>) -> String {
    let Some(body) = body else { return String::new() };
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Array(all) if !all.is_empty() => Some(all.iter().map(flat).collect::<Vec<_>>().join("; ")),
        Json::Object(_) => value.get("message").and_then(Json::as_str).map(str::to_owned),
        _ => None,
    };
    let keys = ["message", "error", "errors", "error_description"];
    let mut said: Vec<String> = keys.iter().filter_map(|key| body.get(*key)).filter_map(text).collect();
    said.dedup();
    let said = said.join(": ").replace(char::is_control, " ");
    said.chars().take(MESSAGE_CHARS_MAX).collect()
}

fn flat(value: &Json) -> String {
    let named = value.get("message").and_then(Json::as_str);
    named.or(value.as_str()).map_or_else(|| value.to_string(), str::to_owned)
}
