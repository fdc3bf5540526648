//! In: the folder that a command runs in, and the operator's file, if there is one. Out: everything an operator
//! configures, parsed once.
//! Guarantee: nothing else reads it; no credential stands here, only the file that holds it.
mod forge;
mod repository;
mod address;
mod notification;
mod target;
mod floor;
mod secrets;
mod programs;
mod source;

pub use forge::{App, Forge, ForgeKind, TokenAt};
pub use notification::{Notification, NotificationKind, UrlAt};
pub use programs::Programs;
pub use repository::{Credentials, DOOR, Identity, OWN, Repository};
pub use secrets::{AgeKeys, is_below};
pub use source::{AllowedSource, covering, key_for};
pub use target::{Kubernetes, NAMESPACE, Reach, STABILITY, Target};

use crate::decide::document::field_types::{Field, Shape, optional};
use crate::decide::document::{File, Fragment, check_fields, schema_of};
use crate::decide::profile::Policy;
use crate::decide::value::{Diagnostic, Fault, Owner, Source};
use crate::name::{BlobId, RepoName, RepoPath};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many clusters are synced at once, but for those that wait: as many as keep two cores busy while some of their servers
/// do not answer, and it is not known yet which.
const RUNNING_MAX: usize = 32;

/// The largest settings file: a thousand targets have a hundredth of it.
const BYTES_MAX: u64 = 1 << 20;

/// Everything an operator configures.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of all that Stratify keeps: mirror, store, key.
    pub state: PathBuf,
    /// The repository that is synced.
    pub repository: Repository,
    /// Other repositories, of which clusters may read profiles and packs.
    pub repositories: BTreeMap<RepoName, Repository>,
    /// The folder in which each target without a folder of its own has one.
    pub targets: PathBuf,
    /// The targets that are named.
    pub named_targets: BTreeMap<Arc<str>, Target>,
    /// Whether targets that are not named have a folder there, too.
    pub others: bool,
    /// How many clusters are synced at once, but for those that wait.
    pub running_max: usize,
    /// What no repository may relax.
    pub floor: Policy,
    /// Where HTTP is listened on; nowhere by default.
    pub listen: Option<SocketAddr>,
    /// Where that is reached from outside.
    pub public_url: Option<String>,
    /// Who is notified, and of what.
    pub notifications: Vec<Notification>,
    /// The keys that open sealed files.
    pub secrets: Vec<AgeKeys>,
    /// What renders charts and kustomizations.
    pub programs: Programs,
    /// From where something may be fetched beside repositories.
    pub sources: Vec<AllowedSource>,
    /// The keys of which one has to have signed each archive of a Zarf package; none: it need not be signed.
    pub package_keys: Vec<PathBuf>,
}

const FIELDS: &[Field] = &[
    optional(
        "repository",
        Shape::Object(repository::FIELDS),
        "The repository that is synced; default: the one around.",
    ),
    optional(
        "repositories",
        Shape::Named("name", &Shape::Object(repository::OTHER_FIELDS)),
        "Other repositories, of which clusters may read profiles and packs.",
    ),
    optional("state", Shape::Text, "The folder of all that Stratify keeps; default: .stratify."),
    optional("targets", Shape::Named("name", &Shape::Object(target::FIELDS)), "The targets: folders and API servers."),
    optional(
        "targetsFolder",
        Shape::Text,
        "The folder of all other targets; default, where none is named: targets in the state folder.",
    ),
    optional(
        "runningMax",
        Shape::Integer(1, 1000),
        "How many clusters are synced at once, but for those that wait; default 32.",
    ),
    optional("floor", Shape::Object(floor::FIELDS), "What no repository may relax."),
    optional(
        "listen",
        Shape::Checked(is_socket, "an address and a port, such as 127.0.0.1:8080"),
        "Where `serve` takes webhooks by HTTP; default: nowhere.",
    ),
    optional(
        "publicUrl",
        Shape::Checked(is_public, "an address such as https://stratify.example.org, of at most 200 characters"),
        "Where `listen` is reached from outside: comments that have no room link whole plans there; default: no links.",
    ),
    optional("secrets", Shape::List(&Shape::Object(secrets::FIELDS)), "The keys that open files sealed by SOPS."),
    optional(
        "notifications",
        Shape::Named("name", &Shape::Object(notification::FIELDS)),
        "Who is notified, and of what: Slack, webhooks, CloudEvents.",
    ),
    optional(
        "sources",
        Shape::List(&Shape::Object(source::FIELDS)),
        "From where charts may be fetched, by the begin of addresses; default: nowhere.",
    ),
    optional(
        "packageKeys",
        Shape::List(&Shape::Text),
        "Files of cosign's public keys, one of which has to have signed each Zarf package but folders; default: none.",
    ),
    optional("programs", Shape::Object(programs::FIELDS), "What renders charts and kustomizations."),
];

fn is_socket(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok()
}

fn is_public(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:/[]".contains(c);
    text.len() <= 200 && rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain))
}

/// Returns the JSON Schema of the operator's file.
pub fn schema() -> serde_json::Value {
    schema_of("Settings", FIELDS)
}

impl Settings {
    /// Returns the embedded default: all state under `.stratify/` of the fleet's folder.
    pub fn embedded(root: &Path) -> Self {
        let state = root.join(".stratify");
        Self {
            targets: state.join("targets"),
            state,
            repository: Repository::around(),
            repositories: BTreeMap::new(),
            named_targets: BTreeMap::new(),
            others: false,
            running_max: RUNNING_MAX,
            floor: floor::none(),
            listen: None,
            public_url: None,
            notifications: Vec::new(),
            secrets: Vec::new(),
            programs: Programs::around(),
            sources: Vec::new(),
            package_keys: Vec::new(),
        }
    }

    /// Reads the operator's file; what it leaves out is as in the embedded default beside it.
    pub fn read(file: &Path) -> Result<Self, Fault> {
        let refused = |why: String| Fault {
            owner: Owner::Operator,
            spurious: false,
            hint: Some("give the settings' file by --settings".into()),
            source: Source::Error(format!("could not read the settings {}: {why}", file.display()).into()),
        };
        let size = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?.len();
        if size > BYTES_MAX {
            return Err(refused(format!("it has {size} bytes, expected at most {BYTES_MAX}")));
        }
        let bytes = std::fs::read(file).map_err(|error| refused(error.to_string()))?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("stratify.yaml");
        let path = RepoPath::new(name).map_err(|error| refused(error.to_string()))?;
        let document = File::read_one(&path, BlobId([0; 20]), &bytes)?;
        let mut found = Vec::new();
        check_fields(&document, FIELDS, &mut found);
        let targets = document.part(document.root()).get("targets");
        found.extend(targets.iter().flat_map(target::check));
        found.extend(document.part(document.root()).get("repository").iter().flat_map(forge::check));
        found.extend(document.part(document.root()).get("notifications").iter().flat_map(notification::check));
        if found.iter().any(Diagnostic::is_error) {
            return Err(Fault { owner: Owner::Operator, ..Fault::from(found) });
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(|error| refused(error.to_string()))?;
        Ok(Self::of(&document.part(document.root()), &folder))
    }

    fn of(root: &Fragment, folder: &Path) -> Self {
        let text = |part: &Fragment, key: &str| part.get(key).map(|part| part.text().to_owned());
        let mut settings = Self::embedded(folder);
        if let Some(state) = text(root, "state") {
            settings.state = folder.join(state);
            settings.targets = settings.state.join("targets");
        }
        if let Some(targets) = text(root, "targetsFolder") {
            settings.targets = folder.join(targets);
            settings.others = true;
        }
        if let Some(targets) = root.get("targets") {
            settings.named_targets = target::read(&targets, folder);
        }
        let number = |part: &Fragment, key: &str| part.get(key).and_then(|part| part.value().as_i64());
        let running = number(root, "runningMax").and_then(|running| usize::try_from(running).ok());
        settings.running_max = running.unwrap_or(RUNNING_MAX);
        if let Some(repository) = root.get("repository") {
            settings.repository = Repository::read(&repository, folder);
        }
        for part in root.get("repositories").iter().flat_map(Fragment::items) {
            if let Some(name) = part.get("name").and_then(|name| RepoName::new(name.text()).ok()) {
                settings.repositories.insert(name, Repository::read(&part, folder));
            }
        }
        settings.public_url = text(root, "publicUrl");
        settings.listen = text(root, "listen").and_then(|listen| listen.parse().ok());
        if let Some(all) = root.get("notifications") {
            settings.notifications = notification::read(&all, folder);
        }
        for part in root.get("sources").iter().flat_map(Fragment::items) {
            settings.sources.push(source::read(&part, folder));
        }
        let keys = root.get("packageKeys").into_iter().flat_map(|part| part.items().collect::<Vec<_>>());
        settings.package_keys = keys.map(|part| folder.join(part.text())).collect();
        if let Some(part) = root.get("programs") {
            settings.programs = Programs::read(&part, folder);
        }
        settings.secrets =
            root.get("secrets").iter().flat_map(Fragment::items).map(|part| AgeKeys::read(&part, folder)).collect();
        if let Some(floor) = root.get("floor") {
            settings.floor = floor::read(&floor);
        }
        settings
    }

    /// Returns the folder of the pages of plans.
    pub fn plan_pages(&self) -> PathBuf {
        self.state.join("plans")
    }

    /// Returns a target; one that is not named is a folder. Where the settings name targets, another name is a mistake, unless they also say
    /// where all others are.
    pub fn target(&self, name: &Arc<str>) -> Result<Target, Fault> {
        match self.named_targets.get(name) {
            Some(target) => Ok(target.clone()),
            None if self.named_targets.is_empty() || self.others => Ok(Target::Directory(self.targets.join(&**name))),
            None => {
                let known: Vec<&str> = self.named_targets.keys().map(|name| &**name).collect();
                // None of them is proposed: it would be the target of another cluster.
                Err(Fault {
                    owner: Owner::Operator,
                    spurious: false,
                    hint: Some("add it under `targets` of the settings, or set `targetsFolder`".to_owned()),
                    source: Source::Error(
                        format!("the settings have no target `{name}`; they name {}", known.join(", ")).into(),
                    ),
                })
            }
        }
    }

    /// Returns the target of a cluster that another one makes, and that one's, where they are API servers. A target that
    /// is not named is reached by the kubeconfig that Cluster API keeps in the cluster's namespace there.
    pub fn managed_target(
        &self,
        name: &Arc<str>,
        management: &Arc<str>,
        namespace: &str,
    ) -> Result<(Target, Option<Kubernetes>), Fault> {
        let manager = self.target(management)?;
        let own = match (&manager, self.named_targets.get(name)) {
            (_, Some(own)) => own.clone(),
            (Target::Kubernetes(manager), None) => {
                let (target, namespace, cluster) = (management.clone(), namespace.to_owned(), name.to_string());
                let reach = Reach::ClusterApi { target, namespace, cluster };
                Target::Kubernetes(Kubernetes { reach, uid: None, ..manager.clone() })
            }
            (Target::Directory(_), None) => self.target(name)?,
        };
        match (own, manager) {
            (Target::Kubernetes(own), Target::Kubernetes(manager)) => Ok((Target::Kubernetes(own), Some(manager))),
            // All goes to the cluster's folder; what is for the manager has a place of its own there.
            (Target::Directory(own), Target::Directory(_)) => Ok((Target::Directory(own), None)),
            (own, _) => {
                let word = |is_folder| if is_folder { "a folder" } else { "an API server" };
                let is_folder = matches!(own, Target::Directory(_));
                let (own, other) = (word(is_folder), word(!is_folder));
                let text = format!("the target `{name}` is {own}, and `{management}`, which manages it, is {other}");
                Err(Fault {
                    owner: Owner::Operator,
                    spurious: false,
                    hint: Some("let both be API servers, or both be folders".into()),
                    source: Source::Error(text.into()),
                })
            }
        }
    }

    /// Returns the watched branch.
    pub fn branch(&self) -> &str {
        self.repository.branch()
    }

    /// Returns the folder of a repository's mirror; without a name, of the fleet's own.
    pub fn mirror(&self, name: Option<&RepoName>) -> PathBuf {
        match name {
            None => self.state.join("mirror"),
            Some(name) => self.state.join("mirrors").join(name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn paths_count_from_the_settings_folder_and_mistakes_have_lines() {
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = scratch.path().canonicalize().expect("it is there");
        let file = folder.join("stratify.yaml");
        let text = "repository:\n  url: https://git.example.org/fleet.git\n  poll: 30s\n  tokenFile: token\n\
                    targets:\n  - { name: eu-1, directory: out/eu-1 }\nfloor: { maxObjects: 5 }\n";
        std::fs::write(&file, text).expect("it is ours");
        let settings = Settings::read(&file).expect("it is right");
        assert_eq!(settings.repository.poll, Duration::from_secs(30), "as written");
        assert_eq!(settings.repository.credentials, Credentials::TokenFile(folder.join("token")), "beside the file");
        let target = |settings: &Settings, name: &str| settings.target(&name.into()).map_err(|fault| fault.to_string());
        assert_eq!(target(&settings, "eu-1"), Ok(Target::Directory(folder.join("out/eu-1"))), "its own folder");
        let unknown = "the settings have no target `us-1`; they name eu-1";
        assert_eq!(target(&settings, "us-1"), Err(unknown.into()), "a misspelt name is no folder");
        std::fs::write(&file, format!("{text}targetsFolder: others\n")).expect("it is ours");
        let settings = Settings::read(&file).expect("it is right");
        assert_eq!(target(&settings, "us-1"), Ok(Target::Directory(folder.join("others/us-1"))), "it was asked for");
        assert_eq!(
            target(&Settings::embedded(&folder), "us-1"),
            Ok(Target::Directory(folder.join(".stratify/targets/us-1"))),
            "default"
        );
        assert_eq!(settings.floor.objects_max, 5, "the floor");
        std::fs::write(&file, "repositry: {}\n").expect("it is ours");
        let Err(Fault { source: Source::Documents(said), .. }) = Settings::read(&file) else { panic!("it is wrong") };
        assert_eq!(said.first().and_then(|said| said.nearest.as_deref()), Some("repository"), "the nearest field");
    }

    #[test]
    fn a_cluster_that_is_made_needs_no_target_of_its_own() {
        let api = |file: &str| {
            let reach = Reach::Kubeconfig { file: file.into(), context: None, exec: Vec::new() };
            let uid = Some("1".into());
            Target::Kubernetes(Kubernetes { reach, namespace: NAMESPACE.into(), stability: STABILITY, uid })
        };
        let mut settings = Settings::embedded(Path::new("/fleet"));
        let find = |settings: &Settings, name: &str| settings.managed_target(&name.into(), &"mgmt".into(), "eu-1");
        let folder = Target::Directory("/fleet/.stratify/targets/eu-1".into());
        assert_eq!(find(&settings, "eu-1").map_err(|it| it.to_string()), Ok((folder, None)), "all in one folder");
        settings.named_targets.insert("mgmt".into(), api("mgmt"));
        let Ok((Target::Kubernetes(own), Some(_))) = find(&settings, "eu-1") else { panic!("both are API servers") };
        let (target, cluster) = ("mgmt".into(), "eu-1".into());
        assert_eq!(
            own.reach,
            Reach::ClusterApi { target, namespace: "eu-1".into(), cluster },
            "by its kubeconfig there"
        );
        assert_eq!(own.uid, None, "it is another server");
        settings.named_targets.insert("us-1".into(), api("us-1"));
        let found = find(&settings, "us-1").map(|(own, _)| own).map_err(|it| it.to_string());
        assert_eq!(found, Ok(api("us-1")), "what the settings say stands");
        settings.named_targets.insert("lab".into(), Target::Directory("lab".into()));
        let mixed = "the target `lab` is a folder, and `mgmt`, which manages it, is an API server";
        assert_eq!(find(&settings, "lab").map_err(|it| it.to_string()), Err(mixed.into()), "one folder is not both");
    }
}
