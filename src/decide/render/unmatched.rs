//! In: what a layer says of some of its objects, and the objects it has. Out: a warning where it has none of those.
//! Guarantee: nothing of the rendering depends on it: a rule without objects does nothing, and mostly is misspelt.
use super::codes;
use crate::decide::document::nearest;
use crate::decide::profile::{About, ProfileLayer};
use crate::decide::value::Diagnostic;
use crate::name::ObjectId;

/// Returns what of a layer's rules selects none of its objects.
pub(super) fn unmatched<'a>(
    layer: &'a ProfileLayer,
    objects: impl Iterator<Item = &'a ObjectId> + Clone + 'a,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let selects = |about: &About, id: &ObjectId| about.target.selects(&layer.name, id);
    let without = {
        let objects = objects.clone();
        move |about: &&About| !objects.clone().any(|id| selects(about, id))
    };
    layer.about.iter().filter(without).map(move |about| {
        let message = format!("`{}` of layer `{}` selects none of its objects", about.field, layer.name);
        let kinds = objects.clone().map(|id| &*id.kind);
        let kind = about.target.kind.as_ref().filter(|kind| !kinds.clone().any(|known| *known == ***kind));
        Diagnostic::warning(codes::UNMATCHED, message)
            .at(about.at.clone())
            .nearest(kind.and_then(|kind| nearest(kind, kinds)))
            .hint("look at `stratify render` for kinds, groups and names")
    })
}
