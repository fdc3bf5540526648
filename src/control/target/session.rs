//! In: what a sync reads and writes of one cluster. Out: what it need not read twice, and what it has seen to be as wanted.
//! Guarantee: a version counts as wanted only where it shows all that was applied, a dry-run would not change it, or we wrote it.
use super::kubernetes::labels;
use super::memory::Memory;
use crate::act::apply::kubernetes as apply;
use crate::client::clock::now;
use crate::decide::document::Site;
use crate::decide::drift::{Fate, Sighting, Standing, Tried, shows, wishes};
use crate::decide::plan::book_secrets::{Book, Place, with_marks};
use crate::decide::plan::ignore::{ignored, without};
use crate::decide::plan::{ClusterState, LayerChange, ObjectChange};
use crate::decide::profile::LayerOptions;
use crate::decide::render::{Layer, Layers};
use crate::decide::value::{Digest, Live};
use crate::name::ObjectId;
use crate::observe::cluster::kubernetes as observe;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a cluster is looked at for.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    /// What is wanted of it.
    pub(super) layers: &'a Layers,
    /// Whether drift is only told.
    pub(super) observes: bool,
}

/// What was read on one server, and written since.
#[derive(Default)]
pub(super) struct Session {
    /// Each Secret of ours, by name.
    pub(super) books: BTreeMap<String, Book>,
    /// What was seen of objects that were not written since.
    pub(super) seen: BTreeMap<ObjectId, Live>,
    /// The versions of objects that are as they were applied.
    pub(super) fine: BTreeMap<ObjectId, Arc<str>>,
}

impl Session {
    /// Looks at what is not known to be as it was, and marks what is not as it was applied; returns what it tried for that.
    pub(super) async fn survey(
        &mut self,
        side: &apply::Target,
        memory: &Memory,
        sought: Sought<'_>,
        facts: &mut ClusterState,
    ) -> BTreeMap<ObjectId, Tried> {
        let Sought { layers, observes } = sought;
        let wanted = wanted_of(layers, side.site);
        let search = observe::Search {
            place: &side.place,
            site: side.site,
            labels: &labels(&side.place),
            wanted: &wanted,
            hooks: &hooks_of(layers, side.site),
            known: &known(memory, layers, facts, side.site),
            fate: &|object| if observes { Fate::Observed } else { memory.fate(object) },
        };
        let observe::Sight { seen, as_applied, found, tried } = observe::mark_drift(&side.server, &search, facts).await;
        let is_well = |object: &ObjectId| as_applied.contains(object) || matches!(seen.get(object), Some(Live::AsSeen));
        memory.set_found(found, is_well, now());
        for (object, live) in seen {
            if let Live::Present { object: shown, version } = &live {
                memory.know(&object, Sighting::of(shown));
                if as_applied.contains(&object) {
                    self.fine.insert(object.clone(), version.clone());
                }
            }
            self.seen.insert(object, live);
        }
        tried
    }

    /// Takes what a look showed of an object of a plan; returns whether it is as it was applied.
    pub(super) fn saw(
        &mut self,
        place: &Place,
        layer: Option<&LayerChange>,
        change: &ObjectChange,
        live: &Live,
    ) -> bool {
        let Live::Present { object: shown, version } = live else { return false };
        let is_known = self.fine.get(&change.object).is_some_and(|known| known == version);
        let is_shown = || {
            let (Some(layer), Some(manifest)) = (layer, change.manifest.as_deref()) else { return false };
            let marked = with_marks(manifest, place, &layer.layer);
            let left = ignored(&layer.options.ignore, &layer.layer, &change.object, &marked, shown);
            shows(shown, &without(&marked, &left))
        };
        let is_fine = is_known || is_shown();
        if is_fine {
            self.fine.insert(change.object.clone(), version.clone());
        } else {
            self.fine.remove(&change.object);
        }
        is_fine
    }
}

/// Returns the digest of what is wanted of an object, with all by which it is judged.
pub(super) fn wishes_of(manifest: Digest, options: &LayerOptions) -> Digest {
    wishes(manifest, &rules(options))
}

fn rules(options: &LayerOptions) -> String {
    format!("{:?} {:?}", options.ignore, options.health)
}

/// Returns what is known without a read of all that is ours on a site.
fn known(memory: &Memory, layers: &Layers, facts: &ClusterState, site: Site) -> BTreeMap<ObjectId, Standing> {
    let mut known = BTreeMap::new();
    for book in facts.inventory.layers.values() {
        let options = layers.layers.iter().find(|layer| layer.name == book.layer).map(|layer| rules(&layer.options));
        for ((_, object), entry) in book.entries.iter().filter(|((at, _), _)| *at == site) {
            let wishes = match (entry.applied, &options) {
                (Some(applied), Some(rules)) if entry.intended.is_none() => wishes(applied, rules),
                _ => Digest([0; 32]),
            };
            let standing = memory.standing(object, wishes);
            if standing != Standing::Unknown {
                known.insert(object.clone(), standing);
            }
        }
    }
    known
}

/// Returns what has run, or will: what became of it since is nobody's drift.
fn hooks_of(layers: &Layers, site: Site) -> BTreeSet<&ObjectId> {
    let of_site = layers.layers.iter().filter(|layer: &&Layer| layer.site == site);
    of_site.flat_map(|layer| &layer.objects).filter(|object| object.hook.is_some()).map(|object| &object.id).collect()
}

/// Returns what is wanted of a site.
fn wanted_of(layers: &Layers, site: Site) -> observe::Wanted<'_> {
    let of_site = layers.layers.iter().filter(|layer: &&Layer| layer.site == site);
    of_site.flat_map(|layer| layer.objects.iter().map(move |object| (&object.id, (layer, &object.manifest)))).collect()
}
