//! In: a repository by SSH, from a real `sshd` on the loopback. Out: what is fetched, and whose fault it is.
//! Guarantee: keys are made for each test; neither the user's nor the machine's configuration of SSH is read.
use super::fixture::Fixture;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use stratify::client::git::{Address, Credentials};
use stratify::decide::value::Owner;
use stratify::observe::mirror::{Fetched, Head, Mirror};

const SSHD: &str = "/usr/sbin/sshd";

/// A server that starts an `sshd` for each connection, so that nobody waits for it to listen.
pub(crate) struct Sshd {
    port: u16,
    folder: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sshd {
    /// Starts with new keys in a folder.
    pub(crate) fn start(folder: &Path) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is not there: install openssh-server to run this test");
        fs::create_dir_all(folder).expect("the folder is ours");
        // As root, sshd wants this folder, which a package's start script makes.
        fs::create_dir_all("/run/sshd").ok();
        for key in ["host", "other-host", "user", "other-user"] {
            keygen(&folder.join(key));
        }
        let file = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nAcceptEnv GIT_PROTOCOL\n\
             SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null\n",
            file("host"),
            file("user.pub"),
        );
        fs::write(folder.join("config"), config).expect("the folder is ours");
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let ended = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (ended, folder) = (Arc::clone(&ended), folder.to_owned());
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if ended.load(Ordering::SeqCst) {
                        return;
                    }
                    let folder = folder.clone();
                    thread::spawn(move || serve(stream, &folder));
                }
            }
        });
        Self { port, folder: folder.to_owned(), ended, thread: Some(thread) }
    }

    /// Returns a file of known hosts in which the server has one of the keys.
    fn known_hosts(&self, key: &str) -> PathBuf {
        let key = fs::read_to_string(self.folder.join(format!("{key}.pub"))).expect("it was made");
        let file = self.folder.join("known hosts");
        fs::write(&file, format!("[127.0.0.1]:{} {key}", self.port)).expect("the folder is ours");
        file
    }

    /// Returns the mirror of a repository, read with one of the keys.
    fn mirror(&self, fixture: &Fixture, host: &str, user: &str) -> Mirror {
        fixture.mirror_with(|address| self.lead(address, fixture, host, user))
    }

    /// Makes an address lead to a repository by this server, with one of the keys.
    pub(crate) fn lead(&self, address: &mut Address, fixture: &Fixture, host: &str, user: &str) {
        let known_hosts = self.known_hosts(host);
        address.url = format!("ssh://{}@127.0.0.1:{}{}", our_name(), self.port, fixture.source().display());
        address.credentials = Credentials::SshKey { key: self.folder.join(user), known_hosts };
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(stream: TcpStream, folder: &Path) {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("the folder is ours");
    let output = stream.try_clone().expect("a socket can be shared");
    let mut command = Command::new(SSHD);
    command.arg("-i").arg("-e").arg("-f").arg(folder.join("config"));
    command.stdin(Stdio::from(OwnedFd::from(stream))).stdout(Stdio::from(OwnedFd::from(output))).stderr(log);
    command.status().ok();
}

fn keygen(file: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(file).status();
    assert!(made.is_ok_and(|made| made.success()), "ssh-keygen is not there: install openssh-client to run this test");
}

fn our_name() -> String {
    let output = Command::new("id").arg("-un").output().expect("each system has it");
    String::from_utf8(output.stdout).expect("names are ASCII").trim().to_owned()
}

#[test]
fn a_key_opens_a_repository() {
    let fixture = Fixture::with_a_commit();
    let sshd = Sshd::start(&fixture.beside("ssh"));
    let mirror = sshd.mirror(&fixture, "host", "user");
    let fetched = mirror.fetch().unwrap_or_else(|fault| panic!("{fault}: the server says: {}", sshd.log()));
    assert_eq!(fetched, Fetched::Changed, "the branch came");
    let next = fixture.commit("fleet.yaml", "kind: Fleet # changed\n");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch moved");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(next), "it went forward");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Nothing, "nothing moved since");
}

#[test]
fn a_host_with_another_key_is_not_spoken_to() {
    let fixture = Fixture::with_a_commit();
    let sshd = Sshd::start(&fixture.beside("ssh"));
    let fault = sshd.mirror(&fixture, "other-host", "user").fetch().expect_err("somebody may stand in between");
    assert_eq!((fault.owner, fault.spurious), (Owner::Operator, false), "{fault}");
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("known_hosts")), "{fault}: {:?}", fault.hint);
}

#[test]
fn a_key_that_the_server_does_not_know_is_the_operators_fault() {
    let fixture = Fixture::with_a_commit();
    let sshd = Sshd::start(&fixture.beside("ssh"));
    let mirror = sshd.mirror(&fixture, "host", "other-user");
    let fault = mirror.fetch().expect_err("the server does not know the key");
    assert_eq!((fault.owner, fault.spurious), (Owner::Operator, false), "{fault}");
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("key")), "{fault}: {:?}", fault.hint);
}
