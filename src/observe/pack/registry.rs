//! In: a chart of a registry, or the digest of a manifest. Out: what the registry has of it now, for the lock; its parts.
//! Guarantee: what is taken is what its digest says; what is kept is not asked for again.
//!
//! How helm lays a chart out: one layer with the archive, and a configuration with what Chart.yaml says. Source: helm.sh/helm,
//! pkg/registry (`ConfigMediaType`, `ChartLayerMediaType`).
use super::remote::{ARCHIVE_BYTES_MAX, Remotes, digest_of};
use super::repository::{ANY, Unresolved};
use crate::client::public_key::PublicKey;
use crate::client::registry::{Layer, Manifest, Reference, Registry, Repository, Signature, Which};
use crate::decide::document::{LockedChart, nearest};
use crate::decide::fleet::{ChartReference, name_in};
use crate::decide::lock::{Tagged, newest, tag_of, versions};
use crate::decide::profile::Remote;
use crate::decide::render::Refusal;
use crate::decide::value::{Digest, Fault, Owner, Source};
use crate::settings::key_for;
use std::cell::OnceCell;
use std::sync::Arc;

/// The type of the layer that is a chart's archive.
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// How many tags a hint shows.
pub(super) const TAGS_SHOWN: usize = 5;

/// Something of a registry that is taken by the digest of its manifest; the registry is asked once something is not kept.
pub(super) struct Pull<'a> {
    remotes: &'a Remotes,
    reference: Reference,
    digest: Digest,
    registry: OnceCell<Registry<'a>>,
}

impl<'a> Pull<'a> {
    /// Takes an address that ends with a digest.
    pub(super) fn of(remotes: &'a Remotes, address: &str) -> Result<Self, Fault> {
        let reference = Reference::parse(address).map_err(|why| fault(address, why))?;
        let Some(digest) = parsed(reference.which.digest().unwrap_or_default()) else {
            return Err(fault(address, "expected a digest"));
        };
        Ok(Self { remotes, reference, digest, registry: OnceCell::new() })
    }

    fn registry(&self) -> Result<&Registry<'a>, Fault> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let opened = Registry::open(&self.reference.repository, self.remotes.allowed())?;
        Ok(self.registry.get_or_init(|| opened))
    }

    /// Returns the manifest.
    pub(super) fn manifest(&self) -> Result<Manifest, Fault> {
        let fetch = || self.registry()?.try_manifest(&self.reference.which)?.ok_or_else(|| self.gone());
        let bytes = self.remotes.kept().get(self.digest, fetch)?;
        self.check_signature(&bytes)?;
        Manifest::read(&bytes).map_err(|why| fault(&self.reference.to_string(), why))
    }

    /// What was locked is gone, or it was never there.
    fn gone(&self) -> Fault {
        let name = name_in(&self.reference.repository.path);
        let hint = format!(
            "it was removed there, or fleet.lock was edited by hand: `stratify lock --update {name}` takes what is there now"
        );
        let address = self.reference.to_string();
        Fault { hint: Some(hint), ..fault(&address, "there is no such thing, which fleet.lock says is there") }
    }

    /// Checks that the manifest is signed, where the settings want that; what was found is kept, and verified each time.
    fn check_signature(&self, manifest: &[u8]) -> Result<(), Fault> {
        let Some(file) = key_for(self.remotes.allowed(), &self.reference.repository.to_string()) else {
            return Ok(());
        };
        let (key, digest) = (PublicKey::read(file)?, format!("sha256:{}", self.digest));
        let name = format!("{}-{}.sig", self.digest, digest_of(key.bytes()));
        let known = self.remotes.kept().note(&name).and_then(|note| Signature::decode(&note));
        if known.is_some_and(|known| known.is_of(&key, &digest, manifest)) {
            return Ok(());
        }
        let found = self.registry()?.signature(manifest, &key)?;
        self.remotes.kept().put_note(&name, &found.encode());
        Ok(())
    }

    /// Returns a part of it.
    pub(super) fn layer(&self, layer: &Layer) -> Result<Arc<[u8]>, Fault> {
        let digest = parsed(&layer.digest).ok_or_else(|| Fault::bug("a manifest that was read has digests"))?;
        self.remotes.kept().get(digest, || self.registry()?.blob(layer))
    }
}

/// Returns the archive of a chart, or why the lock cannot be right.
pub(super) fn archive(remotes: &Remotes, remote: &Remote) -> Result<Result<Arc<[u8]>, Refusal>, Fault> {
    let pull = Pull::of(remotes, &remote.url)?;
    let layer = match layer_of(&pull.manifest()?) {
        Ok(layer) => layer,
        Err(why) => return Ok(Err(Refusal::new(format!("{}: {why}", remote.url)))),
    };
    if parsed(&layer.digest) != Some(remote.digest) {
        let message = format!(
            "fleet.lock has the digest sha256:{} of its archive, and its manifest has {}",
            remote.digest, layer.digest
        );
        let hint = format!("fleet.lock was edited by hand: run `stratify lock --update {}`", remote.entry);
        return Ok(Err(Refusal::new(message).hint(hint)));
    }
    pull.layer(&layer).map(Ok)
}

/// Returns the layer that is a chart's archive.
fn layer_of(manifest: &Manifest) -> Result<Layer, String> {
    let found = manifest.layers.iter().find(|layer| layer.kind == CHART);
    let layer =
        found.ok_or_else(|| format!("it is no chart: expected a layer {CHART}, found `{}`", manifest.artifact))?;
    if layer.size > ARCHIVE_BYTES_MAX {
        return Err(format!("its archive has {} bytes, expected at most {ARCHIVE_BYTES_MAX}", layer.size));
    }
    Ok(layer.clone())
}

/// Returns what a chart is now, or what is wrong with who names it.
pub(super) fn locked(remotes: &Remotes, reference: &ChartReference) -> Result<Result<LockedChart, Unresolved>, Fault> {
    let ChartReference { repo, name, wanted, .. } = reference;
    let (Tagged { version, tag }, bytes) = match tagged(remotes, repo, wanted)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let manifest = Manifest::read(&bytes).map_err(|why| fault(repo, why))?;
    let url = format!("{repo}@{}", manifest.digest);
    let layer = match layer_of(&manifest) {
        Ok(layer) => layer,
        Err(why) => return Ok(Err(format!("{repo}:{tag}: {why}").into())),
    };
    // Taken now, so that what the lock says can be had, and is at hand for the next render.
    remotes.kept().get(digest_of(&bytes), || Ok(bytes))?;
    let pull = Pull::of(remotes, &url)?;
    pull.manifest()?;
    let digest = digest_of(&pull.layer(&layer)?);
    let (repo, name, wanted) = (repo.clone(), name.clone(), wanted.clone());
    Ok(Ok(LockedChart { repo, name, wanted, version, url: url.into(), digest, images: Vec::new() }))
}

/// Returns the tag that is named, or the newest of a range, with its manifest; or why there is none.
pub(super) fn tagged(
    remotes: &Remotes,
    oci: &str,
    wanted: &str,
) -> Result<Result<(Tagged, Vec<u8>), Unresolved>, Fault> {
    let repository = Repository::parse(oci).map_err(|why| fault(oci, why))?;
    let registry = Registry::open(&repository, remotes.allowed())?;
    let exact = tag_of(wanted);
    if let Some(tagged) = exact.clone()
        && let Some(bytes) = registry.try_manifest(&Which::Tag(tagged.tag.clone()))?
    {
        return Ok(Ok((tagged, bytes)));
    }
    let Some(tags) = registry.try_tags()? else {
        let (message, hint) = (format!("the registry has no repository {oci}"), "see how it is spelt".to_owned());
        return Ok(Err(Unresolved { message, nearest: None, hint: Some(hint) }));
    };
    let tags = || tags.iter().map(String::as_str);
    let message = match (&exact, newest(tags(), wanted)) {
        (None, Ok(tagged)) => match registry.try_manifest(&Which::Tag(tagged.tag.clone()))? {
            Some(bytes) => return Ok(Ok((tagged, bytes))),
            None => format!("{oci}: its tag `{}` went while it was read", tagged.tag),
        },
        (None, Err(why)) => format!("{oci}: {why}"),
        (Some(tagged), _) => format!("{oci} has no tag `{}`", tagged.tag),
    };
    let known = versions(tags());
    let named = exact.map_or_else(|| wanted.to_owned(), |tagged| tagged.tag);
    let nearest = nearest(&named, known.iter().copied()).map(str::to_owned);
    let hint = match known.get(..known.len().min(TAGS_SHOWN)) {
        None | Some([]) => "none of its tags is a version".to_owned(),
        Some(newest) => format!("its newest tags are {}", newest.join(", ")),
    };
    Ok(Err(Unresolved { message, nearest, hint: Some(hint) }))
}

/// Returns the newest version that a repository has; in words why that is not known.
pub(super) fn newest_of(remotes: &Remotes, repo: &str) -> Result<Tagged, String> {
    let repository = Repository::parse(repo)?;
    let registry = Registry::open(&repository, remotes.allowed()).map_err(|fault| fault.to_string())?;
    let tags = registry.try_tags().map_err(|fault| fault.to_string())?;
    let tags = tags.ok_or_else(|| format!("the registry has no repository {repo}"))?;
    let none = |_| format!("none of the tags of {repo} is a version that is no pre-release");
    newest(tags.iter().map(String::as_str), ANY).map_err(none)
}

fn parsed(digest: &str) -> Option<Digest> {
    Digest::parse(digest.strip_prefix("sha256:")?)
}

/// Returns the fault of what stands at an address that cannot be right.
pub(super) fn fault(address: &str, why: &str) -> Fault {
    let source = Source::Error(format!("could not ask {address}: {why}").into());
    Fault { owner: Owner::Outside, spurious: false, hint: None, source }
}
