//! In: the layer, group, kind, namespace and name that a rule or a patch names. Out: whether an object is one of those.
//! Guarantee: what is not said does not restrict.
use crate::name::{LayerName, ObjectId};
use std::sync::Arc;

/// Which objects; what is not said does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectSelector {
    /// Of this layer.
    pub layer: Option<LayerName>,
    /// Of this API group.
    pub group: Option<Arc<str>>,
    /// Of this kind.
    pub kind: Option<Arc<str>>,
    /// In this namespace.
    pub namespace: Option<Arc<str>>,
    /// Of this name.
    pub name: Option<Arc<str>>,
}

impl ObjectSelector {
    /// Whether an object of a layer is one of those.
    pub fn selects(&self, layer: &LayerName, object: &ObjectId) -> bool {
        let is = |wanted: &Option<Arc<str>>, found: Option<&Arc<str>>| wanted.is_none() || wanted.as_ref() == found;
        self.layer.as_ref().is_none_or(|wanted| wanted == layer)
            && is(&self.group, Some(&object.group))
            && is(&self.kind, Some(&object.kind))
            && is(&self.name, Some(&object.name))
            && is(&self.namespace, object.namespace.as_ref())
    }
}
