//! In: a pack of a registry, by the digest of its manifest, or as a document names it. Out: its files; what the lock says of it.
//! Guarantee: its archive is read by the one reader of archives, within a bound, and is what its digest says.
//!
//! How packs lie in registries: one layer with an archive of the pack's folder. Palette's own are put there by `oras push
//! HOST/PATH/NAME:VERSION NAME-VERSION.tar.gz`, which notes the file's name and leaves its type at that of any archive;
//! `stratify push` notes a type of its own. Source: docs.spectrocloud.com, "Add a Custom Pack to an OCI Registry".
use super::registry::{Pull, tagged};
use super::remote::{ARCHIVE_BYTES_MAX, Remotes, digest_of};
use super::repository::Unresolved;
use crate::client::archive::{Entry, Format, Limits, read};
use crate::client::registry::{Layer, Manifest, Reference, Registry};
use crate::decide::document::{LockedRegistryPack, nearest};
use crate::decide::fleet::{Index, PackFiles, PackReference, name_in};
use crate::decide::lock::Tagged;
use crate::decide::profile::Remote;
use crate::decide::value::{Digest, Fault, Origin};
use crate::name::{BlobId, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a pack may hold: charts, manifests and texts, which shrink well.
const LIMITS: Limits = Limits { entries: 20_000, file_bytes: 32 << 20, bytes: 256 << 20, ratio: 250, depth: 32 };

/// Fetches a pack; in words why it is none.
pub(super) fn fetch(remotes: &Remotes, remote: &Remote) -> Result<Result<PackFiles, String>, Fault> {
    let pull = Pull::of(remotes, &remote.url)?;
    let layer = match layer_of(&pull.manifest()?) {
        Ok(layer) => layer,
        Err(why) => return Ok(Err(why)),
    };
    unpacked(&pull.layer(&layer)?)
}

/// Fetches what an address names, with a tag or a digest; in words why it is no pack.
pub(super) fn at(remotes: &Remotes, address: &str) -> Result<Result<PackFiles, String>, Fault> {
    let reference = match Reference::parse(address) {
        Ok(reference) => reference,
        Err(why) => return Ok(Err(why.into())),
    };
    let digest = if let Some(digest) = reference.which.digest() {
        digest.to_owned()
    } else {
        let registry = Registry::open(&reference.repository, remotes.allowed())?;
        let bytes = registry.manifest(&reference.which)?;
        let digest = digest_of(&bytes);
        remotes.kept().get(digest, || Ok(bytes))?;
        format!("sha256:{digest}")
    };
    let plain = Digest::parse(digest.trim_start_matches("sha256:")).ok_or_else(|| Fault::bug("it was parsed"))?;
    let name: Arc<str> = name_in(&reference.repository.path).into();
    let url = format!("{}@{digest}", reference.repository).into();
    fetch(remotes, &Remote { name: name.clone(), entry: name, url, digest: plain })
}

/// Returns the layer that is the archive of a pack.
fn layer_of(manifest: &Manifest) -> Result<Layer, String> {
    let is_archive = |layer: &&Layer| {
        let is_named = layer.title().is_some_and(|title| Format::of(title).is_some());
        is_named || ["tar", "tar+gzip", "tar+zstd"].iter().any(|end| layer.kind.ends_with(&format!(".{end}")))
    };
    if !manifest.platforms.is_empty() {
        return Err("it is no pack: expected one manifest, found one for each architecture".into());
    }
    let found: Vec<&Layer> = manifest.layers.iter().filter(is_archive).collect();
    let [layer] = found.as_slice() else {
        let (count, artifact) = (found.len(), &manifest.artifact);
        return Err(format!("it is no pack: expected one layer with an archive, found {count} of `{artifact}`"));
    };
    if layer.size > ARCHIVE_BYTES_MAX {
        return Err(format!("its archive has {} bytes, expected at most {ARCHIVE_BYTES_MAX}", layer.size));
    }
    Ok((*layer).clone())
}

/// Unpacks the archive of a pack: its files, or one folder with them.
fn unpacked(bytes: &[u8]) -> Result<Result<PackFiles, String>, Fault> {
    let format = match bytes {
        [0x1f, 0x8b, ..] => Format::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Zstandard,
        _ => Format::Tar,
    };
    let entries = match read(bytes, format, LIMITS) {
        Ok(entries) => entries,
        Err(error) => return Ok(Err(format!("its archive is refused: {error}"))),
    };
    let describes = |entry: &Entry, before: &str| {
        let inside = entry.path.as_str().strip_prefix(before);
        inside.is_some_and(|path| path == "pack.yaml" || path == "pack.json")
    };
    let top = entries.first().map(|entry| entry.path.as_str().split('/').next().unwrap_or_default().to_owned());
    let folder = format!("{}/", top.unwrap_or_default());
    let is_in_folder = !entries.iter().any(|entry| describes(entry, ""))
        && entries.iter().all(|entry| entry.path.as_str().starts_with(&folder));
    let before = if is_in_folder { folder.as_str() } else { "" };
    let mut files = PackFiles::new();
    for entry in entries {
        let path = entry.path.as_str().strip_prefix(before).and_then(|path| RepoPath::new(path).ok());
        if let Some(path) = path {
            files.insert(path, (id(&entry.bytes)?, entry.bytes));
        }
    }
    Ok(Ok(files))
}

/// Returns the id that Git gives to a file: a pack is the same wherever it is.
fn id(bytes: &[u8]) -> Result<BlobId, Fault> {
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, bytes);
    id.map(|id| BlobId(crate::client::git::bytes(id))).map_err(Fault::bug)
}

/// Returns what a pack is now, or what is wrong with who names it.
pub(super) fn locked(
    remotes: &Remotes,
    reference: &PackReference,
) -> Result<Result<LockedRegistryPack, Unresolved>, Fault> {
    let PackReference { registry, name, wanted, .. } = reference;
    let place = match place(remotes, registry) {
        Ok(place) => place,
        Err(why) => return Ok(Err(why)),
    };
    let oci: Arc<str> = format!("{}/{name}", place.trim_end_matches('/')).into();
    let (Tagged { version, tag }, bytes) = match tagged(remotes, &oci, wanted)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let digest = digest_of(&bytes);
    // Taken now, so that what the lock says can be had, and is at hand for the next render.
    remotes.kept().get(digest, || Ok(bytes))?;
    let url: Arc<str> = format!("{oci}@sha256:{digest}").into();
    let found = fetch(remotes, &Remote { name: name.clone(), entry: name.clone(), url: url.clone(), digest })?;
    if let Err(why) = found.and_then(|files| holds(&files, name, &version, &url)) {
        return Ok(Err(format!("{oci}:{tag}: {why}").into()));
    }
    let (registry, name, wanted) = (registry.clone(), name.clone(), wanted.clone());
    Ok(Ok(LockedRegistryPack { registry, name, wanted, version, oci, digest, images: Vec::new() }))
}

/// Looks at a pack again as the lock has it; in words why it is another one.
pub(super) fn again(remotes: &Remotes, locked: &LockedRegistryPack) -> Result<Result<(), String>, Fault> {
    let LockedRegistryPack { name, version, oci, digest, .. } = locked;
    let url: Arc<str> = format!("{oci}@sha256:{digest}").into();
    let found = fetch(remotes, &Remote { name: name.clone(), entry: name.clone(), url: url.clone(), digest: *digest })?;
    Ok(found.and_then(|files| holds(&files, name, version, &url)))
}

/// Checks that files are the pack that they are named for.
fn holds(files: &PackFiles, name: &Arc<str>, version: &Arc<str>, url: &Arc<str>) -> Result<(), String> {
    let index = Index::of_pack(name, version, files, &Origin::of_registry(url.clone()))?;
    match index.pack(name, version) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it holds another pack".into()),
        Err(said) => {
            let first = said.first().map(|said| {
                let place = said.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
                let expected = said.expected.as_ref().map(|it| format!(", expected {it}")).unwrap_or_default();
                format!("{place}{}{expected}", said.message)
            });
            Err(first.unwrap_or_else(|| "it cannot be read".into()))
        }
    }
}

/// Returns where a registry is that a document names by its address, or as the settings call it.
fn place<'a>(remotes: &'a Remotes, registry: &'a str) -> Result<&'a str, Unresolved> {
    if registry.starts_with("oci://") {
        return Ok(registry);
    }
    let named: BTreeMap<&str, &str> =
        remotes.allowed().iter().filter_map(|it| Some((it.name.as_deref()?, &*it.prefix))).collect();
    named.get(registry).copied().ok_or_else(|| {
        let message = format!("no source of the settings is called `{registry}`");
        let nearest = nearest(registry, named.keys().copied()).map(str::to_owned);
        let hint = "name one by `name` under `sources` of the settings, or write its address here".to_owned();
        Unresolved { message, nearest, hint: Some(hint) }
    })
}

/// Checks that what the lock has of a pack lies where the settings, or the documents, say that its registry is; in words
/// why it does not. Else a lock that was edited by hand would take it from where nobody signs.
pub(super) fn is_of_its_registry(remotes: &Remotes, locked: &LockedRegistryPack) -> Result<(), String> {
    let LockedRegistryPack { registry, name, oci, .. } = locked;
    // A name that the settings do not have is a mistake that `lock` tells; nothing of it is promised to be signed.
    let Ok(place) = place(remotes, registry) else { return Ok(()) };
    let right = format!("{}/{name}", place.trim_end_matches('/'));
    if **oci == *right { Ok(()) } else { Err(format!("it has {oci}, and {registry} has it at {right}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, text.as_bytes()).expect("it is in memory");
        }
        archive.into_inner().expect("it is in memory")
    }

    fn paths(bytes: &[u8]) -> Result<Vec<String>, String> {
        let files = unpacked(bytes).expect("ids can be computed")?;
        Ok(files.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn a_pack_lies_in_its_archive_or_in_one_folder_of_it_however_that_is_packed() {
        let flat = packed(&[("pack.json", "{}"), ("charts/a.tgz", "x")]);
        let inside = packed(&[("cilium-1.16.2/charts/a.tgz", "x"), ("cilium-1.16.2/pack.json", "{}")]);
        let expected = Ok(vec!["charts/a.tgz".to_owned(), "pack.json".to_owned()]);
        assert_eq!(paths(&flat), expected);
        assert_eq!(paths(&inside), expected);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&inside).expect("it is in memory");
        assert_eq!(paths(&gzip.finish().expect("it is in memory")), expected);
        let two = packed(&[("a/pack.json", "{}"), ("b/pack.json", "{}")]);
        assert_eq!(paths(&two).map(|paths| paths.len()), Ok(2), "it is none, and is told as such by its reader");
        let refused = paths(&packed(&[("pack.json", "{}"), ("PACK.json", "{}")])).expect_err("names collide");
        assert!(refused.contains("its archive is refused"), "{refused}");
    }
}
