//! In: files and commits as a test writes them. Out: repositories on disk.
//! Guarantee: hermetic: fixed names and times, no configuration of the user or the machine.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stratify::client::git::{Address, Credentials, Limits, Stands};
use stratify::name::{CommitId, RepoName};
use stratify::observe::mirror::Mirror;
use tempfile::TempDir;

/// A scratch folder with a repository in it.
pub(crate) struct Fixture {
    scratch: TempDir,
}

impl Fixture {
    /// Returns an empty repository with a work tree.
    pub(crate) fn empty() -> Self {
        let fixture = Self { scratch: tempfile::tempdir().expect("a temporary folder can be made") };
        fs::create_dir(fixture.source()).expect("the scratch folder is ours");
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        fixture
    }

    /// Returns a repository with one commit.
    pub(crate) fn with_a_commit() -> Self {
        let fixture = Self::empty();
        fixture.commit("fleet.yaml", "kind: Fleet\n");
        fixture
    }

    /// Returns the folder of the repository.
    pub(crate) fn source(&self) -> PathBuf {
        self.scratch.path().join("source")
    }

    /// Returns the folder around it.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Returns a folder beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Runs `git` in the repository, and returns what it printed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.source(), args)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.source().join(path);
        fs::create_dir_all(file.parent().expect("it is inside")).expect("the folder is ours");
        fs::write(file, content).expect("the folder is ours");
    }

    /// Writes a file and commits all there is.
    pub(crate) fn commit(&self, path: &str, content: impl AsRef<[u8]>) -> CommitId {
        self.write(path, content);
        self.commit_all(&format!("change {path}"))
    }

    /// Commits all there is.
    pub(crate) fn commit_all(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.id("HEAD")
    }

    /// Returns the commit that a revision names.
    pub(crate) fn id(&self, revision: &str) -> CommitId {
        commit_id(self.git(&["rev-parse", &format!("{revision}^{{commit}}")]).trim())
    }

    /// Returns its address by `file://`.
    pub(crate) fn address(&self) -> Address {
        address(&format!("file://{}", self.source().display()))
    }

    /// Opens its mirror.
    pub(crate) fn mirror(&self) -> Mirror {
        self.mirror_with(|_| {})
    }

    /// Opens its mirror with another address.
    pub(crate) fn mirror_with(&self, change: impl FnOnce(&mut Address)) -> Mirror {
        self.mirror_of("mirror", change)
    }

    /// Opens its mirror in a folder of that name, with another address.
    pub(crate) fn mirror_of(&self, name: &str, change: impl FnOnce(&mut Address)) -> Mirror {
        let mut address = self.address();
        change(&mut address);
        Mirror::open(address, &self.beside(name)).expect("the mirror can be opened")
    }
}

/// Returns the address of a repository that needs no credentials.
pub(crate) fn address(url: &str) -> Address {
    Address {
        name: RepoName::new("fleet").expect("it is a label"),
        url: url.to_owned(),
        branch: "main".to_owned(),
        path: None,
        credentials: Credentials::None,
        push: None,
        stands: Stands::default(),
        authority: None,
        limits: Limits::default(),
    }
}

/// Runs `git` in a folder, and returns what it printed.
pub(crate) fn git_in(folder: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = hermetic(folder).args(args).output().expect("git is installed");
    assert!(status.success(), "git {args:?} in {}: {}", folder.display(), String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("git speaks UTF-8")
}

/// Returns a `git` that reads no configuration but the repository's.
pub(crate) fn hermetic(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("HOME", "/nonexistent"),
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@example.org"),
        ("GIT_COMMITTER_NAME", "Grace"),
        ("GIT_COMMITTER_EMAIL", "grace@example.org"),
        ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
        ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
    ] {
        command.env(name, value);
    }
    command
}

/// Returns the id that a text of 40 digits stands for.
pub(crate) fn commit_id(hex: &str) -> CommitId {
    let mut id = [0; 20];
    for (byte, digits) in id.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).expect("ids are ASCII");
        *byte = u8::from_str_radix(digits, 16).expect("ids are hexadecimal");
    }
    CommitId(id)
}
