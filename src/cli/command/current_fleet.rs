//! In: the current folder, and the operator's file. Out: the fleet, with settings, key, mirror, store and statuses.
//! Guarantee: only what a command needs is opened; a preview changes nothing.
use super::Failure;
use crate::act::forge::statuses::Runs;
use crate::client::forge::Server;
use crate::client::git::{self, Address, Limits, Stands, fault, in_folder};
use crate::client::secret::installation_key;
use crate::client::store::Store;
use crate::control::preview::Preview;
use crate::control::real_world::Outside;
use crate::control::repositories::Mirrors;
use crate::control::statuses::Statuses;
use crate::decide::document::nearest;
use crate::decide::fleet::Fleet;
use crate::decide::profile::{FullProfile, ProfileLayer};
use crate::decide::value::{Fault, Owner, Seal};
use crate::name::{ClusterName, CommitId, RepoName};
use crate::observe::mirror::{Mirror, View};
use crate::observe::worktree::Local;
use crate::serve::door::Hook;
use crate::settings::{OWN, Repository, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The fleet that a command is about.
pub(super) struct Here {
    pub(super) settings: Settings,
    /// The folder of the working tree, where there is one.
    root: Result<PathBuf, String>,
    /// Whether the branch is the one that is checked out, since nobody named one.
    is_checked_out: bool,
}

impl Here {
    /// Finds the fleet around the current folder, with the operator's settings.
    pub(super) fn find(settings: Option<&Path>) -> Result<Self, Fault> {
        Self::at(Path::new("."), settings)
    }

    /// Finds the fleet at or around a folder.
    pub(super) fn at(folder: &Path, settings: Option<&Path>) -> Result<Self, Fault> {
        let root = fleet_around(folder);
        let mut settings = match (settings, &root) {
            (Some(file), _) => Settings::read(file)?,
            (None, Ok(root)) => Settings::embedded(root),
            (None, Err(_)) => return Err(root.err().unwrap_or_else(|| Fault::bug("no fleet"))),
        };
        let mut is_checked_out = false;
        if let (None, Ok(root)) = (&settings.repository.branch, &root) {
            settings.repository.branch =
                Local::try_discover(root)?.map(|local| local.try_branch()).transpose()?.flatten();
            is_checked_out = settings.repository.branch.is_some();
        }
        Ok(Self { settings, root: root.map_err(|fault| fault.to_string()), is_checked_out })
    }

    /// Returns the watched branch in words: one that nobody named is told as what it is.
    pub(super) fn branch_in_words(&self) -> String {
        let checked_out = if self.is_checked_out { ", the branch that is checked out" } else { "" };
        format!("{}{checked_out}", self.settings.branch())
    }

    /// Whether the working tree, whose branch is taken since nobody named one, has files that its commit has otherwise.
    pub(super) fn has_uncommitted(&self) -> bool {
        let differs = || -> Result<bool, Failure> {
            let preview = self.preview()?;
            on_large_stack(async {
                let (tree, head) = (preview.fleet(None)?, preview.fleet(Some("HEAD"))?);
                Ok(!tree.index.has_files_of(&head.index))
            })
        };
        // What cannot be read is told by what reads it.
        self.is_checked_out && differs().unwrap_or(false)
    }

    /// Returns the folder of the working tree.
    pub(super) fn root(&self) -> Result<&Path, Fault> {
        let hint = "go to the fleet's repository, or name it by -C";
        self.root.as_deref().map_err(|why| fault(Owner::Operator, false, why.clone(), hint))
    }

    fn seal(&self) -> Result<Seal, Fault> {
        installation_key(&self.settings.state.join("key"))
    }

    /// Opens the fleet for a command without effect; its key is not kept where there is none yet. Without a work tree
    /// it is what the settings' repository holds.
    pub(super) fn preview(&self) -> Result<Preview, Fault> {
        if self.root.is_err() {
            if self.settings.repository.url.is_none() {
                self.root()?;
            }
            self.look(|_| Ok(()))?;
        }
        self.preview_of_seen()
    }

    /// Opens the same as it was seen last, without a look at a remote.
    pub(super) fn preview_of_seen(&self) -> Result<Preview, Fault> {
        let is_there = self.settings.state.join("key").is_file();
        let seal = if is_there { self.seal()? } else { Seal::new(b"preview") };
        let root = self.root.as_ref().ok();
        Preview::open(root.map(PathBuf::as_path), self.seen()?, self.settings.clone(), seal)
    }

    /// Returns what a sync saw of the repository.
    pub(super) fn seen(&self) -> Result<Option<View>, Fault> {
        let path = match (&self.settings.repository.url, &self.root) {
            (None, Ok(root)) => Local::try_discover(root)?.and_then(|local| local.path().cloned()),
            _ => self.settings.repository.path.clone(),
        };
        View::try_open(&self.settings.mirror(None), self.settings.branch(), path)
    }

    /// Returns where the watched branch is: in the repository around, or as a remote one was seen last.
    pub(super) fn branch(&self) -> Result<Option<CommitId>, Fault> {
        if self.is_remote() {
            return self.seen()?.map_or(Ok(None), |seen| seen.branch());
        }
        let name = format!("refs/heads/{}", self.settings.branch());
        Ok(self.local()?.resolve(&name).ok())
    }

    /// Looks at the remote repository, and does something with its mirror. Where another process has the mirror open,
    /// which looks itself, or the remote cannot be reached, what was seen last has to do.
    pub(super) fn look(&self, then: impl FnOnce(&Mirror) -> Result<(), Fault>) -> Result<(), Fault> {
        let mirror = match self.mirror() {
            Err(fault) if fault.spurious && self.seen()?.is_some() => {
                tracing::debug!(%fault, "what the process that has it open saw last is shown");
                return Ok(());
            }
            mirror => mirror?,
        };
        match mirror.fetch().and_then(|_| then(&mirror)) {
            Err(fault) if fault.spurious && self.seen()?.is_some() => {
                tracing::warn!(%fault, "what was seen last is shown");
                Ok(())
            }
            looked => looked,
        }
    }

    /// Whether the repository is the settings', and not the one around.
    pub(super) fn is_remote(&self) -> bool {
        self.settings.repository.url.is_some()
    }

    /// Returns the repository around.
    pub(super) fn local(&self) -> Result<Local, Fault> {
        Local::discover(self.root()?)
    }

    fn address(&self) -> Result<Address, Fault> {
        let repository = &self.settings.repository;
        let name = RepoName::new(OWN).expect("it is a label");
        if let Some(url) = &repository.url {
            return address_of(name, url, repository);
        }
        let local = self.local()?;
        Ok(Address {
            name,
            url: format!("file://{}", local.git_folder().display()),
            branch: self.settings.branch().to_owned(),
            path: local.path().cloned(),
            credentials: git::Credentials::None,
            push: None,
            stands: Stands::default(),
            authority: None,
            limits: Limits::default(),
        })
    }

    /// Opens the mirror of the fleet's own repository.
    pub(super) fn mirror(&self) -> Result<Arc<Mirror>, Fault> {
        Ok(Arc::new(Mirror::open(self.address()?, &self.settings.mirror(None))?))
    }

    /// Opens the mirror of another repository of the settings.
    pub(super) fn other_mirror(&self, name: &RepoName) -> Result<Arc<Mirror>, Fault> {
        let Some(repository) = self.settings.repositories.get(name) else {
            let message = format!("the settings have no repository {name}");
            return Err(fault(
                Owner::Operator,
                false,
                message,
                "name it under repositories in the operator's settings",
            ));
        };
        let address = address_of(name.clone(), repository.url.as_deref().unwrap_or_default(), repository)?;
        Ok(Arc::new(Mirror::open(address, &self.settings.mirror(Some(name)))?))
    }

    /// Opens the mirror of another repository to be looked at, whoever has it open.
    pub(super) fn other_view(&self, name: &RepoName) -> Result<Option<View>, Fault> {
        let Some(repository) = self.settings.repositories.get(name) else { return Ok(None) };
        View::try_open(&self.settings.mirror(Some(name)), repository.branch(), repository.path.clone())
    }

    /// Opens the mirrors of all other repositories; one that cannot be opened only holds what reads it.
    fn other_mirrors(&self) -> BTreeMap<RepoName, Result<Arc<Mirror>, String>> {
        let names = self.settings.repositories.keys();
        names.map(|name| (name.clone(), self.other_mirror(name).map_err(|fault| fault.to_string()))).collect()
    }

    /// Returns the forge of the settings, where they name one; nothing is asked of it.
    pub(super) fn forge(&self) -> Result<Option<Arc<Server>>, Fault> {
        self.settings.repository.forge.as_ref().map(|forge| Ok(Arc::new(Server::new(forge)?))).transpose()
    }

    /// Returns the webhook of the fleet's own repository, where the settings have a secret for one.
    pub(super) fn hook(&self, name: &RepoName) -> Option<Hook> {
        let forge = self.settings.repository.forge.as_ref()?;
        let secret = forge.webhook_secret.clone()?;
        Some(Hook { repository: name.clone(), kind: forge.kind, named: forge.repository.clone(), secret })
    }

    /// Opens where the statuses are: the repository around, or the mirror of a remote one.
    fn statuses(&self, mirror: &Arc<Mirror>) -> Result<Statuses, Fault> {
        match &self.settings.repository.url {
            None => Ok(Statuses::Local(Arc::new(self.local()?))),
            Some(_) => match self.forge()? {
                None => Ok(Statuses::Mirror(mirror.clone())),
                Some(server) => {
                    let runs = Arc::new(Runs::of(self.settings.repository.path.clone()));
                    Ok(Statuses::Forge { mirror: mirror.clone(), server, branch: self.settings.branch().into(), runs })
                }
            },
        }
    }

    /// Returns the file of what is remembered from one process to the next.
    pub(super) fn state_file(&self) -> PathBuf {
        self.settings.state.join("state.redb")
    }

    /// Opens all that a sync needs.
    pub(super) fn outside(
        &self,
        connections: &tokio::runtime::Handle,
    ) -> Result<(Arc<Outside>, Store, Statuses), Fault> {
        let state = &self.settings.state;
        std::fs::create_dir_all(state).map_err(in_folder(&format!("could not make {}", state.display())))?;
        let store = open_patiently(&self.state_file())?;
        let mirror = self.mirror()?;
        let statuses = self.statuses(&mirror)?;
        let mirrors = Mirrors::new(mirror, self.other_mirrors());
        let outside = Outside::with_mirrors(self.settings.clone(), mirrors, self.seal()?, connections.clone());
        Ok((Arc::new(outside), store, statuses))
    }
}

/// How long the state may be in use: `stratify status` reads it in a moment, and a sync in another process takes longer.
const STATE_WAIT: Duration = Duration::from_secs(1);

/// How often it is tried meanwhile.
const STATE_PAUSE: Duration = Duration::from_millis(20);

fn open_patiently(file: &Path) -> Result<Store, Fault> {
    let begun = Instant::now();
    loop {
        match Store::open(file) {
            Err(fault) if fault.spurious && begun.elapsed() < STATE_WAIT => std::thread::sleep(STATE_PAUSE),
            opened => return opened,
        }
    }
}

/// The most names that a hint lists: a screen of them.
const NAMES_MAX: usize = 40;

/// Errs where the fleet has no such cluster, and names those that it has.
pub(super) fn find_cluster(fleet: &Fleet, cluster: &ClusterName) -> Result<(), Failure> {
    let index = &fleet.index;
    if index.environment_of(cluster).is_some() || index.cluster_names().any(|known| known == cluster) {
        return Ok(());
    }
    Err(unknown("cluster", cluster.as_str(), index.cluster_names().map(ClusterName::as_str)))
}

/// Returns a layer of a cluster, or names those that it has.
pub(super) fn find_layer<'a>(profile: &'a FullProfile, name: &str) -> Result<&'a ProfileLayer, Failure> {
    let found = profile.layers.iter().find(|layer| layer.name.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = profile.layers.iter().map(|layer| layer.name.as_str()).collect();
        let message = format!("the cluster {} has no layer {name}", profile.cluster);
        fault(Owner::Caller, false, message, &format!("its layers are {}", names.join(", "))).into()
    })
}

/// Returns what is said of a name that is none of those that there are.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    let more = known.len().saturating_sub(NAMES_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let names = known.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
    let near = nearest(name, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    let hint =
        if known.is_empty() { format!("there is no {what} yet") } else { format!("{near}there are {names}{more}") };
    fault(Owner::Caller, false, format!("the fleet has no {what} {name}"), &hint).into()
}

fn address_of(name: RepoName, url: &str, repository: &Repository) -> Result<Address, Fault> {
    let read = |file: &PathBuf| std::fs::read(file).map_err(in_folder("could not read the authority's file"));
    Ok(Address {
        name,
        url: url.to_owned(),
        branch: repository.branch().to_owned(),
        path: repository.path.clone(),
        credentials: git::Credentials::read(&repository.credentials)?,
        push: repository.push.as_ref().map(git::Credentials::read).transpose()?,
        stands: Stands { read: repository.credentials.clone(), push: repository.push.clone() },
        authority: repository.authority.as_ref().map(read).transpose()?,
        limits: Limits::default(),
    })
}

fn fleet_around(folder: &Path) -> Result<PathBuf, Fault> {
    let attempt = format!("could not look for a fleet around {}", folder.display());
    let folder = folder.canonicalize().map_err(in_folder(&attempt))?;
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
        let runtime = runtime.map_err(|error| Failure::Fault(Fault::bug(error)))?;
        let result = runtime.block_on(work);
        // A name that is looked up for a server that was given up is not waited for.
        runtime.shutdown_background();
        result
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::Fault(Fault::bug("the command did not come to its end"))),
            Err(error) => Err(Failure::Fault(Fault::bug(error))),
        }
    })
}
