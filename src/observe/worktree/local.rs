//! In: a folder of this machine. Out: the Git repository around it, readable at any revision.
//! Guarantee: reads only; the same listing, blobs and facts as a mirror's.
use crate::client::git::{self, Limits, Objects, fault, in_local};
use crate::decide::value::{Fault, Owner};
use crate::name::{CommitId, RepoPath};
use std::path::{Path, PathBuf};

/// The Git repository around a folder.
pub struct Local {
    objects: Objects,
    git_folder: PathBuf,
    path: Option<RepoPath>,
}

impl Local {
    /// Finds the repository around a folder, if there is one.
    pub fn try_discover(folder: &Path) -> Result<Option<Self>, Fault> {
        let attempt = format!("could not look for a Git repository around {}", folder.display());
        let folder = folder.canonicalize().map_err(git::in_folder(&attempt))?;
        // `ThreadSafeRepository::discover` would read the configuration and environment of whoever started us.
        let Some((root, git_folder)) = folder.ancestors().find_map(|around| Some((around, git_folder(around)?))) else {
            return Ok(None);
        };
        let inside = folder.strip_prefix(root).ok().and_then(Path::to_str).filter(|inside| !inside.is_empty());
        let not_a_path = |_| {
            let hint = "rename the folder";
            fault(Owner::Operator, false, format!("{attempt}: its path inside cannot be named in Git"), hint)
        };
        let path = inside.map(RepoPath::new).transpose().map_err(not_a_path)?;
        let objects = Objects::open(&git_folder, path.clone(), Limits::default())?;
        Ok(Some(Self { objects, git_folder, path }))
    }

    /// Finds the repository around a folder.
    pub fn discover(folder: &Path) -> Result<Self, Fault> {
        Self::try_discover(folder)?.ok_or_else(|| {
            let message = format!("there is no Git repository around {}", folder.display());
            fault(Owner::Operator, false, message, "run `git init` and commit, or give another folder")
        })
    }

    /// Returns the commit that a revision names, as `git` writes it (`HEAD`, `main~1`, `v1.2`, an id).
    pub fn resolve(&self, revision: &str) -> Result<CommitId, Fault> {
        self.objects.find_commit(revision)
    }

    /// Returns the checked-out commit, if there is one yet.
    pub fn try_head(&self) -> Result<Option<CommitId>, Fault> {
        let attempt = "could not read HEAD";
        let repository = self.objects.repository();
        let mut head = repository.head().map_err(in_local(attempt))?;
        let id = head.try_peel_to_id().map_err(in_local(attempt))?;
        Ok(id.map(|id| git::commit(id.detach())))
    }

    /// Returns the checked-out branch, without `refs/heads/`; none where a commit is checked out by itself.
    pub fn try_branch(&self) -> Result<Option<String>, Fault> {
        let repository = self.objects.repository();
        let name = repository.head_name().map_err(in_local("could not read HEAD"))?;
        Ok(name.map(|name| name.shorten().to_string()))
    }

    /// Returns the repository's Git folder.
    pub fn git_folder(&self) -> &Path {
        &self.git_folder
    }

    /// Returns the path of the folder inside the repository, if it is not its root.
    pub fn path(&self) -> Option<&RepoPath> {
        self.path.as_ref()
    }

    /// Returns its objects: differences, blobs, commits.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }
}

/// Returns the Git folder at the root of a work tree, or the folder itself if it is a bare repository.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let is_git = |folder: &Path| folder.join("HEAD").is_file() && folder.join("objects").is_dir();
    let inner = folder.join(".git");
    if is_git(&inner) {
        return Some(inner);
    }
    if let Ok(text) = std::fs::read_to_string(&inner) {
        // A linked work tree or a submodule: `gitdir: PATH`.
        let target = folder.join(text.strip_prefix("gitdir:")?.trim());
        return target.join("HEAD").is_file().then_some(target);
    }
    is_git(folder).then(|| folder.to_owned())
}
