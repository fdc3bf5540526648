//! In: the program of Gitea, a folder. Out: a forge of one's own on the loopback, with users and their tokens.
//! Guarantee: it listens on the loopback alone and sends nothing beyond it; it ends with the demo.
use crate::client::forge::{Answered, Call, ForgeError, Method, Server};
use crate::client::git::{fault, in_folder};
use crate::decide::value::{Fault, Owner};
use crate::settings::{Forge, ForgeKind, TokenAt};
use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long it may take to start: a second on an idle machine.
const START: Duration = Duration::from_mins(2);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// The password of both users: there is nothing to protect, and people may look at the pages.
pub(super) const PASSWORD: &str = "demo-of-stratify";

/// Returns a text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A Gitea.
pub(super) struct Gitea {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Gitea {
    /// Starts one in a folder.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self, Fault> {
        let attempt = "could not make the folder of Gitea";
        fs::create_dir_all(folder).map_err(in_folder(attempt))?;
        let folder = folder.canonicalize().map_err(in_folder(attempt))?;
        let port = free_port()?;
        let fixed = static_folder(program);
        fs::write(folder.join("app.ini"), settings(&folder, fixed.as_deref(), port)).map_err(in_folder(attempt))?;
        let mut gitea = Self { program: program.to_owned(), folder, port, child: None };
        gitea.run(&["migrate"])?;
        let log = File::create(gitea.folder.join("gitea.log")).map_err(in_folder(attempt))?;
        let child = gitea.command(&["web"]).stdout(Stdio::null()).stderr(log).spawn();
        gitea.child = Some(child.map_err(in_folder("could not start Gitea"))?);
        gitea.wait()?;
        Ok(gitea)
    }

    /// Returns its address.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a user, and returns a token that may do all that the user may.
    pub(super) fn user(&self, name: &str) -> Result<String, Fault> {
        let mail = format!("{name}@example.org");
        let who = ["--username", name, "--password", PASSWORD, "--email", &mail, "--must-change-password=false"];
        self.run(&[&["admin", "user", "create"], who.as_slice()].concat())?;
        let token = ["admin", "user", "generate-access-token", "--username", name, "--scopes", "all", "--raw"];
        self.run(&token)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.folder.join("app.ini")).args(arguments).stdin(Stdio::null());
        command.envs(self.environment());
        command
    }

    /// Returns what it finds in its environment. It writes Git's global configuration by itself, and root has to say so.
    fn environment(&self) -> [(&'static str, String); 4] {
        let folder = self.folder.display().to_string();
        [
            ("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true".to_owned()),
            ("GITEA_WORK_DIR", folder.clone()),
            ("GIT_CONFIG_GLOBAL", format!("{folder}/gitconfig")),
            ("HOME", folder),
        ]
    }

    /// Returns the command by which a person starts it again, as this one does.
    pub(super) fn again(&self) -> String {
        let environment = self.environment().map(|(name, value)| format!("{name}={}", quoted(&value))).join(" ");
        let (program, folder) = (self.program.display().to_string(), self.folder.display().to_string());
        format!("env {environment} {} --config {} web", quoted(&program), quoted(&format!("{folder}/app.ini")))
    }

    /// Runs one of its commands, and returns the last line that it printed.
    fn run(&self, arguments: &[&str]) -> Result<String, Fault> {
        let refused = |why: String| {
            let hint = "give Gitea 1.22 or newer, as `--forge /usr/bin/gitea`; it needs git beside it";
            fault(Owner::Operator, false, format!("could not run {}: {why}", self.program.display()), hint)
        };
        let output = self.command(arguments).output().map_err(|error| refused(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let last = text.lines().last().unwrap_or_default().to_owned();
        if output.status.success() {
            return Ok(last);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(refused(format!("{last} {}", said.lines().last().unwrap_or_default())))
    }

    fn wait(&mut self) -> Result<(), Fault> {
        let begun = Instant::now();
        loop {
            let ended = self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || begun.elapsed() > START {
                let message = format!("Gitea did not start; see {}", self.folder.join("gitea.log").display());
                return Err(fault(Owner::Operator, false, message, "look at its log"));
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Gitea {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns a port that nobody else has now.
pub(super) fn free_port() -> Result<u16, Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(in_folder("could not find a free port"))
}

/// A program without its own templates has them in a folder beside it.
fn static_folder(program: &Path) -> Option<PathBuf> {
    let beside = program.canonicalize().ok()?.parent()?.join("static");
    beside.join("templates").is_dir().then_some(beside)
}

fn settings(root: &Path, fixed: Option<&Path>, port: u16) -> String {
    let (root, fixed) =
        (root.display(), fixed.map_or_else(String::new, |it| format!("STATIC_ROOT_PATH = {}\n", it.display())));
    format!(
        "APP_NAME = demo\nRUN_MODE = prod\nWORK_PATH = {root}\n[server]\nPROTOCOL = http\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\n\
         ROOT_URL = http://127.0.0.1:{port}/\nDISABLE_SSH = true\nOFFLINE_MODE = true\nAPP_DATA_PATH = {root}/data\n{fixed}\
         [database]\nDB_TYPE = sqlite3\nPATH = {root}/gitea.db\nSQLITE_JOURNAL_MODE = WAL\n[repository]\nROOT = {root}/repositories\n\
         [security]\nINSTALL_LOCK = true\nSECRET_KEY = of-the-demo\nPASSWORD_HASH_ALGO = pbkdf2_v1\n[oauth2]\nENABLED = false\n\
         [service]\nDISABLE_REGISTRATION = true\n[webhook]\nALLOWED_HOST_LIST = loopback\n[cron]\nENABLED = false\n[actions]\n\
         ENABLED = false\n[indexer]\nISSUE_INDEXER_TYPE = db\n[log]\nMODE = console\nLEVEL = Warn\nROOT_PATH = {root}/log\n"
    )
}

/// A user of it, at its API.
pub(super) struct Person {
    server: Server,
    runtime: Runtime,
}

impl Person {
    /// Takes a token.
    pub(super) fn new(gitea: &Gitea, repository: &str, token: PathBuf) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::bug)?;
        let settings = Forge {
            kind: ForgeKind::Gitea,
            url: gitea.url(),
            repository: repository.to_owned(),
            token: TokenAt::File(token),
            user: None,
            authority: None,
            webhook_secret: None,
            approvers: Vec::new(),
            approver_teams: Vec::new(),
            writes_a_minute: Some(10_000), // it is ours alone
        };
        let inside = runtime.enter();
        let server = Server::new(&settings)?;
        drop(inside);
        Ok(Self { server, runtime })
    }

    /// Returns the forge, for requests that the program knows.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Runs a request to its end.
    pub(super) fn wait<T>(&self, of: impl Future<Output = T>) -> T {
        self.runtime.block_on(of)
    }

    pub(super) fn get(&self, attempt: &str, path: String) -> Result<Value, ForgeError> {
        self.sent(&Call::get(attempt, path)).map(|answered| answered.body)
    }

    pub(super) fn post(&self, attempt: &str, path: &str, body: Value) -> Result<Value, ForgeError> {
        let done = &[200, 201, 202, 204];
        self.sent(&Call::write(attempt, Method::Post, path.to_owned(), body, done)).map(|answered| answered.body)
    }

    pub(super) fn put(&self, attempt: &str, path: &str, body: Value) -> Result<(), ForgeError> {
        self.sent(&Call::write(attempt, Method::Put, path.to_owned(), body, &[200, 204])).map(drop)
    }

    fn sent(&self, call: &Call) -> Result<Answered, ForgeError> {
        self.wait(self.server.send(call))
    }
}
