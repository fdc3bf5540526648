//! In: a path. Out: which document stands there, and for what.
//! Guarantee: each path has one meaning; what looks like a document's name but is not is told apart.
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::nearest::nearest;
use crate::name::{ClusterName, EnvironmentName, ProfileName, RepoPath};
use std::sync::Arc;

/// What a path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `fleet.yaml`
    Fleet,
    /// `fleet.lock`
    Lock,
    /// `environments/<env>/environment.yaml`
    Environment(EnvironmentName),
    /// `profiles/<profile>/profile.yaml`
    Profile(ProfileName),
    /// `packs/<pack>/<version>/pack.yaml`
    Pack(Arc<str>, Arc<str>),
    /// `packs/<pack>/<version>/pack.json`, of Palette
    PalettePack(Arc<str>, Arc<str>),
    /// `clusters/<env>/<cluster>/cluster.yaml`
    Cluster(EnvironmentName, ClusterName),
    /// `approvals/<id>.yaml`
    Approval(Arc<str>),
    /// Any other file.
    Other,
    /// A folder whose name is no name of its kind: what was expected.
    Misnamed(&'static str),
    /// A document beside the places of its kind: the path that it should have.
    Misplaced(&'static str),
    /// A document with another ending than `.yaml`: the path that it should have.
    Misspelt(String),
}

impl Place {
    /// Returns the kind of document, if one stands there.
    pub fn kind(&self) -> Option<DocumentKind> {
        Some(match self {
            Self::Fleet => DocumentKind::Fleet,
            Self::Lock => DocumentKind::Lock,
            Self::Environment(_) => DocumentKind::Environment,
            Self::Profile(_) => DocumentKind::Profile,
            Self::Pack(..) | Self::PalettePack(..) => DocumentKind::Pack,
            Self::Cluster(..) => DocumentKind::Cluster,
            Self::Approval(_) => DocumentKind::Approval,
            Self::Other | Self::Misnamed(_) | Self::Misplaced(_) | Self::Misspelt(_) => return None,
        })
    }
}

const LABEL: &str = "a folder named with lower-case letters, digits and inner hyphens, at most 63";

/// Returns what a path is for.
pub fn place(path: &RepoPath) -> Place {
    let text = path.as_str();
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["fleet.yaml"] => Place::Fleet,
        ["fleet.lock"] => Place::Lock,
        ["environments", name, "environment.yaml"] => {
            EnvironmentName::new(name).map_or(Place::Misnamed(LABEL), Place::Environment)
        }
        ["profiles", name, "profile.yaml"] => ProfileName::new(name).map_or(Place::Misnamed(LABEL), Place::Profile),
        ["packs", name, version, "pack.yaml"] => Place::Pack((*name).into(), (*version).into()),
        ["packs", name, version, "pack.json"] => Place::PalettePack((*name).into(), (*version).into()),
        ["clusters", environment, name, "cluster.yaml"] => {
            match (EnvironmentName::new(environment), ClusterName::new(name)) {
                (Ok(environment), Ok(name)) => Place::Cluster(environment, name),
                _ => Place::Misnamed(LABEL),
            }
        }
        ["approvals", file] => match file.strip_suffix(".yaml") {
            Some(id) if is_id(id) => Place::Approval(id.into()),
            _ if is_yaml(file) => Place::Misplaced("approvals/ID.yaml, with an id of 64 hexadecimal digits"),
            _ => Place::Other,
        },
        ["fleet.yml"]
        | ["environments", _, "environment.yml"]
        | ["profiles", _, "profile.yml"]
        | ["packs", _, _, "pack.yml"]
        | ["clusters", _, _, "cluster.yml"] => Place::Misspelt(text.replace(".yml", ".yaml")),
        parts => beside(parts).map_or(Place::Other, Place::Misplaced),
    }
}

const OF_CLUSTERS: &str = "clusters/ENVIRONMENT/CLUSTER/cluster.yaml";
const OF_ENVIRONMENTS: &str = "environments/ENVIRONMENT/environment.yaml";
const OF_PROFILES: &str = "profiles/PROFILE/profile.yaml";
const OF_PACKS: &str = "packs/PACK/VERSION/pack.yaml";

/// Returns the path that a document should have that stands where nobody reads it; values and manifests stand anywhere
/// below the folder of their document.
fn beside(parts: &[&str]) -> Option<&'static str> {
    let (file, folders) = parts.split_last()?;
    let is = |name: &str| {
        let (stem, ending) = file.split_once('.').unwrap_or((file, ""));
        stem.eq_ignore_ascii_case(name) && is_yaml(&format!("a.{ending}"))
    };
    let (expected, depth, name) = match *folders.first()? {
        "clusters" => (OF_CLUSTERS, 3, "cluster"),
        "environments" => (OF_ENVIRONMENTS, 2, "environment"),
        "profiles" => (OF_PROFILES, 2, "profile"),
        "packs" => (OF_PACKS, 3, "pack"),
        _ => return misspelt_top(folders, file),
    };
    let is_above = folders.len() < depth && is_yaml(file);
    // Below profiles and packs, manifests may have any name.
    let is_beside = is(name) && (folders.len() == depth || matches!(name, "cluster" | "environment"));
    (is_above || is_beside).then_some(expected)
}

/// Returns the path of a document whose first folder is misspelt: its own name is a document's.
fn misspelt_top(folders: &[&str], file: &str) -> Option<&'static str> {
    let (expected, top, name) = [
        (OF_CLUSTERS, "clusters", "cluster.yaml"),
        (OF_ENVIRONMENTS, "environments", "environment.yaml"),
        (OF_PROFILES, "profiles", "profile.yaml"),
        (OF_PACKS, "packs", "pack.yaml"),
    ]
    .into_iter()
    .find(|(.., name)| file.eq_ignore_ascii_case(name))?;
    let first = folders.first()?;
    (first.eq_ignore_ascii_case(top) || nearest(first, [top]).is_some() || name.strip_suffix(".yaml") == Some(first))
        .then_some(expected)
}

fn is_yaml(file: &str) -> bool {
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
