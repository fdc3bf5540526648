//! In: a glob of a layer's or a pack's manifests. Out: its files.
//! Guarantee: each once.
use super::super::full::ManifestFile;
use super::super::placeholder::template_files::is_template;
use crate::decide::document::Fragment;
use crate::decide::fleet::{Found, Index};
use crate::decide::value::Diagnostic;

pub(in crate::decide::profile) fn take_files(
    index: &Index,
    pattern: &Fragment,
    manifests: &mut Vec<ManifestFile>,
    errors: &mut Vec<Diagnostic>,
) {
    match index.files(pattern) {
        Ok(found) => {
            for Found { path, blob, origin } in found {
                let template = is_template(&path);
                if !manifests.iter().any(|known| known.path == path && known.blob == blob) {
                    manifests.push(ManifestFile { path, blob, template, origin });
                }
            }
        }
        Err(said) => errors.extend(said),
    }
}
