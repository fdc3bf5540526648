//! In: what is outdated. Out: a commit with the newest versions, and with the lock that goes with them.
//! Guarantee: documents and lock change in one commit or not at all; each version is edited where it stands; of what is not
//! outdated the lock stays as it is.
use super::super::Failure;
use super::super::document::by_hand;
use super::super::lock::{Mode, Pinned, Pins, Servers, Wanted, pins};
use super::{Locked, Newer};
use crate::act::commit::into_work_tree;
use crate::client::git::{fault, in_folder};
use crate::decide::document::{File, Fragment, Lock, edit};
use crate::decide::fleet::Fleet;
use crate::decide::lock::{Outdated, Resolved, encode};
use crate::decide::value::{Owner, counted};
use crate::name::{BlobId, RepoPath};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is brought up.
#[derive(Default)]
pub(super) struct Edits<'a> {
    /// The texts that change, by file.
    texts: BTreeMap<RepoPath, Vec<(Fragment, String)>>,
    /// What the lock has of these goes; each with what is wanted then.
    raised: Vec<(&'a Locked, Arc<str>)>,
    /// What the commit says.
    lines: Vec<String>,
    /// What a person has to do.
    pub(super) left: Vec<String>,
}

impl<'a> Edits<'a> {
    /// Gathers the edits of packs of the repository, and of all that is of other servers.
    pub(super) fn of(packs: &[Outdated], others: &'a [Newer]) -> Self {
        let mut edits = Self::default();
        for one in packs {
            let Some(newest) = &one.newest else { continue };
            edits.lines.push(format!("{}: {} -> {newest}", one.name, one.version));
            for place in &one.places {
                let is_both = place.text().contains('@');
                edits.edit(place, if is_both { format!("{}@{newest}", one.name) } else { newest.to_string() });
            }
        }
        for newer in others {
            let Some(tagged) = &newer.newest else { continue };
            let (one, newest) = (&newer.one, &tagged.version);
            let Some(wanted) = newer.raised(tagged) else {
                let (name, range) = (&one.name, &one.wanted);
                edits
                    .left
                    .push(format!("{name} is left at `{range}`, a range of several parts: name {newest} by hand"));
                continue;
            };
            edits.lines.push(format!("{}: {} -> {newest}", one.name, one.version));
            if wanted != one.wanted {
                one.places.iter().filter_map(|part| part.get("version")).for_each(|place| {
                    edits.edit(&place, wanted.to_string());
                });
            }
            edits.raised.push((one, wanted));
        }
        edits
    }

    fn edit(&mut self, place: &Fragment, text: String) {
        self.texts.entry(place.file.path.clone()).or_default().push((place.clone(), text));
    }

    /// Returns what is wanted then of what is named at a place; nothing where that stays as it is.
    fn wanted_at(&self, part: &Fragment) -> Option<&Arc<str>> {
        let is_it = |(one, _): &&(&Locked, Arc<str>)| one.places.iter().any(|place| place.span() == part.span());
        self.raised.iter().find(is_it).map(|(_, wanted)| wanted)
    }
}

/// Commits what is brought up; nothing where there is nothing.
pub(super) fn commit(
    root: &Path,
    fleet: &Fleet,
    servers: &mut Servers,
    edits: &Edits<'_>,
) -> Result<Option<String>, Failure> {
    let mut files = Vec::new();
    for (path, edits) in &edits.texts {
        files.push((path.clone(), edited(root, path, edits)?));
    }
    if let Some(lock) = fleet.index.lock().filter(|_| !edits.raised.is_empty()) {
        files.push((lock.file.path.clone(), locked(fleet, lock, servers, edits)?.into_bytes()));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let (count, lines) = (edits.lines.len(), edits.lines.join("\n"));
    let what = if edits.raised.is_empty() { "packs" } else { "layers" };
    let message = format!("{what}: {} brought up\n\n{lines}\n", counted(count, "version"));
    Ok(Some(into_work_tree(root, &files, &message, None)?.to_string()))
}

/// Returns the lock with what is brought up resolved anew.
fn locked(fleet: &Fleet, lock: &Lock, servers: &mut Servers, edits: &Edits<'_>) -> Result<String, Failure> {
    let mut wanted = Wanted::of(&fleet.index);
    let mut known = Pins::of(lock);
    // What goes is what one of the places named.
    known.charts.retain(|locked| stays(&wanted.charts, locked, edits));
    known.packages.retain(|locked| stays(&wanted.packages, locked, edits));
    known.registry_packs.retain(|locked| stays(&wanted.packs, locked, edits));
    for reference in &mut wanted.charts {
        reference.wanted = edits.wanted_at(&reference.part).unwrap_or(&reference.wanted).clone();
    }
    for reference in &mut wanted.packages {
        reference.wanted = edits.wanted_at(&reference.part).unwrap_or(&reference.wanted).clone();
    }
    for reference in &mut wanted.packs {
        reference.wanted = edits.wanted_at(&reference.part).unwrap_or(&reference.wanted).clone();
    }
    let (found, wrong) = pins(servers, &known, &wanted, Mode::Add)?;
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let Pins { charts, packages, registry_packs } = found;
    let (tags, packs, renderers) = (lock.tags.clone(), lock.packs.clone(), lock.renderers.clone());
    Ok(encode(&Resolved { tags, packs, charts, packages, registry_packs, renderers }))
}

/// Whether what the lock has is named, and is none of what is brought up.
fn stays<P: Pinned>(references: &[P], locked: &P::Locked, edits: &Edits<'_>) -> bool {
    !references.iter().any(|reference| reference.is(locked) && edits.wanted_at(reference.part()).is_some())
}

fn edited(root: &Path, path: &RepoPath, edits: &[(Fragment, String)]) -> Result<Vec<u8>, Failure> {
    let attempt = format!("could not read {path}");
    let bytes = std::fs::read(root.join(path.as_str())).map_err(in_folder(&attempt))?;
    let file: Arc<File> = File::read_one(path, BlobId([0; 20]), &bytes)?;
    let same = edits.first().is_none_or(|(part, _)| part.file.root().value() == file.root().value());
    if !same {
        let message = format!("{path} has changed while it was read");
        return Err(fault(Owner::Caller, true, message, "run the command again").into());
    }
    let at: Vec<_> = edits.iter().map(|(part, text)| (part.node().bytes(), text.clone())).collect();
    let text = edit::texts(&file, &at).map_err(|at| by_hand(&at, "the newest version"))?;
    let mark = bytes.get(..3).filter(|mark| *mark == "\u{feff}".as_bytes()).unwrap_or_default();
    Ok([mark, text.as_bytes()].concat())
}
