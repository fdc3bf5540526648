//! In: what we own on a server, what it has, what is wanted. Out: the same, without what is not as it was applied.
//! Guarantee: a dry-run decides; what was not read is taken as it was; what stays as it is keeps its place in the books.
use super::live::{CONCURRENT, survey};
use crate::client::kubernetes::{ApplyMode, ObjectPath, Server};
use crate::decide::document::Site;
use crate::decide::drift::{Fate, Found, Standing, Tried, What, fields, is_unchanged, shows};
use crate::decide::plan::book_secrets::{Place, with_marks};
use crate::decide::plan::ignore::{ignored, kept, without};
use crate::decide::plan::inventory::OTHER;
use crate::decide::plan::{ClusterState, Entry};
use crate::decide::render::Layer;
use crate::decide::value::{Absence, Digested, Live, Value};
use crate::name::{LayerName, ObjectId};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted of one site: each object's layer and manifest.
pub type Wanted<'a> = BTreeMap<&'a ObjectId, (&'a Layer, &'a Digested)>;

/// What is looked at, and what for.
pub struct Search<'a> {
    /// Where the books are.
    pub place: &'a Place,
    /// The site.
    pub site: Site,
    /// What selects all that is ours.
    pub labels: &'a str,
    /// What is wanted there.
    pub wanted: &'a Wanted<'a>,
    /// What of it runs, and is looked at by nobody once it has.
    pub hooks: &'a BTreeSet<&'a ObjectId>,
    /// What is known without a read.
    pub known: &'a BTreeMap<ObjectId, Standing>,
    /// What is done about an object that differs.
    pub fate: &'a (dyn Fn(&ObjectId) -> Fate + Sync),
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Sight {
    /// The objects that were read, and those that had not to be.
    pub seen: BTreeMap<ObjectId, Live>,
    /// Those that were read and are as they were applied.
    pub as_applied: BTreeSet<ObjectId>,
    /// Those that are not.
    pub found: Vec<Found>,
    /// What was tried to see that, so that it is not tried twice.
    pub tried: BTreeMap<ObjectId, Tried>,
}

/// Looks at all that is ours on a site and not known to be as it was, and lets what is not as it was applied be applied
/// again, or only tells of it.
pub async fn mark_drift(server: &Server, search: &Search<'_>, facts: &mut ClusterState) -> Sight {
    let entries = facts.inventory.layers.values().flat_map(|layer| &layer.entries);
    let entries = entries.filter(|((at, object), _)| *at == search.site && !search.hooks.contains(object));
    let (mut sight, mut unread) = (Sight::default(), Vec::new());
    for ((_, object), entry) in entries {
        match search.known.get(object) {
            Some(Standing::AsSeen) => drop(sight.seen.insert(object.clone(), Live::AsSeen)),
            // It is written or deleted anyway, over what stands there then.
            Some(Standing::There) if !search.is_as_wanted(object, entry) => {}
            _ => unread.push(object.clone()),
        }
    }
    sight.seen.extend(survey(server, &unread, search.labels).await);
    let undefined = search.undefined(server, &sight.seen).await;
    sight.seen.extend(undefined.into_iter().map(|object| (object, Live::Absent(Absence::Gone))));
    let differing = search.differing(server, facts, &sight.seen).await;
    for layer in facts.inventory.layers.values_mut() {
        for ((_, object), entry) in layer.entries.iter_mut().filter(|((at, _), _)| *at == search.site) {
            let what = match (sight.seen.get(object), differing.get(&(layer.layer.clone(), object.clone()))) {
                (Some(Live::Absent(Absence::Gone)), _) => What::Gone,
                (_, Some(Some((what, tried)))) => {
                    sight.tried.extend(tried.clone().map(|tried| (object.clone(), tried)));
                    what.clone()
                }
                (_, Some(None)) => {
                    sight.as_applied.insert(object.clone());
                    continue;
                }
                (_, None) => continue,
            };
            // What a commit changes or omits is written or deleted, whatever becomes of drift.
            let is_drift = search.wants(&layer.layer, object, entry).is_some();
            let fate = if is_drift { (search.fate)(object) } else { Fate::Corrected };
            if fate == Fate::Corrected {
                entry.intended = entry.intended.or(entry.applied);
                if what == What::Gone {
                    (entry.applied, entry.uid) = (None, None);
                } else {
                    entry.applied = Some(OTHER);
                }
            }
            if is_drift {
                sight.found.push(Found { layer: layer.layer.clone(), object: object.clone(), what, fate });
            }
        }
    }
    sight
}

/// In what objects of layers differ; nothing where one does not.
type Differing = BTreeMap<(LayerName, ObjectId), Option<(What, Option<Tried>)>>;

impl<'a> Search<'a> {
    /// Returns the objects that went with their definition: it is wanted and was read as gone, and the server, which told
    /// all of the group, serves the kind no more. Where only the kind is missing, its definition may come back with them.
    async fn undefined(&self, server: &Server, seen: &BTreeMap<ObjectId, Live>) -> Vec<ObjectId> {
        let is_gone = |object: &ObjectId| matches!(seen.get(object), Some(Live::Absent(Absence::Gone)));
        let definitions =
            self.wanted.iter().filter(|(object, _)| &*object.kind == "CustomResourceDefinition" && is_gone(object));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let defined: BTreeSet<(String, String)> = definitions
            .filter_map(|(_, (_, manifest))| {
                let spec = manifest.get("spec")?;
                Some((text(spec.get("group"))?, text(spec.get("names")?.get("kind"))?))
            })
            .collect();
        if defined.is_empty() {
            return Vec::new();
        }
        let Ok(kinds) = server.kinds().await else { return Vec::new() };
        let is_undefined = |object: &&ObjectId| {
            defined.contains(&(object.group.to_string(), object.kind.to_string()))
                && kinds.get(&object.group, &object.kind).is_none()
                && kinds.is_complete(&object.group)
        };
        seen.keys().filter(is_undefined).cloned().collect()
    }

    /// Whether what was applied last is what is wanted.
    fn is_as_wanted(&self, object: &ObjectId, entry: &Entry) -> bool {
        let wanted = self.wanted.get(object).map(|(_, manifest)| manifest.digest());
        wanted.is_some() && entry.applied == wanted
    }

    /// Returns what is wanted of an object of a layer, where that is what was applied last.
    fn wants(&self, layer: &LayerName, object: &ObjectId, entry: &Entry) -> Option<(&'a Layer, &'a Digested)> {
        let wanted = self.wanted.get(object).copied();
        wanted.filter(|(wants, manifest)| wants.name == *layer && entry.applied == Some(manifest.digest()))
    }

    /// Compares what was seen with what was applied.
    async fn differing(&self, server: &Server, facts: &ClusterState, seen: &BTreeMap<ObjectId, Live>) -> Differing {
        let mut checks = Vec::new();
        for layer in facts.inventory.layers.values() {
            for ((_, object), entry) in layer.entries.iter().filter(|((at, _), _)| *at == self.site) {
                let Some((wants, manifest)) = self.wants(&layer.layer, object, entry) else { continue };
                if let Some(Live::Present { object: live, .. }) = seen.get(object) {
                    let key = (layer.layer.clone(), object.clone());
                    checks.push(async move {
                        let what = difference(server, self.place, wants, &key.1, manifest, live).await;
                        (key, what)
                    });
                }
            }
        }
        futures::stream::iter(checks).buffer_unordered(CONCURRENT).collect().await
    }
}

/// Returns in what an object is not as it was applied, if it is not.
async fn difference(
    server: &Server,
    place: &Place,
    layer: &Layer,
    object: &ObjectId,
    manifest: &Value,
    live: &Value,
) -> Option<(What, Option<Tried>)> {
    let marked = with_marks(manifest, place, &layer.name);
    let marked = kept(&layer.options.ignore, &layer.name, object, &marked, live);
    let manifest = without(&marked, &ignored(&layer.options.ignore, &layer.name, object, &marked, live));
    let differs = if shows(live, &manifest) { Differs::No } else { differs(server, object, &manifest, live).await };
    let what = || What::Changed(fields(live, &manifest));
    match differs {
        Differs::No => None,
        Differs::Yes => Some((what(), None)),
        Differs::AsTried => {
            let what = what();
            Some((what, Some(Tried { live: live.clone(), manifest })))
        }
    }
}

/// Whether an apply would change an object.
enum Differs {
    No,
    Yes,
    /// It would, and would be admitted.
    AsTried,
}

/// Whether an apply would change the object. A server that cannot say leaves it as it was; where it refuses, the plan's
/// own dry-run tells why.
async fn differs(server: &Server, object: &ObjectId, manifest: &Value, live: &Value) -> Differs {
    let Ok(kinds) = server.kinds().await else { return Differs::No };
    let Some(kind) = kinds.get(&object.group, &object.kind) else { return Differs::No };
    let stated = manifest.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let version = stated.rsplit('/').next().unwrap_or_default();
    let path = ObjectPath::object(kind, version, object.namespace.as_deref(), &object.name);
    let tried = match server.apply(&path, manifest, ApplyMode { dry_run: true, force: true }).await {
        Ok(tried) => tried.object,
        Err(error) if error.is_spurious() => return Differs::No,
        Err(_) => return Differs::Yes,
    };
    if live.get("apiVersion") == tried.get("apiVersion") {
        return if is_unchanged(live, &tried) { Differs::No } else { Differs::AsTried };
    }
    // It was read at another version, in which it looks otherwise.
    match server.get(&path).await {
        Ok(Some(live)) if is_unchanged(&live, &tried) => Differs::No,
        Ok(_) => Differs::Yes,
        Err(_) => Differs::No,
    }
}
