//! In: nothing. Out: a real Gitea on the loopback, with users, tokens and repositories, and its API.
//! Guarantee: it shares nothing with another one; its process and its folder go with it, however the tests end.
use super::port::Port;
use super::process::{Process, Start};
use super::programs::{folder, program};
use super::wait::{self, Patience};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use tempfile::TempDir;

/// The module whose program is started.
const MODULE: &str = "gitea";

/// It is ready after 1 s on an idle machine; a loaded one may be many times as slow.
const START: Patience = Patience::seconds(180);

/// How long what it does by itself may take: seconds on an idle machine.
const EFFECT: Patience = Patience::seconds(120);

/// The user that may do all.
const ADMIN: &str = "root";

/// A running Gitea.
pub(crate) struct Gitea {
    process: Mutex<Option<Process>>,
    port: Port,
    admin: String,
    http: reqwest::blocking::Client,
    folder: TempDir,
}

/// A user of it, with a token that may do all that the user may.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Asserts that it was done, and returns the body.
    #[track_caller]
    pub(crate) fn done(self) -> Value {
        assert!((200..300).contains(&self.code), "Gitea answered {}: {}", self.code, self.body);
        self.body
    }
}

impl Gitea {
    /// Returns the one that all tests of this binary share: each takes a user.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Gitea> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts one of one's own, which can also be stopped and started.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = Port::free();
        fs::write(folder.path().join("app.ini"), settings(folder.path(), port.number())).expect("the folder is ours");
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::blocking::Client::builder().no_proxy().build().expect("a client needs nothing");
        let mut gitea = Self { process: Mutex::new(None), port, admin: String::new(), http, folder };
        gitea.run(&["migrate"]);
        let mail = format!("{ADMIN}@acme.example");
        gitea.run(&[
            "admin",
            "user",
            "create",
            "--admin",
            "--username",
            ADMIN,
            "--password",
            "no-secret-1",
            "--email",
            &mail,
            "--must-change-password=false",
        ]);
        gitea.admin =
            gitea.run(&["admin", "user", "generate-access-token", "--username", ADMIN, "--scopes", "all", "--raw"]);
        gitea.begin();
        let null = fs::metadata("/dev/null").expect("there is one");
        assert!(null.file_type().is_char_device(), "Gitea's Git has written its configuration over /dev/null");
        gitea
    }

    /// Runs one of its commands, and returns the last line that it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program(MODULE, "gitea"));
        command
            .arg("--config")
            .arg(self.folder.path().join("app.ini"))
            .args(arguments)
            .envs(environment(self.folder.path()));
        let output = command.output().expect("the program was built");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "gitea {arguments:?}: {out}{err}");
        out.trim().lines().last().unwrap_or_default().to_owned()
    }

    /// Starts to serve, on the same port and with what was there before.
    pub(crate) fn begin(&self) {
        let arguments =
            vec!["--config".to_owned(), self.folder.path().join("app.ini").display().to_string(), "web".to_owned()];
        let mut process = Process::start(&Start {
            program: program(MODULE, "gitea"),
            arguments,
            environment: environment(self.folder.path()),
            logs: self.folder.path(),
            removed: Some(self.folder.path()),
        });
        let health = format!("{}/api/healthz", self.url());
        process.ready(START, || self.http.get(&health).send().is_ok_and(|answer| answer.status().is_success()));
        *self.process.lock().expect("no test panics with it") = Some(process);
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Makes a user with a name of its own that begins as given.
    pub(crate) fn account(&self, begins: &str) -> Account {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{begins}{}", MADE.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "username": name, "password": "no-secret-1", "email": format!("{name}@acme.example"), "must_change_password": false,
        });
        self.api(&self.admin, "POST", "/admin/users", &body).done();
        let scopes = json!({ "name": "tests", "scopes": ["all"] });
        let path = format!("{}/api/v1/users/{name}/tokens", self.url());
        let request = self.http.post(path).basic_auth(&name, Some("no-secret-1"));
        let answer = request.header("content-type", "application/json").body(scopes.to_string()).send();
        let answer = answer.and_then(reqwest::blocking::Response::text).expect("it answers");
        let answer: Value = serde_json::from_str(&answer).expect("it answers in JSON");
        let token = answer["sha1"].as_str().unwrap_or_else(|| panic!("it gives a token: {answer}")).to_owned();
        Account { name, token }
    }

    /// Makes an empty private repository.
    pub(crate) fn repository(&self, owner: &Account, name: &str) {
        let body = json!({ "name": name, "private": true, "default_branch": "main" });
        self.api(&owner.token, "POST", "/user/repos", &body).done();
    }

    /// Returns the address of a repository for Git, with the credential of a user.
    pub(crate) fn git_url(&self, as_who: &Account, repository: &str) -> String {
        format!("http://{}:{}@127.0.0.1:{}/{repository}.git", as_who.name, as_who.token, self.port.number())
    }

    /// Asks its API; `path` is below `/api/v1`, and a body of null is none.
    pub(crate) fn api(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let method = method.parse().expect("it is a verb");
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url()));
        let mut request = request.header("authorization", format!("token {token}"));
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().unwrap_or_else(|error| panic!("{path}: {error}"));
        let (code, text) = (answer.status().as_u16(), answer.text().expect("it is text"));
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { code, body }
    }

    /// Reads from its API.
    #[track_caller]
    pub(crate) fn get(&self, token: &str, path: &str) -> Value {
        self.api(token, "GET", path, &Value::Null).done()
    }

    /// Returns the last lines of its log.
    pub(crate) fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("gitea.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits until something is so: what it or a program beside it does takes its time.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, ask: impl FnMut() -> Option<T>) -> T {
        wait::until(EFFECT, ask).unwrap_or_else(|| panic!("{what}: not after {EFFECT}\n{}", self.log()))
    }
}

/// Returns what it finds in its environment. It writes Git's global configuration by itself, so that has to be a file of its
/// own: the tests' is `/dev/null`, in whose place root's Git would put a file.
fn environment(folder: &Path) -> Vec<(&'static str, String)> {
    let own = folder.join("gitconfig").display().to_string();
    let folder = folder.display().to_string();
    vec![
        ("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true".to_owned()),
        ("GIT_CONFIG_GLOBAL", own),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GITEA_WORK_DIR", folder.clone()),
        ("HOME", folder),
    ]
}

/// Returns its settings: all in the folder, on the loopback, and nothing that it would do by itself.
fn settings(root: &Path, port: u16) -> String {
    let (root, fixed) = (root.display(), folder(MODULE, "static"));
    let fixed = fixed.display();
    format!(
        "APP_NAME = forge
RUN_MODE = prod
WORK_PATH = {root}
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {fixed}
APP_DATA_PATH = {root}/data
[database]
DB_TYPE = sqlite3
PATH = {root}/gitea.db
SQLITE_JOURNAL_MODE = WAL
SQLITE_TIMEOUT = 20000
[repository]
ROOT = {root}/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = of-the-tests
INTERNAL_TOKEN = eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE2MDAwMDAwMDB9.LPD2jgl2mAJwcoHmHcBNEHN2DFb1sBQjAQbpBhpLgLs
PASSWORD_HASH_ALGO = pbkdf2_v1
[oauth2]
ENABLED = false
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
DELIVER_TIMEOUT = 30
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[actions]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
ROOT_PATH = {root}/log
"
    )
}
