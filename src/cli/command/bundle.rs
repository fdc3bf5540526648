//! In: a profile of the fleet or a pack, or an address in a registry. Out: the profile there, or its files in the working tree.
//! Guarantee: equal files are an equal digest; nothing that exists is overwritten by other bytes; what is pulled is the one
//! reader's, within its limits.
use super::current_fleet::Here;
use super::{Answer, Failure, pack};
use crate::cli::args::{Pull, Push};
use crate::cli::print::Text;
use crate::client::archive::{Entry, Format, Limits, read};
use crate::client::git::{fault, in_folder};
use crate::client::registry::{self, Other, Part, Pushed, Reference};
use crate::control::pack_trial::is_pack;
use crate::decide::fleet::pack_of;
use crate::decide::value::{Fault, Owner, counted};
use crate::name::{ProfileName, RepoPath};
use crate::observe::worktree::Worktree;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
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

/// Takes a profile from a registry.
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
        _ if pulled.artifact == PACK => {
            return Err(wrong("it is a pack, which layers name by `pack: { name, version, registry }`".into()).into());
        }
        _ => return Err(wrong(format!("expected {ARTIFACT}, found {}", pulled.artifact)).into()),
    };
    let entries = read(part.bytes.as_slice(), Format::Gzip, LIMITS).map_err(|error| wrong(error.to_string()))?;
    let is_ours = |entry: &Entry| ["profiles/", "packs/"].iter().any(|folder| entry.path.as_str().starts_with(folder));
    if let Some(other) = entries.iter().find(|entry| !is_ours(entry)) {
        return Err(wrong(format!("it holds `{}`", other.path)).into());
    }
    for entry in &entries {
        let there = fs::read(root.join(entry.path.as_str()));
        if there.is_ok_and(|bytes| *bytes != *entry.bytes) {
            let message = format!("`{}` is there already, and is another one", entry.path);
            return Err(
                fault(Owner::Caller, false, message, "remove the profile's folder, or the pack's, first").into()
            );
        }
    }
    for entry in &entries {
        let file = root.join(entry.path.as_str());
        let attempt = format!("could not write {}", entry.path);
        fs::create_dir_all(file.parent().unwrap_or(&root)).map_err(in_folder(&attempt))?;
        fs::write(&file, &*entry.bytes).map_err(in_folder(&attempt))?;
    }
    let text = Text::of(format!("pulled {}, {}", counted(entries.len(), "file"), pulled.digest));
    let files: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
    Ok(Answer::new(text, json!({ "address": reference.to_string(), "digest": pulled.digest, "files": files })))
}
