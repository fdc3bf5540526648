//! In: the example fleet, and settings of a repository on a forge. Out: the program, run with them.
//! Guarantee: hermetic; each process ends with its test, each folder too.
use super::github;
use crate::commands::fixture::{Checkout, Ran};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A fleet with a bare remote, and settings that name its forge.
pub(crate) struct Fleet {
    pub(crate) checkout: Checkout,
}

impl Fleet {
    /// Makes the example fleet, and settings with these lines about its forge and more.
    pub(crate) fn new(forge: &str, more: &str) -> Self {
        Self::with(Checkout::example(), forge, more)
    }

    /// Makes a fleet of so many environments, each with one cluster that has one object.
    pub(crate) fn small(environments: usize, forge: &str) -> Self {
        let checkout = Checkout::empty();
        let head = "apiVersion: stratify.dev/v1alpha1\n";
        checkout.write("fleet.yaml", &format!("{head}kind: Fleet\nmetadata: {{ name: acme }}\n"));
        checkout.write("profiles/app/profile.yaml", &format!("{head}{PROFILE}"));
        checkout.write("profiles/app/page.tpl.yaml", PAGE);
        for at in 0..environments {
            let spec = "spec: { profiles: [ { name: app } ] }";
            let text = format!("{head}kind: Environment\nmetadata: {{ name: e{at} }}\n{spec}\n");
            checkout.write(&format!("environments/e{at}/environment.yaml"), &text);
            checkout.write(&small_cluster(at), &small_text(at, "hello"));
        }
        checkout.commit("a small fleet");
        Self::with(checkout, forge, "")
    }

    fn with(checkout: Checkout, forge: &str, more: &str) -> Self {
        let fleet = Self { checkout };
        fleet.checkout.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../remote.git"]);
        fleet.checkout.git(&["push", "--quiet", "../remote.git", "main"]);
        fleet.settings(forge, more);
        fleet
    }

    /// Puts commits on top of the branch under the refs of pull requests: each writes one file anew. Returns the commits.
    pub(crate) fn pulls(&self, all: &[(u64, String, String)]) -> Vec<String> {
        let mut text = String::new();
        for (number, path, content) in all {
            let (message, length) = (format!("number {number}"), content.len());
            let _ = writeln!(text, "commit refs/pull/{number}/head\nmark :{number}");
            let _ = writeln!(text, "committer Ada <ada@acme.example> 1767225600 +0000");
            let _ = writeln!(text, "data {}\n{message}\nfrom refs/heads/main^0", message.len());
            let _ = writeln!(text, "M 100644 inline {path}\ndata {length}\n{content}");
        }
        let mut git = Command::new("git");
        git.arg("-C").arg(self.path("remote.git")).args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
        let mut child = git.spawn().expect("git is installed");
        child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("git reads it");
        assert!(child.wait().expect("it was started").success(), "git takes what is imported");
        let list = |number: &u64| {
            let id = self.checkout.git(&["-C", "../remote.git", "rev-parse", &format!("refs/pull/{number}/head")]);
            id.trim().to_owned()
        };
        all.iter().map(|(number, ..)| list(number)).collect()
    }

    /// Makes the example fleet, and leaves where it is to be to whoever asks.
    pub(crate) fn elsewhere() -> Self {
        Self { checkout: Checkout::example() }
    }

    /// Writes the settings anew.
    pub(crate) fn settings(&self, forge: &str, more: &str) {
        let remote = format!("file://{}", self.path("remote.git").display());
        self.settings_of(&remote, forge, more);
        fs::write(self.path("token"), github::TOKEN).expect("the scratch folder is ours");
    }

    /// Writes the settings of a fleet whose repository is elsewhere.
    pub(crate) fn settings_of(&self, url: &str, forge: &str, more: &str) {
        let text = format!(
            "repository:\n  url: {url}\n  branch: main\n  poll: 1h\n  forge: {{ {forge} }}\nstate: state\n{more}\n"
        );
        fs::write(self.path("stratify.yaml"), text).expect("the scratch folder is ours");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.checkout.path(&format!("../{name}"))
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let settings = self.path("stratify.yaml").display().to_string();
        self.checkout.command(&[args, &["--settings", &settings]].concat())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the program was built"))
    }

    /// Starts a process that serves; it may end by itself, at a point of its posts.
    pub(crate) fn serve_until(&self, point: Option<u64>) -> Served {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("the folder is ours");
        let mut command = self.command(&["serve"]);
        command.envs(point.map(|point| ("STRATIFY_KILL_AT_POST", point.to_string())));
        Served(command.stdout(Stdio::null()).stderr(log).spawn().expect("the program was built"))
    }

    /// Starts a process that serves, once it listens to commands.
    pub(crate) fn serve(&self) -> Served {
        let mut served = self.serve_until(None);
        while !self.path("state/serve.sock").exists() {
            assert!(served.0.try_wait().expect("it is a child").is_none(), "it serves: {}", self.log());
            std::thread::yield_now();
        }
        served
    }

    /// Returns where the process that serves takes webhooks, as its log says.
    pub(crate) fn door(&self) -> SocketAddr {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let at = log
                .lines()
                .rev()
                .find(|line| line.contains("listening"))
                .and_then(|line| line.split("address=").nth(1));
            if let Some(address) = at.and_then(|rest| rest.split_whitespace().next()).and_then(|it| it.parse().ok()) {
                return address;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "it listens: {log}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// Returns where the cluster of a small fleet's environment stands.
pub(crate) fn small_cluster(at: usize) -> String {
    format!("clusters/e{at}/c{at}/cluster.yaml")
}

/// Returns the text of such a cluster.
pub(crate) fn small_text(at: usize, greeting: &str) -> String {
    format!(
        "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: {{ name: c{at} }}\nspec:\n  cloud: any\n  imported: true\n  \
         kubernetesVersion: 1.33.0\n  variables: {{ greeting: {greeting} }}\n"
    )
}

const PROFILE: &str = "kind: Profile
metadata: { name: app }
spec:
  version: 1.0.0
  type: add-on
  variables:
    - { name: greeting, type: string, default: hi }
  layers:
    - { name: page, role: add-on, namespace: shop, manifests: [page.tpl.yaml] }
";

const PAGE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: page }\ndata: { text: '${{ vars.greeting }}' }\n";

/// A process that serves; it ends with the test.
pub(crate) struct Served(Child);

impl Served {
    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it is a child").is_some()
    }

    /// Returns a number of its status, in KiB.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        line.trim_matches([':', ' ', '\t']).split_whitespace().next().and_then(|it| it.parse().ok()).expect("a number")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().expect("it is a child");
    }
}
