//! In: how many clusters. Out: an API server for each, at an address of its own, all in this process.
//! Guarantee: each speaks the real protocol over TLS as far as Stratify asks for it (`kubernetes::simulated` of the tests
//! holds it to a real server's answers); what it does not simulate it refuses. Controllers are at their ends at once.
//!
//! ```text
//! port of cluster 1 ──► connection ─┐                          ┌─ store: objects, versions, changes
//! port of cluster 2 ──► connection ─┼─► Asked ──► answer() ────┤   fields, apply: server-side apply
//!        …                          │     └─────► Watch::run() ┘   status: as its controllers would leave it
//! ```
//!
//! Deliberately absent: users and their rights, admission, defaults, schemas, validation, kinds that are defined, UIDs and
//! times that are worth something.
mod answer;
mod apply;
mod death;
mod fields;
mod kinds;
mod refusal;
mod status;
mod store;
mod watch;

pub(crate) use death::Death;

use super::authority::Authority;
use super::faults::server_side;
use super::kubeconfig;
use answer::Asked;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::Channel;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use store::Store;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch as signal;
use tokio_rustls::TlsAcceptor;
use watch::Watch;

/// Threads for all clusters: the machine's others are for the program that asks.
const THREADS: usize = 2;

/// What a watch may hold back, in events.
const EVENTS: usize = 16;

type Body = BoxBody<Bytes, Infallible>;

/// Clusters that are simulated.
pub(crate) struct Simulated {
    clusters: Vec<Cluster>,
    authority: PathBuf,
    _folder: TempDir,
    /// Taken by the drop alone; its connections end with it.
    runtime: Option<Runtime>,
}

/// One of them.
pub(crate) struct Cluster {
    inner: Arc<Inner>,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    runtime: Handle,
}

/// What the connections of a cluster share.
struct Inner {
    store: Mutex<Store>,
    /// Told of each write; its end ends the watches.
    changed: signal::Sender<()>,
    death: signal::Sender<Option<Death>>,
    requests: AtomicU64,
    watches: AtomicU64,
    wrote: Mutex<Option<Wrote>>,
}

/// Told of each write: the path, and when it was done.
type Wrote = Box<dyn Fn(&str, Instant) + Send>;

impl Inner {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no request panics with it")
    }

    fn is_well(&self) -> bool {
        self.death.borrow().is_none()
    }
}

impl Simulated {
    /// Starts so many clusters.
    pub(crate) fn start(clusters: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("simulated-").tempdir().expect("a temporary folder can be made");
        let authority = Authority::new(folder.path());
        let acceptor = TlsAcceptor::from(Arc::new(server_side(&authority)));
        let threads = Builder::new_multi_thread().worker_threads(THREADS).thread_name("simulated").enable_all().build();
        let runtime = threads.expect("threads start");
        let clusters = (0..clusters).map(|at| Cluster::start(at, &acceptor, runtime.handle())).collect();
        Self { clusters, authority: authority.identity().certificate, _folder: folder, runtime: Some(runtime) }
    }

    /// Returns a cluster.
    pub(crate) fn cluster(&self, at: usize) -> &Cluster {
        &self.clusters[at]
    }

    /// Returns a kubeconfig that leads to a cluster; it needs no credentials.
    pub(crate) fn kubeconfig(&self, at: usize) -> String {
        kubeconfig::kubeconfig(&format!("https://{}", self.cluster(at).address), &self.authority, None)
    }

    /// Returns a client of a cluster.
    pub(crate) async fn client(&self, at: usize) -> kube::Client {
        kubeconfig::client(&self.kubeconfig(at), kubeconfig::USER_AGENT).await
    }

    /// Lets a cluster die in a way, or live again.
    pub(crate) fn set(&self, at: usize, death: Option<Death>) {
        let cluster = self.cluster(at);
        let was = cluster.inner.death.send_replace(death);
        if was == Some(Death::Refuses) && death != was {
            cluster.listen();
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Cluster {
    fn start(at: usize, acceptor: &TlsAcceptor, runtime: &Handle) -> Self {
        let inner = Inner {
            store: Mutex::new(Store::new(u64::try_from(at).expect("it is a number"))),
            changed: signal::Sender::new(()),
            death: signal::Sender::new(None),
            requests: AtomicU64::new(0),
            watches: AtomicU64::new(0),
            wrote: Mutex::default(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut cluster =
            Self { inner: Arc::new(inner), address: any, acceptor: acceptor.clone(), runtime: runtime.clone() };
        cluster.address = cluster.listen();
        cluster
    }

    /// Listens until the cluster refuses; returns where.
    fn listen(&self) -> SocketAddr {
        let listener = std::net::TcpListener::bind(self.address).expect("the loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be");
        let address = listener.local_addr().expect("it is bound");
        let (inner, acceptor) = (self.inner.clone(), self.acceptor.clone());
        self.runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a runtime is there");
            let mut death = inner.death.subscribe();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        // A client that goes away is its own affair.
                        tokio::spawn(serve(stream, acceptor.clone(), inner.clone()));
                    }
                    _ = death.wait_for(|death| *death == Some(Death::Refuses)) => return,
                }
            }
        });
        address
    }

    /// Returns how many requests it got, but for watches.
    pub(crate) fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Returns how many watches it got.
    pub(crate) fn watches(&self) -> u64 {
        self.inner.watches.load(Ordering::Relaxed)
    }

    /// Tells of each write that it did from now on: the path, and when it was done.
    pub(crate) fn on_write(&self, told: impl Fn(&str, Instant) + Send + 'static) {
        *self.inner.wrote.lock().expect("no request panics with it") = Some(Box::new(told));
    }

    /// Returns what it has at a path.
    pub(crate) fn read(&self, path: &str) -> Option<Value> {
        let place = kinds::Place::read(path)?;
        self.inner.store().get(&place).map(|stored| stored.json())
    }
}

/// Serves a connection until the client goes, or the cluster refuses.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, inner: Arc<Inner>) {
    let mut death = inner.death.subscribe();
    let served = async {
        stream.set_nodelay(true).ok()?;
        let stream = acceptor.accept(stream).await.ok()?;
        let service = hyper::service::service_fn(|request| respond(inner.clone(), request));
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok()
    };
    tokio::select! {
        _ = served => {}
        _ = death.wait_for(|death| *death == Some(Death::Refuses)) => {}
    }
}

async fn respond(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let asked = Asked::new(&head, body.collect().await?.to_bytes());
    if asked.is_watch() {
        inner.watches.fetch_add(1, Ordering::Relaxed);
    } else {
        inner.requests.fetch_add(1, Ordering::Relaxed);
    }
    let death = *inner.death.borrow();
    match death {
        None => Ok(answered(&inner, &asked)),
        Some(death) => Ok(death.instead(answered(&inner, &asked)).await),
    }
}

fn answered(inner: &Arc<Inner>, asked: &Asked) -> Response<Body> {
    if asked.is_watch() {
        return match Watch::read(asked) {
            Ok(watch) => {
                let (sender, channel) = Channel::new(EVENTS);
                tokio::spawn(watch.run(inner.clone(), sender));
                response(200, channel.boxed())
            }
            Err(refusal) => response(refusal.code, full(refusal.body())),
        };
    }
    let (answer, has_changed) = {
        let mut store = inner.store();
        let before = store.version();
        let answer = answer::answer(&mut store, asked);
        (answer, store.version() != before)
    };
    if has_changed {
        inner.changed.send_replace(());
        if let Some(wrote) = &*inner.wrote.lock().expect("no request panics with it") {
            wrote(&asked.path, Instant::now());
        }
    }
    response(answer.code, full(answer.body))
}

fn response(code: u16, body: Body) -> Response<Body> {
    let response = Response::builder().status(code).header(http::header::CONTENT_TYPE, "application/json");
    response.body(body).expect("it is an answer")
}

fn full(body: Bytes) -> Body {
    Full::new(body).boxed()
}
