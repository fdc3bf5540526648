//! In: `fleet.yaml` and `fleet.lock`. Out: the Fleet with its policies, and the tags in use.
//! Guarantee: a policy that is not written stays unsaid here; defaults are the reader's.
use super::checked;
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::nearest::nearest;
use crate::decide::value::{Checked, Diagnostic, Digest, Span};
use crate::name::{CommitId, RepoName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: Arc<str>,
    /// Its policies.
    pub policies: Option<PolicyPart>,
    /// What macros of Palette stand for.
    pub macros: Option<Fragment>,
}

/// The `policies` of a Fleet or an Environment.
pub type PolicyPart = Fragment;

impl Fleet {
    /// Reads a Fleet.
    pub fn read(file: Arc<File>) -> Checked<Self> {
        let mut warnings = checked(&file, DocumentKind::Fleet)?;
        let get = |outer: &str, inner: &str| file.root().get(outer)?.get(inner).map(|node| file.part(node));
        let name = get("metadata", "name").map(|part| Arc::from(part.text())).unwrap_or_default();
        let (policies, macros) = (get("spec", "policies"), get("spec", "macros"));
        warnings.extend(policies.iter().flat_map(misspelt_kinds));
        Ok((Self { file, name, policies, macros }, warnings))
    }
}

/// Returns a warning for each protected kind that is no word for a kind, or a misspelt one: it would protect nothing.
pub(super) fn misspelt_kinds(policies: &PolicyPart) -> Vec<Diagnostic> {
    let kinds = policies.get("deletion").and_then(|deletion| deletion.get("protectedKinds"));
    let kinds: Vec<Fragment> = kinds.iter().flat_map(Fragment::items).collect();
    let said = |part: &Fragment| {
        let (kind, group) = part.text().split_once('.').unwrap_or((part.text(), ""));
        let near = nearest(kind, BUILT_IN.iter().copied()).filter(|near| *near != kind && group.is_empty());
        let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase());
        (near.is_some() || !is_kind).then(|| {
            Diagnostic::warning(codes::INVALID_VALUE, format!("`{kind}` is no kind that Kubernetes knows"))
                .at(part.span())
                .expected("a kind as manifests have it, such as StatefulSet, or Kind.group")
                .nearest(near)
                .hint("as it stands it protects nothing")
        })
    };
    kinds.iter().filter_map(said).collect()
}

/// Kinds that people protect, of Kubernetes itself.
const BUILT_IN: &[&str] = &[
    "ConfigMap",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "Ingress",
    "Job",
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
];

/// The lock: what floating references were resolved to.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Its file.
    pub file: Arc<File>,
    /// The tags in use.
    pub tags: Vec<Tag>,
    /// The versions over which Kubernetes goes up, the newest of each minor.
    pub packs: Vec<LockedPack>,
    /// The charts that repositories over HTTP and registries have.
    pub charts: Vec<LockedChart>,
    /// The Zarf packages that registries have.
    pub packages: Vec<LockedPackage>,
    /// The packs that registries have.
    pub registry_packs: Vec<LockedRegistryPack>,
    /// The versions of renderers, by name.
    pub renderers: BTreeMap<Arc<str>, Arc<str>>,
}

/// A pack of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedRegistryPack {
    /// The registry, as documents name it.
    pub registry: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The version or range, as documents name it.
    pub wanted: Arc<str>,
    /// The version that it is.
    pub version: Arc<str>,
    /// The repository that it is in.
    pub oci: Arc<str>,
    /// The SHA-256 of its manifest.
    pub digest: Digest,
    /// The images that it lists, and names with its own values.
    pub images: Vec<Arc<str>>,
}

/// A Zarf package of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPackage {
    /// The repository, as documents name it.
    pub oci: Arc<str>,
    /// The architecture of the nodes.
    pub architecture: Arc<str>,
    /// The version or range, as documents name it.
    pub wanted: Arc<str>,
    /// The version that it is.
    pub version: Arc<str>,
    /// The SHA-256 of its manifest.
    pub digest: Digest,
    /// The images that its components name.
    pub images: Vec<Arc<str>>,
}

/// A chart of a repository over HTTP, or of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedChart {
    /// The repository, as documents name it.
    pub repo: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The version or range, as documents name it.
    pub wanted: Arc<str>,
    /// The version that it is.
    pub version: Arc<str>,
    /// Where it is fetched.
    pub url: Arc<str>,
    /// The SHA-256 of its archive.
    pub digest: Digest,
    /// The images that it lists, and names with its own values.
    pub images: Vec<Arc<str>>,
}

/// A version of a pack over which Kubernetes goes up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedPack {
    /// The pack.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
}

/// A tag in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The tag, without `refs/tags/`.
    pub name: Arc<str>,
    /// The repository of the settings; none for the fleet's own.
    pub repository: Option<RepoName>,
    /// The commit it is.
    pub commit: CommitId,
}

impl Lock {
    /// Reads a lock.
    pub fn read(file: Arc<File>) -> Checked<Self> {
        let warnings = checked(&file, DocumentKind::Lock)?;
        let parts: Vec<Fragment> =
            file.root().get("tags").map(|node| file.part(node).items().collect()).unwrap_or_default();
        let mut twice = tags_twice(&parts);
        for (list, keys) in [
            ("packs", ["name", "version", "version"]),
            ("charts", ["repo", "name", "wanted"]),
            ("packages", ["oci", "architecture", "wanted"]),
            ("registryPacks", ["registry", "name", "wanted"]),
        ] {
            let list = file.root().get(list).map(|node| file.part(node));
            twice.extend(entries_twice(list.iter().flat_map(Fragment::items), keys));
        }
        if !twice.is_empty() {
            return Err(twice);
        }
        let tags = parts.iter().filter_map(tag).collect();
        let packs = file.root().get("packs").map(|node| file.part(node));
        let pack = |part: Fragment| {
            Some(LockedPack { name: part.get("name")?.text().into(), version: part.get("version")?.text().into() })
        };
        let packs = packs.iter().flat_map(Fragment::items).filter_map(pack).collect();
        let charts = file.root().get("charts").map(|node| file.part(node));
        let charts = charts.iter().flat_map(Fragment::items).filter_map(|part| chart(&part)).collect();
        let packages = file.root().get("packages").map(|node| file.part(node));
        let packages = packages.iter().flat_map(Fragment::items).filter_map(|part| package(&part)).collect();
        let registry_packs = file.root().get("registryPacks").map(|node| file.part(node));
        let registry_packs = registry_packs.iter().flat_map(Fragment::items).filter_map(|part| registry_pack(&part));
        let registry_packs = registry_packs.collect();
        let renderers = file.root().get("renderers").map(|node| file.part(node));
        let renderers = renderers.iter().flat_map(Fragment::entries);
        let renderers = renderers.map(|(name, version)| (name.text().into(), version.text().into())).collect();
        Ok((Self { file, tags, packs, charts, packages, registry_packs, renderers }, warnings))
    }
}

fn chart(part: &Fragment) -> Option<LockedChart> {
    let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
    let digest = Digest::parse(part.get("digest")?.text().strip_prefix("sha256:")?)?;
    let (repo, name, wanted) = (text("repo")?, text("name")?, text("wanted")?);
    Some(LockedChart { repo, name, wanted, version: text("version")?, url: text("url")?, digest, images: images(part) })
}

fn package(part: &Fragment) -> Option<LockedPackage> {
    let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
    let digest = Digest::parse(part.get("digest")?.text().strip_prefix("sha256:")?)?;
    let images = images(part);
    let (oci, architecture, wanted) = (text("oci")?, text("architecture")?, text("wanted")?);
    Some(LockedPackage { oci, architecture, wanted, version: text("version")?, digest, images })
}

fn images(part: &Fragment) -> Vec<Arc<str>> {
    part.get("images").iter().flat_map(Fragment::items).map(|image| image.text().into()).collect()
}

fn registry_pack(part: &Fragment) -> Option<LockedRegistryPack> {
    let text = |key: &str| Some(Arc::<str>::from(part.get(key)?.text()));
    let digest = Digest::parse(part.get("digest")?.text().strip_prefix("sha256:")?)?;
    let (registry, name, wanted) = (text("registry")?, text("name")?, text("wanted")?);
    let (version, oci, images) = (text("version")?, text("oci")?, images(part));
    Some(LockedRegistryPack { registry, name, wanted, version, oci, digest, images })
}

fn tag(part: &Fragment) -> Option<Tag> {
    Some(Tag {
        name: part.get("name")?.text().into(),
        repository: part.get("repository").and_then(|part| RepoName::new(part.text()).ok()),
        commit: CommitId::parse(part.get("commit")?.text())?,
    })
}

/// An entry is known by what it is of and what was wanted: of two nobody knows which one counts.
fn entries_twice(parts: impl Iterator<Item = Fragment>, keys: [&str; 3]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<Vec<String>, Span> = BTreeMap::new();
    let mut said = Vec::new();
    for part in parts {
        let texts = keys.iter().filter_map(|key| Some(part.get(key)?.text().to_owned()));
        if let Some(first) = seen.insert(texts.collect(), part.span()) {
            let name = part.get("name").or_else(|| part.get("oci")).map(|name| name.text().to_owned());
            let message = format!("`{}` stands twice in this list", name.unwrap_or_default());
            let twice = Diagnostic::error(codes::DUPLICATE_NAME, message).at(part.span()).also(first, "first here");
            said.push(twice.hint("remove the one that was added by hand, run `stratify lock` and commit fleet.lock"));
        }
    }
    said
}

/// A tag is known by its name and its repository: two commits for one tag would be chance.
fn tags_twice(parts: &[Fragment]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<(Option<String>, String), Span> = BTreeMap::new();
    let mut said = Vec::new();
    for part in parts {
        let Some(name) = part.get("name") else { continue };
        let repository = part.get("repository").map(|part| part.text().to_owned());
        if let Some(first) = seen.insert((repository, name.text().to_owned()), name.span()) {
            let message = format!("the tag `{}` stands twice in this list", name.text());
            let twice = Diagnostic::error(codes::DUPLICATE_NAME, message).at(name.span()).also(first, "first here");
            said.push(twice.hint("run `stratify lock` and commit fleet.lock"));
        }
    }
    said
}
