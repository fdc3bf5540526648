//! In: a layer of a cluster, from whom it would adopt. Out: what changes hands, object by object and field by field; who keeps
//! these objects besides.
//! Guarantee: nothing is written, and no value comes out.
use super::preview::Preview;
use super::target::Placed;
use super::whose_record::own;
use crate::decide::document::Site;
use crate::decide::drift::shows;
use crate::decide::fleet::Fleet;
use crate::decide::plan::ownership::fields::paths;
use crate::decide::plan::ownership::{
    Keeper, Managed, Manager, adopted_of, find, is_adopted, keepers, managed, tool_of,
};
use crate::decide::render::{Layer, Outlives};
use crate::decide::value::{Absence, Fault, Live, Value, Warnings};
use crate::name::{ClusterName, LayerName, ObjectId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What changes hands.
#[derive(Debug, Default)]
pub struct Handover {
    /// From whom, by the names that `adopt` knows.
    pub from: Vec<Arc<str>>,
    /// The objects of which something does.
    pub objects: Vec<Passing>,
    /// Who keeps these objects, with the marks of it; the Secrets of a release of Helm beside.
    pub keepers: BTreeMap<Keeper, Kept>,
    /// Fields that the layer states, and that somebody has who is not adopted from.
    pub others: Vec<(ObjectId, Manager, Vec<String>)>,
    /// Objects that are not there, so that nobody has them.
    pub absent: usize,
    /// Objects that could not be read, and why.
    pub unread: Vec<(ObjectId, String)>,
}

/// How a tool keeps objects.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// By which marks.
    pub marks: BTreeSet<Arc<str>>,
    /// How many objects bear them.
    pub objects: usize,
    /// The Secrets of its releases.
    pub secrets: Vec<String>,
}

/// An object of which something changes hands.
#[derive(Debug)]
pub struct Passing {
    /// Where it is.
    pub site: Site,
    /// The object.
    pub object: ObjectId,
    /// What each manager gives.
    pub parts: Vec<Part>,
}

/// What one manager gives of one object.
#[derive(Debug)]
pub struct Part {
    /// The manager.
    pub manager: Manager,
    /// Its fields, and what becomes of each.
    pub fields: Vec<(String, Fate)>,
}

/// What becomes of the value of a field that changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The layer says the same.
    Stays,
    /// The layer says something else.
    Changes,
    /// The layer does not say it.
    Goes,
}

/// Says what would change hands if a layer adopted from some, or from all who have what it states.
pub async fn handover(
    preview: &Preview,
    fleet: &Fleet,
    cluster: &ClusterName,
    layer: &LayerName,
    from: &[Arc<str>],
) -> Result<Handover, Fault> {
    let wanted = preview.wanted(fleet, cluster, &mut Warnings::default()).await?;
    let facts = preview.facts(&wanted).await?;
    own(fleet, cluster, &facts.record)?;
    let Some(layer) = wanted.layers.layers.iter().find(|it| it.name == *layer) else { return Ok(Handover::default()) };
    let placed = |object: &ObjectId| -> Placed { (layer.name.clone(), layer.site, object.clone()) };
    let places: Vec<Placed> = layer.objects.iter().map(|object| placed(&object.id)).collect();
    let live: BTreeMap<(Site, ObjectId), Live> = preview.live(cluster, &places).await.into_iter().collect();
    let books = facts.inventory.layers.values().flat_map(|book| &book.entries);
    let is_listed = |object: &ObjectId| {
        books.clone().any(|((site, it), entry)| *site == layer.site && it == object && entry.applied.is_some())
    };
    let mut handover = Handover::of(layer, &live, from, is_listed);
    for (keeper, kept) in &mut handover.keepers {
        if let Keeper::Release { namespace: Some(namespace), name } = keeper {
            kept.secrets = preview.targets().releases(cluster, layer.site, namespace, name).await;
        }
    }
    Ok(handover)
}

impl Handover {
    fn of(
        layer: &Layer,
        live: &BTreeMap<(Site, ObjectId), Live>,
        from: &[Arc<str>],
        is_listed: impl Fn(&ObjectId) -> bool,
    ) -> Self {
        let mut all = Self::default();
        let mut names: BTreeSet<Arc<str>> = from.iter().cloned().collect();
        let mut there: Vec<(&ObjectId, &Value, &Value)> = Vec::new();
        // A namespace that was made for others is used as it is, whoever's it is.
        for object in layer.objects.iter().filter(|object| object.kept != Outlives::Brought) {
            match live.get(&(layer.site, object.id.clone())) {
                Some(Live::Present { object: shown, .. }) => there.push((&object.id, &*object.manifest, shown)),
                Some(Live::Absent(Absence::NotRead(why))) => all.unread.push((object.id.clone(), why.to_string())),
                Some(Live::AsSeen | Live::Absent(Absence::Gone)) | None => all.absent += 1,
            }
        }
        // Whom nobody named is whoever has what the layer states of what is not ours.
        if from.is_empty() {
            for (_, manifest, shown) in there.iter().filter(|(id, ..)| !is_listed(id)) {
                let theirs = givers(shown).filter(|it| !stated(it, manifest).is_empty()).map(|it| it.manager.name);
                let told = keepers(shown).into_iter().any(|(keeper, _)| keeper == Keeper::Kubectl);
                names.extend(theirs.chain(told.then(|| "kubectl".into())).map(|name| Arc::from(tool_of(&name))));
            }
        }
        all.from = names.into_iter().collect();
        for (id, manifest, shown) in there {
            all.take(layer.site, id, manifest, shown, is_listed(id));
        }
        all
    }

    fn take(&mut self, site: Site, id: &ObjectId, manifest: &Value, shown: &Value, is_ours: bool) {
        let mut parts = Vec::new();
        for giver in givers(shown) {
            if is_adopted(&giver.manager.name, &self.from) {
                let fields = paths(giver.fields).into_iter().filter(|path| !path.starts_with(".status"));
                let fields = fields.map(|path| (path.clone(), fate(&path, manifest, shown))).collect();
                parts.push(Part { manager: giver.manager, fields });
            // What others have of ours is taken back by the next sync.
            } else if !is_ours {
                let fields = stated(&giver, manifest);
                if !fields.is_empty() {
                    self.others.push((id.clone(), giver.manager, fields));
                }
            }
        }
        if parts.is_empty() && adopted_of(shown, &self.from).is_empty() {
            return;
        }
        for (keeper, marks) in keepers(shown) {
            let kept = self.keepers.entry(keeper).or_default();
            kept.marks.extend(marks);
            kept.objects += 1;
        }
        self.objects.push(Passing { site, object: id.clone(), parts });
    }
}

/// Returns those who have fields that could change hands: not we, and nobody who wrote a part of it by itself.
fn givers(shown: &Value) -> impl Iterator<Item = Managed<'_>> {
    managed(shown).into_iter().filter(|it| !it.is_ours() && it.manager.subresource.is_none())
}

/// Returns the fields of a manager that a manifest states, too.
fn stated(giver: &Managed<'_>, manifest: &Value) -> Vec<String> {
    paths(giver.fields).into_iter().filter(|path| find(manifest, path).is_some()).collect()
}

fn fate(path: &str, manifest: &Value, shown: &Value) -> Fate {
    // What a Secret is given as text stands there in base64.
    let as_text = || path.strip_prefix(".data").and_then(|rest| find(manifest, &format!(".stringData{rest}")));
    match (find(manifest, path), find(shown, path)) {
        (None, _) if as_text().is_some() => Fate::Changes,
        (None, _) => Fate::Goes,
        // What a Secret holds is compared, and never shown.
        (Some(wanted), Some(live)) if shows(live, wanted) => Fate::Stays,
        (Some(_), _) => Fate::Changes,
    }
}
