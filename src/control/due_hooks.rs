//! In: what is wanted of a cluster, and what was applied to it last. Out: the hooks of charts that the next sync runs.
//! Guarantee: a hook that ran for what its layer is, is not due, whether it is still there or went; one that only runs at
//! an installation is not due at an upgrade.
use crate::decide::document::Site;
use crate::decide::render::{Hook, Layer, Layers, Object};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};

/// Hooks, each where it runs.
pub(super) type Hooks<'a> = BTreeSet<(Site, &'a ObjectId)>;

/// Returns the hooks that are due where these layers follow those that were applied; none were where nothing was.
pub(super) fn due<'a>(wanted: &'a Layers, applied: Option<&Layers>) -> Hooks<'a> {
    let before = |layer: &Layer| {
        let layers = applied.into_iter().flat_map(|applied| &applied.layers);
        let mut layers = layers.filter(|old| old.site == layer.site);
        layers.find(|old| old.name == layer.name || Some(&old.name) == layer.renamed_from.as_ref())
    };
    let of = |layer: &'a Layer| {
        let old = before(layer);
        let ran: BTreeMap<_, _> = old.into_iter().flat_map(hooks).map(|(object, _)| (&object.id, object)).collect();
        let is_due = move |(object, hook): &(&Object, &Hook)| {
            if old.is_none() {
                return hook.install.is_some();
            }
            let is_same = ran.get(&object.id).is_some_and(|ran| ran.manifest.digest() == object.manifest.digest());
            hook.upgrade.is_some() && !is_same
        };
        hooks(layer).filter(is_due).map(|(object, _)| (layer.site, &object.id)).collect::<Vec<_>>()
    };
    wanted.layers.iter().filter(|layer| !layer.options.paused).flat_map(of).collect()
}

/// Returns the hooks of a layer.
pub(super) fn hooks(layer: &Layer) -> impl Iterator<Item = (&Object, &Hook)> {
    layer.objects.iter().filter_map(|object| Some((object, object.hook.as_ref()?)))
}
