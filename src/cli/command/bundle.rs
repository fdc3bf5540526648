//! In: a profile of the fleet or a pack, or an address in a registry. Out: it there, or its files in the working tree.
//! Guarantee: equal files are an equal digest; nothing that exists is overwritten by other bytes; what is pulled is the one
//! reader's, within its limits.
use super::current_fleet::Here;
use super::{Answer, Failure, pack};
use crate::cli::args::{Pull, Push};
use crate::cli::print::Text;
use crate::client::archive::{Entry, Format, Limits, read};
use crate::client::directory::{Directory, DirectoryError};
use crate::client::git::{fault, in_folder};
use crate::client::registry::{self, Other, Part, Pulled, Pushed, Reference};
use crate::control::pack_trial::{Files, is_pack};
use crate::decide::fleet::pack_of;
use crate::decide::value::{Fault, Owner, counted};
use crate::name::{ProfileName, RepoPath};
use crate::observe::pack::Packs;
use crate::observe::worktree::Worktree;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tar::{Builder, Header};

/// What a bundle is, in a registry.
const ARTIFACT: &str = "application/vnd.stratify.profile.v1";

/// What packs are there.
pub(super) const PACK: &str = "application/vnd.stratify.pack.v1";

/// What its one part is.
const CONTENT: &str = "application/vnd.stratify.profile.content.v1.tar+gzip";

/// The largest bundle: packs have charts of some megabytes.
const BYTES_MAX: u64 = 256 << 20;

/// What a bundle may hold.
const LIMITS: Limits = Limits { entries: 50_000, file_bytes: 64 << 20, bytes: 1 << 30, ratio: 250, depth: 32 };

fn reference(address: &str) -> Result<Reference, Fault> {
    Reference::parse(address).map_err(|why| {
        fault(
            Owner::Caller,
            false,
            format!("{address} is no address of a registry: {why}"),
            "for example oci://registry.example.org/fleet/base:1.4.0",
        )
    })
}

/// Puts a profile into a registry.
pub(super) fn push(options: &Push, settings: Option<&Path>) -> Result<Answer, Failure> {
    let reference = reference(&options.address)?;
    let other = if options.overwrite { Other::IsReplaced } else { Other::Stays };
    if is_pack(Path::new(&options.profile)) {
        return pack::push(Path::new(&options.profile), &reference, other, settings);
    }
    let here = Here::find(settings)?;
    let root = here.root()?.to_owned();
    let fleet = here.preview()?.fleet(None)?;
    let none = || {
        let message = format!("there is no profile {}, and no pack in such a folder", options.profile);
        fault(Owner::Caller, false, message, "see `profiles/` and `packs/`")
    };
    let name = ProfileName::new(&options.profile).map_err(|_| none())?;
    let profile = fleet.index.profile(&name)?.ok_or_else(none)?;
    let packs = profile.layers.iter().filter_map(|(_, layer)| pack_of(layer));
    let folders: BTreeSet<String> =
        packs.map(|(name, version)| format!("packs/{name}/{version}/")).chain([format!("profiles/{name}/")]).collect();
    let (bytes, count) = packed(&root, &folders)?;
    let part = Part { kind: CONTENT.into(), bytes };
    let pushed = registry::push(&reference, &here.settings.sources, ARTIFACT, &[part], other)?;
    Ok(told(&pushed, &reference, &format!("profile {name}"), count))
}

/// Says what was pushed, or that it was there as it is.
pub(super) fn told(pushed: &Pushed, reference: &Reference, what: &str, count: usize) -> Answer {
    let digest = &pushed.digest;
    let files = counted(count, "file");
    let text = if pushed.was_there {
        format!("already there: {files} of {what} at {reference}, {digest}")
    } else {
        format!("pushed {files} of {what} to {reference}, {digest}")
    };
    let (address, is_new) = (reference.to_string(), !pushed.was_there);
    Answer::new(Text::of(text), json!({ "address": address, "digest": digest, "files": count, "changed": is_new }))
}

/// Packs the files of folders, the same whenever and wherever it is done.
fn packed(root: &Path, folders: &BTreeSet<String>) -> Result<(Vec<u8>, usize), Fault> {
    let tree = Worktree::open(root)?;
    let change = tree.list()?;
    let is_in = |path: &RepoPath| folders.iter().any(|folder| path.as_str().starts_with(folder));
    let mut files = Vec::new();
    for (path, entry) in change.entries.iter().filter(|(path, _)| is_in(path)) {
        let Some(entry) = entry else { continue };
        for (_, content) in tree.read(&[entry.blob])? {
            let bytes = content.map_err(|size| {
                let message = format!("{path} has {} bytes, expected at most {}", size.bytes, size.bytes_max);
                fault(Owner::Author, false, message, "a registry is for what a commit can hold")
            })?;
            files.push((path.as_str(), bytes));
        }
    }
    Ok((archive(files.iter().map(|(path, bytes)| (*path, &**bytes)))?, files.len()))
}

/// Packs files, the same whenever and wherever it is done.
pub(super) fn archive<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, Fault> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let attempt = "could not pack the files";
    for (path, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, bytes).map_err(in_folder(attempt))?;
    }
    archive.into_inner().and_then(GzEncoder::finish).map_err(in_folder(attempt))
}

/// Takes a profile from a registry, or a pack, of ours or of Palette.
pub(super) fn pull(options: &Pull, settings: Option<&Path>) -> Result<Answer, Failure> {
    let reference = reference(&options.address)?;
    let here = Here::find(settings)?;
    let root = here.root()?.to_owned();
    let pulled = registry::pull(&reference, &here.settings.sources, BYTES_MAX)?;
    let wrong = |why: String| {
        fault(Owner::Outside, false, format!("{reference} is no profile: {why}"), "see what was pushed there")
    };
    let part = match pulled.parts.as_slice() {
        [part] if pulled.artifact == ARTIFACT && part.kind == CONTENT => part,
        _ => return pull_pack(&here, &reference, &pulled),
    };
    let entries = read(part.bytes.as_slice(), Format::Gzip, LIMITS).map_err(|error| wrong(error.to_string()))?;
    let is_ours = |entry: &Entry| ["profiles/", "packs/"].iter().any(|folder| entry.path.as_str().starts_with(folder));
    if let Some(other) = entries.iter().find(|entry| !is_ours(entry)) {
        return Err(wrong(format!("it holds `{}`", other.path)).into());
    }
    let files: Vec<_> = entries.into_iter().map(|entry| (entry.path, entry.bytes)).collect();
    place(&root, &files)?;
    let text = format!("pulled {}, {}", counted(files.len(), "file"), pulled.digest);
    Ok(pulled_answer(text, &reference, &pulled, &files))
}

/// Takes a pack from a registry into the folder of its name and version.
fn pull_pack(here: &Here, reference: &Reference, pulled: &Pulled) -> Result<Answer, Failure> {
    let Pulled { digest, artifact, .. } = pulled;
    let address = format!("{}@{digest}", reference.repository);
    let found = Packs::new(&here.settings).pack_at(&address)?.map_err(|why| {
        let message = format!("{reference} is neither a profile nor a pack: it is `{artifact}`, and {why}");
        fault(Owner::Outside, false, message, "see what was pushed there")
    })?;
    let pack = Files::of(&found, &address).pack()?;
    let folder = format!("packs/{}/{}", pack.name, pack.version);
    let inside = |(path, (_, bytes)): (&RepoPath, &(_, Arc<[u8]>))| {
        Ok((RepoPath::new(&format!("{folder}/{path}")).map_err(Fault::bug)?, bytes.clone()))
    };
    let files = found.iter().map(inside).collect::<Result<Vec<_>, Fault>>()?;
    place(here.root()?, &files)?;
    let about = format!("{}@{}", pack.name, pack.version);
    let count = counted(files.len(), "file");
    let text = format!("pulled {count} of the pack {about} into {folder}, {digest}");
    let mut answer = pulled_answer(text, reference, pulled, &files);
    answer.text.line(format!("name it as `pack: {about}`; a layer that names it by `registry` needs no copy here"));
    answer.data["pack"] = json!(about);
    Ok(answer)
}

fn pulled_answer(text: String, reference: &Reference, pulled: &Pulled, files: &[(RepoPath, Arc<[u8]>)]) -> Answer {
    let files: Vec<String> = files.iter().map(|(path, _)| path.to_string()).collect();
    let data = json!({ "address": reference.to_string(), "digest": pulled.digest, "files": files });
    Answer::new(Text::of(text), data)
}

/// Puts files into the working tree, each as a whole; none where one of them is there and is another one.
fn place(root: &Path, files: &[(RepoPath, Arc<[u8]>)]) -> Result<(), Fault> {
    let fail = |path: &str, error: DirectoryError| {
        let hint = "look at the rights of the folder, the space left, and for links among its folders";
        fault(Owner::Caller, false, format!("could not write {path}: {error}"), hint)
    };
    let folder = Directory::make(root).map_err(|error| fail(".", error))?;
    for (path, bytes) in files {
        // One that is larger is another one.
        let there = match folder.read(path.as_str(), bytes.len()) {
            Ok(there) => there.is_some_and(|there| *there != **bytes),
            Err(_) => true,
        };
        if there {
            let message = format!("`{path}` is there already, and is another one");
            return Err(fault(Owner::Caller, false, message, "remove the profile's folder, or the pack's, first"));
        }
    }
    for (path, bytes) in files {
        folder.replace(path.as_str(), bytes).map_err(|error| fail(path.as_str(), error))?;
    }
    Ok(())
}
