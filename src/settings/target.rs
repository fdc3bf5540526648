//! In: the part of the operator's file that describes targets. Out: where each one is and how it is reached.
//! Guarantee: paths count from the file's folder; a target is reached in exactly one way.
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::decide::document::{Fragment, kind};
use crate::decide::value::{Code, Diagnostic};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long objects with a status must stay well, where the settings say nothing.
pub const STABILITY: Duration = Duration::from_secs(5);

/// The namespace of our Secrets, where the settings name none.
pub const NAMESPACE: &str = "stratify-system";

/// A target of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder, with a file for each object.
    Directory(PathBuf),
    /// An API server.
    Kubernetes(Kubernetes),
}

/// An API server of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// How it is reached.
    pub reach: Reach,
    /// The namespace of our Secrets.
    pub namespace: Arc<str>,
    /// How long objects with a status must stay well.
    pub stability: Duration,
    /// The UID of its namespace `kube-system`, where the operator says which one it is.
    pub uid: Option<Arc<str>>,
}

/// How an API server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By a kubeconfig on this machine.
    Kubeconfig {
        /// Its file.
        file: PathBuf,
        /// The context; none for the current one.
        context: Option<String>,
        /// The commands that may give credentials.
        exec: Vec<String>,
    },
    /// As the pod in which this process runs.
    InCluster,
    /// By the Secret `<cluster>-kubeconfig` that Cluster API keeps on another target.
    ClusterApi {
        /// That target.
        target: Arc<str>,
        /// The namespace there.
        namespace: String,
        /// The name of the Cluster.
        cluster: String,
    },
}

pub(super) const FIELDS: &[Field] = &[
    required("name", Shape::Text, "The name, as clusters give it."),
    optional("directory", Shape::Text, "Its folder, with a file for each object."),
    optional("kubeconfig", Shape::Text, "The file of a kubeconfig."),
    optional("context", Shape::Text, "The context of the kubeconfig; default: the current one."),
    optional(
        "exec",
        Shape::List(&Shape::Text),
        "The commands that the kubeconfig may run for credentials; default: none.",
    ),
    optional("inCluster", Shape::Bool, "The cluster in which Stratify runs itself."),
    optional(
        "clusterAPI",
        Shape::Object(CLUSTER_API),
        "A cluster of Cluster API, by the Secret that holds its kubeconfig.",
    ),
    optional("namespace", Shape::Text, "The namespace of Stratify's Secrets there; default stratify-system."),
    optional("uid", Shape::Text, "The UID of its namespace kube-system; default: the one that the first sync finds."),
    optional(
        "stability",
        Shape::Checked(is_duration, "a duration such as 5s, at least 0s"),
        "How long objects with a status must stay well before the next layer; default 5s.",
    ),
];

const CLUSTER_API: &[Field] = &[
    required("target", Shape::Text, "The target that is its management cluster."),
    required("namespace", Shape::Text, "The namespace of the Cluster there."),
    optional("cluster", Shape::Text, "The name of the Cluster; default: the target's name."),
];

/// A target that is reached in no way, or in two.
const ONE_WAY: Code = Code(902);

fn is_duration(text: &str) -> bool {
    text == "0s" || kind::duration(text).is_some()
}

/// Returns what is wrong with the targets beyond their fields.
pub(super) fn check(part: &Fragment) -> Vec<Diagnostic> {
    let ways = ["directory", "kubeconfig", "inCluster", "clusterAPI"];
    let wrong = part.items().filter_map(|target| {
        let found: Vec<&str> = ways.into_iter().filter(|way| target.get(way).is_some()).collect();
        let said = match found.as_slice() {
            [_] => return None,
            [] => "the target is reached in no way".to_owned(),
            found => format!("the target is reached in more than one way: {}", found.join(", ")),
        };
        Some(
            Diagnostic::error(ONE_WAY, said).at(target.span()).expected(format!("exactly one of: {}", ways.join(", "))),
        )
    });
    wrong.collect()
}

/// Returns the targets by name.
pub(super) fn read(part: &Fragment, folder: &Path) -> BTreeMap<Arc<str>, Target> {
    part.items().filter_map(|target| Some((target.get("name")?.text().into(), read_one(&target, folder)?))).collect()
}

fn read_one(part: &Fragment, folder: &Path) -> Option<Target> {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    if let Some(directory) = text("directory") {
        return Some(Target::Directory(folder.join(directory)));
    }
    let reach = if let Some(file) = text("kubeconfig") {
        let exec = part.get("exec").iter().flat_map(Fragment::items).map(|item| item.text().to_owned()).collect();
        Reach::Kubeconfig { file: folder.join(file), context: text("context"), exec }
    } else if let Some(capi) = part.get("clusterAPI") {
        let of = |key: &str| capi.get(key).map(|part| part.text().to_owned());
        Reach::ClusterApi {
            target: of("target")?.into(),
            namespace: of("namespace")?,
            cluster: of("cluster").or(text("name"))?,
        }
    } else {
        Reach::InCluster
    };
    let stability = text("stability").map(|text| kind::duration(&text).unwrap_or_default());
    Some(Target::Kubernetes(Kubernetes {
        reach,
        namespace: text("namespace").unwrap_or_else(|| NAMESPACE.into()).into(),
        stability: stability.unwrap_or(STABILITY),
        uid: text("uid").map(Into::into),
    }))
}
