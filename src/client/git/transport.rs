//! In: an address and a service of Git. Out: a connection, and the guard that ends it in time.
//! Guarantee: no conversation outlives its deadline, no child its connection; credentials go to the address's host only.
//!
//! Why: gix starts `ssh` and `git-upload-pack` itself, but then nobody can end a child that hangs. So we start them.
use super::address::{Address, Credentials, Way};
use super::error::fault;
use crate::decide::value::{Fault, Owner};
use gix::bstr::{BStr, BString};
use gix::protocol::transport::client::blocking_io::{RequestWriter, SetServiceResponse, Transport, http};
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use gix::protocol::transport::client::{Error, MessageKind, TransportWithoutIO, WriteMode};
use gix::protocol::transport::{Protocol, Service};
use secrecy::ExposeSecret;
use std::any::Any;
use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A connection of any kind.
pub(crate) type Connected = Box<dyn Transport + Send>;

/// A child that speaks Git on its standard streams.
struct Spoken {
    connection: Connection<ChildStdout, ChildStdin>,
    child: Arc<Mutex<Child>>,
}

impl TransportWithoutIO for Spoken {
    fn to_url(&self) -> Cow<'_, BStr> {
        self.connection.to_url()
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        true
    }

    fn configure(&mut self, _: &dyn Any) -> gix::Result {
        Ok(())
    }
}

impl Transport for Spoken {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, Error> {
        self.connection.handshake(service, extra_parameters)
    }

    fn request(&mut self, write: WriteMode, read: MessageKind, trace: bool) -> Result<RequestWriter<'_>, Error> {
        self.connection.request(write, read, trace)
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        end(&self.child);
    }
}

/// Kills and reaps a child; one that has ended already is only reaped.
fn end(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    child.kill().ok();
    child.wait().ok();
}

/// Ends a conversation at its deadline, or when it brings too much.
pub(crate) struct Guard {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the conversation was ended.
    pub(crate) ended: Arc<AtomicBool>,
    too_much: Arc<AtomicBool>,
    said: Option<JoinHandle<String>>,
}

impl Guard {
    /// Returns why the guard ended the conversation, if it did.
    pub(crate) fn why_ended(&self) -> Option<Ended> {
        let flag = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        match (flag(&self.too_much), flag(&self.ended)) {
            (true, _) => Some(Ended::TooMuch),
            (false, true) => Some(Ended::TooLate),
            (false, false) => None,
        }
    }

    /// Returns what the child said on its standard error. The connection must be gone.
    pub(crate) fn said(&mut self) -> String {
        self.said.take().and_then(|said| said.join().ok()).unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Why a guard ended a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The deadline passed.
    TooLate,
    /// More came than the limit allows.
    TooMuch,
}

/// How often the guard looks at what has come in: a fast line brings 10 MB in that time.
const GLANCE: Duration = Duration::from_millis(100);

/// The most of a child's complaints that is kept.
const SAID_BYTES_MAX: u64 = 8 << 10;

/// Connects to `service` at the address; what comes in is watched in the folder `incoming`.
pub(crate) fn connect(
    address: &Address,
    service: Service,
    incoming: Option<&Path>,
) -> Result<(Connected, Guard), Fault> {
    let (url, way) = address.way()?;
    let version = if service == Service::ReceivePack { Protocol::V1 } else { Protocol::V2 };
    let (connection, child, said): (Connected, _, _) = match &way {
        Way::Http => (http(url, address, version)?, None, None),
        Way::Folder(_) | Way::Ssh { .. } => {
            let (connection, said) = spawn(address, &way, service, version)?;
            let child = Arc::clone(&connection.child);
            (Box::new(connection), Some(child), Some(said))
        }
    };
    Ok((connection, guard(address, child, said, incoming.map(Path::to_owned))))
}

fn guard(
    address: &Address,
    child: Option<Arc<Mutex<Child>>>,
    said: Option<JoinHandle<String>>,
    incoming: Option<PathBuf>,
) -> Guard {
    let (stop, stopped) = mpsc::channel();
    let (ended, too_much) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (deadline, bytes_max) = (Instant::now() + address.limits.deadline, address.limits.pack_bytes_max);
    let thread = {
        let (ended, too_much) = (Arc::clone(&ended), Arc::clone(&too_much));
        thread::spawn(move || {
            while stopped.recv_timeout(GLANCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let is_too_much = incoming.as_deref().is_some_and(|folder| bytes_in(folder) > bytes_max);
                if is_too_much || Instant::now() >= deadline {
                    too_much.store(is_too_much, Ordering::SeqCst);
                    ended.store(true, Ordering::SeqCst);
                    if let Some(child) = &child {
                        end(child);
                    }
                    return;
                }
            }
        })
    };
    Guard { stop: Some(stop), thread: Some(thread), ended, too_much, said }
}

/// Returns how many bytes the files of a folder have.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Starts the child that speaks for a folder or over SSH.
fn spawn(
    address: &Address,
    way: &Way,
    service: Service,
    version: Protocol,
) -> Result<(Spoken, JoinHandle<String>), Fault> {
    let (mut command, path) = match way {
        Way::Folder(folder) => {
            let mut command = Command::new(service.as_str());
            command.arg("--").arg(folder);
            (command, folder.display().to_string())
        }
        Way::Ssh { user, host, port, path } => {
            let mut command = ssh(address, user.as_deref(), host, *port)?;
            let quoted = format!("'{}'", path.replace('\'', r"'\''"));
            command.arg(format!("{} {quoted}", service.as_str()));
            (command, path.clone())
        }
        Way::Http => return Err(Fault::bug("HTTP needs no child")),
    };
    for (name, _) in std::env::vars_os() {
        // No variable of the one who started us may lead Git to other objects, settings or programs.
        if name.to_string_lossy().starts_with("GIT_") && name != "GIT_EXEC_PATH" {
            command.env_remove(name);
        }
    }
    if version == Protocol::V2 {
        command.env("GIT_PROTOCOL", "version=2");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| {
        let hint = format!("install `{program}` where Stratify runs");
        fault(
            Owner::Operator,
            false,
            format!("could not start {program} for repository {}: {error}", address.name),
            &hint,
        )
    })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(Fault::bug("a child's streams are pipes"));
    };
    let said = thread::spawn(move || {
        let mut text = Vec::new();
        let mut stderr = stderr;
        stderr.by_ref().take(SAID_BYTES_MAX).read_to_end(&mut text).ok();
        // The rest is drained, so that the child never waits for us.
        std::io::copy(&mut stderr, &mut std::io::sink()).ok();
        String::from_utf8_lossy(&text).into_owned()
    });
    let none = None::<(String, Option<u16>)>;
    let connection = Connection::new(stdout, stdin, version, path, none, ConnectMode::Process, false)
        .custom_url(Some(BString::from(address.url.as_str())));
    Ok((Spoken { connection, child: Arc::new(Mutex::new(child)) }, said))
}

/// Returns an `ssh` that knows the settings' key and hosts and nothing else, asks nobody, and gives up a silent line.
fn ssh(address: &Address, user: Option<&str>, host: &str, port: Option<u16>) -> Result<Command, Fault> {
    let Credentials::SshKey { key, known_hosts } = &address.credentials else {
        let message = format!("repository {} is read over ssh, and its credentials are no key", address.name);
        return Err(fault(Owner::Operator, false, message, "name a key file and a known_hosts file"));
    };
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-T", "-a", "-x", "-i"]).arg(key);
    // A comma or a space would end the file's name, so it is quoted as ssh_config(5) says.
    command.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", known_hosts.display()));
    for option in [
        "GlobalKnownHostsFile=none",
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PermitLocalCommand=no",
        "ClearAllForwardings=yes",
        "ConnectTimeout=20",      // as gix gives HTTP
        "ServerAliveInterval=15", // three unanswered in 45 s and the line is dead
        "ServerAliveCountMax=3",
        "SendEnv=GIT_PROTOCOL",
        "LogLevel=ERROR",
    ] {
        command.args(["-o", option]);
    }
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    command.args(["--", host]);
    Ok(command)
}

/// Returns an HTTP connection with the settings' authority and deadline.
fn http(url: gix::Url, address: &Address, version: Protocol) -> Result<Connected, Fault> {
    let mut connection = http::connect::<http::reqwest::Remote>(url, version, false);
    connection.configure(&http_options(address)?).map_err(|error| Fault::bug(error.to_string()))?;
    Ok(Box::new(connection))
}

/// Returns the settings' authority and deadline, as gix takes them. A fetch has to hand them to gix once more, which
/// otherwise replaces them by what Git's configuration says.
pub(crate) fn http_options(address: &Address) -> Result<http::Options, Fault> {
    // gix's reqwest comes without a provider; a second call changes nothing.
    rustls::crypto::ring::default_provider().install_default().ok();
    let certificates = match &address.authority {
        None => None,
        Some(pem) => {
            let found = reqwest::Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
            Some(found.ok_or_else(|| {
                let message = format!("the authority of repository {} is no certificate in PEM", address.name);
                let hint = "give a file that begins with -----BEGIN CERTIFICATE-----";
                fault(Owner::Operator, false, message, hint)
            })?)
        }
    };
    let deadline = address.limits.deadline;
    let configure_client = move |builder: reqwest::blocking::ClientBuilder| {
        let builder = builder.timeout(deadline);
        Ok(match &certificates {
            Some(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
            None => builder,
        })
    };
    let backend =
        http::reqwest::Options { configure_client: Some(Box::new(configure_client)), configure_request: None };
    Ok(http::Options {
        user_agent: Some(concat!("git/stratify-", env!("CARGO_PKG_VERSION")).to_owned()),
        backend: Some(Arc::new(Mutex::new(backend))),
        ..http::Options::default()
    })
}

/// Returns what answers a server that asks who we are.
pub(crate) fn authenticate(
    address: &Address,
) -> impl FnMut(gix::credentials::helper::Action) -> gix::Result<Option<gix::credentials::protocol::Outcome>> + use<> {
    let home = address.way().ok().map(|(url, _)| site(&url));
    let identity = match &address.credentials {
        Credentials::Token(token) => Some(("x-access-token".to_owned(), token.clone())),
        Credentials::Basic { user, password } => Some((user.clone(), password.clone())),
        Credentials::None | Credentials::SshKey { .. } => None,
    };
    move |action| {
        let gix::credentials::helper::Action::Get(context) = &action else { return Ok(None) };
        // After a redirect the address is another, and the credential stays at home.
        let asks = context.url.as_ref().and_then(|url| gix::url::parse(url).ok()).map(|url| site(&url));
        let (Some((user, password)), true) = (&identity, asks.is_some() && asks == home) else { return Ok(None) };
        Ok(Some(gix::credentials::protocol::Outcome {
            identity: gix::sec::identity::Account {
                username: user.clone(),
                password: password.expose_secret().to_owned(),
                oauth_refresh_token: None,
            },
            next: gix::credentials::protocol::Context::default().into(),
        }))
    }
}

fn site(url: &gix::Url) -> (gix::url::Scheme, Option<String>, Option<u16>) {
    (url.scheme.clone(), url.host().map(ToOwned::to_owned), url.port_or_default())
}
