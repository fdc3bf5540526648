//! In: the part of the operator's file that describes a repository. Out: where it is, how often it is looked at, who we are.
//! Guarantee: paths count from the file's folder; no credential stands here, only the file that holds it.
use super::forge::{self, Forge};
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::decide::document::{Fragment, kind};
use crate::decide::plan::Bounds;
use crate::name::RepoPath;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a repository is looked at where nothing tells of its changes.
const POLL: Duration = Duration::from_mins(1);

/// The repository that is synced, or another one.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its address; none for the one around the current folder.
    pub url: Option<String>,
    /// The watched branch, without `refs/heads/`; none for the one that is checked out.
    pub branch: Option<String>,
    /// The folder in it that holds the fleet.
    pub path: Option<RepoPath>,
    /// How often it is looked at.
    pub poll: Duration,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// How to prove it where we push, if that is another way.
    pub push: Option<Credentials>,
    /// The file with the one authority (PEM) that its certificate must come from.
    pub authority: Option<PathBuf>,
    /// What it may touch.
    pub bounds: Bounds,
    /// As whom its objects are written.
    pub identity: Identity,
    /// The forge that it is on, which is told of its commits.
    pub forge: Option<Forge>,
}

/// As whom requests are made on API servers, where it is not the account itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; none for the account itself.
    pub user: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
}

/// Where to find what proves who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nowhere.
    #[default]
    None,
    /// A file with a token.
    TokenFile(PathBuf),
    /// A user, and a file with the password.
    Basic {
        /// The user.
        user: String,
        /// The file.
        password_file: PathBuf,
    },
    /// A file as `docker login` writes it; of sources only.
    DockerConfig(PathBuf),
    /// A private key and the hosts that may answer.
    Ssh {
        /// The key's file.
        key_file: PathBuf,
        /// The file of the hosts.
        known_hosts_file: PathBuf,
    },
}

macro_rules! fields { ($($more:expr),* $(,)?) => { &[
    $($more,)*
    required("url", Shape::Text, "file://, http://, https://, ssh://, user@host:path or a path."),
    optional("branch", Shape::Text, "The watched branch; default: main."),
    optional("path", Shape::Text, "The folder in it that holds the fleet, or the profiles and packs."),
    optional("poll", Shape::Checked(is_poll, "a duration such as 30s or 5m"), "How often it is looked at; default 1m."),
    optional("tokenFile", Shape::Text, "A file with a token, for HTTP."),
    optional("user", Shape::Text, "A user, for HTTP."),
    optional("passwordFile", Shape::Text, "A file with the user's password."),
    optional("keyFile", Shape::Text, "A private key, for SSH."),
    optional("knownHostsFile", Shape::Text, "The hosts that may answer, for SSH."),
    optional("authorityFile", Shape::Text, "The authority (PEM) that the server's certificate must come from."),
] } }

pub(super) const FIELDS: &[Field] = fields![
    optional("allow", Shape::Object(ALLOW), "What the repository may touch; default: all."),
    optional("identity", Shape::Object(IDENTITY), "As whom its objects are written on API servers, by impersonation."),
    optional(
        "push",
        Shape::Object(PUSH),
        "How to prove who we are where statuses are pushed as notes; default: as above."
    ),
    optional("forge", Shape::Object(forge::FIELDS), "The forge that it is on, which is told of its commits."),
];

const PUSH: &[Field] = &[
    optional("tokenFile", Shape::Text, "A file with a token, for HTTP."),
    optional("user", Shape::Text, "A user, for HTTP."),
    optional("passwordFile", Shape::Text, "A file with the user's password."),
    optional("keyFile", Shape::Text, "A private key, for SSH."),
    optional("knownHostsFile", Shape::Text, "The hosts that may answer, for SSH."),
];

const ALLOW: &[Field] = &[
    optional("targets", Shape::List(&Shape::Text), "Targets; `*` stands for any text."),
    optional("namespaces", Shape::List(&Shape::Text), "Namespaces; `*` stands for any text."),
    optional(
        "kinds",
        Shape::List(&Shape::Text),
        "Kinds, as `ConfigMap` or `Deployment.apps`; `*` stands for any text.",
    ),
];

const IDENTITY: &[Field] = &[
    required("user", Shape::Text, "The user, such as system:serviceaccount:team-a:stratify."),
    optional("groups", Shape::List(&Shape::Text), "Its groups."),
];

pub(super) const OTHER_FIELDS: &[Field] = fields![required(
    "name",
    Shape::Checked(is_other_name, "lower-case letters, digits and inner hyphens, at most 63, and not `fleet`"),
    "The name, as profile entries give it."
)];

/// The fleet's own repository has this name in logs and wakes.
pub const OWN: &str = "fleet";

/// Where deliveries of its forge are taken, as the webhook has to name it.
pub const DOOR: &str = "/webhooks/fleet";

fn is_other_name(text: &str) -> bool {
    kind::is_label(text) && text != OWN
}

fn is_poll(text: &str) -> bool {
    kind::duration(text).is_some_and(|every| !every.is_zero())
}

impl Repository {
    /// Returns the one around the current folder.
    pub(super) fn around() -> Self {
        Self {
            url: None,
            branch: None,
            path: None,
            poll: POLL,
            credentials: Credentials::None,
            push: None,
            authority: None,
            bounds: Bounds::default(),
            identity: Identity::default(),
            forge: None,
        }
    }

    /// Returns the watched branch.
    pub fn branch(&self) -> &str {
        self.branch.as_deref().unwrap_or("main")
    }

    /// Reads a checked part.
    pub(super) fn read(part: &Fragment, folder: &Path) -> Self {
        let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
        let file = |key: &str| text(key).map(|path| folder.join(path));
        Self {
            url: text("url"),
            branch: Some(text("branch").unwrap_or_else(|| "main".into())),
            path: text("path").and_then(|path| RepoPath::new(path.trim_matches('/')).ok()),
            poll: text("poll").and_then(|poll| kind::duration(&poll)).unwrap_or(POLL),
            credentials: credentials(part, folder),
            push: part.get("push").map(|push| credentials(&push, folder)),
            authority: file("authorityFile"),
            bounds: part.get("allow").map(|part| bounds(&part)).unwrap_or_default(),
            identity: part.get("identity").map(|part| identity(&part)).unwrap_or_default(),
            forge: part.get("forge").and_then(|forge| forge::read(&forge, text("url").as_deref(), folder)),
        }
    }
}

fn credentials(part: &Fragment, folder: &Path) -> Credentials {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let file = |key: &str| text(key).map(|path| folder.join(path));
    let basic = text("user").zip(file("passwordFile"));
    match (file("tokenFile"), basic, file("keyFile").zip(file("knownHostsFile"))) {
        (Some(file), _, _) => Credentials::TokenFile(file),
        (_, Some((user, password_file)), _) => Credentials::Basic { user, password_file },
        (_, _, Some((key_file, known_hosts_file))) => Credentials::Ssh { key_file, known_hosts_file },
        _ => Credentials::None,
    }
}

fn bounds(part: &Fragment) -> Bounds {
    let texts = |key: &str| Some(part.get(key)?.items().map(|item| item.text().into()).collect());
    Bounds { targets: texts("targets"), namespaces: texts("namespaces"), kinds: texts("kinds") }
}

fn identity(part: &Fragment) -> Identity {
    let groups = part.get("groups").iter().flat_map(Fragment::items).map(|item| item.text().to_owned()).collect();
    Identity { user: part.get("user").map(|user| user.text().to_owned()), groups }
}
