//! In: a symbolic link or a submodule where a file is looked for. Out: what is told of it.
//! Guarantee: neither is ever followed, inside the repository too.
use super::codes;
use super::read::whole;
use crate::decide::document::EntryKind;
use crate::decide::value::Diagnostic;
use crate::name::RepoPath;

pub(super) fn not_a_file(path: &RepoPath, kind: EntryKind) -> Diagnostic {
    let what = if kind == EntryKind::Submodule { "a submodule" } else { "a symbolic link" };
    Diagnostic::error(codes::NOT_A_FILE, format!("{what} stands here, which is never followed"))
        .at(whole(path))
        .expected("a file or a folder of this repository")
        .hint("put a copy of the file here")
}
