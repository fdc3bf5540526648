//! In: a layer as it was applied and as it is wanted. Out: what the packs of both say against going from one to the other.
//! Guarantee: each pack's own words count: of the one that is there, whereto it goes; of the one that comes, from where.
use super::super::codes;
use crate::decide::profile::{ResolvedSource, UpgradeBound, codes as profile_codes};
use crate::decide::render::Layer;
use crate::decide::value::Diagnostic;

/// Returns an error for each bound that an upgrade in place does not keep.
pub(in crate::decide::plan) fn refused(old: &Layer, new: &Layer) -> Vec<Diagnostic> {
    let (ResolvedSource::Pack { name: is, version: from, .. }, ResolvedSource::Pack { name: becomes, version: to, .. }) =
        (&old.source, &new.source)
    else {
        return Vec::new();
    };
    if (is, from) == (becomes, to) {
        return Vec::new();
    }
    let message = || format!("the layer `{}` cannot go from `{is}@{from}` to `{becomes}@{to}`", new.name);
    let error = |bound: &UpgradeBound, expected: String| {
        Diagnostic::error(codes::UPGRADE, message())
            .at(bound.at.clone())
            .expected(expected)
            .hint("go over a version that both packs allow")
    };
    let leaves = old.upgrades.iter().filter(|bound| bound.pack == *becomes && !bound.contains(to));
    let comes = new.upgrades.iter().filter(|bound| bound.pack == *is && !bound.contains(from));
    let leaves = leaves.map(|bound| error(bound, format!("`{is}@{from}` is followed by `{becomes}`{}", bound.range())));
    leaves
        .chain(comes.map(|bound| error(bound, format!("`{becomes}@{to}` follows on `{is}`{}", bound.range()))))
        .collect()
}

/// Returns a warning for each bound of layers of which it is not known what was applied.
pub fn unchecked(layers: &[Layer]) -> Vec<Diagnostic> {
    let bounds = layers.iter().flat_map(|layer| layer.upgrades.iter().map(move |bound| (layer, bound)));
    let warning = |(layer, bound): (&Layer, &UpgradeBound)| {
        let message = format!("of layer `{}` it is not known what was applied: an upgrade is not checked", layer.name);
        Diagnostic::warning(profile_codes::NOT_CHECKED, message).at(bound.at.clone())
    };
    bounds.map(warning).collect()
}
