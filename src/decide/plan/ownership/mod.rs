//! In: a live object of an API server. Out: who owns which of its fields, as its `metadata.managedFields` tell.
//! Guarantee: what cannot be read is owned by nobody.
pub mod fields;
mod path;
mod keeper;

use crate::decide::value::Value;
use std::fmt;
use std::sync::Arc;

pub use keeper::{Keeper, keepers, tool_of};
pub use path::find;

/// The name under which we apply.
pub const MANAGER: &str = "stratify";

/// Where kubectl keeps what it applied from the client's side.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The manager under whose name kubectl does so.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// Names that people use for tools, and those under which these tools write.
const TOOLS: [(&str, &[&str]); 4] = [
    (
        "kubectl",
        &[
            CLIENT_SIDE,
            "before-first-apply", // what the server calls those who wrote before it kept managers
            "kubectl-annotate",
            "kubectl-autoscale",
            "kubectl-create",
            "kubectl-edit",
            "kubectl-expose",
            "kubectl-label",
            "kubectl-patch",
            "kubectl-replace",
            "kubectl-rollout",
            "kubectl-run",
            "kubectl-scale",
            "kubectl-set",
            "kubectl-taint",
        ],
    ),
    ("helm", &[]),
    ("flux", &["kustomize-controller", "helm-controller"]),
    ("argocd", &["argocd-controller", "argocd-application-controller"]),
];

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// By server-side apply: it owns what it stated.
    Apply,
    /// By any other write: it owns what it changed.
    Update,
}

/// Who owns fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Its name.
    pub name: Arc<str>,
    /// How it came to own them.
    pub means: Means,
    /// The subresource through which it wrote, such as `scale`.
    pub subresource: Option<Arc<str>>,
    /// When it wrote last, as the server says it, where it does.
    pub time: Option<Arc<str>>,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        match &self.subresource {
            Some(subresource) => write!(f, " through `{subresource}`"),
            None => Ok(()),
        }
    }
}

/// The fields of one manager.
#[derive(Clone, Debug)]
pub struct Managed<'a> {
    /// The manager.
    pub manager: Manager,
    /// The version in which it wrote, whose names of fields these are.
    pub version: &'a str,
    /// Its fields, as `FieldsV1` has them.
    pub fields: &'a Value,
    /// Its entry, from zero.
    pub at: usize,
}

impl Managed<'_> {
    /// Whether these are the fields that we applied.
    pub fn is_ours(&self) -> bool {
        let Manager { name, means, subresource, .. } = &self.manager;
        **name == *MANAGER && *means == Means::Apply && subresource.is_none()
    }
}

/// Returns the managers of an object with their fields, in the order of their entries.
pub fn managed(live: &Value) -> Vec<Managed<'_>> {
    let entries = live.get("metadata").and_then(|metadata| metadata.get("managedFields")).and_then(Value::as_list);
    entries.unwrap_or_default().iter().enumerate().filter_map(|(at, entry)| read(entry, at)).collect()
}

fn read(entry: &Value, at: usize) -> Option<Managed<'_>> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let manager = Manager {
        name: text("manager")?.into(),
        means: if text("operation") == Some("Apply") { Means::Apply } else { Means::Update },
        subresource: text("subresource").map(Into::into),
        time: text("time").map(Into::into),
    };
    Some(Managed { manager, version: text("apiVersion").unwrap_or_default(), fields: entry.get("fieldsV1")?, at })
}

/// Whether one of the names that a layer adopts from is that of a manager, or of the tool that it belongs to.
pub fn is_adopted(manager: &str, adopt: &[Arc<str>]) -> bool {
    let is_of = |tool: &str| TOOLS.iter().any(|(name, managers)| *name == tool && managers.contains(&manager));
    adopt.iter().any(|name| **name == *manager || is_of(name))
}

/// Returns the managers of an object that a layer adopts from, by name, each once; those of its status are none.
///
/// What kubectl applied from the client's side is told by its annotation too, where no entry tells of it.
pub fn adopted_of(live: &Value, adopt: &[Arc<str>]) -> Vec<Arc<str>> {
    let writers = managed(live).into_iter().filter(|managed| managed.manager.subresource.as_deref() != Some("status"));
    let mut names: Vec<Arc<str>> = writers.map(|managed| managed.manager.name).collect();
    let annotations = live.get("metadata").and_then(|metadata| metadata.get("annotations"));
    if annotations.is_some_and(|annotations| annotations.get(LAST_APPLIED).is_some()) {
        names.push(CLIENT_SIDE.into());
    }
    names.retain(|name| **name != *MANAGER && is_adopted(name, adopt));
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::Map;

    /// Returns an entry of `managedFields`.
    fn entry(manager: &str, operation: &str, subresource: &str) -> Value {
        let fields = [("manager", manager), ("operation", operation), ("subresource", subresource)];
        let texts = fields.into_iter().map(|(key, text)| (key, Value::string(text)));
        texts.chain([("fieldsV1", Map::default().into())]).collect::<Map>().into()
    }

    fn object(entries: Vec<Value>, annotations: &[&str]) -> Value {
        let annotations: Map = annotations.iter().map(|name| (*name, Value::string("{}"))).collect();
        let metadata = [("managedFields", Value::list(entries)), ("annotations", annotations.into())];
        Value::map([("metadata", Value::map(metadata.into_iter().collect()))].into_iter().collect())
    }

    #[test]
    fn who_wrote_is_read_as_the_server_tells_it() {
        let live = object(vec![entry("stratify", "Apply", ""), entry("kubectl", "Update", "scale")], &[]);
        let all = managed(&live);
        assert_eq!(all.iter().map(Managed::is_ours).collect::<Vec<_>>(), [true, false]);
        assert_eq!(all[1].manager.to_string(), "`kubectl` through `scale`");
        assert!(!managed(&object(vec![entry("stratify", "Update", "")], &[]))[0].is_ours(), "an update states nothing");
        assert!(managed(&Value::Null).is_empty(), "nobody is told");
    }

    #[test]
    fn tools_are_known_by_all_their_names() {
        let adopt = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<Arc<str>>>();
        assert!(is_adopted("kubectl-client-side-apply", &adopt(&["kubectl"])));
        assert!(is_adopted("kubectl", &adopt(&["kubectl"])));
        assert!(
            is_adopted("helm-controller", &adopt(&["flux"])) && is_adopted("kustomize-controller", &adopt(&["flux"]))
        );
        assert!(is_adopted("argocd-controller", &adopt(&["argocd"])) && is_adopted("helm", &adopt(&["helm"])));
        assert!(is_adopted("my-operator", &adopt(&["my-operator"])));
        assert!(!is_adopted("helm", &adopt(&["kubectl"])) && !is_adopted("kubectl", &adopt(&[])));
        assert!(!is_adopted("kubectl-edit", &adopt(&["kubectl-client-side-apply"])), "one name is that one alone");
    }

    #[test]
    fn what_an_annotation_tells_counts_too() {
        let kubectl: Vec<Arc<str>> = vec!["kubectl".into()];
        let old = object(vec![entry("kube-controller-manager", "Update", "status")], &[LAST_APPLIED]);
        assert_eq!(adopted_of(&old, &kubectl), ["kubectl-client-side-apply".into()]);
        let status = object(vec![entry("kubectl", "Update", "status")], &[]);
        assert!(adopted_of(&status, &kubectl).is_empty(), "who only writes a status made nothing");
    }
}
