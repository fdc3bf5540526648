//! In: a fleet, a cluster of it. Out: where its target is not as the fleet wants it, object by object and field by field.
//! Guarantee: nothing is written; what could not be read is told apart from what is absent; no sensitive value comes out.
use super::due_hooks::due;
use super::last_applied::LastApplied;
use super::preview::Preview;
use super::target::Placed;
use super::whose_record::own;
use crate::decide::document::Site;
use crate::decide::drift::{Drifted, fields, shows};
use crate::decide::fleet::Fleet;
use crate::decide::plan::ignore::{ignored, kept, unstated, without};
use crate::decide::plan::view::masked;
use crate::decide::plan::{ClusterState, Entry};
use crate::decide::profile::Lifecycle;
use crate::decide::render::{Layer, Layers, Object};
use crate::decide::value::{Absence, Digest, Fault, Live, Pointer, Value, Warnings};
use crate::name::{ClusterName, LayerName, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// An object that is not as it is wanted.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The layer that wants it, or whose inventory lists it.
    pub layer: LayerName,
    /// Where it is.
    pub site: Site,
    /// The object.
    pub object: ObjectId,
    /// In what it differs.
    pub what: What,
}

/// In what an object differs.
#[derive(Clone, Debug)]
pub enum What {
    /// It is there, and looks otherwise.
    Fields {
        /// What is stated, and is not so there.
        stated: Vec<Drifted>,
        /// What is ours there, and stated no longer.
        unstated: Vec<Pointer>,
    },
    /// It is not there.
    Missing,
    /// It is ours, no layer wants it, and it goes.
    Unwanted,
    /// It is ours, no layer wants it, and it stays when the next sync lets go of it.
    Stays,
    /// It is a hook of a chart, which the next sync runs.
    Runs,
    /// It could not be read, and why.
    Unread(String),
}

/// What differs, and which layers there are.
#[derive(Clone, Debug)]
pub struct Differences {
    /// All layers that are wanted or listed.
    pub layers: BTreeSet<LayerName>,
    /// What differs, by the order of the layers; what no layer wants comes last.
    pub found: Vec<Difference>,
}

/// Where an object of the inventory is listed.
type Listed<'a> = BTreeMap<(Site, &'a ObjectId), (&'a LayerName, &'a Entry)>;

/// Compares a cluster's target with what a fleet wants of it.
pub async fn differences(
    preview: &Preview,
    fleet: &Fleet,
    cluster: &ClusterName,
    warnings: &mut Warnings,
) -> Result<Differences, Fault> {
    let wanted = preview.wanted(fleet, cluster, warnings).await?;
    let facts = preview.facts(&wanted).await?;
    own(fleet, cluster, &facts.record)?;
    let is_to_go = wanted.profile.lifecycle == Lifecycle::Delete;
    let listed = listed(&facts);
    let mut layers: BTreeSet<LayerName> = wanted.layers.layers.iter().map(|layer| layer.name.clone()).collect();
    layers.extend(facts.inventory.layers.keys().cloned());
    let drifted: BTreeSet<ObjectId> = preview.found(cluster).into_iter().map(|found| found.object).collect();
    let all = || objects(&wanted.layers).filter(|_| !is_to_go);
    let is_hook = |(_, object): &(&Layer, &Object)| object.hook.is_some();
    let asked = all().filter(|one| !is_hook(one));
    let asked: Vec<(&Layer, &Object)> =
        asked.filter(|(layer, object)| drifted.contains(&object.id) || !is_as_wanted(&listed, layer, object)).collect();
    let keys: BTreeSet<(Site, &ObjectId)> = all().map(|(layer, object)| (layer.site, &object.id)).collect();
    let unwanted = listed.iter().filter(|(key, _)| !keys.contains(*key));
    let mut unwanted: Vec<Placed> =
        unwanted.map(|((site, object), (layer, _))| ((*layer).clone(), *site, (*object).clone())).collect();
    let place = |(layer, object): &(&Layer, &Object)| {
        let at = listed.get(&(layer.site, &object.id)).map_or(&layer.name, |(listed, _)| listed);
        (at.clone(), layer.site, object.id.clone())
    };
    let places: Vec<Placed> = asked.iter().map(place).chain(unwanted.iter().cloned()).collect();
    let live: BTreeMap<(Site, ObjectId), Live> = preview.live(cluster, &places).await.into_iter().collect();
    let see = |site: Site, object: &ObjectId| live.get(&(site, object.clone()));
    let order: BTreeMap<LayerName, usize> =
        wanted.layers.layers.iter().enumerate().map(|(at, layer)| (layer.name.clone(), at)).collect();
    let mut found: Vec<Difference> = Vec::new();
    for (layer, object) in asked {
        let before = listed.get(&(layer.site, &object.id)).and_then(|(_, entry)| entry.applied.or(entry.intended));
        let what = differs(layer, object, before, drifted.contains(&object.id), see(layer.site, &object.id));
        let (layer, site, object) = (layer.name.clone(), layer.site, object.id.clone());
        found.extend(what.map(|what| Difference { layer, site, object, what }));
    }
    let applied = LastApplied::of(preview, &facts.record, Some(&wanted)).await;
    let due = due(&wanted.layers, applied.layers(&wanted.layers));
    for (layer, object) in all().filter(is_hook) {
        let entry = listed.get(&(layer.site, &object.id)).map(|(_, entry)| entry);
        let was_cut_off = entry.is_some_and(|entry| entry.intended.is_some());
        if was_cut_off || (due.contains(&(layer.site, &object.id)) && !is_as_wanted(&listed, layer, object)) {
            let (layer, site, object) = (layer.name.clone(), layer.site, object.id.clone());
            found.push(Difference { layer, site, object, what: What::Runs });
        }
    }
    found.sort_by_key(|one| order.get(&one.layer).copied());
    unwanted.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    for (layer, site, object) in unwanted {
        let stays = listed.get(&(site, &object)).is_some_and(|(_, entry)| entry.kept);
        let what = remains(see(site, &object), stays);
        found.extend(what.map(|what| Difference { layer, site, object, what }));
    }
    Ok(Differences { layers, found })
}

fn objects(layers: &Layers) -> impl Iterator<Item = (&Layer, &Object)> {
    layers.layers.iter().flat_map(|layer| layer.objects.iter().map(move |object| (layer, object)))
}

fn listed(facts: &ClusterState) -> Listed<'_> {
    let books = facts.inventory.layers.values();
    let entries = books.flat_map(|book| book.entries.iter().map(move |(key, entry)| (book, key, entry)));
    entries.map(|(book, (site, object), entry)| ((*site, object), (&book.layer, entry))).collect()
}

/// Whether the last look at the facts found an object as it is wanted; what it found otherwise it lists as intended.
fn is_as_wanted(listed: &Listed<'_>, layer: &Layer, object: &Object) -> bool {
    let entry = listed.get(&(layer.site, &object.id)).map(|(_, entry)| entry);
    entry.is_some_and(|entry| entry.applied == Some(object.manifest.digest()) && entry.intended.is_none())
}

/// Returns in what an object differs, if it does.
fn differs(
    layer: &Layer,
    object: &Object,
    before: Option<Digest>,
    is_drifted: bool,
    live: Option<&Live>,
) -> Option<What> {
    let live = match live {
        Some(Live::Present { object, .. }) => object,
        Some(Live::AsSeen) => return None,
        Some(Live::Absent(Absence::Gone)) => return Some(What::Missing),
        Some(Live::Absent(Absence::NotRead(fault))) => return Some(What::Unread(fault.to_string())),
        None => return Some(What::Unread("it was not looked at".into())),
    };
    if live.as_map().is_none() {
        return Some(What::Fields { stated: Vec::new(), unstated: Vec::new() });
    }
    let manifest = kept(&layer.options.ignore, &layer.name, &object.id, &object.manifest, live);
    let manifest = stated_as(&manifest, live);
    let manifest = without(&manifest, &ignored(&layer.options.ignore, &layer.name, &object.id, &manifest, live));
    let stated = if shows(live, &manifest) { Vec::new() } else { hidden(fields(live, &manifest), &object.manifest) };
    let unstated = before.map_or_else(Vec::new, |_| unstated(live, &manifest));
    // What drifted in a way that only the target can tell differs all the same.
    let is_other = is_drifted || !stated.is_empty() || !unstated.is_empty();
    is_other.then_some(What::Fields { stated, unstated })
}

/// Returns a manifest as it stands where the live object is: in a file, which bears no owners, marks stand for what is
/// sensitive.
fn stated_as(manifest: &Value, live: &Value) -> Value {
    let is_owned = live.get("metadata").is_some_and(|metadata| metadata.get("managedFields").is_some());
    if is_owned { manifest.clone() } else { masked(manifest) }
}

/// Hides what stands in the place of something sensitive: it may be as sensitive.
fn hidden(mut found: Vec<Drifted>, manifest: &Value) -> Vec<Drifted> {
    for field in &mut found {
        if field.pointer.get(manifest).is_some_and(Value::is_tainted) {
            field.live = field.live.take().map(|_| Value::string("<sensitive>"));
        }
    }
    found
}

/// Returns what is to be told of an object that no layer wants.
fn remains(live: Option<&Live>, stays: bool) -> Option<What> {
    match live {
        Some(Live::Absent(Absence::Gone)) => None,
        Some(Live::Absent(Absence::NotRead(fault))) => Some(What::Unread(fault.to_string())),
        Some(Live::Present { .. } | Live::AsSeen) => Some(if stays { What::Stays } else { What::Unwanted }),
        None => Some(What::Unread("it was not looked at".into())),
    }
}
