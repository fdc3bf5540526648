//! In: Kubernetes as it was applied, as it is wanted, and at the versions between. Out: the steps from the one to the other,
//! and which of them are still to be done after a sync that was cut off.
//! Guarantee: one minor at a time and never down, whatever was cut off: where that cannot be told, nothing is done.
//!
//! Why: an inventory is written ahead, so it holds a digest of whatever may be there. A digest that several versions have
//! in common says nothing; the least of them counts. So the highest version that any object shows is one that may be
//! there, and the stair goes on with it. What was begun by another commit than the wanted one is known by that commit.
use super::super::diff::{diff, inverse};
use super::super::inventory::{Inventory, OTHER};
use super::super::model::{Admission, Expected, ObjectChange, Operation};
use super::object_order;
use crate::decide::document::{LayerRole, Site};
use crate::decide::render::{Layer, Layers, Object};
use crate::decide::value::{Digest, Value};
use crate::name::{LayerName, ObjectId};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The versions between what was applied and what is wanted.
#[derive(Clone, Debug, Default)]
pub struct Between {
    /// The cluster at each of them, in order.
    pub layers: Vec<Layers>,
    /// The minors of which the lock has no version.
    pub missing: Vec<Arc<str>>,
}

/// How Kubernetes is at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The version.
    pub version: Version,
    /// The digests of its layer's objects.
    pub objects: BTreeMap<(Site, ObjectId), Digest>,
}

impl Rung {
    /// Returns how Kubernetes is in layers where a pack brings it.
    pub fn of(layers: &Layers) -> Option<Self> {
        layers.layers.iter().find(|layer| layer.role == LayerRole::Kubernetes).and_then(Self::of_layer)
    }

    fn of_layer(layer: &Layer) -> Option<Self> {
        let (_, version) = layer.source.pack()?;
        let object = |object: &Object| ((layer.site, object.id.clone()), object.manifest.digest());
        Some(Self { version: Version::parse(version).ok()?, objects: layer.objects.iter().map(object).collect() })
    }
}

/// What a sync that was cut off has begun of Kubernetes.
#[derive(Clone, Debug, Default)]
pub enum Begun {
    /// None was cut off.
    #[default]
    Nothing,
    /// It was to go over these versions, or over those that are wanted.
    Known(Vec<Rung>),
    /// That cannot be told any more, because of this.
    Unknown(String),
}

/// One version on the way.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its objects, in the order of writing.
    pub objects: Vec<ObjectChange>,
    /// The version.
    pub rung: Rung,
}

/// The way of Kubernetes from what was applied to what is wanted.
#[derive(Clone, Debug)]
pub struct Stair {
    /// Its layer.
    pub layer: LayerName,
    /// The name that the layer had before.
    pub renamed_from: Option<LayerName>,
    /// What was applied.
    pub from: Option<Rung>,
    /// What is wanted.
    pub to: Rung,
    /// The versions between, then the wanted one; none where it is one step.
    pub steps: Vec<Step>,
}

/// What is still to be done of a stair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::decide::plan) struct Footing {
    /// The first step that is not known to be done.
    pub(in crate::decide::plan) first: usize,
    /// Why it is never done.
    pub(in crate::decide::plan) forbidden: Option<String>,
    /// Why it needs approval.
    pub(in crate::decide::plan) approval: Option<String>,
}

/// Returns the way of Kubernetes, if a pack brings it.
pub(in crate::decide::plan) fn stair(before: Option<&Layer>, wanted: &Layer, between: &Between) -> Option<Stair> {
    let to = Rung::of_layer(wanted).filter(|_| wanted.role == LayerRole::Kubernetes)?;
    let mut steps = Vec::new();
    if !between.layers.is_empty() {
        let mut last = before;
        let at = |layers: &'_ Layers| layers.layers.iter().position(|layer| layer.name == wanted.name);
        let each = between.layers.iter().filter_map(|layers| layers.layers.get(at(layers)?));
        for layer in each.chain([wanted]) {
            steps.extend(Rung::of_layer(layer).map(|rung| Step { objects: objects(layer, last), rung }));
            last = Some(layer);
        }
    }
    let renamed_from = before.map(|before| &before.name).filter(|name| **name != wanted.name).cloned();
    Some(Stair { layer: wanted.name.clone(), renamed_from, from: before.and_then(Rung::of_layer), to, steps })
}

fn objects(layer: &Layer, before: Option<&Layer>) -> Vec<ObjectChange> {
    let old = |id: &ObjectId| before?.objects.iter().find(|object| object.id == *id);
    let change = |object: &Object| {
        let (from, to) = (old(&object.id).map_or(&Value::Null, |old| old.manifest.value()), object.manifest.value());
        ObjectChange {
            site: layer.site,
            object: object.id.clone(),
            // What is done is settled by the inventory.
            operation: Operation::Patch,
            patch: diff(from, to),
            inverse: inverse(from, to),
            manifest: Some(object.manifest.clone()),
            expected: Expected::Any,
            admission: Admission::default(),
            at: Some(object.at.clone()),
        }
    };
    let mut objects: Vec<ObjectChange> = layer.objects.iter().map(change).collect();
    objects.sort_by(|left, right| object_order::key(&left.object).cmp(&object_order::key(&right.object)));
    objects
}

/// Returns whether versions go up by one minor at a time.
pub(in crate::decide::plan) fn climbs<'a>(versions: impl IntoIterator<Item = &'a Version>) -> bool {
    let mut last: Option<&Version> = None;
    versions.into_iter().all(|version| {
        let from = last.replace(version);
        from.is_none_or(|from| version.major <= from.major && version.minor <= from.minor.saturating_add(1))
    })
}

impl Stair {
    /// Says what is still to be done, by what the inventory shows of a sync that was cut off.
    pub(in crate::decide::plan) fn footing(&self, inventory: &Inventory, begun: &Begun) -> Footing {
        let (rungs, why): (&[Rung], Option<&str>) = match begun {
            Begun::Nothing => return Footing::default(),
            Begun::Known(rungs) => (rungs, None),
            Begun::Unknown(why) => (&[], Some(why)),
        };
        let shown = self.shown(inventory, rungs);
        let highest = if shown.is_known { None } else { rungs.iter().map(|rung| &rung.version).max() };
        let Some(reached) = shown.highest.into_iter().chain(highest.cloned()).max() else {
            return Footing::default();
        };
        let forbidden = |why: String| Footing { forbidden: Some(why), ..Footing::default() };
        if self.to.version < reached {
            return forbidden(format!(
                "a Kubernetes version never goes down: a sync that was cut off may have brought {reached}"
            ));
        }
        if !shown.is_known && !self.steps.is_empty() {
            return forbidden("which version of Kubernetes a sync that was cut off has brought is not known".into());
        }
        if let (false, Some(why)) = (shown.is_known, why) {
            let why = format!("what a sync that was cut off has brought of Kubernetes is not known: {why}");
            return Footing { approval: Some(why), ..Footing::default() };
        }
        let first = self.steps.iter().position(|step| step.rung.version >= reached).unwrap_or(0);
        let left = self.steps.iter().skip(first).map(|step| &step.rung.version).chain([&self.to.version]);
        if shown.is_known && !climbs(shown.lowest.iter().chain(left)) {
            let rule = "a Kubernetes version goes up by one minor version at a time";
            return forbidden(format!("{rule}: a sync that was cut off has begun {reached}, which is not on the way"));
        }
        Footing { first, ..Footing::default() }
    }

    /// Returns what the inventory shows.
    fn shown(&self, inventory: &Inventory, begun: &[Rung]) -> Shown {
        let steps = self.steps.iter().map(|step| &step.rung);
        let rungs: Vec<&Rung> = self.from.iter().chain(steps).chain([&self.to]).chain(begun).collect();
        let keys: BTreeSet<&(Site, ObjectId)> = rungs.iter().flat_map(|rung| rung.objects.keys()).collect();
        let names = [Some(&self.layer), self.renamed_from.as_ref()];
        let books = names.into_iter().flatten().filter_map(|name| inventory.layers.get(name));
        let entries = books.flat_map(|book| &book.entries).filter(|(key, _)| keys.contains(key));
        let digests = entries.flat_map(|(key, entry)| [(key, entry.applied), (key, entry.intended)]);
        let digests = digests.filter_map(|(key, digest)| Some((key, digest.filter(|digest| *digest != OTHER)?)));
        let digests: Vec<(&(Site, ObjectId), Digest)> = digests.collect();
        let versions = |(key, digest): &(&(Site, ObjectId), Digest)| -> Vec<&Version> {
            let shows = rungs.iter().filter(|rung| rung.objects.get(*key) == Some(digest));
            shows.map(|rung| &rung.version).collect()
        };
        let least = digests.iter().filter_map(|shown| versions(shown).into_iter().min());
        let highest = least.chain(self.from.iter().map(|rung| &rung.version)).max();
        // What the highest version does not have any more stays listed until the end.
        let stays = |key: &(Site, ObjectId)| {
            rungs.iter().any(|rung| Some(&rung.version) == highest && rung.objects.contains_key(key))
        };
        let most = digests.iter().filter(|(key, _)| stays(key)).filter_map(|shown| versions(shown).into_iter().max());
        Shown {
            lowest: most.chain(highest).min().cloned(),
            highest: highest.cloned(),
            is_known: digests.iter().all(|shown| !versions(shown).is_empty()),
        }
    }
}

/// What an inventory shows of the version that is there.
struct Shown {
    /// The highest that may be there.
    highest: Option<Version>,
    /// The lowest that may be there.
    lowest: Option<Version>,
    /// Whether nothing else may be there.
    is_known: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::{Entry, LayerInventory};
    use crate::name::PlanId;

    fn rung(version: &str, digest: u8) -> Rung {
        let object = |name: &str| {
            let kind: Arc<str> = "ConfigMap".into();
            (Site::Workload, ObjectId { group: "".into(), kind, namespace: None, name: name.into() })
        };
        let objects = [(object("same"), Digest([1; 32])), (object("version"), Digest([digest; 32]))];
        Rung { version: Version::parse(version).expect("it is one"), objects: objects.into() }
    }

    /// Checks a way from 1.30, over other versions, to another one, where the inventory shows two digests of the object
    /// that says the version.
    fn check(steps: &[&str], to: &str, shown: [u8; 2], begun: &Begun) -> Footing {
        let layer = LayerName::new("kubernetes").expect("it is a label");
        let digest = |version: &str| version.as_bytes()[3];
        let of = |version: &&str| rung(version, digest(version));
        let mut steps: Vec<Step> = steps.iter().map(|it| Step { objects: Vec::new(), rung: of(it) }).collect();
        if !steps.is_empty() {
            steps.push(Step { objects: Vec::new(), rung: of(&to) });
        }
        let entry = |(key, digests): (&(Site, ObjectId), [u8; 2])| {
            let [applied, intended] = digests.map(|digest| Some(Digest([digest; 32])));
            (key.clone(), Entry { applied, intended, uid: None, kept: false })
        };
        let rung = of(&"1.30.1");
        let entries = rung.objects.keys().zip([[1, 1], shown]).map(entry).collect();
        let book = LayerInventory { layer: layer.clone(), plan: PlanId([0; 32]), after: vec![], entries };
        let inventory = Inventory { layers: [(layer.clone(), book)].into() };
        let stair = Stair { layer, renamed_from: None, from: Some(rung), to: of(&to), steps };
        stair.footing(&inventory, begun)
    }

    #[test]
    fn a_way_goes_on_with_the_highest_version_that_may_be_there() {
        let begun = Begun::Known(vec![]);
        let (old, one, two) = (b'0', b'1', b'2');
        let first = |shown| check(&["1.31.2", "1.32.5"], "1.33.4", shown, &begun);
        for (shown, at) in [([old, old], 0), ([old, one], 0), ([one, two], 1), ([two, b'3'], 2)] {
            assert_eq!(first(shown), Footing { first: at, ..Footing::default() }, "{shown:?}");
        }
        assert!(first([one, 9]).forbidden.is_some(), "what nobody knows may be anything");
        let other = Begun::Known(vec![rung("1.32.9", b'9')]);
        let skips = check(&["1.31.2", "1.32.5"], "1.33.4", [one, b'9'], &other);
        assert!(skips.forbidden.is_some(), "1.32.9 may not be there, and 1.32.5 is below it: {skips:?}");
        let there = check(&["1.31.2", "1.32.5"], "1.33.4", [b'9', b'9'], &other);
        assert_eq!(there, Footing { first: 2, ..Footing::default() }, "it is there");
    }

    #[test]
    fn what_may_be_there_is_not_taken_back() {
        let begun = |versions: &[&str]| Begun::Known(versions.iter().map(|it| rung(it, it.as_bytes()[3])).collect());
        assert!(check(&[], "1.30.1", [b'0', b'1'], &begun(&["1.31.2"])).forbidden.is_some(), "it was listed");
        assert_eq!(check(&[], "1.30.1", [b'0', b'0'], &begun(&["1.31.2"])), Footing::default(), "nothing was listed");
        assert!(check(&[], "1.30.1", [b'0', 9], &begun(&["1.31.2"])).forbidden.is_some(), "it may be as high");
        assert_eq!(check(&[], "1.31.2", [b'0', 9], &begun(&["1.31.2"])), Footing::default(), "it is no higher");
        let gone = Begun::Unknown("the commit is gone".into());
        assert!(check(&[], "1.30.1", [b'0', 9], &gone).approval.is_some(), "somebody has to know");
        assert_eq!(check(&[], "1.30.1", [b'0', 9], &Begun::Nothing), Footing::default(), "none was cut off");
    }
}
