//! In: a connection. Out: answers to single requests, each tried again as far as that is safe and allowed.
//! Guarantee: every request has a deadline, every body a bound, and a write that may have been done is not sent again.
use super::error::{ApiError, Trouble, chain, cut};
use super::kinds::Kinds;
use crate::decide::schedule::{Attempts, RetryBudget};
use crate::decide::value::Value;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one answer may take: webhooks have 30 s, and an API server 60 s for all of it.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// For so long a server that could not be reached is not asked again: requests that come together wait for one of them.
const DOWN: Duration = Duration::from_secs(1);

/// The most bytes of one answer: a page of 500 objects, of which none is above the 3 MB that etcd takes, and few near it.
const BYTES_MAX: usize = 256 << 20;

/// One API server.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    name: String,
    host: String,
    client: Client,
    kinds: Mutex<Option<Arc<Kinds>>>,
    budget: Mutex<RetryBudget>,
    /// Since when nothing answers, and what was said last.
    down: Mutex<Option<(Instant, ApiError)>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} at {})", self.0.name, self.0.host)
    }
}

/// One request.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: String,
    /// The body and its type.
    pub(super) body: Option<(String, &'static str)>,
    pub(super) accept: &'static str,
    /// The verb and the path, for errors.
    pub(super) attempt: String,
}

/// What was answered to a request that was done.
pub(super) struct Answered {
    pub(super) code: u16,
    pub(super) value: Value,
}

impl Server {
    pub(super) fn new(name: &str, host: String, client: Client) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            host,
            client,
            kinds: Mutex::default(),
            budget: Mutex::default(),
            down: Mutex::default(),
        }))
    }

    /// Returns the target's name in the settings.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the kinds that it serves, as they were seen last; asks where they never were.
    pub async fn kinds(&self) -> Result<Arc<Kinds>, ApiError> {
        let known = self.known_kinds().clone();
        match known {
            Some(kinds) => Ok(kinds),
            None => self.refresh_kinds().await,
        }
    }

    /// Asks for the kinds that it serves.
    pub async fn refresh_kinds(&self) -> Result<Arc<Kinds>, ApiError> {
        const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                              application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        let mut kinds = Kinds::default();
        for path in ["/api", "/apis"] {
            let attempt = format!("get {path}");
            let call = Call { method: Method::GET, uri: path.into(), body: None, accept: ACCEPT, attempt };
            let answer = self.call(&call).await?;
            let malformed = |why| ApiError { attempt: call.attempt.clone(), trouble: Trouble::Malformed(why) };
            kinds.take(&answer.value).map_err(malformed)?;
        }
        let kinds = Arc::new(kinds);
        *self.known_kinds() = Some(kinds.clone());
        Ok(kinds)
    }

    /// Forgets which kinds it serves, so that who needs one asks anew.
    pub fn forget_kinds(&self) {
        *self.known_kinds() = None;
    }

    /// Whether this is the very connection that another one is.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn known_kinds(&self) -> MutexGuard<'_, Option<Arc<Kinds>>> {
        self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn down(&self) -> MutexGuard<'_, Option<(Instant, ApiError)>> {
        self.0.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, again where that is safe and can help.
    pub(super) async fn call(&self, call: &Call) -> Result<Answered, ApiError> {
        let (mut attempts, begin) = (Attempts::new(&format!("{} {}", self.0.host, call.uri)), Instant::now());
        let was_down = self.down().clone();
        if let Some((_, error)) = was_down.as_ref().filter(|(since, _)| since.elapsed() < DOWN) {
            return Err(ApiError { attempt: call.attempt.clone(), trouble: error.trouble.clone() });
        }
        loop {
            let error = match self.call_once(call).await {
                Ok(answered) => {
                    self.budget().earned();
                    *self.down() = None;
                    return Ok(answered);
                }
                Err(error) => error,
            };
            let is_down = matches!(error.trouble, Trouble::Unreachable(_));
            *self.down() = is_down.then(|| (Instant::now(), error.clone()));
            // A server that was down before, or does not even refuse, is asked once: nobody is to wait for it.
            if is_down && (was_down.is_some() || begin.elapsed() >= super::access::CONNECT) {
                return Err(error);
            }
            // A server that took a whole deadline would take the next one, too, and others wait meanwhile: that is for the
            // next sync.
            if begin.elapsed() >= DEADLINE {
                return Err(error);
            }
            let asked = if let Trouble::Refused { retry_after, .. } = &error.trouble { *retry_after } else { None };
            let pause = may_repeat(call, &error).then(|| attempts.again(asked, &mut self.budget())).flatten();
            let Some(pause) = pause else { return Err(error) };
            tracing::debug!(%error, ?pause, "tried again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn call_once(&self, call: &Call) -> Result<Answered, ApiError> {
        let fail = |trouble| ApiError { attempt: call.attempt.clone(), trouble };
        let late = |_| fail(Trouble::Unanswered(format!("it took longer than {} s", DEADLINE.as_secs())));
        let work = async {
            let response = self.send(call).await?;
            let (code, retry_after) = (response.status().as_u16(), retry_after(&response));
            let body = Limited::new(response.into_body(), BYTES_MAX).collect().await;
            let body = body.map_err(|error| fail(Trouble::Unanswered(chain(&*error))))?.to_bytes();
            if !(200..300).contains(&code) {
                return Err(ApiError::refused(call.attempt.clone(), code, &body, retry_after));
            }
            let value = Value::from_json(&body).map_err(|why| fail(Trouble::Malformed(why)))?;
            Ok(Answered { code, value })
        };
        tokio::time::timeout(DEADLINE, work).await.map_err(late)?
    }

    /// Sends a request once, and returns as soon as the head of the answer is there.
    pub(super) async fn send(&self, call: &Call) -> Result<Response<Body>, ApiError> {
        let fail = |trouble| ApiError { attempt: call.attempt.clone(), trouble };
        let mut request = Request::builder().method(&call.method).uri(&call.uri).header(header::ACCEPT, call.accept);
        // Events and pages come as they are: a stream of several compressed parts is read by few.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        let body = match &call.body {
            Some((body, content_type)) => {
                request = request.header(header::CONTENT_TYPE, *content_type);
                Body::from(body.clone().into_bytes())
            }
            None => Body::empty(),
        };
        let request = request.body(body).map_err(|error| fail(Trouble::Unreachable(cut(&error.to_string()))))?;
        self.0.client.send(request).await.map_err(|error| {
            let text = chain(&error);
            fail(if was_sent(&error) { Trouble::Unanswered(text) } else { Trouble::Unreachable(text) })
        })
    }
}

/// A read does no harm; a write is sent again only where the server says, or the connection shows, that it was not done.
fn may_repeat(call: &Call, error: &ApiError) -> bool {
    match &error.trouble {
        Trouble::Unreachable(_) | Trouble::Refused { code: 429, .. } => true,
        Trouble::Refused { code: 503, retry_after, .. } => retry_after.is_some() || call.method == Method::GET,
        Trouble::Refused { code, .. } => call.method == Method::GET && matches!(code, 500 | 502 | 504),
        Trouble::Unanswered(_) | Trouble::Malformed(_) => call.method == Method::GET,
    }
}

/// Whether a request that failed may have reached the server: all but one whose connection was not made.
fn was_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut sources = std::iter::successors(Some(error), |error| (**error).source());
    !sources.any(|error| {
        error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
            || matches!(error.downcast_ref::<kube::Error>(), Some(kube::Error::Auth(_)))
    })
}

/// Returns the seconds that a server asks for.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
