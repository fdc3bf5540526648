//! In: a path. Out: which document stands there, and for what.
//! Guarantee: each path has one meaning; what looks like a document's name but is not is told apart.
use crate::decide::document::kind::DocumentKind;
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
    /// `clusters/<env>/<cluster>/cluster.yaml`
    Cluster(EnvironmentName, ClusterName),
    /// `approvals/<id>.yaml`
    Approval(Arc<str>),
    /// Any other file.
    Other,
    /// A folder whose name is no name of its kind: what was expected.
    Misnamed(&'static str),
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
            Self::Pack(..) => DocumentKind::Pack,
            Self::Cluster(..) => DocumentKind::Cluster,
            Self::Approval(_) => DocumentKind::Approval,
            Self::Other | Self::Misnamed(_) | Self::Misspelt(_) => return None,
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
        ["clusters", environment, name, "cluster.yaml"] => {
            match (EnvironmentName::new(environment), ClusterName::new(name)) {
                (Ok(environment), Ok(name)) => Place::Cluster(environment, name),
                _ => Place::Misnamed(LABEL),
            }
        }
        ["approvals", file] => match file.strip_suffix(".yaml") {
            Some(id) => Place::Approval(id.into()),
            None => Place::Other,
        },
        ["fleet.yml"]
        | ["environments", _, "environment.yml"]
        | ["profiles", _, "profile.yml"]
        | ["packs", _, _, "pack.yml"]
        | ["clusters", _, _, "cluster.yml"] => Place::Misspelt(text.replace(".yml", ".yaml")),
        _ => Place::Other,
    }
}
