//! In: an API server, a user, a schedule of faults. Out: an address that is that server but for its faults.
//! Guarantee: a request without a fault passes as it is, watches included; each request is told with what befell it.
//!
//! ```text
//! client ──TLS, own certificate──► Proxy ──TLS, the user's certificate──► kube-apiserver
//!                                    │ the n-th request: Schedule → Option<Fault>
//! ```
mod fault;
mod forward;
mod schedule;

pub(crate) use fault::{Fault, Refusal};
pub(crate) use schedule::Schedule;

use super::authority::{Authority, Identity};
use super::kubeconfig::{self, User};
use super::server::Server;
use forward::Upstream;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A request that came, and what befell it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which one it is, counted from one in the order of arrival.
    pub(crate) nth: usize,
    /// `GET`, `PATCH`, …
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    /// What befell it.
    pub(crate) fault: Option<Fault>,
}

impl Seen {
    /// Returns whether it may change something.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && !self.uri.contains("dryRun=All")
    }
}

/// A running proxy.
pub(crate) struct Proxy {
    address: SocketAddr,
    authority: PathBuf,
    state: Arc<Mutex<State>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the requests share.
struct State {
    seen: Vec<Seen>,
    schedule: Schedule,
}

impl Proxy {
    /// Starts one before a server; whoever asks it is the user to the server.
    pub(crate) fn start(server: &Server, user: User, schedule: Schedule) -> Self {
        let state = Arc::new(Mutex::new(State { seen: Vec::new(), schedule }));
        let acceptor = TlsAcceptor::from(Arc::new(server_side(server.authority())));
        let connector = TlsConnector::from(Arc::new(client_side(server.authority(), &server.identity(user))));
        let upstream = Upstream { address: server.address(), connector };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be");
        let address = listener.local_addr().expect("it is bound");
        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let serve = async move {
                let listener = TcpListener::from_std(listener).expect("a runtime is there");
                tokio::select! {
                    () = accept(listener, acceptor, upstream, shared) => {}
                    _ = ended => {}
                }
            };
            // The runtime ends with its connections.
            runtime.expect("a runtime needs nothing").block_on(serve);
        });
        let authority = server.authority().identity().certificate;
        Self { address, authority, state, end: Some(end), thread: Some(thread) }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Returns a kubeconfig that leads here; it needs no credentials.
    pub(crate) fn kubeconfig(&self) -> String {
        kubeconfig::kubeconfig(&self.url(), &self.authority, None)
    }

    /// Returns a client that asks here.
    pub(crate) async fn client(&self, user_agent: &str) -> kube::Client {
        kubeconfig::client(&self.kubeconfig(), user_agent).await
    }

    /// Has another schedule from now on; its first request is the next one.
    pub(crate) fn set(&self, schedule: Schedule) {
        self.state.lock().expect("no request panics with it").schedule = schedule;
    }

    /// Returns the requests up to now.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().expect("no request panics with it").seen.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl State {
    /// Notes a request, and returns what befalls it.
    fn note(&mut self, method: &str, uri: &str) -> Option<Fault> {
        let nth = self.seen.len() + 1;
        let mut seen = Seen { nth, method: method.to_owned(), uri: uri.to_owned(), fault: None };
        seen.fault = self.schedule.next(&seen);
        let fault = seen.fault.clone();
        self.seen.push(seen);
        fault
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, upstream: Upstream, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, upstream, state) = (acceptor.clone(), upstream.clone(), Arc::clone(&state));
        // A client that goes away is its own affair, and a cut connection is what was asked for.
        tokio::spawn(async move { serve(stream, acceptor, upstream, state).await.ok() });
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    upstream: Upstream,
    state: Arc<Mutex<State>>,
) -> Result<(), forward::Broken> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let service = hyper::service::service_fn(|request| {
        let fault = {
            let mut state = state.lock().expect("no request panics with it");
            state.note(request.method().as_str(), &request.uri().to_string())
        };
        let upstream = upstream.clone();
        async move { upstream.pass(request, fault).await }
    });
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

pub(super) fn server_side(authority: &Authority) -> ServerConfig {
    let (certificates, key) = read(&authority.server());
    let config = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
    let config = config.expect("ring knows them").with_no_client_auth().with_single_cert(certificates, key);
    config.expect("the key is the certificate's")
}

fn client_side(authority: &Authority, identity: &Identity) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&authority.identity().certificate)).expect("it was made here");
    let (certificates, key) = read(identity);
    let config = ClientConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
    let config = config.expect("ring knows them").with_root_certificates(roots);
    config.with_client_auth_cert(certificates, key).expect("the key is the certificate's")
}

fn read(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("it was made here");
    (vec![certificate(&identity.certificate)], key)
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("it was made here")
}

fn ring() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
