//! In: the example fleet, and settings of a repository on a forge. Out: the program, run with them.
//! Guarantee: hermetic; each process ends with its test, each folder too.
use super::github;
use crate::commands::fixture::{Checkout, Ran};
use std::fs;
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
        let fleet = Self { checkout: Checkout::example() };
        fleet.checkout.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../remote.git"]);
        fleet.checkout.git(&["push", "--quiet", "../remote.git", "main"]);
        fleet.settings(forge, more);
        fleet
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

    /// Starts a process that serves, once it listens to commands.
    pub(crate) fn serve(&self) -> Served {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("the folder is ours");
        let mut command = self.command(&["serve"]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the program was built");
        let mut served = Served(child);
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

/// A process that serves; it ends with the test.
pub(crate) struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().expect("it is a child");
        self.0.wait().expect("it is a child");
    }
}
