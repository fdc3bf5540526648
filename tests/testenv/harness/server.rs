//! In: which release, with which controllers. Out: a real API server on the loopback, with its own etcd and authority.
//! Guarantee: it shares nothing with another one; its processes and its folder go with it, however the tests end.
use super::audit::{self, Audit};
use super::authority::{Authority, Identity};
use super::kubeconfig::{self, USER_AGENT, User};
use super::port::Port;
use super::process::{Process, Start};
use super::programs::program;
use super::wait::Patience;
use super::{controllers, on_a_runtime};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An API server is ready after 3 s on an idle machine; a loaded one may be many times as slow.
const START: Patience = Patience::seconds(180);

/// How long controllers may take for their part: seconds on an idle machine.
const EFFECT: Duration = Duration::from_mins(2);

/// How often it is asked whether they have done it: a question costs the server about 1 ms.
const BETWEEN: Duration = Duration::from_millis(50);

/// The module whose programs are started.
pub(super) const MODULE: &str = "kubernetes";

/// Keeps the folders of servers, with their logs, where it is set.
const KEEP: &str = "STRATIFY_TESTENV_KEEP";

/// What runs beside etcd and the API server.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Controllers {
    /// Nothing: objects stay as they were written, and namespaces never go.
    #[default]
    None,
    /// The controller manager, the scheduler, and a node in memory on which pods become ready.
    All,
}

/// How a server is to be.
#[derive(Default)]
pub(crate) struct Options {
    /// What runs beside it.
    pub(crate) controllers: Controllers,
    /// Further arguments of the API server.
    pub(crate) arguments: Vec<String>,
}

/// A running API server.
pub(crate) struct Server {
    // In the order in which they are to end.
    controllers: Vec<Process>,
    api: Option<Process>,
    _etcd: Process,
    etcd_port: u16,
    port: Port,
    held: Mutex<Vec<Port>>,
    authority: Authority,
    shown: Identity,
    admin: Identity,
    audit: Audit,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// Returns the server without controllers that all tests of this binary share: each takes a namespace.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Options::default()))
    }

    /// Returns the server with controllers that all tests of this binary share: each takes a namespace.
    pub(crate) fn shared_with_controllers() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Options { controllers: Controllers::All, ..Options::default() }))
    }

    /// Starts a server for one test alone.
    pub(crate) fn start(options: Options) -> Self {
        let mut folder = tempfile::Builder::new().prefix("testenv-").tempdir().expect("a temporary folder can be made");
        folder.disable_cleanup(env::var_os(KEEP).is_some());
        let authority = Authority::new(&folder.path().join("certificates"));
        let (server, admin) = (authority.server(), authority.user(User::ADMIN.name, User::ADMIN.groups));
        let (etcd, ports) = start_etcd(folder.path());
        let mut started = Self {
            controllers: Vec::new(),
            api: None,
            _etcd: etcd,
            etcd_port: ports[0].number(),
            port: Port::free(),
            held: Mutex::new(ports),
            audit: Audit::new(folder.path().join("audit.log")),
            authority,
            shown: server,
            admin,
            arguments: options.arguments,
            folder,
        };
        started.start_api();
        if options.controllers == Controllers::All {
            started.controllers = controllers::start(&started);
        }
        started
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    /// Returns where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    /// Returns who signs its certificates.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the requests that it got.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Returns a folder that goes with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Holds a port as long as the server runs, and returns its number.
    pub(super) fn hold(&self, port: Port) -> u16 {
        let number = port.number();
        self.held.lock().expect("no holder panics").push(port);
        number
    }

    /// Returns the text of a kubeconfig for a user.
    pub(crate) fn kubeconfig(&self, user: User) -> String {
        let identity = self.identity(user);
        kubeconfig::kubeconfig(&self.url(), &self.authority.identity().certificate, Some(&identity))
    }

    /// Writes a kubeconfig for a user into a file that goes with the server.
    pub(crate) fn kubeconfig_file(&self, user: User) -> PathBuf {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        let name = format!("kubeconfig-{}", WRITTEN.fetch_add(1, Ordering::Relaxed));
        let path = self.folder().join(name);
        fs::write(&path, self.kubeconfig(user)).expect("the folder is ours");
        path
    }

    /// Returns a user's client certificate.
    pub(crate) fn identity(&self, user: User) -> Identity {
        let is_admin = user.name == User::ADMIN.name && user.groups == User::ADMIN.groups;
        if is_admin { self.admin.clone() } else { self.authority.user(user.name, user.groups) }
    }

    /// Returns a client that may do everything; its requests bear the harness's user agent.
    pub(crate) async fn client(&self) -> kube::Client {
        kubeconfig::client(&self.kubeconfig(User::ADMIN), USER_AGENT).await
    }

    /// Returns a client of a user.
    pub(crate) async fn client_of(&self, user: User<'_>, user_agent: &str) -> kube::Client {
        kubeconfig::client(&self.kubeconfig(user), user_agent).await
    }

    /// Makes a namespace that no other test has, and returns its name.
    pub(crate) async fn namespace(&self, prefix: &str) -> String {
        let mut namespace = Namespace::default();
        namespace.metadata.generate_name = Some(format!("{prefix}-"));
        let namespaces: Api<Namespace> = Api::all(self.client().await);
        let made = namespaces.create(&PostParams::default(), &namespace).await.expect("an administrator may");
        made.metadata.name.expect("the server gives it")
    }

    /// Waits until controllers have done their part; fails when they do not.
    pub(crate) async fn eventually(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let begin = Instant::now();
        while !is_so().await {
            assert!(begin.elapsed() < EFFECT, "after {EFFECT:?} it is not so that {what}");
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Ends the API server as `kill -9` does; etcd stays.
    pub(crate) fn stop_api(&mut self) {
        self.api = None;
    }

    /// Starts the API server, at the address that it had.
    pub(crate) fn start_api(&mut self) {
        fs::write(self.folder().join("audit.yaml"), audit::POLICY).expect("the folder is ours");
        let mut api = Process::start(&Start {
            program: program(MODULE, "kube-apiserver"),
            arguments: self.api_arguments(),
            environment: Vec::new(),
            logs: self.folder.path(),
            removed: None,
        });
        let kubeconfig = self.kubeconfig(User::ADMIN);
        api.ready(START, || on_a_runtime(|| is_ready(&kubeconfig)));
        self.api = Some(api);
    }

    fn api_arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let authority = self.authority.identity();
        let own = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--secure-port={}", self.port.number()),
            format!("--tls-cert-file={}", path(&self.shown.certificate)),
            format!("--tls-private-key-file={}", path(&self.shown.key)),
            format!("--client-ca-file={}", path(&authority.certificate)),
            format!("--service-account-key-file={}", path(&authority.certificate)),
            format!("--service-account-signing-key-file={}", path(&authority.key)),
            format!("--audit-policy-file={}", path(&self.folder().join("audit.yaml"))),
            format!("--audit-log-path={}", path(&self.folder().join("audit.log"))),
        ];
        let fixed = [
            "--bind-address=127.0.0.1",
            // Any address but a loopback's is taken; it is for endpoints of `kubernetes`, which nobody keeps here.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=Node,RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
            "--profiling=false",
            // In MiB: more than any run writes, since a log that is begun anew would hide requests.
            "--audit-log-maxsize=4000",
        ];
        let fixed = fixed.iter().map(|argument| (*argument).to_owned());
        own.into_iter().chain(fixed).chain(self.arguments.iter().cloned()).collect()
    }
}

/// Starts etcd; its ports are the one for clients and the one for peers.
fn start_etcd(folder: &Path) -> (Process, Vec<Port>) {
    let ports = vec![Port::free(), Port::free()];
    let url = |port: &Port| format!("http://127.0.0.1:{}", port.number());
    let (client, peer) = (url(&ports[0]), url(&ports[1]));
    let is_kept = env::var_os(KEEP).is_some();
    let etcd = Process::start(&Start {
        program: program(MODULE, "etcd"),
        arguments: vec![
            format!("--data-dir={}", folder.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // Cut-offs are of processes, not of the power.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ],
        environment: Vec::new(),
        logs: folder,
        removed: (!is_kept).then_some(folder),
    });
    (etcd, ports)
}

async fn is_ready(kubeconfig: &str) -> bool {
    let client = kubeconfig::client(kubeconfig, USER_AGENT).await;
    let request = http::Request::get("/readyz").body(Vec::new()).expect("it is a request");
    client.request_text(request).await.is_ok()
}
