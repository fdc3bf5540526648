//! In: what we own on a server, what it has, what is wanted. Out: the same, without what is not as it was applied.
//! Guarantee: a dry-run decides; what was not read is taken as it was.
use super::live::survey;
use crate::client::kubernetes::{ApplyMode, ObjectPath, Server};
use crate::decide::document::Site;
use crate::decide::drift::{is_unchanged, shows};
use crate::decide::plan::ignore::{ignored, without};
use crate::decide::plan::inventory::OTHER;
use crate::decide::plan::secret::{Place, with_marks};
use crate::decide::plan::{ClusterState, object_digest};
use crate::decide::profile::Ignore;
use crate::decide::value::{Absence, Live, Value};
use crate::name::{LayerName, ObjectId};
use std::collections::BTreeMap;

/// What is wanted of one site: each object's layer, its manifest, and which of its fields are left to others.
pub type Wanted = BTreeMap<ObjectId, (LayerName, Value, Vec<Ignore>)>;

/// Looks at all that is ours on a site, lets what is not as it was applied be applied again, and returns what was seen.
pub async fn mark_drift(
    server: &Server,
    place: &Place,
    site: Site,
    labels: &str,
    wanted: &Wanted,
    facts: &mut ClusterState,
) -> BTreeMap<ObjectId, Live> {
    let listed = facts.inventory.layers.values().flat_map(|layer| layer.entries.keys());
    let objects: Vec<ObjectId> = listed.filter(|(at, _)| *at == site).map(|(_, object)| object.clone()).collect();
    let seen = survey(server, &objects, labels).await;
    for layer in facts.inventory.layers.values_mut() {
        for ((at, object), entry) in &mut layer.entries {
            if *at != site {
                continue;
            }
            match (seen.get(object), wanted.get(object)) {
                (Some(Live::Absent(Absence::Gone)), _) => {
                    (entry.intended, entry.uid) = (entry.intended.or(entry.applied), None);
                    entry.applied = None;
                }
                (Some(Live::Present { object: live, .. }), Some((name, manifest, rules)))
                    if *name == layer.layer && entry.applied == Some(object_digest(manifest)) =>
                {
                    let marked = with_marks(manifest, place, name);
                    let manifest = without(&marked, &ignored(rules, name, object, &marked, live));
                    if !shows(live, &manifest) && differs(server, object, &manifest, live).await {
                        entry.intended = entry.intended.or(entry.applied);
                        entry.applied = Some(OTHER);
                    }
                }
                _ => {}
            }
        }
    }
    seen
}

/// Whether an apply would change the object. A server that cannot say leaves it as it was; where it refuses, the plan's
/// own dry-run tells why.
async fn differs(server: &Server, object: &ObjectId, manifest: &Value, live: &Value) -> bool {
    let Ok(kinds) = server.kinds().await else { return false };
    let Some(kind) = kinds.get(&object.group, &object.kind) else { return false };
    let stated = manifest.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let version = stated.rsplit('/').next().unwrap_or_default();
    let path = ObjectPath::object(kind, version, object.namespace.as_deref(), &object.name);
    let tried = match server.apply(&path, manifest, ApplyMode { dry_run: true, force: true }).await {
        Ok(tried) => tried.object,
        Err(error) => return !error.is_spurious(),
    };
    if live.get("apiVersion") == tried.get("apiVersion") {
        return !is_unchanged(live, &tried);
    }
    // It was read at another version, in which it looks otherwise.
    match server.get(&path).await {
        Ok(Some(live)) => !is_unchanged(&live, &tried),
        Ok(None) => true,
        Err(_) => false,
    }
}
