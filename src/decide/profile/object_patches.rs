//! In: the `objectPatches` of all overlays. Out: the patches, in their order: environment, its overlays, cluster.
//! Guarantee: each is one that can be done, or a diagnostic at its line.
use super::full::ObjectPatch;
use super::layer::patches::object_patch;
use super::resolve::Sketch;
use crate::decide::value::Diagnostic;

impl Sketch {
    pub(super) fn object_patches(&self, errors: &mut Vec<Diagnostic>) -> Vec<ObjectPatch> {
        let parts = self.selection.overlays.iter().flat_map(|overlay| &overlay.object_patches);
        parts.filter_map(|part| object_patch(part, errors)).collect()
    }
}
