//! In: the example's files. Out: a Git repository in a scratch folder, and a process that serves it.
//! Guarantee: the process ends with the demo, however the demo ends; the folder stays.
use super::example::FILES;
use crate::act::commit::into_work_tree;
use crate::client::git::{fault, in_folder};
use crate::decide::value::{Fault, Owner};
use crate::name::{CommitId, RepoPath};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Who writes most commits.
pub(super) const ADA: (&str, &str) = ("Ada", "ada@example.org");
/// Who approves.
pub(super) const GRACE: (&str, &str) = ("Grace", "grace@example.org");

/// The repository of the demo.
pub(super) struct Scratch {
    /// Its folder.
    pub(super) root: PathBuf,
}

impl Scratch {
    /// Makes an empty folder.
    pub(super) fn folder(folder: Option<&Path>) -> Result<PathBuf, Fault> {
        let root = match folder {
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir().join(format!("stratify-demo-{}", std::process::id())),
        };
        let attempt = format!("could not make the demo's folder {}", root.display());
        fs::create_dir_all(&root).map_err(in_folder(&attempt))?;
        if fs::read_dir(&root).map_err(in_folder(&attempt))?.next().is_some() {
            let message = format!("{attempt}: it is not empty");
            return Err(fault(Owner::Operator, false, message, "give an empty folder, or one that is not there"));
        }
        root.canonicalize().map_err(in_folder(&attempt))
    }

    /// Makes an empty repository.
    pub(super) fn new(folder: Option<&Path>) -> Result<Self, Fault> {
        let root = Self::folder(folder)?;
        let attempt = format!("could not make the demo's repository in {}", root.display());
        gix::init(&root)
            .map_err(|error| fault(Owner::Operator, false, format!("{attempt}: {error}"), "give another folder"))?;
        // The demo is of one branch, whatever this machine's default is.
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").map_err(in_folder(&attempt))?;
        Ok(Self { root })
    }

    /// Commits the example.
    pub(super) fn commit_example(&self) -> Result<CommitId, Fault> {
        let mut files: Vec<(RepoPath, Vec<u8>)> = Vec::new();
        for (path, bytes) in FILES {
            files.push((inside(path)?, bytes.to_vec()));
        }
        files.push((inside(".gitignore")?, b".stratify/\n".to_vec()));
        into_work_tree(&self.root, &files, "the example fleet", Some(ADA))
    }

    /// Commits one file, changed.
    pub(super) fn change(
        &self,
        path: &str,
        message: &str,
        author: (&str, &str),
        edit: impl FnOnce(String) -> String,
    ) -> Result<CommitId, Fault> {
        let text = fs::read_to_string(self.root.join(path)).unwrap_or_default();
        self.commit(&[(path, edit(text))], message, author)
    }

    /// Commits files.
    pub(super) fn commit(
        &self,
        files: &[(&str, String)],
        message: &str,
        author: (&str, &str),
    ) -> Result<CommitId, Fault> {
        let files = files.iter().map(|(path, text)| Ok((inside(path)?, text.clone().into_bytes())));
        into_work_tree(&self.root, &files.collect::<Result<Vec<_>, Fault>>()?, message, Some(author))
    }

    /// Writes the operator's settings, beside the state.
    pub(super) fn settings(&self, text: &str) -> Result<PathBuf, Fault> {
        let attempt = "could not write the demo's settings";
        let folder = self.root.join(".stratify");
        fs::create_dir_all(&folder).map_err(in_folder(attempt))?;
        let file = folder.join("settings.yaml");
        fs::write(&file, text).map_err(in_folder(attempt))?;
        Ok(file)
    }

    /// Starts `stratify serve` on it; its log goes to a file.
    pub(super) fn serve(&self, settings: Option<&Path>) -> Result<Server, Fault> {
        let attempt = "could not start `stratify serve`";
        let log = self.log();
        fs::create_dir_all(log.parent().unwrap_or(&self.root)).map_err(in_folder(attempt))?;
        let file = File::create(&log).map_err(in_folder(attempt))?;
        let program = std::env::current_exe().map_err(in_folder(attempt))?;
        let child = Command::new(program)
            // Its log is read as data here.
            .args(["serve", "--output", "json"])
            .args(settings.iter().flat_map(|file| [Path::new("--settings"), *file]))
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(in_folder(attempt))?;
        Ok(Server { child })
    }

    /// Returns the file of the server's log.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join(".stratify/serve.log")
    }
}

fn inside(path: &str) -> Result<RepoPath, Fault> {
    RepoPath::new(path).map_err(Fault::bug)
}

/// A process that serves.
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Whether it ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
