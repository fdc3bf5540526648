//! In: the example fleet, changes of its files, command lines. Out: repositories, and what the program made of them.
//! Guarantee: hermetic: the program and Git see nothing of the user's; each folder goes with its test.
use crate::mirror::fixture::hermetic;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;
use tempfile::TempDir;

/// A fleet in a repository with a work tree.
pub(crate) struct Checkout {
    scratch: TempDir,
}

/// What the program printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Every file of the targets, with when it was written and what it holds.
pub(crate) type Tree = BTreeMap<String, (SystemTime, Vec<u8>)>;

impl Checkout {
    /// Returns a folder with an empty repository.
    pub(crate) fn empty() -> Self {
        let checkout = Self::nowhere();
        fs::create_dir(checkout.root()).expect("the scratch folder is ours");
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout
    }

    /// Returns a place for a repository, with nothing there.
    pub(crate) fn nowhere() -> Self {
        // Cut-offs are of processes, not of the power, so a disk in memory shows the same, hundreds of times as fast.
        let memory = Path::new("/dev/shm");
        let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { scratch: scratch.expect("a temporary folder can be made") }
    }

    /// Returns the example fleet, with both of its commits.
    pub(crate) fn example() -> Self {
        let checkout = Self::nowhere();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/example.sh");
        let made = Command::new("bash").arg(script).arg(checkout.root()).output().expect("there is a bash");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        checkout
    }

    /// Returns the example fleet after its first sync.
    pub(crate) fn synced() -> Self {
        let checkout = Self::example();
        checkout.run(&["sync"]).ends_with(0);
        checkout
    }

    /// Returns the folder of the repository.
    pub(crate) fn root(&self) -> PathBuf {
        self.scratch.path().join("fleet")
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Returns a cluster's folder.
    pub(crate) fn target(&self, cluster: &str) -> PathBuf {
        self.path(&format!(".stratify/targets/{cluster}"))
    }

    /// Runs the program in it.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the program was built"))
    }

    /// Runs the program in it as a user who may not do all: root writes where it likes.
    #[track_caller]
    pub(crate) fn run_unprivileged(&self, args: &[&str]) -> Ran {
        let owner = self.scratch.path().metadata().expect("it is there").uid();
        if owner != 0 {
            return self.run(args);
        }
        // Its own place may be where only root may go.
        let program = self.scratch.path().join("stratify");
        fs::copy(env!("CARGO_BIN_EXE_stratify"), &program).expect("the program was built");
        give(self.scratch.path(), NOBODY);
        let mut command = self.command_of(&program, args);
        let ran = Ran::of(command.uid(NOBODY).gid(NOBODY).output().expect("the program was copied"));
        give(self.scratch.path(), owner);
        fs::remove_file(&program).expect("it is ours");
        ran
    }

    /// Returns the program, ready to be started in it; nobody is its user.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_stratify")), args)
    }

    fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root()).args(args).env_clear().stdin(Stdio::null());
        command.env("HOME", self.scratch.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Runs the program with `--output json`, and returns how it ended and its one document.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let ran = self.run(&[args, &["--output", "json"]].concat());
        let document = serde_json::from_str(&ran.out);
        (ran.code, document.unwrap_or_else(|error| panic!("{args:?} prints one JSON document: {error}\n{}", ran.all())))
    }

    /// Returns the states of a commit's statuses, by context without its first part, with their texts.
    #[track_caller]
    pub(crate) fn statuses(&self, revision: &str) -> BTreeMap<String, (String, String)> {
        let (_, answer) = self.json(&["status", revision]);
        let statuses = answer["statuses"].as_array().expect("it lists them").iter();
        let word = |status: &Value, key: &str| status[key].as_str().unwrap_or_default().to_owned();
        statuses
            .map(|status| {
                let context = word(status, "context").trim_start_matches("stratify/").to_owned();
                (context, (word(status, "state"), format!("{} {}", word(status, "text"), word(status, "detail"))))
            })
            .collect()
    }

    /// Returns the state of one status, and asserts that there is one.
    #[track_caller]
    pub(crate) fn state(&self, revision: &str, context: &str) -> String {
        let statuses = self.statuses(revision);
        statuses.get(context).unwrap_or_else(|| panic!("{revision} has a status {context}: {statuses:?}")).0.clone()
    }

    /// Runs Git in it.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_as("Ada", args)
    }

    /// Runs Git in it, as somebody.
    #[track_caller]
    pub(crate) fn git_as(&self, name: &str, args: &[&str]) -> String {
        let mail = mail_of(name);
        let mut git = hermetic(&self.root());
        git.env("GIT_AUTHOR_NAME", name).env("GIT_AUTHOR_EMAIL", &mail);
        git.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", &mail);
        let output = git.args(args).output().expect("git is installed");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git speaks UTF-8")
    }

    /// Makes somebody the user of the program.
    pub(crate) fn becomes(&self, name: &str) {
        let text = format!("[user]\n\tname = {name}\n\temail = {}\n", mail_of(name));
        fs::write(self.scratch.path().join(".gitconfig"), text).expect("the scratch folder is ours");
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.path(path);
        fs::create_dir_all(file.parent().expect("it is inside")).expect("the folder is ours");
        fs::write(file, text).expect("the folder is ours");
    }

    /// Replaces a text of a file, which is there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).expect("the file is there");
        assert!(text.contains(from), "{path} holds {from:?}:\n{text}");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// Commits all there is, as Ada, and returns the commit.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Returns the commit that is checked out.
    #[track_caller]
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Returns every file of the targets.
    pub(crate) fn targets(&self) -> Tree {
        tree(&self.path(".stratify/targets"))
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts how it ended.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "how it ended:\n{}", self.all());
        self
    }

    /// Asserts that all of these were printed, wherever.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        let all = self.all();
        for text in texts {
            assert!(all.contains(text), "it says {text:?}:\n{all}");
        }
        self
    }

    /// Asserts that none of these was printed, wherever.
    #[track_caller]
    pub(crate) fn lacks(self, texts: &[&str]) -> Self {
        let all = self.all();
        for text in texts {
            assert!(!all.contains(text), "it does not say {text:?}:\n{all}");
        }
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Returns every file below a folder, by its path there.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("it is readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("it was found there").display().to_string();
            let written = path.metadata().and_then(|data| data.modified()).expect("it is there");
            tree.insert(name, (written, fs::read(&path).expect("it is readable")));
        }
    }
    tree
}

/// The user whom no file belongs to.
const NOBODY: u32 = 65_534;

/// Gives a folder with all that is in it to a user.
fn give(folder: &Path, user: u32) {
    lchown(folder, Some(user), Some(user)).expect("root may");
    for entry in fs::read_dir(folder).expect("it is readable") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() && !path.is_symlink() {
            give(&path, user);
        } else {
            lchown(&path, Some(user), Some(user)).expect("root may");
        }
    }
}

fn mail_of(name: &str) -> String {
    format!("{}@acme.example", name.to_lowercase())
}
