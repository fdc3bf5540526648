//! In: the objects of a cluster's layers. Out: the same, its machine templates named by what they hold.
//! Guarantee: no template is changed in place, which Cluster API refuses; what refers to one follows to the new one.
//!
//! Why: machines are made anew when another template is named, not when one is changed. So a template is another object
//! with each content: the new one is made, what refers to it is changed, and the old one is pruned at the end like
//! whatever is wanted no longer. A template that nothing refers to keeps its name.
use super::layers::Identified;
use crate::decide::document::Site;
use crate::decide::profile::ProfileLayer;
use crate::decide::value::{Domain, Map, Value, digest_of};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The domain in which templates are digested.
const TEMPLATE: Domain = Domain("machine-template/1");

/// The groups of Cluster API and of its providers.
const GROUP: &str = "cluster.x-k8s.io";

/// How many digits of the digest a name bears: two contents meet by chance once in four billion.
const DIGITS: usize = 8;

/// A name of Kubernetes has at most 253 bytes; the dash and the digits come after what is left of it.
const NAME_MAX: usize = 253 - DIGITS - 1;

/// Templates, by what refers to them: group, kind, namespace, name.
type Key = (Arc<str>, Arc<str>, Option<Arc<str>>, Arc<str>);

/// Names the machine templates of management layers by their content, and rewrites what refers to them there.
pub(super) fn rotate(layers: &[ProfileLayer], objects: &mut [Vec<Identified>]) {
    let is_managed = |layer: &ProfileLayer| layer.site == Site::Management;
    let mut managed: Vec<&mut Identified> =
        layers.iter().zip(objects).filter(|(layer, _)| is_managed(layer)).flat_map(|(_, objects)| objects).collect();
    let templates: BTreeMap<Key, Arc<str>> =
        managed.iter().filter(|it| is_template(&it.id)).map(|it| (key(&it.id), name_of(it))).collect();
    if templates.is_empty() {
        return;
    }
    let mut named = BTreeSet::new();
    for object in managed.iter_mut().filter(|it| is_of_cluster_api(&it.id) && !is_template(&it.id)) {
        let namespace = object.id.namespace.clone();
        let mut follow = |reference: &Map| {
            let key = referred(reference, namespace.as_ref())?;
            let name = templates.get(&key)?.clone();
            named.insert(key);
            Some(name)
        };
        if let Some(rewritten) = rewritten(&object.manifest, &mut follow) {
            object.manifest = rewritten;
        }
    }
    for object in managed {
        let key = key(&object.id);
        let Some(name) = templates.get(&key).filter(|_| named.contains(&key)) else { continue };
        object.id.name = name.clone();
        let metadata = object.manifest.make_map().entry(&"metadata".into()).make_map();
        metadata.insert("name".into(), Value::String(name.clone()));
    }
}

fn is_of_cluster_api(id: &ObjectId) -> bool {
    &*id.group == GROUP || id.group.strip_suffix(GROUP).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether machines are made from an object, so that Cluster API takes it for immutable.
pub fn is_template(id: &ObjectId) -> bool {
    let is_machine = id.group.starts_with("infrastructure.") && id.kind.ends_with("MachineTemplate");
    let is_bootstrap = id.group.starts_with("bootstrap.") && id.kind.ends_with("ConfigTemplate");
    is_of_cluster_api(id) && (is_machine || is_bootstrap)
}

fn key(id: &ObjectId) -> Key {
    (id.group.clone(), id.kind.clone(), id.namespace.clone(), id.name.clone())
}

/// Only what machines are made from counts: labels of the template itself may be changed in place.
fn name_of(template: &Identified) -> Arc<str> {
    let digest = digest_of(TEMPLATE, template.manifest.get("spec").unwrap_or(&Value::Null)).to_string();
    let mut name = template.id.name.to_string();
    name.truncate(name.floor_char_boundary(NAME_MAX));
    let digits: String = digest.chars().filter(char::is_ascii_hexdigit).take(DIGITS).collect();
    format!("{name}-{digits}").into()
}

/// Returns what a map refers to, if it is a reference.
fn referred(reference: &Map, namespace: Option<&Arc<str>>) -> Option<Key> {
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let of_version = || text("apiVersion").and_then(|version| Some(version.split_once('/')?.0));
    let group = text("apiGroup").or_else(of_version)?;
    let namespace = text("namespace").map(Arc::from).or_else(|| namespace.cloned());
    Some((group.into(), text("kind")?.into(), namespace, text("name")?.into()))
}

/// Whether a live object refers to a template.
pub fn refers_to(object: &Value, template: &ObjectId) -> bool {
    let wanted = key(template);
    let mut is_found = false;
    let mut find = |reference: &Map| {
        is_found |= referred(reference, template.namespace.as_ref()).as_ref() == Some(&wanted);
        None
    };
    // Nothing follows, so nothing is rewritten.
    rewritten(object.get("spec").unwrap_or(&Value::Null), &mut find);
    is_found
}

/// Returns a value with other names in its references; nothing where it has none that is followed.
fn rewritten(value: &Value, follow: &mut impl FnMut(&Map) -> Option<Arc<str>>) -> Option<Value> {
    match value {
        Value::Map(map) => {
            let mut changed: Option<Map> = None;
            if let Some(name) = follow(map) {
                changed.get_or_insert_with(|| (**map).clone()).insert("name".into(), Value::String(name));
            }
            for (key, inner) in map.iter() {
                if let Some(inner) = rewritten(inner, follow) {
                    changed.get_or_insert_with(|| (**map).clone()).insert(key.clone(), inner);
                }
            }
            changed.map(Value::map)
        }
        Value::List(items) => {
            let inner: Vec<Option<Value>> = items.iter().map(|item| rewritten(item, follow)).collect();
            let changed = inner.iter().any(Option::is_some);
            let items = || inner.into_iter().zip(items.iter()).map(|(new, old)| new.unwrap_or_else(|| old.clone()));
            changed.then(|| Value::list(items().collect()))
        }
        _ => None,
    }
}
