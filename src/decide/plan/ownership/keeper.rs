//! In: a live object of an API server. Out: the tools that keep it, by the marks that they left there, and what has to be
//! stopped before somebody else takes it.
//! Guarantee: only what stands on the object counts; whoever left no mark keeps nothing.
use super::{CLIENT_SIDE, LAST_APPLIED, TOOLS, managed};
use crate::decide::value::Value;
use std::sync::Arc;

/// What keeps an object, and writes it again when it is asked to, or by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeper {
    /// Somebody who applies files by kubectl.
    Kubectl,
    /// A release of Helm.
    Release {
        /// Its namespace, where the object says it.
        namespace: Option<Arc<str>>,
        /// Its name.
        name: Arc<str>,
    },
    /// An object of Flux.
    Flux {
        /// `Kustomization` or `HelmRelease`.
        kind: &'static str,
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// An Application of Argo CD.
    Application {
        /// Its name.
        name: Arc<str>,
    },
}

impl Keeper {
    /// Returns who it is, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Kubectl => "files that are applied by kubectl".into(),
            Self::Release { namespace: None, name } => format!("the Helm release {name}"),
            Self::Release { namespace: Some(namespace), name } => format!("the Helm release {namespace}/{name}"),
            Self::Flux { kind, namespace, name } => format!("the {kind} {namespace}/{name} of Flux"),
            Self::Application { name } => format!("the Application {name} of Argo CD"),
        }
    }

    /// Returns what has to be stopped there first, so that the two do not fight, and what would delete the objects later.
    pub fn warning(&self) -> Option<String> {
        Some(match self {
            Self::Kubectl => return None,
            Self::Release { namespace, name } => {
                let of = namespace.as_ref().map_or_else(String::new, |namespace| format!(" --namespace {namespace}"));
                format!(
                    "upgrade the release by Helm no more: that would take its fields back. Once the sync is done let Helm \
                     forget it (`kubectl{of} delete secret --selector owner=helm,name={name}`); `helm uninstall` would \
                     delete its objects"
                )
            }
            Self::Flux { kind, namespace, name } => {
                let word = kind.to_lowercase();
                format!(
                    "suspend it first (`flux suspend {word} {name} --namespace {namespace}`), else both write the same \
                     fields; delete it only while it is suspended, or it deletes its objects"
                )
            }
            Self::Application { name } => format!(
                "turn its automated sync off first (`argocd app set {name} --sync-policy none`), else both write the same \
                 fields; delete it only without its resources (`argocd app delete {name} --cascade=false`)"
            ),
        })
    }
}

/// Returns who keeps an object, with the marks by which that shows.
pub fn keepers(live: &Value) -> Vec<(Keeper, Vec<Arc<str>>)> {
    [kubectl(live), helm(live), flux(live, "kustomize", "Kustomization"), flux(live, "helm", "HelmRelease"), argo(live)]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns the tool that a manager belongs to, by the name that `adopt` knows; another manager is its own name.
pub fn tool_of(manager: &str) -> &str {
    let is_of = |(_, managers): &&(&'static str, &[&str])| managers.contains(&manager);
    TOOLS.iter().find(is_of).map_or(manager, |(tool, _)| tool)
}

fn part<'a>(live: &'a Value, part: &str, key: &str) -> Option<&'a str> {
    live.get("metadata")?.get(part)?.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn label<'a>(live: &'a Value, key: &str) -> Option<&'a str> {
    part(live, "labels", key)
}

fn annotation<'a>(live: &'a Value, key: &str) -> Option<&'a str> {
    part(live, "annotations", key)
}

fn manages(live: &Value, names: &[&str]) -> Vec<Arc<str>> {
    let found = managed(live).into_iter().filter(|managed| !managed.is_ours()).map(|managed| managed.manager.name);
    found.filter(|name| names.contains(&&**name)).collect()
}

fn kubectl(live: &Value) -> Option<(Keeper, Vec<Arc<str>>)> {
    let mut marks = manages(live, &[CLIENT_SIDE, "kubectl"]);
    marks.dedup();
    marks.extend(annotation(live, LAST_APPLIED).map(|_| Arc::from(LAST_APPLIED)));
    (!marks.is_empty()).then_some((Keeper::Kubectl, marks))
}

/// A `HelmRelease` of Flux is a release of Helm, too.
fn helm(live: &Value) -> Option<(Keeper, Vec<Arc<str>>)> {
    const NAME: &str = "meta.helm.sh/release-name";
    const NAMESPACE: &str = "meta.helm.sh/release-namespace";
    const BY: &str = "app.kubernetes.io/managed-by";
    let is_managed = label(live, BY) == Some("Helm");
    let name = annotation(live, NAME).or_else(|| label(live, "app.kubernetes.io/instance").filter(|_| is_managed))?;
    let mut marks = Vec::new();
    marks.extend(is_managed.then(|| Arc::from(format!("{BY}: Helm"))));
    marks.extend([NAME, NAMESPACE].into_iter().filter(|key| annotation(live, key).is_some()).map(Arc::from));
    let namespace = annotation(live, NAMESPACE).map(Arc::from);
    Some((Keeper::Release { namespace, name: name.into() }, marks))
}

fn flux(live: &Value, toolkit: &str, kind: &'static str) -> Option<(Keeper, Vec<Arc<str>>)> {
    let key = |what: &str| format!("{toolkit}.toolkit.fluxcd.io/{what}");
    let (name, namespace) = (label(live, &key("name"))?, label(live, &key("namespace"))?);
    let marks = vec![key("name").into(), key("namespace").into()];
    Some((Keeper::Flux { kind, namespace: namespace.into(), name: name.into() }, marks))
}

/// By default Argo CD marks what it keeps by a label that many charts use, too: its manager has to be there then.
fn argo(live: &Value) -> Option<(Keeper, Vec<Arc<str>>)> {
    const TRACKING: &str = "argocd.argoproj.io/tracking-id";
    const INSTANCE: &str = "argocd.argoproj.io/instance";
    const DEFAULT: &str = "app.kubernetes.io/instance";
    let is_argo = !manages(live, &["argocd-controller", "argocd-application-controller"]).is_empty();
    let tracked = annotation(live, TRACKING).and_then(|id| id.split(':').next()).map(|name| (name, TRACKING));
    let named = || label(live, INSTANCE).map(|name| (name, INSTANCE));
    let usual = || label(live, DEFAULT).filter(|_| is_argo).map(|name| (name, DEFAULT));
    let (name, mark) = tracked.or_else(named).or_else(usual)?;
    Some((Keeper::Application { name: name.into() }, vec![mark.into()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::test_objects::value;
    use serde_json::json;

    fn found(metadata: &serde_json::Value) -> Vec<String> {
        keepers(&value(&json!({ "metadata": metadata }))).iter().map(|(keeper, _)| keeper.words()).collect()
    }

    #[test]
    fn tools_are_known_by_their_marks() {
        let helm = json!({
            "labels": { "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web" },
            "annotations": { "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop" },
        });
        assert_eq!(found(&helm), ["the Helm release shop/web"], "its label is no Application");
        let flux = json!({ "labels": {
            "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" } });
        assert_eq!(found(&flux), ["the Kustomization flux-system/apps of Flux"]);
        let argo = json!({ "annotations": { "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web" } });
        assert_eq!(found(&argo), ["the Application shop of Argo CD"]);
        let entry = json!({ "manager": "argocd-controller", "operation": "Apply", "fieldsV1": {} });
        let argo = json!({ "labels": { "app.kubernetes.io/instance": "shop" }, "managedFields": [entry] });
        assert_eq!(found(&argo), ["the Application shop of Argo CD"], "its manager is there");
        let kubectl = json!({ "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" } });
        assert_eq!(found(&kubectl), ["files that are applied by kubectl"]);
        assert!(found(&json!({ "labels": { "app.kubernetes.io/instance": "shop" } })).is_empty(), "nobody keeps it");
    }

    #[test]
    fn a_manager_is_told_by_its_tool() {
        assert_eq!(tool_of("kubectl-client-side-apply"), "kubectl");
        assert_eq!(
            [tool_of("helm"), tool_of("kustomize-controller"), tool_of("my-operator")],
            ["helm", "flux", "my-operator"]
        );
    }
}
