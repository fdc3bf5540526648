//! In: a server's aggregated discovery. Out: the kinds that it serves, and which groups' answers are incomplete.
//! Guarantee: a group whose backend did not answer is incomplete; nothing is concluded from what it lacks.
use crate::decide::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A kind as a server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: Arc<str>,
    /// The kind.
    pub kind: Arc<str>,
    /// The plural in paths.
    pub resource: Arc<str>,
    /// The version that the server prefers.
    pub version: Arc<str>,
    /// All versions that it is served at.
    pub versions: Vec<Arc<str>>,
    /// Whether its objects have a namespace.
    pub is_namespaced: bool,
}

/// The kinds that a server serves.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    kinds: BTreeMap<(Arc<str>, Arc<str>), Kind>,
    /// Group and version of incomplete answers.
    stale: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl Kinds {
    /// Returns a kind, if it is served.
    pub fn get(&self, group: &str, kind: &str) -> Option<&Kind> {
        self.kinds.get(&(Arc::from(group), Arc::from(kind)))
    }

    /// Returns all kinds.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }

    /// Whether all that the server has of a group was told; a group that it does not know is complete, and empty.
    pub fn is_complete(&self, group: &str) -> bool {
        !self.stale.iter().any(|(stale, _)| **stale == *group)
    }

    /// Takes in one of the two answers: of `/api` or of `/apis`.
    pub(super) fn take(&mut self, answer: &Value) -> Result<(), String> {
        let groups = answer.get("items").and_then(Value::as_list);
        if answer.get("kind").and_then(Value::as_str) != Some("APIGroupDiscoveryList") || groups.is_none() {
            return Err("expected aggregated discovery (APIGroupDiscoveryList); Kubernetes has it since 1.27".into());
        }
        for group in groups.unwrap_or_default() {
            let name: Arc<str> = group.get("metadata").and_then(|it| text(it, "name")).unwrap_or_default().into();
            for version in group.get("versions").and_then(Value::as_list).unwrap_or_default() {
                self.take_version(&name, version);
            }
        }
        Ok(())
    }

    /// The server's preferred version stands first.
    fn take_version(&mut self, group: &Arc<str>, version: &Value) {
        let name: Arc<str> = text(version, "version").unwrap_or_default().into();
        if text(version, "freshness") != Some("Current") {
            self.stale.insert((group.clone(), name.clone()));
        }
        for resource in version.get("resources").and_then(Value::as_list).unwrap_or_default() {
            let response = resource.get("responseKind").filter(|kind| !kind.is_null());
            let Some(kind) = response.and_then(|kind| text(kind, "kind")).filter(|kind| !kind.is_empty()) else {
                continue;
            };
            let verbs = resource.get("verbs").and_then(Value::as_list).unwrap_or_default();
            let can = |verb: &str| verbs.iter().any(|other| other.as_str() == Some(verb));
            // What cannot be read, such as a review, is no object that could be applied.
            if !can("get") || !can("patch") {
                continue;
            }
            let key = (group.clone(), Arc::from(kind));
            let found = self.kinds.entry(key.clone()).or_insert_with(|| Kind {
                group: key.0,
                kind: key.1,
                resource: text(resource, "resource").unwrap_or_default().into(),
                version: name.clone(),
                versions: Vec::new(),
                is_namespaced: text(resource, "scope") == Some("Namespaced"),
            });
            found.versions.push(name.clone());
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_group_is_incomplete() {
        let answer = r#"{"kind":"APIGroupDiscoveryList","items":[
            {"metadata":{"name":"apps"},"versions":[{"version":"v1","freshness":"Current","resources":[
              {"resource":"deployments","scope":"Namespaced","verbs":["get","patch"],"responseKind":{"group":"apps","version":"v1","kind":"Deployment"}}]}]},
            {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale"}]}]}"#;
        let mut kinds = Kinds::default();
        kinds.take(&Value::from_json(answer.as_bytes()).expect("it is JSON")).expect("it is discovery");
        let found = kinds.get("apps", "Deployment").expect("it is served");
        assert_eq!((&*found.resource, &*found.version, found.is_namespaced), ("deployments", "v1", true));
        assert!(kinds.is_complete("apps") && !kinds.is_complete("metrics.k8s.io"), "its backend did not answer");
        assert!(kinds.take(&Value::Null).is_err(), "another answer is refused");
    }
}
