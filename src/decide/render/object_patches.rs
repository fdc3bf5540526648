//! In: the objects of all layers, the `objectPatches` of overlays. Out: the objects patched.
//! Guarantee: a patch that matches nothing, or would make another object of one, is a diagnostic at its line.
use super::codes;
use super::layers::Identified;
use crate::decide::document::nearest;
use crate::decide::profile::{ObjectPatch, ProfileLayer, undone};
use crate::decide::value::{Diagnostic, PatchOperation, Pointer, apply};

/// A layer that is not there is said as such: it is what people misspell.
pub(super) fn no_target(patch: &ObjectPatch, layers: &[ProfileLayer]) -> Diagnostic {
    let unknown = patch.target.layer.as_ref().filter(|name| !layers.iter().any(|layer| layer.name == **name));
    let Some(name) = unknown else {
        return Diagnostic::error(codes::NO_TARGET, "the patch matches no object of the cluster")
            .at(patch.at.clone())
            .hint("look at `stratify render` for layers, kinds and names");
    };
    let message = format!("the patch is for the layer `{name}`, which the cluster does not have");
    let known = layers.iter().map(|layer| layer.name.as_str());
    Diagnostic::error(codes::NO_TARGET, message).at(patch.at.clone()).nearest(nearest(name.as_str(), known))
}

/// Returns the part of an object's identity that an operation would change; `move` changes two places.
fn identity(operation: &PatchOperation) -> Option<&Pointer> {
    let changed = match operation {
        PatchOperation::Test(..) => [None, None],
        PatchOperation::Move(from, path) => [Some(from), Some(path)],
        _ => [Some(operation.path()), None],
    };
    let is_identity = |path: &&Pointer| {
        let text = path.to_string();
        ["", "/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace", "/metadata/labels"]
            .contains(&text.as_str())
            || text.starts_with("/metadata/labels/stratify.dev")
    };
    changed.into_iter().flatten().find(is_identity)
}

pub(super) fn patch_object(object: &mut Identified, patch: &ObjectPatch, errors: &mut Vec<Diagnostic>) {
    for (operation, at) in &patch.patch {
        if let Some(path) = identity(operation) {
            let said = Diagnostic::error(
                codes::IDENTITY,
                format!("a patch cannot change `{path}`: it would be another object"),
            );
            errors.push(said.at(at.clone()).hint("patch single labels, annotations or the specification"));
            return;
        }
        if let Err(error) = apply(&mut object.manifest, std::slice::from_ref(operation)) {
            errors.push(undone(&error.to_string(), operation, at).also(object.at.clone(), "the object"));
            return;
        }
    }
}
