//! In: the current folder. Out: the fleet around it, with settings, key, mirror and store.
//! Guarantee: only what a command needs is opened; a preview opens nothing that it could change but the key.
use super::Failure;
use crate::client::git::{Address, Credentials, Limits, fault};
use crate::client::secret::installation_key;
use crate::client::store::Store;
use crate::control::outside::Outside;
use crate::control::preview::Preview;
use crate::decide::value::{Fault, Owner, Seal};
use crate::name::RepoName;
use crate::observe::mirror::Mirror;
use crate::observe::worktree::Local;
use crate::settings::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The branch that is watched where none is checked out.
const BRANCH: &str = "main";

/// The fleet around the current folder.
pub(super) struct Here {
    pub(super) settings: Settings,
}

impl Here {
    /// Finds the fleet.
    pub(super) fn find() -> Result<Self, Fault> {
        Self::at(Path::new("."))
    }

    /// Finds the fleet at or around a folder.
    pub(super) fn at(folder: &Path) -> Result<Self, Fault> {
        let root = fleet_around(folder)?;
        let branch = Local::try_discover(&root)?.map(|local| local.try_branch()).transpose()?.flatten();
        Ok(Self { settings: Settings::embedded(&root, branch.as_deref().unwrap_or(BRANCH))? })
    }

    /// Returns the key of the installation; a command without effect gets one that is not kept.
    pub(super) fn seal(&self) -> Result<Seal, Fault> {
        installation_key(&self.settings.state.join("key"))
    }

    /// Opens the fleet for a command without effect.
    pub(super) fn preview(&self) -> Result<Preview, Fault> {
        let key = self.settings.state.join("key");
        let seal = if key.is_file() { self.seal()? } else { Seal::new(b"preview") };
        Preview::open(&self.settings.root, self.settings.clone(), seal)
    }

    /// Returns the repository around.
    pub(super) fn local(&self) -> Result<Local, Fault> {
        Local::discover(&self.settings.root)
    }

    /// Opens the mirror of the repository around.
    pub(super) fn mirror(&self) -> Result<Mirror, Fault> {
        let local = self.local()?;
        let address = Address {
            name: RepoName::new("fleet").expect("it is a label"),
            url: format!("file://{}", local.git_folder().display()),
            branch: self.settings.branch.clone(),
            path: local.path().cloned(),
            credentials: Credentials::None,
            authority: None,
            limits: Limits::default(),
        };
        Mirror::open(address, &self.settings.state.join("mirror"))
    }

    /// Opens all that a sync needs.
    pub(super) fn outside(&self) -> Result<(Arc<Outside>, Store), Fault> {
        std::fs::create_dir_all(&self.settings.state).map_err(|error| {
            let message = format!("could not make {}: {error}", self.settings.state.display());
            fault(Owner::Operator, false, message, "look at the rights of the folder, and the space left")
        })?;
        let store = Store::open(&self.settings.state.join("state.redb"))?;
        let mirror = Arc::new(self.mirror()?);
        Ok((Arc::new(Outside::new(self.settings.clone(), mirror, self.seal()?)), store))
    }
}

fn fleet_around(folder: &Path) -> Result<PathBuf, Fault> {
    let attempt = format!("could not look for a fleet around {}", folder.display());
    let folder = folder.canonicalize().map_err(crate::client::git::in_folder(&attempt))?;
    let found = folder.ancestors().find(|around| around.join("fleet.yaml").symlink_metadata().is_ok());
    found.map(Path::to_owned).ok_or_else(|| {
        let message = format!("{attempt}: neither it nor a folder above it holds a fleet.yaml");
        fault(Owner::Operator, false, message, "go to the fleet's repository, name it by -C, or run `stratify init`")
    })
}

/// Runs `work` on a thread whose stack deep values do not overflow.
pub(super) fn on_large_stack<T: Send>(work: impl Future<Output = Result<T, Failure>> + Send) -> Result<T, Failure> {
    /// As the threads of `control` have.
    const STACK_BYTES: usize = 64 << 20;
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| Failure::Fault(Fault::bug(error)))?.block_on(work)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        let joined = thread.map(std::thread::ScopedJoinHandle::join);
        match joined {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::Fault(Fault::bug("the command did not come to its end"))),
            Err(error) => Err(Failure::Fault(Fault::bug(error))),
        }
    })
}
