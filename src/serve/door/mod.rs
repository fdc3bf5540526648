//! In: HTTP from anywhere. Out: a wake of a repository for each delivery that its forge signed.
//! Guarantee: nobody holds it up or fills its memory: connections, times, sizes and refusals of one source are bounded; what
//! is not signed by the secret of the settings is not read. A page is shown to whoever has its address.
//!
//! ```text
//! connection ─ headers ≤ 10 s ─ route ─ source's budget ─ room for the body ─ body ≤ 10 s, ≤ 25 MB ─ signature ─ wake
//! ```
//! Why: a webhook changes when, never what (P12): whatever it says, the repository is looked at by us. So all that a
//! delivery can do is to make a look come sooner.
mod deliveries;
mod pages;
mod sources;

pub use deliveries::Hook;

use crate::client::git::fault;
use crate::decide::value::{Fault, Owner};
use crate::observe::watch::{Queue, Wake, Why};
use deliveries::{Deliveries, Taken};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use pages::page;
use sources::Sources;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// The largest delivery: GitHub sends none above it.
const BODY_BYTES_MAX: u64 = 25_000_000;

/// How long the headers of a request, and then its body, may take: forges send from nearby and at once.
const PART_TIME: Duration = Duration::from_secs(10);

/// How long a connection may last, whatever it does.
const CONNECTION_TIME: Duration = Duration::from_mins(2);

/// How many connections there are at once: of deliveries each lasts for milliseconds.
const CONNECTIONS_MAX: usize = 256;

/// How much memory all bodies have together, in KiB: of two of the largest, or a hundred of those that are common.
const ROOM_KIB: u32 = 64 << 10;

/// How long a request waits for its part of that.
const ROOM_TIME: Duration = Duration::from_secs(5);

/// The largest head of a request: a forge's has a tenth of it.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// How long to wait after a failed accept, which mostly is for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Where webhooks are taken, below the address.
const PREFIX: &str = "/webhooks/";

/// Where the pages of plans are, below the address.
const PLANS: &str = "/plans/";

/// All that requests share.
struct Door {
    deliveries: Deliveries,
    /// The folder of the pages.
    plans: PathBuf,
    sources: Sources,
    room: Semaphore,
    queue: Arc<Queue>,
}

type Answer = Response<Full<Bytes>>;

/// Listens at an address of the settings.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("could not listen at {address}: {error}");
        fault(Owner::Operator, false, message, "see `listen` in the settings, and who else listens there")
    })
}

/// Takes deliveries of these hooks, and pushes a wake for each; shows the pages of a folder. Never returns; dropping it
/// ends it.
pub async fn serve(listener: TcpListener, hooks: Vec<Hook>, plans: PathBuf, queue: Arc<Queue>) {
    let door = Arc::new(Door {
        deliveries: Deliveries::new(hooks),
        plans,
        sources: Sources::default(),
        room: Semaphore::new(ROOM_KIB as usize),
        queue,
    });
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let door = door.clone();
                tokio::spawn(async move {
                    // Who goes away, or is too slow, is told nothing more.
                    let _ = timeout(CONNECTION_TIME, converse(stream, peer.ip(), door)).await;
                    drop(permit);
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, source: IpAddr, door: Arc<Door>) {
    let answering = service_fn(move |request| {
        let door = door.clone();
        async move { Ok::<_, Infallible>(door.answer(source, request).await) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(PART_TIME).max_buf_size(HEAD_BYTES_MAX);
    // What is wrong with a connection is its other end's affair.
    let _ = connection.serve_connection(TokioIo::new(stream), answering).await;
}

impl Door {
    async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        match (request.method(), path.strip_prefix(PREFIX)) {
            (&Method::GET, None) if path == "/healthz" => said(StatusCode::OK, "ok"),
            (&Method::POST, Some(name)) => self.delivery(source, name, request).await,
            (&Method::GET, None) if path.starts_with(PLANS) => self.plan(source, path).await,
            (_, Some(_)) => said(StatusCode::METHOD_NOT_ALLOWED, "webhooks are sent by POST"),
            _ => said(StatusCode::NOT_FOUND, "nothing is here"),
        }
    }

    /// Shows a page; who tries names is made to wait as who sends forged deliveries.
    async fn plan(&self, source: IpAddr, path: String) -> Answer {
        if let Err(wait) = self.sources.may(source) {
            return later(wait);
        }
        let folder = self.plans.clone();
        let reading = tokio::task::spawn_blocking(move || page(&folder, path.strip_prefix(PLANS)?));
        let Ok(Some(bytes)) = reading.await else {
            self.sources.refused(source);
            return said(StatusCode::NOT_FOUND, "there is no such plan, or not any longer");
        };
        let mut answer = text(StatusCode::OK, bytes);
        answer.headers_mut().insert("x-content-type-options", http::HeaderValue::from_static("nosniff"));
        answer
    }

    async fn delivery(&self, source: IpAddr, name: &str, request: Request<Incoming>) -> Answer {
        if let Err(wait) = self.sources.may(source) {
            return later(wait);
        }
        let answer = self.read(name, request).await;
        if answer.status().is_client_error() {
            self.sources.refused(source);
            tracing::debug!(%source, code = answer.status().as_u16(), "a delivery was refused");
        }
        answer
    }

    async fn read(&self, name: &str, request: Request<Incoming>) -> Answer {
        let Some(hook) = self.deliveries.find(name) else {
            return said(StatusCode::NOT_FOUND, "the settings have no webhook of this name");
        };
        let size = request.body().size_hint();
        if size.lower() > BODY_BYTES_MAX {
            return said(StatusCode::PAYLOAD_TOO_LARGE, "it is larger than 25 MB");
        }
        // Who does not say how much comes gets room for the most.
        let kib = size.upper().unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX).div_ceil(1 << 10).max(1);
        let kib = u32::try_from(kib).unwrap_or(ROOM_KIB);
        let Ok(Ok(_room)) = timeout(ROOM_TIME, self.room.acquire_many(kib)).await else {
            return said(StatusCode::SERVICE_UNAVAILABLE, "too many deliveries at once");
        };
        let (head, body) = request.into_parts();
        let most = usize::try_from(BODY_BYTES_MAX).unwrap_or(usize::MAX);
        let body = match timeout(PART_TIME, Limited::new(body, most).collect()).await {
            Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "it came too slowly"),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return said(StatusCode::PAYLOAD_TOO_LARGE, "it is larger than 25 MB");
            }
            Ok(Err(_)) => return said(StatusCode::BAD_REQUEST, "it broke off"),
            Ok(Ok(body)) => body.to_bytes(),
        };
        match self.deliveries.take(hook, &head.headers, &body) {
            Taken::Wakes(why) => {
                self.queue.push(Wake { repository: hook.repository.clone(), why: Why::Signal });
                said(StatusCode::ACCEPTED, &why)
            }
            Taken::Ignored(why) => said(StatusCode::OK, why),
            Taken::Refused(why) => said(StatusCode::UNAUTHORIZED, &why),
            Taken::Malformed(why) => said(StatusCode::BAD_REQUEST, &why),
            Taken::Unready => said(StatusCode::SERVICE_UNAVAILABLE, "the secret cannot be read"),
        }
    }
}

fn later(wait: Duration) -> Answer {
    let mut answer = said(StatusCode::TOO_MANY_REQUESTS, "too much of what came from there was refused");
    answer.headers_mut().insert("retry-after", wait.as_secs().max(1).into());
    answer
}

fn said(code: StatusCode, words: &str) -> Answer {
    text(code, format!("{words}\n").into_bytes())
}

fn text(code: StatusCode, bytes: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(bytes)));
    *answer.status_mut() = code;
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
