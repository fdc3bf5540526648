//! In: the path of a manifest. Out: whether placeholders apply in it.
//! Guarantee: only in files that say so by their name; `${{` of all others is what it is.
use crate::name::RepoPath;

/// Whether placeholders apply in a file: `*.tpl.yaml` and `*.tpl.yml`.
pub(in crate::decide::profile) fn is_template(path: &RepoPath) -> bool {
    path.as_str().ends_with(".tpl.yaml") || path.as_str().ends_with(".tpl.yml")
}
