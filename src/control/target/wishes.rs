//! In: what a cluster has and shall have, the kinds that its server serves. Out: what is to be watched of it.
//! Guarantee: one watch a kind, as wide as the kind's objects lie; a kind that is not served yet has none.
use super::kubernetes::labels;
use super::watching::{Meaning, Wish};
use crate::client::kubernetes::{Kinds, ObjectPath};
use crate::decide::drift::Kind;
use crate::decide::plan::book_secrets::Place;
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the wish for the books, which is there before anything is known.
pub(super) fn of_books(place: &Place) -> Wish {
    let path = ObjectPath::secret(&place.namespace, "");
    Wish { kind: super::memory::books(), path, labels: place.selector(), meaning: Meaning::Books }
}

/// Returns all wishes.
pub(super) fn all<'a>(place: &Place, kinds: &Kinds, objects: impl Iterator<Item = &'a ObjectId>) -> Vec<Wish> {
    let mut namespaces: BTreeMap<Kind, BTreeSet<Option<&str>>> = BTreeMap::new();
    for object in objects {
        let kind = (object.group.clone(), object.kind.clone());
        namespaces.entry(kind).or_default().insert(object.namespace.as_deref());
    }
    let labels = labels(place);
    let of_kind = |(kind, namespaces): (Kind, BTreeSet<Option<&str>>)| {
        // Rights in the one namespace of all may be all that we have.
        let namespace = namespaces.first().copied().flatten().filter(|_| namespaces.len() == 1);
        let path = ObjectPath::all(kinds.get(&kind.0, &kind.1)?, namespace);
        Some(Wish { kind, path, labels: labels.clone(), meaning: Meaning::Objects })
    };
    let definitions = kinds.get("apiextensions.k8s.io", "CustomResourceDefinition").map(|kind| Wish {
        kind: ("".into(), "stratify.dev/definitions".into()),
        path: ObjectPath::all(kind, None),
        labels: String::new(),
        meaning: Meaning::Definitions,
    });
    let objects = namespaces.into_iter().filter_map(of_kind);
    std::iter::once(of_books(place)).chain(definitions).chain(objects).collect()
}
