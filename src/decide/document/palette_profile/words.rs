//! In: a word of Palette or of ours. Out: the word of the other for the same.
//! Guarantee: one table for both ways.

/// Types of profiles: Palette's, ours.
pub(super) const TYPES: &[(&str, &str)] = &[("cluster", "full"), ("infra", "infrastructure"), ("add-on", "add-on")];

/// Layers: Palette's, our roles.
pub(super) const LAYERS: &[(&str, &str)] =
    &[("os", "os"), ("k8s", "kubernetes"), ("cni", "network"), ("csi", "storage"), ("addon", "add-on")];

/// Returns our word for one of Palette's.
pub(super) fn ours(table: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(palette, _)| *palette == word).map(|(_, ours)| *ours)
}

/// Returns Palette's word for one of ours.
pub(super) fn palettes(table: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(_, ours)| *ours == word).map(|(palette, _)| *palette)
}

/// Returns Palette's words.
pub(super) fn known(table: &[(&'static str, &'static str)]) -> String {
    table.iter().map(|(palette, _)| *palette).collect::<Vec<_>>().join(", ")
}
