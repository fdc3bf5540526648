//! In: a cluster, its layers, a profile's variables. Out: what expressions may name.
//! Guarantee: no commit id, no time: what is named here is the same at every commit that says the same.
use super::super::composition::shape::Shaped;
use super::super::layer::source::Source;
use super::super::resolve::Sketch;
use crate::decide::document::Cluster;
use crate::decide::expression::Scope;
use crate::decide::value::{Map, Seal, Value};
use std::sync::Arc;

/// What expressions may name, by root, in the order of the roots' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roots(Vec<(&'static str, Value)>);

impl Roots {
    /// Sets a root.
    pub fn set(&mut self, name: &'static str, value: Value) {
        match self.0.binary_search_by(|(other, _)| (*other).cmp(name)) {
            Ok(at) => drop(self.0.get_mut(at).map(|(_, was)| std::mem::replace(was, value))),
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Returns what stands at a path, or what is sensitive on the way there.
    pub(in crate::decide::profile) fn find(&self, path: &[Arc<str>]) -> Option<&Value> {
        let (root, keys) = path.split_first()?;
        let mut found = self.0.iter().find(|(name, _)| *name == &**root).map(|(_, value)| value)?;
        for key in keys {
            if matches!(found, Value::Sensitive(_)) {
                break;
            }
            found = found.get(key)?;
        }
        Some(found)
    }

    /// Returns the scope to evaluate in; an absent label is null.
    pub fn scope<'a>(&'a self, seal: &'a Seal) -> Scope<'a> {
        let scope = Scope::new(seal).labels_default_null();
        self.0.iter().fold(scope, |scope, (name, value)| scope.with(name, value.clone()))
    }
}

/// Returns the map that `cluster` is in expressions.
pub(in crate::decide::profile) fn cluster_value(cluster: &Cluster, kubernetes: Option<&str>) -> Value {
    let mut map: Map = [
        ("name", Value::string(cluster.name.as_str())),
        ("labels", cluster.labels.clone()),
        ("cloud", Value::String(cluster.cloud.clone())),
        ("nodes", cluster.nodes.clone()),
    ]
    .into_iter()
    .collect();
    if let Some(version) = kubernetes {
        map.insert("kubernetesVersion".into(), Value::string(version));
    }
    map.into()
}

impl Sketch {
    /// Returns what a layer's `*.tpl.yaml` files may name beside what values may: the layer's own values, and the layer.
    pub(in crate::decide::profile) fn roots_of(
        &self,
        layer: &Shaped,
        source: &Source,
        document: &Value,
        others: &Roots,
    ) -> Roots {
        if !source.manifests.iter().any(|file| file.template) {
            return Roots::default();
        }
        let mut roots = others.clone();
        roots.set("vars", self.vars(layer).clone());
        roots.set("values", document.get("values").cloned().unwrap_or_default());
        let own = ["name", "version", "namespace", "releaseName"];
        let own = own.map(|key| (key, document.get(key).cloned().unwrap_or_default()));
        roots.set("layer", Value::from(own.into_iter().collect::<Map>()));
        roots
    }
}
