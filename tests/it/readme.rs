//! In: what the READMEs tell a new user to type, and what they say it prints. Out: a difference where it prints otherwise.
//! Guarantee: each command runs in a fresh copy of the example fleet, one after the other, as a user would.
use crate::commands::fixture::Checkout;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that a text shows, and what it says that is printed.
struct Shown {
    command: String,
    output: Vec<String>,
}

/// Returns the commands of a text's console blocks, from a heading on.
fn shown(text: &str, from: &str) -> Vec<Shown> {
    let text = text.split_once(from).unwrap_or_else(|| panic!("the text has {from}")).1;
    let mut shown: Vec<Shown> = Vec::new();
    for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()) {
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => shown.push(Shown { command: command.into(), output: Vec::new() }),
                None => shown.last_mut().expect("a block begins with a command").output.push(line.into()),
            }
        }
    }
    shown
}

/// A shell in a folder, where `~` is scratch and the example is at hand.
struct Shell {
    home: Checkout,
    folder: PathBuf,
}

impl Shell {
    fn open() -> Self {
        let home = Checkout::nowhere();
        fs::create_dir(home.root()).expect("the scratch folder is ours");
        let name = "[user]\n\tname = Ada\n\temail = ada@acme.example\n";
        fs::write(home.path(".gitconfig"), name).expect("the folder is ours");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        Self { home, folder }
    }

    /// Runs a command line, and returns what it prints; the folder that it goes to is the next one's.
    fn run(&mut self, line: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_stratify")).parent().expect("it is in a folder");
        let place = self.home.path("place");
        let script = format!("exec 2>&1\n{line}\nstatus=$?\npwd > {}\nexit $status\n", place.display());
        let mut shell = Command::new("bash");
        shell.env_clear().env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.home.root());
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", program.display())).current_dir(&self.folder);
        let output = shell.arg("-c").arg(script).output().expect("there is a bash");
        self.folder = fs::read_to_string(&place).expect("it was written").trim_end().into();
        String::from_utf8(output.stdout).expect("it prints UTF-8")
    }
}

/// Leaves out ids, which change with the time of a commit and with every form that is digested.
fn without_ids(line: &str) -> String {
    let is_id = |word: &str| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .map(|word| {
            if is_id(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())) {
                "ID ".into()
            } else {
                word.to_owned()
            }
        })
        .collect()
}

/// Whether a line is as it is shown; `…` at its end stands for the rest.
fn fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (without_ids(shown), without_ids(printed));
    shown.strip_suffix('…').map_or_else(|| shown == printed, |begin| printed.starts_with(begin))
}

fn check(name: &str, from: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(name)).expect("it is there");
    let (mut shell, mut wrong) = (Shell::open(), String::new());
    let commands = shown(&text, from);
    assert!(commands.len() > 4, "the commands of {name} are found");
    for Shown { command, output } in commands {
        let printed = shell.run(&command);
        let lines: Vec<&str> = printed.lines().collect();
        // What no output is shown of may print what it likes, but no error.
        let is_right = if output.is_empty() {
            !printed.contains("error")
        } else {
            lines.len() == output.len() && lines.iter().zip(&output).all(|(printed, shown)| fits(shown, printed))
        };
        if !is_right {
            let _ = writeln!(wrong, "{name} shows of `{command}`:\n{}\nit prints:\n{printed}", output.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_tour_prints_what_it_shows() {
    check("README.md", "## A tour");
}

#[test]
fn the_reference_shows_commands_that_work() {
    check("example-repo/README.md", "# A fleet repository");
}
