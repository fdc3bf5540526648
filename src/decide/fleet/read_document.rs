//! In: a path, its entry and content. Out: the document that stands there, or what is wrong with it.
//! Guarantee: each document is read by itself, so that many can be read at once; a link is never followed.
use super::codes;
use super::symlinks::not_a_file;
use super::trees::{descriptor, is_descriptor};
use crate::decide::document::codes::TOO_LARGE;
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::{
    Cluster, Entry, EntryKind, Environment, File, Fleet, Lock, Pack, Place, Profile, TooLarge, place, span,
    without_tabs,
};
use crate::decide::value::{Checked, Diagnostic, Text};
use crate::name::RepoPath;
use std::sync::Arc;

/// What reading one file gave.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The Fleet.
    Fleet(Arc<Fleet>),
    /// The lock.
    Lock(Arc<Lock>),
    /// An Environment.
    Environment(Arc<Environment>),
    /// A Profile.
    Profile(Arc<Profile>),
    /// A Pack.
    Pack(Arc<Pack>),
    /// A Cluster.
    Cluster(Arc<Cluster>),
    /// A file that says what its folder is: a chart, a kustomization.
    Descriptor(Result<Arc<File>, Arc<Vec<Diagnostic>>>),
    /// A document that is no input of any profile, or no document.
    Other,
    /// It could not be read.
    Broken,
}

/// Whether a path's content is needed to index it.
pub(super) fn is_document(path: &RepoPath) -> bool {
    place(path).kind().is_some_and(|kind| kind != DocumentKind::Approval) || is_descriptor(path)
}

/// Reads what stands at a path, with its warnings or all that is wrong.
pub fn read(
    path: &RepoPath,
    entry: Entry,
    content: Option<&Result<Arc<[u8]>, TooLarge>>,
) -> (Reading, Vec<Diagnostic>) {
    let place = place(path);
    let broken = |said: Diagnostic| (Reading::Broken, vec![said]);
    match (&place, entry.kind) {
        (Place::Other, EntryKind::File | EntryKind::Executable) if is_descriptor(path) => {
            (Reading::Descriptor(descriptor(path, entry, content)), Vec::new())
        }
        (Place::Other | Place::Approval(_), EntryKind::File | EntryKind::Executable) => (Reading::Other, Vec::new()),
        (Place::Other | Place::Approval(_), kind) => {
            if holds_documents(path) {
                broken(not_a_file(path, kind))
            } else {
                (Reading::Other, Vec::new())
            }
        }
        (Place::Misnamed(expected), _) => broken(
            Diagnostic::error(codes::MISPLACED, "the folder's name is no name of its kind")
                .at(whole(path))
                .expected(*expected),
        ),
        (Place::Misplaced(right), _) => broken(
            Diagnostic::error(codes::MISPLACED, "a document stands here where nobody reads it")
                .at(whole(path))
                .expected(*right)
                .hint("move the file, or give it another name if it is no document"),
        ),
        (Place::Misspelt(right), _) => broken(
            Diagnostic::error(codes::MISPLACED, "a document stands here under a name that is not read")
                .at(whole(path))
                .expected(format!("`{right}`"))
                .hint("rename the file"),
        ),
        (_, EntryKind::Symlink | EntryKind::Submodule) => broken(not_a_file(path, entry.kind)),
        _ => match content {
            Some(Ok(bytes)) => document(path, entry, bytes, &place),
            Some(Err(size)) => broken(too_large(path, *size)),
            None => broken(Diagnostic::error(codes::NO_FILE, "the file's content is missing").at(whole(path))),
        },
    }
}

fn document(path: &RepoPath, entry: Entry, bytes: &[u8], place: &Place) -> (Reading, Vec<Diagnostic>) {
    let bytes = if matches!(place, Place::PalettePack(..)) { without_tabs(bytes) } else { bytes.into() };
    let file = match File::read_one(path, entry.blob, &bytes) {
        Ok(file) => file,
        Err(errors) => return (Reading::Broken, errors),
    };
    match place {
        Place::Fleet => finish(Fleet::read(file), Reading::Fleet),
        Place::Lock => finish(Lock::read(file), Reading::Lock),
        Place::Environment(name) => finish(Environment::read(file, name), Reading::Environment),
        Place::Profile(name) => finish(Profile::read(file, name), Reading::Profile),
        Place::Pack(name, version) | Place::PalettePack(name, version) => {
            finish(Pack::read(file, name, version), Reading::Pack)
        }
        Place::Cluster(environment, name) => finish(Cluster::read(file, environment, name), Reading::Cluster),
        Place::Approval(_) | Place::Other | Place::Misnamed(_) | Place::Misplaced(_) | Place::Misspelt(_) => {
            (Reading::Other, Vec::new())
        }
    }
}

fn finish<T>(checked: Checked<T>, reading: fn(Arc<T>) -> Reading) -> (Reading, Vec<Diagnostic>) {
    match checked {
        Ok((document, warnings)) => (reading(Arc::new(document)), warnings),
        Err(errors) => (Reading::Broken, errors),
    }
}

/// Whether documents would be looked for below this path, if it were a folder.
fn holds_documents(path: &RepoPath) -> bool {
    let parts: Vec<&str> = path.as_str().split('/').collect();
    match parts.as_slice() {
        ["environments" | "profiles" | "packs" | "clusters"] | ["environments" | "profiles", _] => true,
        ["packs" | "clusters", ..] => parts.len() <= 3,
        _ => false,
    }
}

pub(super) fn too_large(path: &RepoPath, size: TooLarge) -> Diagnostic {
    Diagnostic::error(TOO_LARGE, format!("the file has {} bytes", size.bytes))
        .at(whole(path))
        .expected(format!("at most {} bytes", size.bytes_max))
}

/// The begin of a file whose text is not at hand.
pub(super) fn whole(path: &RepoPath) -> crate::decide::value::Span {
    span(path, &Text("".into()), 0..0)
}
