//! In: what a command asks of the process that serves. Out: one answer for each ask, through a socket of the state folder.
//! Guarantee: only the user who serves can ask; no ask, answer or silence holds the server up or fills its memory.
use crate::client::git::{fault, in_folder};
use crate::decide::value::{Fault, Owner};
use crate::name::{ClusterName, CommitId, EnvironmentName, RepoName};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Stream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

/// The socket's name in the state folder.
const NAME: &str = "serve.sock";

/// The file whose lock says that a process serves; the system frees it with the process.
const LOCK: &str = "serve.lock";

/// The longest ask: it may name some thousand clusters.
const ASK_BYTES_MAX: u64 = 64 * 1024;

/// The longest answer: the status of a fleet of 5000 clusters has about a tenth of it.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many asks are answered at once: people ask, not machines.
const CONNECTIONS_MAX: usize = 16;

/// How long a command may take to send its line, and to take the answer: it writes and reads at once.
const LINE_TIME: Duration = Duration::from_secs(10);

/// How long `control` may take to answer; it answers out of its state.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// How long a command waits for all that: both lines and the answer.
const ASK_TIME: Duration = Duration::from_mins(1);

/// How long to wait after a failed accept, which mostly is for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What became of a revision; without one, of the head.
    Status(Option<String>),
    /// What is to be told to the forge, and why it is not yet.
    Outbox,
    /// What a cluster waits for.
    Why(ClusterName),
    /// To take a head that does not descend from the last one, or to hold a tag that moved.
    Accept(Acceptance),
    /// To look for new commits now, and at these clusters.
    Sync(Chosen),
    /// Whether the look that `Sync` gave a ticket for has ended, and all these clusters came to their end after it.
    Settled(Ticket, Chosen),
}

/// What whoever asked for a sync waits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The look for commits that has to have ended.
    pub look: u64,
    /// How many syncs had ended when it was asked for.
    pub ends: u64,
}

impl Ticket {
    /// Returns it as it is sent.
    pub fn value(self) -> Value {
        json!({ "look": self.look, "ends": self.ends })
    }

    /// Reads what [`Self::value`] made.
    pub fn parse(value: &Value) -> Option<Self> {
        Some(Self { look: value.get("look")?.as_u64()?, ends: value.get("ends")?.as_u64()? })
    }
}

/// Which clusters are meant: without any and without an environment, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// These.
    pub clusters: BTreeSet<ClusterName>,
    /// Those of this one.
    pub environment: Option<EnvironmentName>,
}

impl Chosen {
    /// Whether no choice was made.
    pub fn is_all(&self) -> bool {
        self.clusters.is_empty() && self.environment.is_none()
    }

    /// Whether a cluster is one of those that are meant.
    pub fn includes(&self, cluster: &ClusterName, environment: &EnvironmentName) -> bool {
        (self.clusters.is_empty() || self.clusters.contains(cluster))
            && self.environment.as_ref().is_none_or(|only| only == environment)
    }

    fn value(&self, ask: &str) -> Value {
        let clusters: Vec<&str> = self.clusters.iter().map(ClusterName::as_str).collect();
        let environment = self.environment.as_ref().map(EnvironmentName::as_str);
        json!({ "ask": ask, "clusters": clusters, "environment": environment })
    }

    fn parse(value: &Value) -> Option<Self> {
        let names = value.get("clusters")?.as_array()?.iter();
        let clusters = names.map(|name| ClusterName::new(name.as_str()?).ok()).collect::<Option<_>>()?;
        let environment = value.get("environment").and_then(Value::as_str);
        Some(Self { clusters, environment: environment.map(EnvironmentName::new).transpose().ok()? })
    }
}

/// What a person accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The head; or the commit at which the tag is held.
    pub commit: CommitId,
    /// The tag, where it is one.
    pub tag: Option<String>,
    /// The repository; none for the fleet's own.
    pub repository: Option<RepoName>,
}

impl Ask {
    fn line(&self) -> String {
        let value = match self {
            Ask::Status(revision) => json!({ "ask": "status", "revision": revision }),
            Ask::Outbox => json!({ "ask": "outbox" }),
            Ask::Why(cluster) => json!({ "ask": "why", "cluster": cluster.as_str() }),
            Ask::Accept(Acceptance { commit, tag, repository }) => {
                let repository = repository.as_ref().map(RepoName::as_str);
                json!({ "ask": "accept", "commit": commit.to_string(), "tag": tag, "repository": repository })
            }
            Ask::Sync(chosen) => chosen.value("sync"),
            Ask::Settled(ticket, chosen) => {
                let mut value = chosen.value("settled");
                value["ticket"] = ticket.value();
                value
            }
        };
        format!("{value}\n")
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let text = |name: &str| value.get(name)?.as_str();
        match text("ask")? {
            "status" => Some(Ask::Status(text("revision").map(str::to_owned))),
            "outbox" => Some(Ask::Outbox),
            "why" => Some(Ask::Why(ClusterName::new(text("cluster")?).ok()?)),
            "accept" => Some(Ask::Accept(Acceptance {
                commit: CommitId::parse(text("commit")?)?,
                tag: text("tag").map(ToOwned::to_owned),
                repository: text("repository").map(RepoName::new).transpose().ok()?,
            })),
            "sync" => Some(Ask::Sync(Chosen::parse(&value)?)),
            "settled" => Some(Ask::Settled(Ticket::parse(value.get("ticket")?)?, Chosen::parse(&value)?)),
            _ => None,
        }
    }
}

/// An ask on its way to who can answer it.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub ask: Ask,
    /// Takes the answer; who asked may have gone.
    pub answer: oneshot::Sender<Value>,
}

/// A socket that is listened on; it goes when this is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    _lock: File,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Before the lock is freed, so that it is never the next process's socket.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens in a state folder; a socket that a killed process left is replaced. Needs a runtime.
pub fn listen(folder: &Path) -> Result<Listener, Fault> {
    let attempt = format!("could not listen in {}", folder.display());
    let open = || {
        fs::create_dir_all(folder)?;
        File::options().create(true).truncate(false).write(true).open(folder.join(LOCK))
    };
    let lock = open().map_err(in_folder(&attempt))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        let hint = "stop the other process, or give this one another state folder";
        return Err(fault(Owner::Operator, true, format!("{attempt}: another process serves there"), hint));
    }
    let path = folder.join(NAME);
    let socket = bind(folder, &path).map_err(in_folder(&attempt))?;
    Ok(Listener { socket, path, _lock: lock })
}

/// Binds the socket under another name and gives it its own once nobody else may connect.
fn bind(folder: &Path, path: &Path) -> io::Result<UnixListener> {
    let unready = folder.join(format!("{NAME}.new"));
    for old in [&unready, path] {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&unready)?;
    fs::set_permissions(&unready, Permissions::from_mode(0o600))?;
    fs::rename(&unready, path)?;
    Ok(listener)
}

/// Hands each ask on to who takes them from `to`, until nobody does.
pub async fn serve(listener: Listener, to: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = to.closed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let to = to.clone();
                tokio::spawn(async move {
                    // A command that went away or said nothing gets no answer; nobody else minds.
                    let _ = converse(stream, &to).await;
                    drop(permit);
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Takes one line and gives one back.
async fn converse(mut stream: UnixStream, to: &mpsc::Sender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = Vec::new();
    let mut limited = AsyncBufReader::new(read.take(ASK_BYTES_MAX));
    timeout(LINE_TIME, limited.read_until(b'\n', &mut line)).await??;
    let answer = match Ask::parse(&line) {
        Some(ask) => forward(ask, to).await,
        None => Err("it expects one line of JSON that asks for status, outbox, why, accept, sync or settled"),
    };
    let mut text = answer.map_or_else(|why| json!({ "error": why }), |answer| json!({ "answer": answer })).to_string();
    if text.len() as u64 >= ANSWER_BYTES_MAX {
        text = json!({ "error": format!("the answer is longer than {ANSWER_BYTES_MAX} bytes") }).to_string();
    }
    text.push('\n');
    timeout(LINE_TIME, write.write_all(text.as_bytes())).await?
}

/// Returns what `control` answers.
async fn forward(ask: Ask, to: &mpsc::Sender<Asked>) -> Result<Value, &'static str> {
    let (answer, answered) = oneshot::channel();
    let ask = async {
        to.send(Asked { ask, answer }).await.map_err(|_| "it is stopping")?;
        answered.await.map_err(|_| "it did not answer this")
    };
    timeout(ANSWER_TIME, ask).await.unwrap_or(Err("it is too busy to answer"))
}

/// Asks the process that serves from a state folder; none where no process does.
pub fn try_ask(folder: &Path, ask: &Ask) -> Result<Option<Value>, Fault> {
    let attempt = format!("could not ask the process that serves from {}", folder.display());
    let stream = match Stream::connect(folder.join(NAME)) {
        Ok(stream) => stream,
        // A killed process leaves a socket on which nobody listens.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(in_folder(&attempt)(error)),
    };
    let line = exchange(stream, ask).map_err(|error| {
        let hint = "look at the log of `stratify serve`";
        fault(Owner::Operator, true, format!("{attempt}: {error}"), hint)
    })?;
    let answer: Value = serde_json::from_slice(&line).unwrap_or_default();
    if let Some(answer) = answer.get("answer") {
        return Ok(Some(answer.clone()));
    }
    let why = answer.get("error").and_then(Value::as_str).unwrap_or("its answer is cut off or no JSON");
    let hint = "use the same version of Stratify for both, and look at the log of `stratify serve`";
    Err(fault(Owner::Operator, true, format!("{attempt}: {why}"), hint))
}

fn exchange(mut stream: Stream, ask: &Ask) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(LINE_TIME))?;
    stream.set_read_timeout(Some(ASK_TIME))?;
    stream.write_all(ask.line().as_bytes())?;
    let mut line = Vec::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;
    use tokio::runtime::Runtime;

    const STATUS: Ask = Ask::Status(None);

    const SYNC: Ask = Ask::Sync(Chosen { clusters: BTreeSet::new(), environment: None });

    fn scratch() -> TempDir {
        tempfile::tempdir().expect("a temporary folder can be made")
    }

    fn runtime() -> Runtime {
        Runtime::new().expect("a runtime can be made")
    }

    /// Listens in a folder and answers each ask with `answer`.
    fn answering(runtime: &Runtime, folder: &Path, answer: impl Fn(Ask) -> Option<Value> + Send + 'static) {
        let (to, mut asked) = mpsc::channel::<Asked>(1);
        let listener = runtime.block_on(async { listen(folder) }).expect("nobody else listens");
        runtime.spawn(serve(listener, to));
        runtime.spawn(async move {
            while let Some(Asked { ask, answer: sender }) = asked.recv().await {
                if let Some(value) = answer(ask) {
                    let _ = sender.send(value);
                }
            }
        });
    }

    #[test]
    fn every_ask_arrives_as_it_was_asked() {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let environment = EnvironmentName::new("prod").expect("it is a label");
        let head = Acceptance { commit: CommitId([7; 20]), tag: None, repository: None };
        let repository = RepoName::new("platform").ok();
        let tag = Acceptance { tag: Some("mesh \"2\"".into()), repository, ..head.clone() };
        let all = [
            Ask::Status(None),
            Ask::Status(Some("main~1".into())),
            Ask::Outbox,
            Ask::Why(cluster.clone()),
            Ask::Accept(head),
            Ask::Accept(tag),
            SYNC,
            Ask::Sync(Chosen { clusters: BTreeSet::from([cluster]), environment: None }),
            Ask::Settled(
                Ticket { look: 7, ends: 9 },
                Chosen { clusters: BTreeSet::new(), environment: Some(environment) },
            ),
        ];
        for ask in all {
            assert_eq!(Ask::parse(ask.line().as_bytes()), Some(ask));
        }
        for line in ["", "[]", r#"{"ask":"why","cluster":"../x"}"#, r#"{"ask":"stop"}"#] {
            assert_eq!(Ask::parse(line.as_bytes()), None, "{line} asks for nothing known");
        }
    }

    #[test]
    fn an_ask_is_answered_only_where_a_process_serves() {
        let (scratch, runtime) = (scratch(), runtime());
        assert_eq!(try_ask(scratch.path(), &STATUS).expect("no one is no fault"), None, "nobody listens");
        answering(&runtime, scratch.path(), |ask| Some(json!(format!("{ask:?}"))));
        assert_eq!(try_ask(scratch.path(), &SYNC).expect("it answers"), Some(json!(format!("{SYNC:?}"))));
        let mode = fs::metadata(scratch.path().join(NAME)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "no other user may ask");
    }

    #[test]
    fn a_large_answer_arrives_whole_and_one_too_large_is_a_fault() {
        let (scratch, runtime) = (scratch(), runtime());
        let large = "x".repeat(4 << 20);
        let expected = json!(large);
        answering(&runtime, scratch.path(), move |ask| {
            Some(json!(if ask == SYNC { "x".repeat(17 << 20) } else { large.clone() }))
        });
        assert_eq!(try_ask(scratch.path(), &STATUS).expect("it fits"), Some(expected), "nothing is cut off");
        let fault = try_ask(scratch.path(), &SYNC).expect_err("it does not fit");
        assert!(fault.to_string().contains("longer than"), "{fault}");
    }

    #[test]
    fn a_socket_of_a_killed_process_is_replaced_and_one_in_use_is_not() {
        let (scratch, runtime) = (scratch(), runtime());
        drop(std::os::unix::net::UnixListener::bind(scratch.path().join(NAME)).expect("the folder is ours"));
        assert_eq!(try_ask(scratch.path(), &STATUS).expect("it is stale"), None, "nobody listens on it");
        answering(&runtime, scratch.path(), |_| Some(json!(1)));
        let fault = runtime.block_on(async { listen(scratch.path()) }).expect_err("a process serves already");
        assert!(fault.to_string().contains("another process"), "{fault}");
        assert_eq!(try_ask(scratch.path(), &STATUS).expect("it answers"), Some(json!(1)), "the first still does");
    }

    #[test]
    fn the_socket_goes_with_its_listener() {
        let (scratch, runtime) = (scratch(), runtime());
        let listener = runtime.block_on(async { listen(scratch.path()) }).expect("nobody else listens");
        drop(listener);
        assert!(!scratch.path().join(NAME).exists(), "no stale socket is left");
        runtime.block_on(async { listen(scratch.path()) }).expect("the lock is free again");
    }

    #[test]
    fn what_is_no_ask_or_is_not_answered_is_a_fault_and_holds_nothing_up() {
        let (scratch, runtime) = (scratch(), runtime());
        answering(&runtime, scratch.path(), |ask| (ask == STATUS).then(|| json!(1)));
        let mut silent = Stream::connect(scratch.path().join(NAME)).expect("it listens");
        let fault = try_ask(scratch.path(), &SYNC).expect_err("the answer was dropped");
        assert!(fault.to_string().contains("did not answer"), "{fault}");
        let half = vec![b'x'; usize::try_from(ASK_BYTES_MAX).expect("it is small")];
        silent.write_all(&half).expect("it reads as much");
        let mut said = String::new();
        silent.read_to_string(&mut said).expect("it answers and closes");
        assert!(said.contains("expects one line"), "{said}");
        assert_eq!(try_ask(scratch.path(), &STATUS).expect("it answers"), Some(json!(1)), "others still are");
    }
}
