//! In: a package of a registry, by the digest of its manifest. Out: its files, those of its components unpacked.
//! Guarantee: each file is what its digest says, and each digest is the one of the list of checksums; images are compared by
//! their digests alone, and never fetched.
//!
//! How Zarf lays a package out: each of its files is a layer with the file's path as its title, its configuration has a type
//! of its own, and a tag names an index with a manifest for each architecture, of the operating system `multi`.
//! Source: zarf-dev/zarf, src/pkg/zoci (`ZarfLayerMediaTypeBlob`, `ZarfConfigMediaType`, `PushPackage`) and
//! defenseunicorns/pkg, oci (`MultiOS`, `UpdateIndex`).
use super::super::registry::{Pull, fault, tagged};
use super::super::remote::Remotes;
use super::super::repository::Unresolved;
use super::{KEPT_BYTES_MAX, is_kept, opened};
use crate::client::registry::Manifest;
use crate::decide::document::yaml::Node;
use crate::decide::document::{File, LockedPackage, Unpacked};
use crate::decide::fleet::{PackageReference, name_in};
use crate::decide::lock::Tagged;
use crate::decide::profile::Remote;
use crate::decide::value::{Digest, Fault};
use crate::name::{BlobId, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The type of the configuration of a package.
const CONFIG: &str = "application/vnd.zarf.config.v1+json";

/// Fetches a package; in words why it is refused.
pub(in crate::observe::pack) fn fetch(remotes: &Remotes, remote: &Remote, keys: &[PathBuf]) -> Result<Unpacked, Fault> {
    let pull = Pull::of(remotes, &remote.url)?;
    let manifest = pull.manifest()?;
    let sums = match sums(&manifest) {
        Ok(sums) => sums,
        Err(why) => return Ok(Err(why)),
    };
    let mut kept = BTreeMap::new();
    for layer in &manifest.layers {
        let path = layer.title().and_then(|title| RepoPath::new(title).ok());
        let Some(path) = path.filter(|path| is_kept(path.as_str())) else { continue };
        if layer.size > KEPT_BYTES_MAX {
            return Ok(Err(format!("`{path}` has {} bytes, expected at most {KEPT_BYTES_MAX}", layer.size)));
        }
        kept.insert(path, pull.layer(layer)?.to_vec());
    }
    Ok(opened(&sums, kept, keys))
}

/// Returns the checksums of all files, which are the digests of their layers.
fn sums(manifest: &Manifest) -> Result<BTreeMap<RepoPath, String>, String> {
    if manifest.config != CONFIG {
        return Err(format!("it is no Zarf package: expected a configuration {CONFIG}, found `{}`", manifest.config));
    }
    let mut sums = BTreeMap::new();
    for layer in &manifest.layers {
        let title = layer.title().ok_or("a layer of its manifest does not say which file it is")?;
        let path = RepoPath::new(title).map_err(|error| format!("a layer of its manifest is no file: {error}"))?;
        let sum = layer.digest.trim_start_matches("sha256:").to_owned();
        if sums.insert(path, sum).is_some() {
            return Err(format!("two layers of its manifest are the file `{title}`"));
        }
    }
    Ok(sums)
}

/// Returns what a package is now, or what is wrong with who names it.
pub(in crate::observe::pack) fn locked(
    remotes: &Remotes,
    reference: &PackageReference,
) -> Result<Result<LockedPackage, Unresolved>, Fault> {
    let PackageReference { oci, architecture, wanted, .. } = reference;
    let (Tagged { version, tag }, bytes) = match tagged(remotes, oci, wanted)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let manifest = Manifest::read(&bytes).map_err(|why| fault(oci, why))?;
    let digest = if manifest.platforms.is_empty() {
        manifest.digest
    } else {
        let mut platforms = manifest.platforms.iter();
        match platforms.find(|it| it.architecture == **architecture) {
            Some(platform) => platform.digest.clone(),
            None => return Ok(Err(format!("{oci}:{tag} has no package for {architecture}").into())),
        }
    };
    let plain = Digest::parse(digest.trim_start_matches("sha256:")).unwrap_or(Digest([0; 32]));
    let remote = Remote {
        name: version.clone(),
        entry: name_in(oci).into(),
        url: format!("{oci}@{digest}").into(),
        digest: plain,
    };
    let images = match fetch(remotes, &remote, &[])?.and_then(|files| stated(&files, &version).map(|()| images(&files)))
    {
        Ok(images) => images,
        Err(why) => return Ok(Err(format!("{oci}:{tag}: {why}").into())),
    };
    let (oci, architecture, wanted) = (oci.clone(), architecture.clone(), wanted.clone());
    Ok(Ok(LockedPackage { oci, architecture, wanted, version, digest: plain, images }))
}

/// Looks at a package again as the lock has it: its images, or why it is another one.
pub(in crate::observe::pack) fn again(
    remotes: &Remotes,
    locked: &LockedPackage,
) -> Result<Result<Vec<Arc<str>>, String>, Fault> {
    let LockedPackage { oci, version, digest, .. } = locked;
    let url = format!("{oci}@sha256:{digest}").into();
    let remote = Remote { name: version.clone(), entry: name_in(oci).into(), url, digest: *digest };
    let files = fetch(remotes, &remote, &[])?;
    Ok(files.and_then(|files| stated(&files, version).map(|()| images(&files))))
}

/// Checks that a package states the version of its tag, if it states one.
fn stated(files: &BTreeMap<RepoPath, Arc<[u8]>>, version: &str) -> Result<(), String> {
    let place = RepoPath::new("zarf.yaml").map_err(|error| error.to_string())?;
    let bytes = files.get(&place).ok_or("it has no zarf.yaml")?;
    let documents = File::read_all(&place, BlobId([0; 20]), bytes).map_err(|_| "its zarf.yaml is no YAML")?;
    let metadata = documents.first().and_then(|file| file.root().get("metadata"));
    let stated = metadata.and_then(|part| part.get("version")).map(|node| node.text().to_owned()).unwrap_or_default();
    match semver::Version::parse(&stated.trim_start_matches('v').replace('_', "+")) {
        Ok(stated) if stated.to_string() != version => Err(format!("it states that it is of version `{stated}`")),
        _ => Ok(()),
    }
}

/// Returns the images that components name.
fn images(files: &BTreeMap<RepoPath, Arc<[u8]>>) -> Vec<Arc<str>> {
    let place = RepoPath::new("zarf.yaml").ok();
    let about = place.and_then(|place| Some((place.clone(), files.get(&place)?)));
    let documents = about.and_then(|(place, bytes)| File::read_all(&place, BlobId([0; 20]), bytes).ok());
    let Some(first) = documents.and_then(|documents| documents.into_iter().next()) else { return Vec::new() };
    let list = |node: Option<Node<'_>>| node.map(|node| first.part(node).items().collect::<Vec<_>>());
    let components = list(first.root().get("components")).unwrap_or_default();
    let images = components.iter().filter_map(|component| component.get("images"));
    let images: BTreeSet<Arc<str>> =
        images.flat_map(|part| part.items().collect::<Vec<_>>()).map(|it| it.text().into()).collect();
    images.into_iter().collect()
}
