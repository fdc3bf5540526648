//! In: a repository's settings as plain values. Out: where it is, how we may read it, and what we take from it.
//! Guarantee: an address carries no credential; a credential has no printed form.
use super::error::fault;
use crate::client::secret::secret;
use crate::decide::value::{Fault, Owner};
use crate::name::{RepoName, RepoPath};
use crate::settings;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

/// A repository of the settings.
#[derive(Clone, Debug)]
pub struct Address {
    /// Its name.
    pub name: RepoName,
    /// `file://`, `http://`, `https://`, `ssh://`, `user@host:path` or a path of this machine; without password.
    pub url: String,
    /// The watched branch, without `refs/heads/`.
    pub branch: String,
    /// The folder in it that holds the fleet.
    pub path: Option<RepoPath>,
    /// How to read it.
    pub credentials: Credentials,
    /// How to write to it, where that is another way.
    pub push: Option<Credentials>,
    /// Where these stand, to be read anew.
    pub stands: Stands,
    /// The one authority (PEM) that its certificate must come from; else those of the system.
    pub authority: Option<Vec<u8>>,
    /// What is taken from it.
    pub limits: Limits,
}

/// Where credentials stand; nowhere, where they were given as they are.
#[derive(Clone, Debug, Default)]
pub struct Stands {
    /// Those by which it is read.
    pub read: settings::Credentials,
    /// Those by which it is written to.
    pub push: Option<settings::Credentials>,
}

/// How to prove who we are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Not at all.
    None,
    /// A token of the forge, over HTTP.
    Token(SecretString),
    /// A user and password, over HTTP.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A key, over SSH.
    SshKey {
        /// The private key's file.
        key: PathBuf,
        /// The file of the hosts that may answer.
        known_hosts: PathBuf,
    },
}

/// What is taken from a repository at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that one conversation with the remote may take.
    pub deadline: Duration,
    /// The largest pack that is received.
    pub pack_bytes_max: u64,
    /// The largest object that is unpacked at all: it has to fit into memory, more than once.
    pub object_bytes_max: u64,
    /// The largest blob that is read.
    pub blob_bytes_max: u64,
    /// The most files of one tree.
    pub entries_max: u64,
    /// The most folders above a file.
    pub depth_max: usize,
    /// The most bytes of all files of one tree.
    pub total_bytes_max: u64,
}

impl Default for Limits {
    /// Ten times the work that the budgets speak of (100,000 files, 100 MB), which no fleet has reached.
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(5), // a first clone of such a fleet over a slow line
            pack_bytes_max: 2 << 30,
            object_bytes_max: 256 << 20, // unpacking needs it twice: 512 MiB
            blob_bytes_max: 16 << 20,    // the largest charts with their CRDs have 2 MiB
            entries_max: 1_000_000,
            depth_max: 64,
            total_bytes_max: 2 << 30,
        }
    }
}

/// The ways to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A folder of this machine.
    Folder(PathBuf),
    /// HTTP, with or without TLS.
    Http,
    /// The `ssh` program.
    Ssh {
        /// The user, if the address names one.
        user: Option<String>,
        /// The host.
        host: String,
        /// The port, if the address names one.
        port: Option<u16>,
        /// The path at the host.
        path: String,
    },
}

impl Credentials {
    /// Reads those of the settings where they stand now.
    pub fn read(stand: &settings::Credentials) -> Result<Self, Fault> {
        Ok(match stand {
            // No field of a repository gives it such a file.
            settings::Credentials::None | settings::Credentials::DockerConfig(_) => Self::None,
            settings::Credentials::TokenFile(file) => Self::Token(secret(file)?),
            settings::Credentials::Basic { user, password_file } => {
                Self::Basic { user: user.clone(), password: secret(password_file)? }
            }
            settings::Credentials::Ssh { key_file, known_hosts_file } => {
                Self::SshKey { key: key_file.clone(), known_hosts: known_hosts_file.clone() }
            }
        })
    }
}

impl Address {
    /// Reads the credentials anew, so that new ones count without a restart.
    pub fn refresh(&mut self) -> Result<(), Fault> {
        if self.stands.read != settings::Credentials::None {
            self.credentials = Credentials::read(&self.stands.read)?;
        }
        if let Some(push) = &self.stands.push {
            self.push = Some(Credentials::read(push)?);
        }
        Ok(())
    }

    /// Returns the same for whoever writes to it.
    pub(crate) fn for_push(&self) -> Self {
        let credentials = self.push.clone().unwrap_or_else(|| self.credentials.clone());
        Self { credentials, ..self.clone() }
    }

    /// Returns the branch's full name.
    pub fn full_branch(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Returns the address parsed, and the way it names.
    pub(crate) fn way(&self) -> Result<(gix::Url, Way), Fault> {
        let refused = |why: &str, hint: &str| {
            fault(Owner::Operator, false, format!("the address of repository {} {why}", self.name), hint)
        };
        let one_of = "use file://, https://, http://, ssh:// or a path";
        let url = gix::url::parse(self.url.as_str()).map_err(|_| refused("cannot be read", one_of))?;
        if url.password().is_some() {
            return Err(refused("contains a password", "name it under credentials, in a file of its own"));
        }
        let path = String::from_utf8(url.path.to_vec()).map_err(|_| refused("is not UTF-8", one_of))?;
        let way = match url.scheme {
            gix::url::Scheme::File => Way::Folder(PathBuf::from(path)),
            gix::url::Scheme::Http | gix::url::Scheme::Https => Way::Http,
            gix::url::Scheme::Ssh => {
                let host = url.host().ok_or_else(|| refused("names no host", one_of))?.to_owned();
                let user = url.user().map(ToOwned::to_owned);
                // `ssh` would take these for options.
                let is_option = |text: &str| text.starts_with('-');
                if is_option(&host) || user.as_deref().is_some_and(is_option) || is_option(&path) {
                    return Err(refused("has a part that begins with a hyphen", one_of));
                }
                Way::Ssh { user, host, port: url.port, path }
            }
            _ => return Err(refused("is of no kind that is supported", one_of)),
        };
        Ok((url, way))
    }
}
